"""PNG with 16 bits a channel: the samples are libpng's work, the chunks beside them are read and written here."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from . import extra, icc
from .decoding import check_size
from .picture import Picture

MAGIC = b"\x89PNG\r\n\x1a\n"
_WHAT = "A PNG of 16 bits a channel"
_INCH_M = 0.0254
_FAST = {"level": 1, "strategy": 3, "filter": 16}
"""Run lengths of differences: a tenth of the default's time, and a photograph's file is hardly larger."""
_PROFILE_BYTES = 2**26  # no profile is larger; a small chunk may claim to be
_CHANNELS = {2: "YA", 3: "RGB", 4: "RGBA"}


def decode(content: bytes, role: str) -> Picture:
    """A PNG's picture, uint8 or uint16; not turned upright.

    Raises SizeAbsurd, ExtraMissing, and what the decoder raises for damage.
    """
    codecs = extra.need("imagecodecs", _WHAT)
    width, height = struct.unpack_from(">II", content, 16)
    check_size(f"The {role}", width, height)
    found = dict(_chunks(content))
    samples = codecs.png_decode(content)
    samples = samples[:, :, 0] if samples.ndim == 3 and samples.shape[2] == 1 else samples
    channels = "Y" if samples.ndim == 2 else _CHANNELS[samples.shape[2]]
    profile = _profile(found.get(b"iCCP"))
    encoding = icc.encoding(profile, channels)
    if profile is None and b"sRGB" not in found and found.get(b"gAMA") == struct.pack(">I", 100_000):
        encoding = "linear"
    exif = b"Exif\0\0" + found[b"eXIf"] if b"eXIf" in found else None
    return Picture(samples, channels, encoding, profile, exif, _dpi(found.get(b"pHYs")))


def encode(picture: Picture, offset: tuple[int, int] | None = None) -> bytes:
    """A picture of uint16 as PNG, with its profile, EXIF and resolution.

    Args:
        offset: column and row of the document for the first pixel, in an oFFs chunk.

    Raises ExtraMissing.
    """
    codecs = extra.need("imagecodecs", _WHAT)
    content = bytes(codecs.png_encode(np.ascontiguousarray(picture.samples), **_FAST))
    chunks = []
    if picture.profile is not None:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(picture.profile)))
    if picture.dpi is not None:
        chunks.append((b"pHYs", struct.pack(">IIB", *(round(value / _INCH_M) for value in picture.dpi), 1)))
    if offset is not None:
        chunks.append((b"oFFs", struct.pack(">iiB", *offset, 0)))
    if picture.exif is not None:
        chunks.append((b"eXIf", picture.exif.removeprefix(b"Exif\0\0")))
    return with_chunks(content, chunks)


def with_chunks(png: bytes, chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG with more chunks, each a name and its content, after its header."""
    header_end = 8 + 4 + 4 + 13 + 4  # signature; length, name, content and checksum of IHDR
    more = b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )
    return png[:header_end] + more + png[header_end:]


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of every chunk but the samples'."""
    at = len(MAGIC)
    while at + 12 <= len(content):
        length, name = struct.unpack_from(">I4s", content, at)
        if name != b"IDAT":
            yield name, content[at + 8 : at + 8 + length]
        at += 12 + length


def _profile(chunk: bytes | None) -> bytes | None:
    if chunk is None:
        return None
    _, _, packed = chunk.partition(b"\0")
    try:
        return zlib.decompressobj().decompress(packed[1:], _PROFILE_BYTES) or None
    except zlib.error:
        return None


def _dpi(chunk: bytes | None) -> tuple[float, float] | None:
    if chunk is None or len(chunk) != 9 or chunk[8] != 1:
        return None
    x, y = struct.unpack_from(">II", chunk)
    return x * _INCH_M, y * _INCH_M
