"""Rectangles of a document, and which part of it a blend needs; the one place of these rules."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

MARGIN_LEAST, MARGIN_MOST = 64, 512
STYLE_LONGEST = 1024
"""Samples of the style picture's longer side, at most."""
_SHADOW_REACH = 1.5
"""How far a shadow reaches, in multiples of its length: it ends softly there, and its blur goes farther."""


class Rect(NamedTuple):
    """A rectangle in document pixels, x to the right, y down; ``w`` and ``h`` at least 1."""

    x: int
    y: int
    w: int
    h: int

    @property
    def right(self) -> int:
        """The first column to the right of it."""
        return self.x + self.w

    @property
    def bottom(self) -> int:
        """The first row below it."""
        return self.y + self.h

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.w, self.h

    @property
    def slices(self) -> tuple[slice, slice]:
        """Its rows and columns in an array whose first sample lies at (0, 0); neither x nor y may be negative."""
        return slice(self.y, self.bottom), slice(self.x, self.right)

    def intersection(self, other: Rect) -> Rect | None:
        """The rectangle that both cover; None if they do not overlap."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        w, h = min(self.right, other.right) - x, min(self.bottom, other.bottom) - y
        return Rect(x, y, w, h) if w > 0 and h > 0 else None

    def grown(self, by: int) -> Rect:
        """The rectangle enlarged by a number of pixels on each side."""
        return Rect(self.x - by, self.y - by, self.w + 2 * by, self.h + 2 * by)

    def moved(self, dx: int, dy: int) -> Rect:
        """The rectangle moved by a number of pixels to the right and down."""
        return Rect(self.x + dx, self.y + dy, self.w, self.h)

    def relative_to(self, other: Rect) -> Rect:
        """The same rectangle, in coordinates that begin at the other one's upper left corner."""
        return self.moved(-other.x, -other.y)

    def scaled(self, scale: float) -> Rect:
        """The same place in a document whose sides are ``scale`` times as long."""
        x, y, w, h = (round(side * scale) for side in self)
        return Rect(x, y, max(1, w), max(1, h))


def margin(width: int, height: int) -> int:
    """Pixels of surroundings that belong to a blended region's box: a quarter of its longer side, within limits."""
    return min(max(max(width, height) // 4, MARGIN_LEAST), MARGIN_MOST)


def reach(mask: Rect, layer: Rect, grow_px: float) -> Rect:
    """The box of a mask that has been grown: never beyond its layer.

    Args:
        mask: the box of what is selected and visible; it lies in the layer's.
    """
    return mask.grown(max(0, ceil(grow_px))).intersection(layer) or mask


def shadow_reach(length: float) -> int:
    """How far beyond an object's box its shadow may go, in pixels.

    Args:
        length: of the shadow, ``shadow_px``; 0 where there is none.
    """
    return ceil(_SHADOW_REACH * length)


def needed(mask: Rect, layer: Rect, canvas: Rect, grow_px: float, shadow_px: float = 0) -> Rect | None:
    """What of the background a blend needs: the blended region's box and its margin, within the canvas.

    Args:
        mask: the box of what is selected and visible.
        layer: the layer's box, beyond which a mask does not grow.
        shadow_px: how long a shadow is made; 0 where none is.

    Returns None where nothing of the region lies on the canvas.
    """
    region = reach(mask, layer, grow_px).intersection(canvas)
    if region is None:
        return None
    return region.grown(max(margin(*region.size), shadow_reach(shadow_px))).intersection(canvas)


def style_scale(width: int, height: int) -> float:
    """Samples per pixel of the style picture of a document."""
    return min(1.0, STYLE_LONGEST / max(width, height))


def bounds(samples: bytes, row_bytes: int, sample_bytes: int) -> Rect | None:
    """The bounding box, in samples, of the values that are not 0; None where all are 0.

    Args:
        samples: rows from the top, without padding; any type whose 0 is zero bytes.
        row_bytes: bytes of a row.
        sample_bytes: bytes of a sample.
    """
    inside = [
        (top, row)
        for top in range(len(samples) // row_bytes)
        if (row := samples[top * row_bytes : (top + 1) * row_bytes]).strip(b"\0")
    ]
    if not inside:
        return None
    left = min(row_bytes - len(row.lstrip(b"\0")) for _, row in inside) // sample_bytes
    right = max(len(row.rstrip(b"\0")) for _, row in inside)
    right = -(-right // sample_bytes)
    top, bottom = inside[0][0], inside[-1][0]
    return Rect(left, top, right - left, bottom - top + 1)
