"""Samples as Krita stores them, and what can be done with them without numpy. Knows neither Krita nor Qt."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, NamedTuple

from deepblend_protocol.sample_types import SAMPLE_TYPES

_NEGATIVE = re.compile(b"[\x80-\xff]")
"""The highest byte of a float below 0."""
_DARK = 0.05
_Unit = Literal["Q", "I", "H", "B"]
_UNITS: tuple[tuple[int, _Unit], ...] = ((8, "Q"), (4, "I"), (2, "H"), (1, "B"))


class Format(NamedTuple):
    """What the bytes of a colour space's pixels are, in the protocol's names."""

    type: str
    channels: str

    @property
    def pixel(self) -> int:
        """Bytes of a pixel."""
        return len(self.channels) * SAMPLE_TYPES[self.type].size


MASK = Format("u8", "Y")
"""A selection's."""
SCREEN = Format("u8", "BGRA")
"""A picture's on the screen."""


def format_of(model: str, depth: str) -> Format | None:
    """Of a colour space by Krita's names; None for one that has to be converted first."""
    kind = depth.lower()
    if kind not in SAMPLE_TYPES:
        return None
    if model == "RGBA":  # whole numbers lie in memory as a screen's pixels, floats in their natural order
        return Format(kind, "RGBA" if SAMPLE_TYPES[kind].is_float else "BGRA")
    return Format(kind, "YA") if model == "GRAYA" else None


def view(samples: object) -> memoryview:
    """The bytes of something that Krita or the server gave, without a copy where that is possible."""
    try:
        return memoryview(samples).cast("B")  # type: ignore[arg-type]
    except TypeError:
        return memoryview(samples.data()).cast("B")  # type: ignore[attr-defined]  # a QByteArray of another binding


def picked(row: memoryview, pixel: int, step: int) -> bytes:
    """Every ``step``-th pixel of a row, beginning with the first.

    Args:
        pixel: bytes of one.
    """
    if step == 1:
        return bytes(row)
    size, code = next(one for one in _UNITS if pixel % one[0] == 0)
    parts = pixel // size
    count = -(-len(row) // pixel // step)
    result = bytearray(count * pixel)
    source, target = row.cast(code), memoryview(result).cast(code)
    for part in range(parts):
        target[part::parts] = source[part :: parts * step]
    return bytes(result)


def alpha_bytes(samples: memoryview, known: Format) -> bytes:
    """One byte a pixel, 0 where its alpha is 0."""
    size = SAMPLE_TYPES[known.type].size
    found = 0
    for place in range(known.pixel - size, known.pixel):
        found |= int.from_bytes(samples[place :: known.pixel], "little")
    return found.to_bytes(len(samples) // known.pixel, "little")


def reordered(samples: memoryview, known: Format) -> memoryview:
    """RGBA as BGRA, or the other way round; anything else as it is."""
    if known.channels not in ("RGBA", "BGRA"):
        return samples
    __, code = next(one for one in _UNITS if one[0] == SAMPLE_TYPES[known.type].size)
    result = bytearray(samples)
    source, target = samples.cast("B").cast(code), memoryview(result).cast(code)
    target[0::4], target[2::4] = source[2::4], source[0::4]
    return memoryview(result)


def no_darker_than_black(samples: memoryview) -> memoryview:
    """RGBA of 32-bit floats in linear light; where a pixel is dark, no colour of it is below 0 any more.

    A blend may fall a little below black, which whole numbers of Lab show as a bright blue. Colours that are no darker
    than ``_DARK`` keep what is below 0: that makes them purer than RGB can.
    """
    result = bytearray(samples)
    signs = bytes(samples[3::16]), bytes(samples[7::16]), bytes(samples[11::16])
    wide = memoryview(result).cast("f")
    for sign in signs:
        for each in _NEGATIVE.finditer(sign):
            at = 4 * each.start()
            colour = [wide[at], wide[at + 1], wide[at + 2]]
            if max(colour) < _DARK:
                wide[at], wide[at + 1], wide[at + 2] = (max(0.0, one) for one in colour)
    del wide
    return memoryview(result)


def eight_bits(samples: memoryview, known: Format, encoding: str) -> bytes:
    """The samples in 8 bits, perceptual, in the same order: for what is only looked at.

    Args:
        encoding: the protocol's; anything but ``linear`` keeps its curve.
    """
    linear = encoding == "linear" and known.channels != "Y"
    if known.type == "u8" and not linear:
        return bytes(samples)
    if known.type == "u16" and not linear:
        return bytes(samples[1::2])  # the high bytes
    values = samples.cast("B") if known.type == "u8" else samples.cast("B").cast("H")
    if known.type == "f32":
        values = values[1::2]  # the upper half of a float is one with 8 bits of precision
    count = len(known.channels)
    result = bytearray(len(values))
    for channel, name in enumerate(known.channels):
        table = _table(known.type, linear and name != "A")
        result[channel::count] = bytes(map(table.__getitem__, values[channel::count]))
    return bytes(result)


@lru_cache(maxsize=8)
def _table(type: str, linear: bool) -> bytes:
    """8 bits for each sample, by its 16 bits (of ``f32`` the upper 16; of ``u8`` its 8)."""
    return bytes(_byte(value, linear) for value in _values(type))


def _values(type: str) -> Iterable[float]:
    if not SAMPLE_TYPES[type].is_float:
        white = SAMPLE_TYPES[type].white
        return (each / white for each in range(white + 1))
    numbers = struct.pack("<65536H", *range(65536))
    if type == "f16":
        return struct.unpack("<65536e", numbers)
    wide = bytearray(4 * 65536)
    wide[2::4], wide[3::4] = numbers[0::2], numbers[1::2]
    return struct.unpack("<65536f", wide)


def _byte(value: float, linear: bool) -> int:
    if not value > 0:  # nor is NaN
        return 0
    if value >= 1:
        return 255
    if linear:
        value = 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
    return int(value * 255 + 0.5)
