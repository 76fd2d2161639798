"""Boxes: what files of JPEG 2000, HEIF and AVIF consist of."""

from __future__ import annotations

import struct
from collections.abc import Iterator


def boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and body of each box; a damaged one ends it."""
    at = 0
    while at + 8 <= len(content):
        length, name = struct.unpack_from(">I4s", content, at)
        start = at + 8
        if length == 1 and start + 8 <= len(content):
            (length,) = struct.unpack_from(">Q", content, start)
            start += 8
        end = at + length if length else len(content)
        if end < start:
            return
        yield name, content[start:end]
        at = end
