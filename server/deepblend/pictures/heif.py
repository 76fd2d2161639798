"""HEIF, as telephones write it (HEIC), and AVIF of more than 8 bits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from deepblend_protocol.errors import FileUnreadable
from PIL import Image

from . import cicp, extra, icc
from .boxes import boxes
from .decoding import check_size, reading
from .picture import Picture, spread

_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF = (b"avif", b"avis")
_HEADER_BYTES = 2**20
_ORIENTATION = 0x0112
_MODES = {"L": "Y", "LA": "YA", "RGB": "RGB", "RGBA": "RGBA", "I;16": "Y", "LA;16": "YA", "RGB;16": "RGB"}
_MODES |= {"RGBA;16": "RGBA"}


def is_heic(start: bytes) -> bool:
    """Whether a file's beginning is that of a HEIC picture."""
    return start[4:8] == b"ftyp" and start[8:12] in _HEIC and not is_avif(start)


def is_avif(start: bytes) -> bool:
    """Whether a file's beginning is that of an AVIF picture."""
    brands = start[8 : int.from_bytes(start[:4], "big")]
    return start[4:8] == b"ftyp" and (start[8:12] in _AVIF or (start[8:12] == b"mif1" and b"avif" in brands))


def avif_bits(path: str | os.PathLike[str]) -> int:
    """Bits a channel of an AVIF, 8 where it does not say so."""
    try:
        with open(path, "rb") as file:
            flags = [body[2] for name, body in _properties(file.read(_HEADER_BYTES)) if name == b"av1C"]
    except (OSError, IndexError):
        return 8
    return max((12 if flag & 0x20 else 10 if flag & 0x40 else 8 for flag in flags), default=8)


def read_heic(path: str | os.PathLike[str], role: str) -> Picture:
    """The main picture of a HEIC, upright, of 8 or, spread, 16 bits.

    Raises FileUnreadable, SizeAbsurd, ExtraMissing.
    """
    library = extra.need("pillow_heif", "A HEIC picture")
    with reading(path, role), open(path, "rb") as file:
        found = library.open_heif(file, convert_hdr_to_8bit=False)
        check_size(f"The {role}", *found.size)
        if found.mode not in _MODES:
            raise FileUnreadable(role=role, path=str(path), reason=f"its colours are {found.mode}; convert it to RGB")
        samples = np.array(found)
        channels, info = _MODES[found.mode], dict(found.info)
        count = len(found)
    samples = samples[:, :, 0] if samples.ndim == 3 and samples.shape[2] == 1 else samples
    picture = Picture(samples, channels, exif=_without_orientation(info.get("exif")))
    picture = coloured(picture, info.get("icc_profile"), codes(path), path, role)
    return replace(picture, notes=(f"{path} holds {count} pictures; the main one was read.",)) if count > 1 else picture


def read_deep_avif(path: str | os.PathLike[str], role: str) -> Picture:
    """An AVIF of 10 or 12 bits spread over 16; its orientation is in the EXIF data.

    Raises FileUnreadable, SizeAbsurd, ExtraMissing.
    """
    codecs = extra.need("imagecodecs", "An AVIF picture of more than 8 bits a channel")
    bits = avif_bits(path)
    with reading(path, role):
        with Image.open(path) as image:
            check_size(f"The {role}", *image.size)
            info = dict(image.info)
        with open(path, "rb") as file:
            content = file.read()
        samples = codecs.avif_decode(content, index=0)
    samples = spread(np.atleast_3d(samples), bits)
    channels = {1: "Y", 2: "YA", 3: "RGB", 4: "RGBA"}[samples.shape[2]]
    picture = Picture(samples[:, :, 0] if channels == "Y" else samples, channels, exif=info.get("exif"))
    return coloured(picture, info.get("icc_profile"), codes(path), path, role)


def codes(path: str | os.PathLike[str]) -> tuple[int, int]:
    """An AVIF's or HEIC's code points of primaries and curve; 2 is not said."""
    try:
        with open(path, "rb") as file:
            for name, body in _properties(file.read(_HEADER_BYTES)):
                if name == b"colr" and body[:4] == b"nclx" and len(body) >= 8:
                    return int.from_bytes(body[4:6], "big"), int.from_bytes(body[6:8], "big")
    except OSError:
        pass
    return 2, 2


def coloured(
    picture: Picture, profile: bytes | None, codes: tuple[int, int], path: str | os.PathLike[str], role: str
) -> Picture:
    """A picture with the colours of a profile, or else of code points. Raises FileUnreadable for HDR's."""
    if profile:
        return replace(picture, profile=profile, encoding=icc.encoding(profile, picture.channels))
    try:
        found = cicp.profile(*codes, picture.is_gray)
    except cicp.Refused as error:
        raise FileUnreadable(role=role, path=str(path), reason=str(error)) from error
    # What says BT.709 or BT.601 of a still picture is a video encoder's default, and means sRGB.
    if found is None or codes[1] in (1, 6, 14, 15):
        return picture
    return replace(picture, encoding=found[0], profile=found[1])


def _properties(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The properties of a file's items."""
    for name, body in boxes(content):
        if name == b"meta":
            for inner, properties in boxes(body[4:]):
                if inner == b"iprp":
                    for container, listed in boxes(properties):
                        if container == b"ipco":
                            yield from boxes(listed)


def _without_orientation(exif: bytes | None) -> bytes | None:
    """libheif has turned the picture already."""
    if not exif:
        return None
    data = Image.Exif()
    try:
        data.load(exif)
        data.pop(_ORIENTATION, None)
        return data.tobytes() if len(data) else None
    except Exception:  # damaged: not handed on
        return None
