"""OpenEXR: linear light in half and float, premultiplied; the picture is what the display window shows."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import numpy as np
from deepblend_protocol.errors import FileUnreadable
from deepblend_protocol.geometry import Rect

from . import extra
from .alpha import divided, multiplied
from .colours import linear_profile
from .decoding import check_size, reading
from .picture import Picture

MAGIC = b"\x76\x2f\x31\x01"
_WHAT = "An OpenEXR picture"
_REC_709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
_LOSSLESS = ("NO_COMPRESSION", "RLE_COMPRESSION", "ZIPS_COMPRESSION", "ZIP_COMPRESSION", "PIZ_COMPRESSION")
_OF_THE_PIXELS = {
    "channels", "compression", "dataWindow", "displayWindow", "lineOrder", "type", "tiles", "name", "view",
    "version", "chunkCount", "preview", "screenWindowCenter", "screenWindowWidth", "multiView",
    "dwaCompressionLevel", "envmap", "wrapmodes",
}  # fmt: skip
"""Attributes that a new file gets its own of."""


def read(path: str | os.PathLike[str], role: str) -> Picture:
    """The picture in an EXR: R, G, B (or Y) and A of its first part that has them.

    Raises FileUnreadable, SizeAbsurd, ExtraMissing.
    """
    library = extra.need("OpenEXR", _WHAT)

    def refuse(why: str) -> FileUnreadable:
        return FileUnreadable(role=role, path=str(path), reason=why)

    with reading(path, role):
        with open(path, "rb"):  # says what keeps it from being opened; the library does not
            pass
        with _silent():
            parts = library.File(str(path), separate_channels=True, header_only=True).parts
        headers = [part.header for part in parts]
        found = [_chosen([channel.name for channel in header["channels"]]) for header in headers]
        index, names = next(((at, names) for at, names in enumerate(found) if names), (-1, {}))
        if not names:
            every = sorted({channel.name for header in headers for channel in header["channels"]})
            raise refuse(f"it has no channels R, G, B or Y of one layer, but {', '.join(every[:12]) or 'none'}")
        header = headers[index]
        if any((one.xSampling, one.ySampling) != (1, 1) for one in header["channels"] if one.name in names.values()):
            raise refuse("its colours are stored coarser than its brightness; save it as R, G, B")
        if "deep" in str(header["type"]):
            raise refuse("it holds deep samples; flatten it first")
        low, high = (tuple(int(v) for v in corner) for corner in header["displayWindow"])
        width, height = high[0] - low[0] + 1, high[1] - low[1] + 1
        check_size(f"The {role}", width, height)
        data_low, data_high = (tuple(int(v) for v in corner) for corner in header["dataWindow"])
        check_size(f"The {role}", data_high[0] - data_low[0] + 1, data_high[1] - data_low[1] + 1)
        with _silent() as said:
            whole = library.File(str(path), separate_channels=True).parts
        if index >= len(whole):  # the library reports damage on the terminal and leaves the part out
            raise ValueError(said().strip().splitlines()[-1] if said().strip() else "its pixels cannot be unpacked")
        pixels = whole[index].channels
        arrays = {name: pixels[stored].pixels for name, stored in names.items()}
        if any(array.dtype.kind != "f" for array in arrays.values()):
            raise refuse("its colours are whole numbers of 32 bits; save it as half or float")
        dtype = np.result_type(*(array.dtype for array in arrays.values()))
        stored = np.zeros((height, width, len(names)), dtype)
        at = data_low[0] - low[0], data_low[1] - low[1]
        cut = _lay(stored, list(arrays.values()), at)
    channels = "".join(names)
    alpha = channels[-1] == "A"
    samples = divided(stored) if alpha else stored
    others = [
        c.name
        for header in headers
        for c in header["channels"]
        if header is not headers[index] or c.name not in names.values()
    ]
    notes = []
    if others:
        notes.append(f"Other channels of {path} were left out: {', '.join(sorted(set(others))[:12])}.")
    if cut:
        notes.append(f"What {path} holds outside its display window was left out.")
    return Picture(
        samples[:, :, 0] if channels == "Y" else samples,
        channels,
        "linear",
        _profile(header.get("chromaticities"), channels),
        premultiplied=stored if alpha else None,
        attributes=dict(header),
        notes=tuple(notes),
    )


def _chosen(names: list[str]) -> dict[str, str] | None:
    """By R, G, B or Y, and A, the channels of a part that make its picture; None where no layer alone has them."""
    layers = dict.fromkeys(["", *(name.rpartition(".")[0] + "." for name in names if "." in name)])
    for colours in (("R", "G", "B"), ("Y",)):
        having = [layer for layer in layers if all(layer + one in names for one in colours)]
        if having and (having[0] == "" or len(having) == 1):
            layer = having[0]
            if colours == ("Y",) and layer + "RY" in names:  # only the brightness of a coloured picture
                return None
            return {one: layer + one for one in (*colours, "A") if layer + one in names}
    return None


def _lay(canvas: np.ndarray, arrays: list[np.ndarray], at: tuple[int, int]) -> bool:
    """Channels (h, w) laid on a canvas (H, W, C), their first pixel at a column and row; whether some stick out."""
    height, width = canvas.shape[:2]
    rows, columns = arrays[0].shape
    own = Rect(*at, columns, rows)
    seen = own.intersection(Rect(0, 0, width, height))
    if seen is not None:
        part = seen.relative_to(own).slices
        for index, array in enumerate(arrays):
            canvas[(*seen.slices, index)] = array[part]
    return seen != own


def _profile(chromaticities: Any, channels: str) -> bytes | None:
    """A linear profile for the primaries of an EXR that are not sRGB's."""
    if chromaticities is None or channels[0] == "Y":
        return None
    values = tuple(float(value) for value in chromaticities)
    if len(values) != 8 or np.allclose(values, _REC_709, atol=1e-3):
        return None
    return linear_profile(channels, values[:6], (values[6], values[7]))


