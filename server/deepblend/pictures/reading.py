"""Opens a picture file: finds who reads it, and sets it upright."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
from deepblend_protocol.errors import FileUnreadable, NotFinite
from PIL import Image

from . import eight_bit, exr, png, tiff
from .decoding import reading
from .picture import Picture

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ORIENTATION = 0x0112
_UPRIGHT = {  # by EXIF's number, what sets the samples upright
    2: lambda s: s[:, ::-1],
    3: lambda s: s[::-1, ::-1],
    4: lambda s: s[::-1],
    5: lambda s: s.swapaxes(0, 1),
    6: lambda s: s.swapaxes(0, 1)[:, ::-1],
    7: lambda s: s.swapaxes(0, 1)[::-1, ::-1],
    8: lambda s: s.swapaxes(0, 1)[::-1],
}


def open_picture(path: str | os.PathLike[str], role: str) -> Picture:
    """The picture in a file: upright, gray or RGB, in the file's own depth, with straight alpha.

    Pillow reads what has 8 bits; 16-bit PNG, every other TIFF and OpenEXR need the extra ``files``.

    Args:
        role: source, mask, target or style; named in the error.

    Raises FileUnreadable, SizeAbsurd, NotFinite, ExtraMissing.
    """
    start = _start(path)
    if start[:4] == b"PK\3\4":
        why = "it is an archive; a layered document (.ora) is given as --document"
        raise FileUnreadable(role=role, path=str(path), reason=why)
    if start[:4] == exr.MAGIC:
        picture = exr.read(path, role)
    elif start[:8] == png.MAGIC and start[24:25] == b"\x10":
        with reading(path, role), open(path, "rb") as file:
            picture = png.decode(file.read(), role)
    elif start[:4] in _TIFF and not eight_bit.holds_eight_bits(path):
        picture = tiff.read(path, role)
    else:
        picture = Picture.of(eight_bit.open_picture(path, role))
        # Pillow turns a TIFF upright and says nothing of the rest of its EXIF data.
        return replace(picture, exif=tiff.exif(path)) if start[:4] in _TIFF else picture
    if picture.is_float:
        count = picture.samples.size - int(np.isfinite(picture.samples).sum())
        if count:
            raise NotFinite(role=role, count=count)
    return upright(picture)


def upright(picture: Picture) -> Picture:
    """A picture turned upright by its EXIF orientation, which is removed from the result's EXIF data."""
    if picture.exif is None:
        return picture
    data = Image.Exif()
    try:
        data.load(picture.exif)
        turn = _UPRIGHT.get(data.pop(_ORIENTATION, 1))
        picture = replace(picture, exif=data.tobytes() if len(data) else None)
    except Exception:  # damaged: not believed, and not handed on
        return replace(picture, exif=None)
    if turn is None:
        return picture
    turned = [
        np.ascontiguousarray(turn(s)) if s is not None else None for s in (picture.samples, picture.premultiplied)
    ]
    assert turned[0] is not None
    return replace(picture, samples=turned[0], premultiplied=turned[1])


def _start(path: str | os.PathLike[str]) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(32)
    except OSError:  # said by eight_bit.open_picture
        return b""
