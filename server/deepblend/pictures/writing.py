"""Writes a picture in the format of its name, at the depth that both hold."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from deepblend_protocol.errors import NameUnsuitable
from PIL import Image

from ..files import check_place, replacing
from . import eight_bit, exif, exr, extra, png, tiff
from .colours import converted, into_colours_of, linear_profile
from .picture import Picture

FORMATS = {**eight_bit.FORMATS, ".exr": "EXR"}
"""By extension, the formats that can be written."""
_NO_ALPHA = ("JPEG",)
_LONGEST = {"JPEG": 65535, "WEBP": 16383}
"""The most pixels along a side."""
_JPEG_EXIF_BYTES = 65533
_DEEPEST = {"JPEG": "uint8", "WEBP": "uint8", "PNG": "uint16"}


def check_output(
    path: str | os.PathLike[str],
    alpha: bool = False,
    like: Picture | None = None,
    size: tuple[int, int] | None = None,
) -> None:
    """Raise now, before minutes of work, the error that write_picture would raise after them.

    Args:
        alpha: whether the picture will have transparency.
        like: a picture of the depth that it will have, where that is known.
        size: width and height that it will have, where they are known.

    Raises NameUnsuitable, WriteFailed, ExtraMissing.
    """
    kind = format_of(path)
    if alpha and kind in _NO_ALPHA:
        raise NameUnsuitable(path=str(path), reason=f"{kind} holds no transparency; name it .png, .tiff, .webp or .exr")
    check_place(path)
    if size is not None and max(size) > _LONGEST.get(kind, max(size)):
        why = f"{kind} holds {_LONGEST[kind]} pixels along a side at most, and the picture has {size[0]} x {size[1]}"
        raise NameUnsuitable(path=str(path), reason=f"{why}; name it .png or .tiff")
    deep = like is not None and (like.samples.dtype != np.uint8 or (kind == "TIFF" and like.premultiplied is not None))
    if kind == "EXR":
        extra.need("OpenEXR", "An OpenEXR picture")
    elif deep and kind in ("PNG", "TIFF"):
        extra.need("imagecodecs", f"A {kind} of more than 8 bits a channel")
    if kind == "TIFF" and deep:
        extra.need("tifffile", "A TIFF of more than 8 bits a channel")


def format_of(path: str | os.PathLike[str]) -> str:
    """The format by a path's extension. Raises NameUnsuitable for none."""
    extension = Path(path).suffix.lower()
    if extension == ".ora":
        raise NameUnsuitable(path=str(path), reason="an .ora is the result of a --document alone; use .png or .tiff")
    if extension not in FORMATS:
        named = f"'{extension}' is no picture format that can be written" if extension else "its name has no extension"
        raise NameUnsuitable(path=str(path), reason=f"{named}; use {', '.join(FORMATS)}")
    return FORMATS[extension]


def write_picture(
    path: str | os.PathLike[str], picture: Picture | Image.Image, *, offset: tuple[int, int] | None = None
) -> list[str]:
    """Write a picture by its extension, with its profile, EXIF and resolution; whole or not at all.

    PNG holds whole numbers of 8 and 16 bits, TIFF those and float, EXR linear float, JPEG and
    WebP 8 bits. What a format does not hold is brought into what it does.

    Args:
        offset: column and row of the document for the first pixel; kept by PNG alone, which GIMP heeds.

    Returns notes of what was changed for the format.
    Raises NameUnsuitable, WriteFailed, ExtraMissing.
    """
    picture = Picture.of(picture)
    check_output(path, picture.has_alpha, picture, picture.size)
    kind = format_of(path)
    picture, notes = fitted(replace(picture, exif=exif.fresh(picture.exif, picture.size)), kind)
    if kind == "EXR":
        _whole(path, lambda beside: exr.write(beside, picture))
    elif kind == "TIFF" and (picture.samples.dtype != np.uint8 or picture.premultiplied is not None):
        _whole(path, lambda beside: tiff.write(beside, picture))
    elif kind == "PNG" and picture.samples.dtype == np.uint16:
        content = png.encode(picture, offset)
        _whole(path, lambda beside: beside.write_bytes(content))
    else:
        words: dict[str, Any] = {"exif": picture.exif, "dpi": picture.dpi}
        words = {name: value for name, value in words.items() if value is not None}
        eight_bit.write_picture(path, picture.image(), offset=offset, chunks=picture.png_chunks, **words)
    return [f"{path}: {note}" for note in notes]


def fitted(picture: Picture, kind: str) -> tuple[Picture, list[str]]:
    """A picture as a format can hold it, and what was changed, in a user's words.

    Args:
        kind: PNG, JPEG, TIFF, WEBP or EXR.

    Raises ExtraMissing.
    """
    if kind == "EXR":
        if exr.holds(picture):
            return picture, []
        dtype = np.float16 if picture.samples.dtype in (np.uint8, np.float16) else np.float32
        notes = [] if picture.encoding == "linear" else ["OpenEXR holds linear light, so the values were made linear."]
        return converted(picture, "linear", None, dtype=dtype), notes
    if kind == "JPEG" and len(picture.exif or b"") > _JPEG_EXIF_BYTES:
        changed, notes = fitted(replace(picture, exif=None), kind)
        words = f"JPEG holds 64 KiB of EXIF data, so its {len(picture.exif or b'') >> 10} KiB were left out."
        return changed, [*notes, words]
    if kind == "WEBP" and picture.is_gray and picture.space[1] is not None:
        colour = Picture(np.zeros((1, 1, 3), np.uint8), "RGB")  # WebP knows no gray: its profile would not fit
        return fitted(into_colours_of(picture, colour), kind)
    deepest = np.dtype(_DEEPEST.get(kind, picture.samples.dtype))
    if (picture.is_float and deepest.kind == "u") or picture.samples.itemsize > deepest.itemsize:
        bits = deepest.itemsize * 8
        cut = " and cut off at black and white" if picture.is_float else ""
        notes = [f"{kind} holds {bits} bits a channel, so the values were rounded to them{cut}."]
        straight = picture.encoding == "linear"  # too coarse in the shadows for so few steps
        space = ("perceptual", None) if straight else picture.space
        changed = converted(picture, *space, dtype=deepest)
        return (changed if straight else replace(changed, profile=picture.profile)), notes
    if picture.encoding == "linear" and picture.profile is None:
        return replace(picture, profile=linear_profile(picture.channels)), []
    return picture, []


def _whole(path: str | os.PathLike[str], write: Callable[[Path], Any]) -> None:
    with replacing(path) as beside:
        write(beside)
