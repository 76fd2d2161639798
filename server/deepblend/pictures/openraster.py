"""OpenRaster's archive (.ora): its stack and its layers' pictures are read, and a document is written anew."""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from ..files import replacing
from . import png, stack
from .decoding import check_size
from .picture import MODES, Picture
from .reading import with_usable_profile

_STACK, _MERGED, _THUMBNAIL = "stack.xml", "mergedimage.png", "Thumbnails/thumbnail.png"
_THUMBNAIL_PX = 256
_STACK_BYTES = 2**24
_UNPACKED_BYTES = 2**32
"""The most that the files of a document unpack to, all together: they are packed anew when it is written."""
_FEW_BYTES, _RATIO = 2**26, 200
"""A file that unpacks to more than this, and to so many times what it takes, is made to fill a memory or a disk."""
_BLOCK_BYTES = 2**20


class Archive:
    """The files of an OpenRaster document. Raises stack.Refused where it is none, or unpacks to too much."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            self.zip = zipfile.ZipFile(path)
        except zipfile.BadZipFile as error:
            raise stack.Refused("it is no OpenRaster document, or damaged or cut off") from error
        found = self.zip.infolist()
        self.names = {info.filename for info in found}
        total = sum(info.file_size for info in found)
        if total > _UNPACKED_BYTES:
            raise stack.Refused(f"its files unpack to {total >> 20} MiB, and {_UNPACKED_BYTES >> 20} are the most")
        for info in found:
            if info.file_size > max(_FEW_BYTES, _RATIO * info.compress_size):
                raise stack.Refused(
                    f"its file '{info.filename}' unpacks from {info.compress_size >> 10} KiB to "
                    f"{info.file_size >> 20} MiB, as no picture does"
                )

    def size(self, source: str) -> tuple[int, int]:
        """Width and height of a layer's picture, as its file claims. Raises stack.Refused, SizeAbsurd."""
        info = self.zip.getinfo(source)
        with self.zip.open(info) as file:
            start = file.read(24)
        if start[:8] != png.MAGIC:
            raise stack.Refused(f"its layer's file '{source}' is no PNG")
        width, height = int.from_bytes(start[16:20], "big"), int.from_bytes(start[20:24], "big")
        check_size(f"The layer {source}", width, height)
        if info.file_size > width * height * 8 + 2**26:  # more than its samples unpacked: not read into memory
            raise stack.Refused(f"its layer's file '{source}' is larger than its picture")
        return width, height

    def picture(self, source: str) -> Picture:
        """A layer's picture, of 8 bits by Pillow and of 16 by the extra; read each time: many would fill the memory."""
        self.size(source)
        content = self.zip.read(source)
        if content[24] == 16:
            return with_usable_profile(png.decode(content, "layer"), f"the layer {source}")
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            plain = "RGBA" if image.mode in ("P", "PA") or "transparency" in image.info else image.mode
            plain = plain if plain in MODES.values() else "RGB"
            picture = Picture.of(image if image.mode == plain else image.convert(plain))
        return with_usable_profile(picture, f"the layer {source}")


def read(path: str | os.PathLike[str]) -> tuple[ElementTree.Element, Archive]:
    """A document's stack and files. Raises stack.Refused."""
    archive = Archive(path)
    if _STACK not in archive.names:
        raise stack.Refused("it has no stack.xml, as OpenRaster has")
    info = archive.zip.getinfo(_STACK)
    if info.file_size > _STACK_BYTES:
        raise stack.Refused("its stack.xml is too large")
    return stack.parse(archive.zip.read(info)), archive


def write(
    path: str | os.PathLike[str],
    files: Archive | None,
    root: ElementTree.Element,
    made: dict[str, Picture],
    merged: Picture,
) -> None:
    """Write a document; whole or not at all.

    Args:
        files: of the document that it was; those that are not made anew are as they were, byte for byte.
        root: of its stack.xml.
        made: layers' pictures by their files' names.
        merged: what it looks like.

    Raises WriteFailed, ExtraMissing.
    """
    size = min(1.0, _THUMBNAIL_PX / max(merged.size))
    reduced = (max(1, round(merged.width * size)), max(1, round(merged.height * size)))
    small = io.BytesIO()
    merged.image().resize(reduced).save(small, "PNG")
    contents = {_STACK: stack.serialised(root), **{name: _png(picture) for name, picture in made.items()}}
    contents |= {_MERGED: _png(merged), _THUMBNAIL: small.getvalue()}
    with replacing(path) as beside, zipfile.ZipFile(beside, "w") as new:
        new.writestr("mimetype", b"image/openraster", zipfile.ZIP_STORED)  # first, and plain: so it is recognised
        for info in files.zip.infolist() if files is not None else []:
            if info.filename not in (*contents, "mimetype"):
                assert files is not None
                with files.zip.open(info) as old, new.open(_like(info), "w") as copy:
                    shutil.copyfileobj(old, copy, _BLOCK_BYTES)
        for member, content in contents.items():
            new.writestr(member, content, zipfile.ZIP_STORED if member.endswith(".png") else zipfile.ZIP_DEFLATED)


def _like(info: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """A new entry that is called and packed as an old one."""
    new = zipfile.ZipInfo(info.filename, info.date_time)
    new.compress_type, new.external_attr, new.file_size = info.compress_type, info.external_attr, info.file_size
    return new


def _png(picture: Picture) -> bytes:
    if picture.samples.dtype == np.uint16:
        return png.encode(picture)
    packed = io.BytesIO()
    more = {"icc_profile": picture.profile} if picture.profile else {}
    picture.image().save(packed, "PNG", **more)
    return packed.getvalue()
