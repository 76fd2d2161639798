"""Pictures of 8 bits a channel: Pillow's, read with every fault named, written whole or not at all."""

from __future__ import annotations

import io
import os
import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deepblend_protocol.errors import FileUnreadable, NameUnsuitable, WriteFailed
from PIL import Image, ImageFile, ImageOps, TiffImagePlugin

from ..files import check_place, replacing
from .decoding import check_size, reading
from .png import with_chunks

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF", ".webp": "WEBP"}
"""By extension, what Pillow calls the formats that can be written."""
_NO_ALPHA = ("JPEG",)
_BITS = 258  # TIFF's BitsPerSample: of planes that lie apart, Pillow's decoder does not name the depth
_EXTRA, _STRAIGHT = 338, 2  # TIFF's ExtraSamples
_COMPRESSION = 259
_COMPRESSIONS = (1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946)
_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True, "exact": True},  # exact: the colour under transparent pixels stays
}
MODES = {
    "1": "L",
    "L": "L",
    "LA": "LA",
    "La": "LA",
    "P": "RGB",
    "PA": "RGBA",
    "RGB": "RGB",
    "RGBX": "RGB",
    "RGBA": "RGBA",
    "RGBa": "RGBA",
}
"""By Pillow's mode of 8 bits, the one that a picture of it is brought into; without colour keys."""


def open_picture(path: str | os.PathLike[str], role: str) -> Image.Image:
    """The picture in a file: loaded, upright, mode L, LA, RGB or RGBA.

    Palettes and colour keys are resolved; of several frames it is the first. ``info`` keeps
    the ICC profile and the EXIF data (without the orientation, which has been applied).

    Args:
        role: source, mask, target or style; named in the error.

    Raises FileUnreadable, SizeAbsurd.
    """

    with reading(path, role), _unguarded(), open(path, "rb") as file:
        image = Image.open(file)  # only the header is read here
        check_size(f"The {role}", *image.size)
        if (why := _too_deep(image)) is not None:
            raise FileUnreadable(role=role, path=str(path), reason=why)
        image.load()
        return plain(ImageOps.exif_transpose(image))


def plain(image: Image.Image) -> Image.Image:
    """A picture of one of ``MODES`` in L, LA, RGB or RGBA: palettes and colour keys are resolved."""
    keyed = "transparency" in image.info
    mode = {"L": "LA", "RGB": "RGBA"}.get(MODES[image.mode]) if keyed else MODES[image.mode]
    return image if image.mode == mode else image.convert(mode)


def holds_eight_bits(path: str | os.PathLike[str]) -> bool:
    """Whether open_picture reads a picture file, as far as its header says."""
    try:
        with _unguarded(), open(path, "rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(file)
            return _too_deep(image) is None and _is_plain(image)
    except Exception:  # what is wrong is said by whoever reads it
        return False


def check_output(path: str | os.PathLike[str], alpha: bool = False) -> None:
    """Raise WriteFailed now, before minutes of work, if write_picture would raise it after them.

    Args:
        alpha: whether the picture will have transparency.
    """
    kind = _format(path)
    if alpha and kind in _NO_ALPHA:
        raise NameUnsuitable(path=str(path), reason=f"{kind} holds no transparency; name it .png, .tiff or .webp")
    check_place(path)


def write_picture(
    path: str | os.PathLike[str],
    image: Image.Image,
    *,
    offset: tuple[int, int] | None = None,
    chunks: Sequence[tuple[bytes, bytes]] = (),
    **options: Any,
) -> None:
    """Write a picture, by its extension PNG, JPEG, TIFF or WebP; whole or not at all.

    JPEG is written at quality 95 with full colour resolution, WebP without loss; the ICC profile
    in ``image.info`` goes along.

    Args:
        offset: column and row of the document for the first pixel; kept by PNG alone, which GIMP heeds.
        chunks: names and contents of a PNG's, which stand for the profile.
        options: Pillow's, for the format; they override these.

    Raises WriteFailed.
    """
    check_output(path, alpha="A" in image.mode)
    kind = _format(path)
    encoded = io.BytesIO()  # Pillow's encoders, given a file, do not say why writing to it failed
    try:
        own = "icc_profile" in image.info and not (chunks and kind == "PNG")
        profile = {"icc_profile": image.info["icc_profile"]} if own else {"icc_profile": None}
        image.save(encoded, format=kind, **{**_OPTIONS.get(kind, {}), **profile, **options})
    except (OSError, ValueError) as error:
        raise WriteFailed(path=str(path), reason=f"{kind} cannot hold this picture") from error
    content = encoded.getvalue()
    if kind == "PNG":
        # In pixels; Pillow writes no such chunk (PNG extensions 1.2).
        place = [(b"oFFs", struct.pack(">iiB", *offset, 0))] if offset is not None else []
        content = with_chunks(content, [*chunks, *place])
    with replacing(path) as beside:
        beside.write_bytes(content)


@contextmanager
def _unguarded() -> Iterator[None]:
    """Without Pillow's own limit of pixels, which names no size; ``check_size`` has one."""
    guard, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = guard


def _is_plain(image: ImageFile.ImageFile) -> bool:
    """Whether Pillow keeps all that a picture's file says: of a TIFF's channels beside the colours it makes straight
    alpha or nothing, and not every build of it unpacks the newer compressions."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return True
    more = tuple(image.tag_v2.get(_EXTRA, ()))
    return more in ((), (_STRAIGHT,)) and image.tag_v2.get(_COMPRESSION, 1) in _COMPRESSIONS


def _too_deep(image: ImageFile.ImageFile) -> str | None:
    """Why a picture is not one of 8-bit gray or RGB, or None."""
    bits = image.tag_v2.get(_BITS, ()) if isinstance(image, TiffImagePlugin.TiffImageFile) else ()
    raw = image.tile[0][3] if image.tile else None  # what the decoder is to unpack, before Pillow makes it 8 bits
    packing = raw if isinstance(raw, str) else raw[0] if isinstance(raw, tuple) and raw else ""
    if image.mode.startswith(("I", "F")) or ";16" in str(packing) or max(bits, default=8) > 8:
        return (
            f"it is a {image.format} of more than 8 bits a channel, which cannot be read here; save it as PNG or TIFF"
        )
    if image.mode not in MODES:
        return f"its colours are {image.mode}; convert it to RGB"
    return None


def _format(path: str | os.PathLike[str]) -> str:
    extension = Path(path).suffix.lower()
    if extension not in FORMATS:
        named = f"'{extension}' is no picture format that can be written" if extension else "its name has no extension"
        raise NameUnsuitable(path=str(path), reason=f"{named}; use {', '.join(FORMATS)}")
    return FORMATS[extension]