def holds(picture: Picture) -> bool:
    """Whether an EXR can hold a picture as it is: linear float, with sRGB's primaries or ones from an EXR's header."""
    return (
        picture.is_float
        and picture.encoding == "linear"
        and (picture.profile is None or "chromaticities" in picture.attributes)
    )


def write(path: Path, picture: Picture) -> None:
    """A picture that ``holds`` as EXR, with the attributes of the one that it was made from.

    Raises OSError, ExtraMissing.
    """
    library = extra.need("OpenEXR", _WHAT)
    samples = picture.samples
    if picture.has_alpha:
        samples = multiplied(samples) if picture.premultiplied is None else picture.premultiplied
    samples = samples[:, :, None] if samples.ndim == 2 else samples
    channels = {name: np.ascontiguousarray(samples[:, :, at]) for at, name in enumerate(picture.channels)}
    kept = {name: value for name, value in picture.attributes.items() if name not in _OF_THE_PIXELS}
    if picture.profile is None:
        kept.pop("chromaticities", None)
    try:
        header = {**kept, **_header(library, picture.attributes), **_windows(picture)}
        _write(library, path, header, channels)
    except (RuntimeError, TypeError, ValueError) as error:
        raise OSError(str(error)) from error


def _header(library: Any, attributes: Mapping[str, Any]) -> dict[str, Any]:
    compression = attributes.get("compression")
    name = getattr(compression, "name", "")
    return {
        "compression": compression if name in _LOSSLESS else library.ZIP_COMPRESSION,
        "type": library.scanlineimage,
    }


def _windows(picture: Picture) -> dict[str, Any]:
    """Where the picture that it was made from lay, for one of its size; else it begins at 0."""
    window = picture.attributes.get("displayWindow")
    if window is None:
        return {}
    (left, top), (right, bottom) = (tuple(int(v) for v in corner) for corner in window)
    if (right - left + 1, bottom - top + 1) != picture.size:
        return {}
    own = ((left, top), (right, bottom))
    return {"displayWindow": own, "dataWindow": own}


def _write(library: Any, path: Path, header: dict[str, Any], channels: dict[str, np.ndarray]) -> None:
    with _silent():
        library.File(header, channels).write(str(path))


@contextmanager
def _silent() -> Iterator[Any]:
    """Keep the library's own words, which it writes past Python, off the terminal; gives what reads them."""
    words = io.StringIO()
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(words))
        stack.enter_context(redirect_stderr(words))
        null = os.open(os.devnull, os.O_WRONLY)
        stack.callback(os.close, null)
        for number in (1, 2):
            with suppress(OSError):  # closed: nothing to keep quiet
                saved = os.dup(number)
                os.dup2(null, number)
                stack.callback(os.close, saved)
                stack.callback(os.dup2, saved, number)
        yield words.getvalue
