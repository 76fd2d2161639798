"""Rectangles, and which part of a document a blend needs."""

from __future__ import annotations

import pytest
from deepblend_protocol import geometry
from deepblend_protocol.geometry import Rect
from hypothesis import given
from hypothesis import strategies as some

SIDES = some.integers(1, 9)
RECTS = some.builds(Rect, some.integers(-9, 9), some.integers(-9, 9), SIDES, SIDES)


def pixels(rect: Rect | None) -> set[tuple[int, int]]:
    if rect is None:
        return set()
    return {(x, y) for x in range(rect.x, rect.x + rect.w) for y in range(rect.y, rect.y + rect.h)}


@given(RECTS, RECTS)
def test_an_intersection_is_the_pixels_of_both(one: Rect, other: Rect) -> None:
    assert pixels(one.intersection(other)) == pixels(one) & pixels(other)
    assert one.intersection(other) == other.intersection(one)


@given(RECTS, some.integers(-9, 9), some.integers(-9, 9))
def test_moving(rect: Rect, dx: int, dy: int) -> None:
    assert pixels(rect.moved(dx, dy)) == {(x + dx, y + dy) for x, y in pixels(rect)}
    assert rect.moved(dx, dy).relative_to(Rect(dx, dy, 1, 1)) == rect


@given(RECTS, some.integers(0, 4))
def test_growing(rect: Rect, by: int) -> None:
    near = range(-by, by + 1)
    assert pixels(rect.grown(by)) == {(x + dx, y + dy) for x, y in pixels(rect) for dx in near for dy in near}


def test_edges_and_slices() -> None:
    rect = Rect(2, 1, 3, 4)
    assert (rect.right, rect.bottom, rect.size) == (5, 5, (3, 4))
    rows, columns = rect.slices
    assert {(x, y) for x in range(9)[columns] for y in range(9)[rows]} == pixels(rect)


def test_scaling_keeps_a_pixel_at_least() -> None:
    assert Rect(-10, 20, 30, 3).scaled(0.1) == Rect(-1, 2, 3, 1)
    assert Rect(-10, 20, 30, 3).scaled(1.0) == Rect(-10, 20, 30, 3)


CANVAS = Rect(0, 0, 1000, 800)


@pytest.mark.parametrize(
    ("mask", "grow_px", "expected"),
    [
        (Rect(400, 300, 40, 20), 0, Rect(336, 236, 168, 148)),
        (Rect(400, 300, 40, 20), -5, Rect(336, 236, 168, 148)),
        (Rect(400, 300, 40, 20), 9.5, Rect(326, 226, 188, 168)),
        (Rect(400, 300, 40, 20), 500, Rect(311, 211, 328, 278)),  # no further than the layer
        (Rect(-50, 300, 40, 20), 0, None),
        (Rect(-50, 300, 40, 20), 15, Rect(0, 221, 69, 178)),
    ],
)
def test_what_a_blend_needs(mask: Rect, grow_px: float, expected: Rect | None) -> None:
    layer = Rect(375, 275, 200, 150) if mask.x > 0 else Rect(-100, 250, 200, 150)
    assert geometry.needed(mask, layer, CANVAS, grow_px) == expected


@pytest.mark.parametrize(("length", "beyond"), [(0, 64), (42, 64), (43, 65), (200, 300)])
def test_a_shadow_is_given_the_ground_that_it_falls_on(length: float, beyond: int) -> None:
    mask = Rect(400, 300, 40, 20)
    assert geometry.needed(mask, mask, CANVAS, 0, length) == mask.grown(beyond).intersection(CANVAS)


def test_the_bounds_of_what_is_not_0() -> None:
    rows = [bytes(8), b"\0\0\0\1\2\0\0\0", b"\0\0\0\0\1\0\0\0", bytes(8)]
    assert geometry.bounds(b"".join(rows), 8, 1) == Rect(3, 1, 2, 2)
    assert geometry.bounds(b"".join(rows), 8, 2) == Rect(1, 1, 2, 2)
    assert geometry.bounds(bytes(32), 8, 1) is None
