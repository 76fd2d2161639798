"""PNG: samples of 16 bits are libpng's work; the chunks that say what colours mean are read and written here."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

from . import cicp, extra, icc
from .decoding import check_size
from .picture import Picture

MAGIC = b"\x89PNG\r\n\x1a\n"
_WHAT = "A PNG of 16 bits a channel"
_INCH_M = 0.0254
_FAST = {"level": 1, "strategy": 3, "filter": 16}
"""Run lengths of differences: a tenth of the default's time, and a photograph's file is hardly larger."""
_PROFILE_BYTES = 2**26  # no profile is larger; a small chunk may claim to be
_COLOURS = (b"cICP", b"mDCV", b"cLLI", b"iCCP", b"sRGB", b"gAMA", b"cHRM")
"""Chunks that say what the colours mean; they stand before the palette and the samples."""
_SRGB_CHRM = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_CHANNELS = {2: "YA", 3: "RGB", 4: "RGBA"}


def decode(content: bytes, role: str) -> Picture:
    """A PNG's picture, uint8 or uint16; not turned upright.

    Raises SizeAbsurd, ExtraMissing, and what the decoder raises for damage.
    """
    codecs = extra.need("imagecodecs", _WHAT)
    width, height = struct.unpack_from(">II", content, 16)
    check_size(f"The {role}", width, height)
    found = chunks_of(content)
    samples = codecs.png_decode(_bare(content))
    samples = samples[:, :, 0] if samples.ndim == 3 and samples.shape[2] == 1 else samples
    channels = "Y" if samples.ndim == 2 else _CHANNELS[samples.shape[2]]
    encoding, profile, kept = space(found, channels)
    exif = b"Exif\0\0" + found[b"eXIf"] if b"eXIf" in found else None
    return Picture(samples, channels, encoding, profile, exif, _dpi(found.get(b"pHYs")), png_chunks=kept)


def space(chunks: dict[bytes, bytes], channels: str) -> tuple[str, bytes | None, tuple[tuple[bytes, bytes], ...]]:
    """What a PNG's chunks say of its colours: encoding, ICC profile, and the chunks that say it if iCCP alone does not.

    As the standard has it: cICP, else iCCP, else sRGB, else gAMA and cHRM. A gamma within a twentieth of 1/2.2 is the
    sRGB curve, as whoever writes one means it.
    Raises cicp.Refused.
    """
    kept = tuple((name, chunks[name]) for name in _COLOURS if name in chunks)
    profile = _profile(chunks.get(b"iCCP"))
    by_code = _by_code(chunks.get(b"cICP"), channels)
    if by_code is not None:
        return *by_code, kept
    if profile is not None:
        return icc.encoding(profile, channels), profile, ()
    kept = tuple(chunk for chunk in kept if chunk[0] not in (b"iCCP", b"cICP"))
    if b"sRGB" in chunks:
        return "perceptual", None, kept
    return *_by_gamma(chunks, channels[0] == "Y"), kept


def _by_code(chunk: bytes | None, channels: str) -> tuple[str, bytes | None] | None:
    if chunk is None or len(chunk) != 4:
        return None
    primaries, transfer, matrix, full = chunk
    found = cicp.profile(primaries, transfer, channels[0] == "Y")
    if found is None or matrix != 0:
        return None
    if full != 1:
        raise cicp.Refused("its values are of video's narrow range; save it in full range")
    return found


def _by_gamma(chunks: dict[bytes, bytes], gray: bool) -> tuple[str, bytes | None]:
    (gamma,) = struct.unpack(">I", chunks[b"gAMA"]) if len(chunks.get(b"gAMA", b"")) == 4 else (0,)
    value = gamma / 100_000
    if not 0.1 <= value <= 10 or abs(value * 2.2 - 1) < 0.05:
        encoding, curve = "perceptual", cicp.SRGB
    else:
        encoding, curve = ("linear" if gamma == 100_000 else "profile"), (1 / value,)
    own = encoding in ("perceptual", "linear")
    numbers = (
        [n / 100_000 for n in struct.unpack(">8I", chunks[b"cHRM"])] if len(chunks.get(b"cHRM", b"")) == 32 else []
    )
    if gray:
        return encoding, None if own else icc.made(curve)
    if not numbers or max(abs(one - two) for one, two in zip(numbers, _SRGB_CHRM, strict=True)) < 0.003:
        return encoding, None if own else icc.made(curve, _SRGB_CHRM[2:], _SRGB_CHRM[:2])
    try:
        made = icc.made(curve, tuple(numbers[2:]), (numbers[0], numbers[1]))
    except (ArithmeticError, ValueError, struct.error, np.linalg.LinAlgError):  # they are no colours
        return encoding, None
    return (encoding if encoding == "linear" else "profile"), made


def encode(picture: Picture, offset: tuple[int, int] | None = None) -> bytes:
    """A picture of uint16 as PNG, with its profile, EXIF and resolution.

    Args:
        offset: column and row of the document for the first pixel, in an oFFs chunk.

    Raises ExtraMissing.
    """
    codecs = extra.need("imagecodecs", _WHAT)
    content = bytes(codecs.png_encode(np.ascontiguousarray(picture.samples), **_FAST))
    chunks = list(picture.png_chunks)
    if picture.profile is not None and not chunks:
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


def chunks_of(content: bytes) -> dict[bytes, bytes]:
    """Every chunk but the samples', content by name; the last of a name counts."""
    return {name: content[at + 8 : at + 8 + length] for name, at, length in _places(content) if name != b"IDAT"}


def _bare(content: bytes) -> bytes:
    """A PNG without what is beside its samples: libpng writes what it thinks of that on the terminal."""
    kept = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
    return MAGIC + b"".join(content[at : at + 12 + length] for name, at, length in _places(content) if name in kept)


def _places(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, place and length of every chunk; one that is cut off as well."""
    at = len(MAGIC)
    while at + 12 <= len(content):
        length, name = struct.unpack_from(">I4s", content, at)
        yield name, at, length
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
