"""The wire: a message's tag, header and buffers as frames, and back; docs/protocol.md, section 2.

Nothing here knows what a message means: that is ``messages``. Nothing is sent here either.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from .errors import MessageMalformed, MessageTooLarge

MAJOR = 1
"""The protocol version that is spoken here."""
PROTOCOLS = (1,)
"""The versions that are understood here: the current one and the one before it."""
HEADER_BYTES = 2**20
"""A header's length, at most."""
FRAME_BYTES = 2**24
"""A frame's length, at most; sockets hold to it (MAXMSGSIZE)."""
CHUNK_BYTES = 2**20
"""Bytes of the pieces that a buffer is cut into. In frames of 1 MiB, CURVE takes half the time that it takes with one
frame of 192 MiB, and a heartbeat can pass between two frames."""

DEPTH = 32
"""How deeply a header's objects and lists may be nested; repr, str and json cannot follow any depth."""

_TAG = re.compile(rb"DEEPBLEND/([1-9][0-9]{0,5})")
_DIGITS = 19
_TOO_DEEP = f"its header is nested too deep, in more than {DEPTH} levels"


class Chunks:
    """A buffer as it came: the frames' bytes, one after the other, not yet joined.

    Args:
        parts: buffers of bytes, none empty.
    """

    def __init__(self, parts: Iterable[Any]) -> None:
        self.parts: tuple[memoryview, ...] = tuple(memoryview(part).cast("B") for part in parts)

    @property
    def nbytes(self) -> int:
        return sum(part.nbytes for part in self.parts)

    def joined(self) -> memoryview:
        """All parts as one bytes-like object; a copy where there are several."""
        return self.parts[0] if len(self.parts) == 1 else memoryview(b"".join(self.parts))


class Frames(NamedTuple):
    """A message taken apart: its tag's major version, its header, and its buffers."""

    major: int
    header: dict[str, Any]
    buffers: list[Chunks]


def parts(buffer: Any) -> Iterator[memoryview]:
    """A buffer (bytes-like and contiguous, or Chunks) in pieces of CHUNK_BYTES at most; views, no copies."""
    for part in buffer.parts if isinstance(buffer, Chunks) else (memoryview(buffer).cast("B"),):
        for start in range(0, part.nbytes, CHUNK_BYTES):
            yield part[start : start + CHUNK_BYTES]


def encode(header: dict[str, Any], buffers: Sequence[Any] = (), major: int = MAJOR) -> list[Any]:
    """The frames of a message: bytes, then views of the buffers, which must not change until they are sent.

    Half a character (a lone surrogate, as in a path that is not UTF-8) is sent as a question mark.
    Raises MessageTooLarge for a header that would be longer than a receiver takes.
    """
    cut = [list(parts(buffer)) for buffer in buffers]
    if buffers:
        header = {**header, "buffers": [sum(part.nbytes for part in one) for one in cut]}
    text = json.dumps(header, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")
    if len(text) > HEADER_BYTES:
        raise MessageTooLarge(bytes=len(text), limit=HEADER_BYTES)
    return [b"DEEPBLEND/%d" % major, text, *(part for one in cut for part in one)]


def major_of(frames: Sequence[Any]) -> int:
    """The version in a message's tag. Raises MessageMalformed."""
    found = _TAG.fullmatch(bytes(frames[0])) if frames and len(frames[0]) <= 32 else None
    if not found:
        raise MessageMalformed(reason="it does not begin with DEEPBLEND/ and a version")
    return int(found[1])


def header_of(frames: Sequence[Any]) -> dict[str, Any]:
    """A message's header, its fields not yet looked at. Raises MessageMalformed."""
    if len(frames) < 2:
        raise MessageMalformed(reason="it has no header")
    if len(frames[1]) > HEADER_BYTES:
        raise MessageMalformed(reason=f"its header has {len(frames[1])} bytes, more than {HEADER_BYTES}")
    try:
        header = json.loads(
            bytes(frames[1]).decode(),
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_int=_integer,
            parse_float=_number,
        )
    except MessageMalformed:
        raise
    except RecursionError:
        raise MessageMalformed(reason=_TOO_DEEP) from None
    except ValueError as error:
        raise MessageMalformed(reason=f"its header is not JSON in UTF-8 ({error})") from None
    if not isinstance(header, dict):
        raise MessageMalformed(reason="its header is not a JSON object")
    _check_depth(header)
    if rb"\u" in bytes(frames[1]):  # an escape can name half a character, which no answer could repeat in UTF-8
        try:
            json.dumps(header, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise MessageMalformed(reason="its header holds half a character (a lone surrogate)") from None
    return header


def buffers_of(header: dict[str, Any], frames: Sequence[Any], limit: int) -> list[Chunks]:
    """The buffers that a header describes.

    Args:
        limit: bytes of all of them together, at most.

    Raises MessageMalformed, MessageTooLarge.
    """
    lengths = header.get("buffers", [])
    if not isinstance(lengths, list) or not all(type(length) is int and length >= 1 for length in lengths):
        raise MessageMalformed(reason="'buffers' is not a list of lengths, each at least 1")
    if sum(lengths) > limit:
        raise MessageTooLarge(bytes=sum(lengths), limit=limit)
    rest = iter(frames[2:])
    buffers: list[Chunks] = []
    for index, length in enumerate(lengths):
        found: list[Any] = []
        missing = length
        while missing > 0:
            part = next(rest, None)
            size = 0 if part is None else len(part)
            if part is None or not 1 <= size <= missing:
                why = "the frames end early" if part is None else f"a frame of {size} bytes does not fit"
                raise MessageMalformed(reason=f"buffer {index} has {length} bytes, of which {missing} miss: {why}")
            found.append(part)
            missing -= size
        buffers.append(Chunks(found))
    if next(rest, None) is not None:
        raise MessageMalformed(reason="it has more frames than its header describes")
    return buffers


def decode(frames: Sequence[Any], limit: int) -> Frames:
    """A message's tag, header and buffers, checked against each other.

    Args:
        frames: bytes-like, as they came.
        limit: bytes of the buffers together, at most.

    Raises MessageMalformed, MessageTooLarge.
    """
    major = major_of(frames)
    header = header_of(frames)
    return Frames(major, header, buffers_of(header, frames, limit))


def _check_depth(header: dict[str, Any]) -> None:
    level: list[Any] = [header]
    for _ in range(DEPTH):
        inside = (one.values() if isinstance(one, dict) else one for one in level)
        level = [value for values in inside for value in values if isinstance(value, (dict, list))]
        if not level:
            return
    raise MessageMalformed(reason=_TOO_DEEP)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise MessageMalformed(reason="its header has a name twice in one object")
    return result


def _no_constant(text: str) -> Any:
    raise MessageMalformed(reason=f"its header holds {text}, which is not a number")


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > _DIGITS:
        raise MessageMalformed(reason=f"its header holds an integer of more than {_DIGITS} digits")
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise MessageMalformed(reason=f"its header holds {text[:40]}, which is beyond any number here")
    return value
