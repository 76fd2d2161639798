"""TIFF beyond 8 bits a channel: whole numbers of 16 bits, float of 16 and 32; tiled, planar, big, either byte order."""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from deepblend_protocol.errors import FileUnreadable
from deepblend_protocol.sample_types import BY_NUMPY_NAME
from PIL import Image, TiffImagePlugin

from . import extra, icc
from .alpha import divided
from .decoding import check_size, reading
from .exif import EXIF, GPS
from .picture import Picture

_WHAT = "A TIFF of more than 8 bits, of premultiplied or further channels, or of a newer compression"
_GRAY, _RGB = (0, 1), 2
_REFUSED = {3: "a palette", 4: "a mask", 5: "CMYK", 6: "YCbCr", 8: "Lab", 9: "Lab", 10: "Lab"}
_REFUSED |= {32803: "a camera's raw values", 34892: "a camera's raw values", 32844: "LogLuv", 32845: "LogLuv"}
_UNSPECIFIED, _ASSOCIATED, _UNASSOCIATED = 0, 1, 2
_INCH_CM = 2.54
_ORIENTATION, _DNG = 274, 50706
_WORDS = (270, 271, 272, 305, 306, 315, 33432)
"""What is kept of a TIFF's own tags: description, maker, model, software, date, artist, copyright."""
_CLASSIC_BYTES = 2**32 - 2**25  # beyond, tifffile writes BigTIFF, and EXIF's own offsets no longer reach


def read(path: str | os.PathLike[str], role: str, spare_alpha: bool = False) -> Picture:
    """The picture in a TIFF's first page; not turned upright, its orientation is in the EXIF data.

    Args:
        spare_alpha: take the one further channel for transparency, where the file does not say what it is.

    Raises FileUnreadable, SizeAbsurd, ExtraMissing.
    """
    tifffile = extra.need("tifffile", _WHAT)
    extra.need("imagecodecs", _WHAT)  # packed samples
    with reading(path, role), tifffile.TiffFile(path) as file:
        if not len(file.pages):
            raise ValueError("it has no picture")
        page = file.pages.first
        check_size(f"The {role}", page.imagewidth, page.imagelength)
        if (why := _refused(page)) is not None:
            raise FileUnreadable(role=role, path=str(path), reason=why)
        samples = page.asarray()
        if page.planarconfig == 2 and samples.ndim == 3:
            samples = np.moveaxis(samples, 0, -1)
        samples = samples.reshape(page.imagelength, page.imagewidth, page.samplesperpixel)
        picture = _picture(samples, page, spare_alpha)
        notes = list(picture.notes)
        others = sum(not other.is_reduced for other in file.pages[1:])
        if others:
            notes.append(f"{path} has {others + 1} pages; the first was read.")
        found = exif(path, orientation=True)
    return Picture(
        picture.samples,
        picture.channels,
        picture.encoding,
        picture.profile,
        found,
        _dpi(page),
        picture.premultiplied,
        notes=tuple(notes),
    )


def _refused(page: Any) -> str | None:
    """Why a page is not one of gray or RGB in a type that is blended, or None."""
    photometric = int(page.photometric)
    if photometric not in (*_GRAY, _RGB):
        return f"its colours are {_REFUSED.get(photometric, f'of the kind {photometric}')}; convert it to RGB"
    if _DNG in page.tags:
        return "it is a camera's raw file (DNG); develop it first, and save it as TIFF"
    if page.imagedepth > 1:
        return "it is a volume, not a picture"
    if page.samplesperpixel < (3 if photometric == _RGB else 1):
        return "it has too few channels for RGB"
    kind, bits = np.dtype(page.dtype or np.void), page.bitspersample
    if kind.name not in BY_NUMPY_NAME or bits != kind.itemsize * 8:
        form = {"f": "float", "i": "signed"}.get(kind.kind, "whole-number")
        return (
            f"its samples are {form}, {bits} bits; whole numbers of 8 and 16 bits, and float of 16 and 32, can be read"
        )
    if photometric == 0 and kind.kind == "f":
        return "its float samples count from white to black; save them from black to white"
    return None


