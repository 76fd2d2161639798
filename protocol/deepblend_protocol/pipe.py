"""Messages on a pipe, between a host without zmq and its relay; docs/protocol.md, section 1.4.

Standard library only. Files are raw (``buffering=0``): a thread that waits in one then holds no lock of Python's.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import FileIO
from typing import Any

FORMAT = 1
FRAMES = 2**20
"""A message's frames, at most: four letters of a text that strayed into the pipe are a greater number."""
BROKEN, REFUSED = 10, 11
"""The relay's exit status when the connection ended, and when nobody listened; its others are Python's own."""


def write(file: FileIO, frames: Sequence[Any]) -> None:
    """Write a message; waits until it has gone. Raises OSError."""
    views = [memoryview(frame).cast("B") for frame in frames]
    head = struct.pack(f"<{1 + len(views)}I", len(views), *(view.nbytes for view in views))
    for view in (memoryview(head), *views):
        while view:
            view = view[file.write(view) :]


def read(file: FileIO) -> list[bytearray] | None:
    """Wait for the next message; None at the end. Raises OSError, and ValueError for what is no message."""
    head = _exactly(file, 4)
    count = int.from_bytes(head, "little") if head is not None else 1
    if not 1 <= count <= FRAMES:
        raise ValueError(f"a message of {count} frames")
    table = _exactly(file, 4 * count) if head is not None else None
    frames: list[bytearray] = []
    for length in struct.unpack(f"<{count}I", table) if table is not None else ():
        frame = _exactly(file, length)
        if frame is None:
            return None
        frames.append(frame)
    return frames or None


def _exactly(file: FileIO, length: int) -> bytearray | None:
    """So many bytes; None where the pipe ends before."""
    buffer = bytearray(length)
    rest = memoryview(buffer)
    while rest:
        size = file.readinto(rest)
        if not size:
            return None
        rest = rest[size:]
    return buffer
