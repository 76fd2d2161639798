"""Which part of a document a blend needs; the one place of these rules. Imports nothing.

A box is (x, y, w, h) in document pixels, x to the right, y down.
"""

from __future__ import annotations

from math import ceil

Box = tuple[int, int, int, int]

MARGIN_LEAST, MARGIN_MOST = 64, 512
STYLE_LONGEST = 1024
"""Samples of the style picture's longer side, at most."""


def margin(width: int, height: int) -> int:
    """Pixels of surroundings that belong to a blended region's box: a quarter of its longer side, within limits."""
    return min(max(max(width, height) // 4, MARGIN_LEAST), MARGIN_MOST)


def common(one: Box, other: Box) -> Box | None:
    """What two boxes share, or None."""
    x0, y0 = max(one[0], other[0]), max(one[1], other[1])
    x1, y1 = min(one[0] + one[2], other[0] + other[2]), min(one[1] + one[3], other[1] + other[3])
    return (x0, y0, x1 - x0, y1 - y0) if x0 < x1 and y0 < y1 else None


def grown(box: Box, by: int) -> Box:
    """A box with so many more pixels on each side."""
    return (box[0] - by, box[1] - by, box[2] + 2 * by, box[3] + 2 * by)


def needed(mask: Box, layer: Box, canvas: Box, grow_px: float) -> Box | None:
    """What of the background a blend needs: the blended region's box and its margin, within the canvas.

    Args:
        mask: the box of what is selected and visible.
        layer: the layer's box, beyond which a mask does not grow.

    Returns None where nothing of the region lies on the canvas.
    """
    reach = common(grown(mask, max(0, ceil(grow_px))), layer)
    region = common(reach, canvas) if reach is not None else None
    if region is None:
        return None
    return common(grown(region, margin(region[2], region[3])), canvas)


def style_scale(width: int, height: int) -> float:
    """Samples per pixel of the style picture of a document."""
    return min(1.0, STYLE_LONGEST / max(width, height))


def reduced(box: Box, scale: float) -> tuple[int, int]:
    """Columns and rows of a box at a scale."""
    return max(1, round(box[2] * scale)), max(1, round(box[3] * scale))


def bounds(samples: bytes, row_bytes: int, sample_bytes: int) -> Box | None:
    """The box, in samples, of what is not 0; None where all is.

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
    return (left, top, right - left, bottom - top + 1)