def _picture(samples: np.ndarray, page: Any, spare_alpha: bool) -> Picture:
    """Samples (H, W, S) as the page's tags mean them."""
    colours = 3 if int(page.photometric) == _RGB else 1
    more = [int(one) for one in page.extrasamples] or [0] * (samples.shape[2] - colours)
    notes: tuple[str, ...] = ()
    if spare_alpha and more == [_UNSPECIFIED]:
        more = [_UNASSOCIATED]
        notes = ("The TIFF does not say what its further channel is: it was taken for transparency.",)
    alpha = next((colours + at for at, one in enumerate(more) if one in (_ASSOCIATED, _UNASSOCIATED)), None)
    kept = [*range(colours), *([alpha] if alpha is not None else [])]
    left_out = samples.shape[2] - len(kept)
    if left_out:
        which = "A further channel" if left_out == 1 else f"{left_out} further channels"
        notes = (f"{which} of the TIFF, not its transparency, went unused and will not be in the result.",)
        samples = samples[:, :, kept]
    if int(page.photometric) == 0:
        samples = samples.copy()
        samples[:, :, :colours] = np.iinfo(samples.dtype).max - samples[:, :, :colours]
    samples = np.ascontiguousarray(samples).astype(samples.dtype.newbyteorder("="), copy=False)
    channels = ("RGB" if colours == 3 else "Y") + ("A" if alpha is not None else "")
    associated = alpha is not None and more[alpha - colours] == _ASSOCIATED
    profile = page.iccprofile
    straight = divided(samples) if associated else samples
    return Picture(
        straight[:, :, 0] if channels == "Y" else straight,
        channels,
        icc.encoding(profile, channels),
        bytes(profile) if profile else None,
        premultiplied=samples if associated else None,
        notes=notes,
    )


def _dpi(page: Any) -> tuple[float, float] | None:
    with suppress(Exception):  # damaged: as if it said nothing
        unit = int(page.tags[296].value) if 296 in page.tags else 2
        x, y = (page.tags[name].value for name in (282, 283))
        scale = {2: 1.0, 3: _INCH_CM}[unit]
        return x[0] / x[1] * scale, y[0] / y[1] * scale
    return None


def exif(path: str | os.PathLike[str], orientation: bool = False) -> bytes | None:
    """The EXIF data of a TIFF file; None where it has none, or they cannot be read.

    Args:
        orientation: whether that is in it, too.
    """
    kept = Image.Exif()
    with suppress(Exception), open(path, "rb") as file:  # words beside the picture: not worth refusing it
        found = Image.Exif()
        found.load_from_fp(file)
        for tag in (*_WORDS, *([_ORIENTATION] if orientation else [])):
            if tag in found:
                kept[tag] = found[tag]
        for tag in (EXIF, GPS):
            if part := found.get_ifd(tag):
                kept[tag] = dict(part)
        return kept.tobytes() if len(kept) else None
    return None


def write(path: Path, picture: Picture) -> None:
    """A picture as TIFF, uncompressed, with its profile, EXIF and resolution; alpha as its file had it.

    Raises OSError, ExtraMissing.
    """
    tifffile = extra.need("tifffile", _WHAT)
    samples = picture.samples if picture.premultiplied is None else picture.premultiplied
    kind = ["assocalpha" if picture.premultiplied is not None else "unassalpha"] if picture.has_alpha else None
    words, parts = _tags(picture.exif)
    small = samples.nbytes < _CLASSIC_BYTES
    tifffile.imwrite(
        path,
        np.ascontiguousarray(samples),
        byteorder="<",
        bigtiff=not small,
        photometric="minisblack" if picture.is_gray else "rgb",
        planarconfig="contig" if samples.ndim == 3 else None,
        extrasamples=kind,
        iccprofile=picture.profile,
        resolution=picture.dpi or (1, 1),
        resolutionunit="INCH" if picture.dpi else "NONE",
        rowsperstrip=max(1, 2**20 // (samples.nbytes // len(samples))),
        metadata=None,
        description=None,
        software=False,
        extratags=words,
    )
    if parts and small:
        _append(path, parts)


def _tags(data: bytes | None) -> tuple[list[tuple[Any, ...]], dict[int, dict[int, Any]]]:
    """EXIF data as tifffile's extra tags, and its parts that are directories of their own."""
    if data is None:
        return [], {}
    found = Image.Exif()
    found.load(data)
    words = [(tag, 2, None, str(found[tag]), True) for tag in _WORDS if tag in found]
    return words, {tag: part for tag in (EXIF, GPS) if (part := dict(found.get_ifd(tag)))}


def _append(path: Path, parts: dict[int, dict[int, Any]]) -> None:
    """Directories at the end of a TIFF (classic, least byte first) that its own directory points to.

    tifffile writes no such tags, so its directory is copied behind them, with them.
    """
    with open(path, "r+b") as file:
        file.seek(4)
        file.seek(struct.unpack("<I", file.read(4))[0])
        (count,) = struct.unpack("<H", file.read(2))
        entries = [file.read(12) for _ in range(count)]
        for tag, part in parts.items():
            directory = TiffImagePlugin.ImageFileDirectory_v2(b"II*\0\0\0\0\0")
            for name, value in part.items():
                directory[name] = value
            start = _end(file)
            file.write(directory.tobytes(start))
            entries.append(struct.pack("<HHII", tag, 4, 1, start))
        start = _end(file)
        entries.sort(key=lambda entry: struct.unpack_from("<H", entry))
        file.write(struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4))
        file.seek(4)
        file.write(struct.pack("<I", start))


def _end(file: BinaryIO) -> int:
    """Pad a file to an even length, and return that."""
    end = file.seek(0, os.SEEK_END)
    return end + file.write(bytes(end % 2))
