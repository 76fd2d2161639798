"""JPEG 2000: OpenJPEG's work; what its boxes say of depth, transparency and colours is read here."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

import numpy as np
from deepblend_protocol.errors import FileUnreadable

from . import extra, icc
from .boxes import boxes
from .decoding import check_size, reading
from .picture import Picture, spread

MAGICS = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")
"""A file of boxes, and a bare stream."""
_GRAY, _SRGB, _YCC = 17, 16, 18
_CHANNELS = {1: "Y", 2: "YA", 3: "RGB", 4: "RGBA"}


def read(path: str | os.PathLike[str], role: str) -> Picture:
    """The picture in a JPEG 2000, of 8 or, spread, of 16 bits. Raises FileUnreadable, SizeAbsurd, ExtraMissing."""
    codecs = extra.need("imagecodecs", "A JPEG 2000 picture")
    with reading(path, role), open(path, "rb") as file:
        content = file.read()
        (width, height), bits, is_signed, is_even = _size(content)
        check_size(f"The {role}", width, height)
        space, profile, is_palette, defined = _header(content)

        def refuse(why: str) -> FileUnreadable:
            return FileUnreadable(role=role, path=str(path), reason=why)

        if is_palette or space == _YCC or space not in (None, _GRAY, _SRGB):
            raise refuse("its colours are neither gray nor RGB; convert it to RGB")
        if is_signed or max(bits) > 16 or len(bits) not in _CHANNELS:
            kind = "signed" if is_signed else f"of {max(bits)} bits in {len(bits)} channels"
            raise refuse(f"its samples are {kind}; up to 16 bits of gray or RGB can be read")
        if not is_even:
            raise refuse("its channels are of different sizes or depths; save it as RGB")
        samples = codecs.jpeg2k_decode(content)
    samples = spread(np.atleast_3d(samples), bits[0])
    channels = _CHANNELS[samples.shape[2]]
    notes: tuple[str, ...] = ()
    if channels[-1] == "A" and defined is not None and not defined & {1, 2}:
        samples, channels = np.ascontiguousarray(samples[:, :, :-1]), channels[:-1]
        notes = (f"A further channel of {path}, which is not its transparency, was left out.",)
    samples = samples[:, :, 0] if samples.shape[2] == 1 else samples
    return Picture(samples, channels, icc.encoding(profile, channels), profile, notes=notes)


def _size(content: bytes) -> tuple[tuple[int, int], list[int], bool, bool]:
    """From the stream's SIZ: (width, height), bits of each channel, whether one is signed, whether all are alike."""
    at = content.index(MAGICS[1]) + 4
    _, _, right, bottom, left, top, _, _, _, _, count = struct.unpack_from(">HHIIIIIIIIH", content, at)
    parts = [struct.unpack_from(">BBB", content, at + 38 + 3 * index) for index in range(count)]
    bits = [(depth & 0x7F) + 1 for depth, _, _ in parts]
    return (right - left, bottom - top), bits, any(one[0] & 0x80 for one in parts), len(set(parts)) == 1


def _header(content: bytes) -> tuple[int | None, bytes | None, bool, set[int] | None]:
    """From the boxes: the enumerated space, the ICC profile, whether there is a palette, and what the channels that
    are no colours are (1 and 2: transparency); None where that is not said."""
    space, profile, palette, defined = None, None, False, None
    for name, body in _colour_boxes(content):
        if name == b"colr" and space is None and profile is None and len(body) >= 3:
            if body[0] == 1 and len(body) >= 7:
                (space,) = struct.unpack_from(">I", body, 3)
            elif body[0] in (2, 3):
                profile = body[3:]
        elif name == b"pclr":
            palette = True
        elif name == b"cdef":
            kinds = [struct.unpack_from(">H", body, at + 2)[0] for at in range(2, len(body) - 5, 6)]
            defined = {kind for kind in kinds if kind}
    return space, profile, palette, defined


def _colour_boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    if content[:12] == MAGICS[0]:
        for name, body in boxes(content):
            if name == b"jp2h":
                yield from boxes(body)
