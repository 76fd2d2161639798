"""Whether a layer was turned or flipped since somebody looked: by small pictures of it, then and now."""

from __future__ import annotations

import base64
import math
from typing import NamedTuple

from ..geometry import Rect

SAME_LEVELS = 4.0
"""Levels by which two pictures of the same layer may differ on average: it may have been painted on."""
_SURER = 0.5
"""A turned picture must differ by less than this share of what the unturned one differs by."""


class Look(NamedTuple):
    """A small picture of a layer, rows from the top."""

    width: int
    height: int
    samples: bytes

    @classmethod
    def unpacked(cls, packed: object) -> Look | None:
        """The look that ``packed`` was made from; None for anything else."""
        try:
            width, height, body = packed  # type: ignore[misc]
            look = cls(int(width), int(height), base64.b64decode(body))
            whole = width > 0 and height > 0 and len(look.samples) % (width * height) == 0
            return look if whole and look.samples else None
        except (TypeError, ValueError):
            return None

    def packed(self) -> list[object]:
        """JSON-ready."""
        return [self.width, self.height, base64.b64encode(self.samples).decode()]


class Turn(NamedTuple):
    """One of the eight ways in which a rectangle of pixels comes to lie on one of its shape: first transposed, then
    mirrored."""

    transposed: bool = False
    across: bool = False
    down: bool = False

    def of_size(self, width: int, height: int) -> tuple[int, int]:
        """The size of a picture that has been turned so."""
        return (height, width) if self.transposed else (width, height)

    def placed(self, box: Rect, within: tuple[int, int]) -> Rect:
        """Where a box comes to lie in a picture of a size that is turned so."""
        x, y, w, h = box
        if self.transposed:
            x, y, w, h = y, x, h, w
        width, height = self.of_size(*within)
        return Rect(width - x - w if self.across else x, height - y - h if self.down else y, w, h)

    def applied(self, samples: bytes, width: int, height: int, each: int = 1) -> bytes:
        """A picture turned so.

        Args:
            samples: rows from the top, without padding.
            each: bytes of a pixel.
        """
        pixels = [samples[at : at + each] for at in range(0, width * height * each, each)] if each > 1 else samples
        rows = [pixels[at : at + width] for at in range(0, width * height, width)]
        if self.transposed:
            rows = [pixels[column::width] for column in range(width)]
        if self.across:
            rows = [row[::-1] for row in rows]
        if self.down:
            rows = rows[::-1]
        return b"".join(row if isinstance(row, bytes) else b"".join(row) for row in rows)


SAME = Turn()
_ALL = [
    Turn(transposed, across, down) for transposed in (False, True) for across in (False, True) for down in (False, True)
]


def turned(was: Look | None, now: Look | None) -> Turn:
    """How a layer was turned between two looks at it; ``SAME`` also where that cannot be told."""
    if was is None or now is None:
        return SAME
    each = len(was.samples) // (was.width * was.height)
    found = {}
    for turn in _ALL:
        if turn.of_size(was.width, was.height) == (now.width, now.height):
            seen = Look(now.width, now.height, turn.applied(was.samples, was.width, was.height, each))
            found[turn] = difference(seen, now)
    as_is = found.get(SAME, math.inf)
    best = min(found, key=lambda turn: found[turn], default=SAME)
    return best if as_is > SAME_LEVELS and found.get(best, math.inf) < _SURER * as_is else SAME


def difference(one: Look | None, other: Look | None) -> float:
    """By how many levels two pictures differ, on average; infinite where they cannot be compared."""
    if one is None or other is None or len(one.samples) != len(other.samples) or one[:2] != other[:2]:
        return math.inf
    return sum(abs(a - b) for a, b in zip(one.samples, other.samples)) / max(1, len(one.samples))
