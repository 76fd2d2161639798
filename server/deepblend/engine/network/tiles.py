"""Tiles: a large picture in pieces that a network can look at one after the other.

A tile's own pixels and the halo around them pass through the network together. The halo is as wide as the network
looks, so that what is computed for a tile's own pixels is what the whole picture would have given.
"""

from __future__ import annotations

from typing import NamedTuple

from ..machine import memory

SIDES = (128, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)
"""Pixels: the ladder of tile sides. Few steps: machines that differ a little compute the same, bit for bit."""
SHARE = 0.25
"""The part of the memory limit that one tile's features and their gradients may take."""
DEFAULT_LIMIT = 4 * 10**9
"""Bytes: the memory limit where none is given, if half of the device's memory is no less. (The help's 3.7 GiB.)"""


class Tile(NamedTuple):
    """Rows and columns of a tile's own pixels, and of these with the halo; all in the picture's pixels."""

    rows: slice
    columns: slice
    outer_rows: slice
    outer_columns: slice

    def own(self, stride: int) -> tuple[slice, slice]:
        """The own pixels within the outer ones, at one of the network's strides."""
        return (
            slice(
                (self.rows.start - self.outer_rows.start) // stride, (self.rows.stop - self.outer_rows.start) // stride
            ),
            slice(
                (self.columns.start - self.outer_columns.start) // stride,
                (self.columns.stop - self.outer_columns.start) // stride,
            ),
        )


def limit_for(device: str, asked: int | None) -> int:
    """Bytes of the device's memory that a blend may take, about: what is asked, or the default."""
    if asked is not None:
        return asked
    whole = memory(device)
    return DEFAULT_LIMIT if whole is None else min(DEFAULT_LIMIT, whole // 2)


def side_for(limit: int, pixel_bytes: int, halo: int) -> int:
    """The ladder's longest side whose tile, with its halo, takes no more than its share of the limit.

    Args:
        limit: bytes.
        pixel_bytes: what a pixel's features and gradients take.
    """
    fitting = [side for side in SIDES if (side + 2 * halo) ** 2 * pixel_bytes <= SHARE * limit]
    return fitting[-1] if fitting else SIDES[0]


def cover(height: int, width: int, side: int, halo: int, grid: int) -> list[Tile]:
    """Tiles that cover a picture, row by row, all about as large; a single one where the picture is no larger than one.

    Args:
        height, width, halo: multiples of ``grid``.
        side: of the largest tile.
    """
    if height * width <= side * side:
        whole = slice(0, height), slice(0, width)
        return [Tile(*whole, *whole)]
    return [
        Tile(rows, columns, _widened(rows, halo, height), _widened(columns, halo, width))
        for rows in _cut(height, side, grid)
        for columns in _cut(width, side, grid)
    ]


def _cut(length: int, side: int, grid: int) -> list[slice]:
    count = -(-length // side)
    step = -(-length // (count * grid)) * grid
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


def _widened(own: slice, halo: int, length: int) -> slice:
    return slice(max(own.start - halo, 0), min(own.stop + halo, length))
