"""Opens a picture file: finds the module for its format, and turns the picture upright."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from deepblend_protocol.errors import FileUnreadable, NotFinite
from PIL import Image

from ..engine.profiles import is_damaged
from ..files import not_a_file
from . import cicp, eight_bit, exr, heif, jpeg2000, netpbm, png, psd, tiff
from .decoding import reading
from .picture import Picture

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_START_BYTES = 4096
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


def open_picture(path: str | os.PathLike[str], role: str, spare_alpha: bool = False) -> Picture:
    """The picture in a file: upright, gray or RGB, in the file's own depth, with straight alpha.

    Pillow reads what has 8 bits; what holds more needs the extra ``files``, HEIC ``heif``, and PSD of 16 bits ``psd``.
    A profile that is damaged is left out, and told.

    Args:
        role: source, mask, target or style; named in the error.
        spare_alpha: take a TIFF's one further channel for transparency, where the file does not say what it is.

    Raises FileUnreadable, SizeAbsurd, NotFinite, ExtraMissing.
    """
    picture = _decoded(path, role, spare_alpha)
    if picture.is_float:
        count = picture.samples.size - int(np.isfinite(picture.samples).sum())
        if count:
            raise NotFinite(role=role, count=count)
    return upright(with_usable_profile(picture, str(path)))


def with_usable_profile(picture: Picture, name: str) -> Picture:
    """A picture without its profile, and with a note, where that is damaged.

    Args:
        name: of the picture, for the note.
    """
    if not is_damaged(picture.profile):
        return picture
    note = f"The colour profile of {name} is damaged and was left out: its colours are taken for sRGB's."
    notes = (*picture.notes, note)
    return replace(picture, profile=None, encoding="perceptual", png_chunks=(), notes=notes)


def _decoded(path: str | os.PathLike[str], role: str, spare_alpha: bool) -> Picture:
    """The picture as its format's module reads it."""
    start = _start(path)

    def refuse(why: str) -> FileUnreadable:
        return FileUnreadable(role=role, path=str(path), reason=why)

    if start[:4] == b"PK\3\4":
        raise refuse("it is an archive; a layered document (.ora) is given as --document")
    if start[:4] == exr.MAGIC:
        return exr.read(path, role)
    if start[:8] == png.MAGIC and start[24:25] == b"\x10":
        with reading(path, role), open(path, "rb") as file, _as_refused(refuse):
            return png.decode(file.read(), role)
    if start[:4] in _TIFF and not eight_bit.holds_eight_bits(path):
        return tiff.read(path, role, spare_alpha)
    if netpbm.is_deep(start):
        return netpbm.read(path, role)
    if netpbm.is_float(start):
        raise refuse("it is a PFM; save it as OpenEXR or as a float TIFF")
    if heif.is_heic(start):
        return heif.read_heic(path, role)
    if heif.is_avif(start) and heif.avif_bits(path) > 8:
        return heif.read_deep_avif(path, role)
    if start[: len(jpeg2000.MAGICS[0])] == jpeg2000.MAGICS[0] or start[:4] == jpeg2000.MAGICS[1]:
        return jpeg2000.read(path, role)
    if psd.is_deep(start):
        return psd.read(path, role)
    picture = Picture.of(eight_bit.open_picture(path, role))
    if start[:4] in _TIFF:  # Pillow turns a TIFF upright and says nothing of the rest of its EXIF data
        return replace(picture, exif=tiff.exif(path))
    if heif.is_avif(start):
        return heif.coloured(picture, picture.profile, heif.codes(path), path, role)
    if start[:8] == png.MAGIC:
        with reading(path, role), open(path, "rb") as file, _as_refused(refuse):
            encoding, profile, kept = png.space(png.chunks_of(file.read()), picture.channels)
        return replace(picture, encoding=encoding, profile=profile, png_chunks=kept)
    return picture


@contextmanager
def _as_refused(refuse: Callable[[str], FileUnreadable]) -> Iterator[None]:
    try:
        yield
    except cicp.Refused as error:
        raise refuse(str(error)) from error


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
        if not_a_file(path) is not None:
            return b""
        with open(path, "rb") as file:
            return file.read(_START_BYTES)
    except (OSError, ValueError):  # said by eight_bit.open_picture
        return b""
