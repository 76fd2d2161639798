"""Whether something was turned or flipped between two looks at it."""

from __future__ import annotations

import json
import math
import random

import pytest
from deepblend_protocol.geometry import Rect
from deepblend_protocol.plugins.orientation import SAME, Look, Turn, difference, turned

TURNS = [Turn(*(bool(number & bit) for bit in (4, 2, 1))) for number in range(8)]


def look(width: int, height: int, each: int = 4, seed: int = 1) -> Look:
    return Look(width, height, random.Random(seed).randbytes(width * height * each))


def seen(was: Look, turn: Turn) -> Look:
    each = len(was.samples) // (was.width * was.height)
    return Look(*turn.of_size(was.width, was.height), turn.applied(was.samples, was.width, was.height, each))


@pytest.mark.parametrize("size", [(16, 16), (24, 9)])
@pytest.mark.parametrize("each", [1, 4])
@pytest.mark.parametrize("turn", TURNS)
def test_each_of_the_eight_ways_is_found(size, each, turn):
    was = look(*size, each)
    assert turned(was, seen(was, turn)) == turn


def test_another_picture_or_none_is_not_a_turned_one():
    was = look(16, 16)
    assert turned(was, look(16, 16, seed=2)) == SAME
    assert turned(was, look(16, 12)) == SAME
    assert turned(was, look(16, 16, each=2)) == SAME
    assert turned(None, was) == turned(was, None) == SAME


def test_what_was_painted_on_is_the_same():
    was = look(16, 16)
    painted = Look(16, 16, bytes(300) + was.samples[300:])
    assert turned(was, painted) == SAME
    assert 0 < difference(was, painted) < math.inf


def test_a_symmetrical_picture_was_not_turned():
    row = bytes([*range(8), *reversed(range(8))])
    was = Look(16, 16, row * 16)
    assert turned(was, seen(was, Turn(across=True))) == SAME


@pytest.mark.parametrize("turn", TURNS)
def test_a_box_comes_to_lie_where_its_pixels_do(turn):
    width, height, box = 12, 7, Rect(2, 1, 4, 3)
    samples = bytearray(width * height)
    for y in range(box.y, box.bottom):
        samples[y * width + box.x : y * width + box.right] = b"\1" * box.w
    columns, __ = turn.of_size(width, height)
    place = turn.placed(box, (width, height))
    seen = turn.applied(bytes(samples), width, height)
    inside = {(at % columns, at // columns) for at, value in enumerate(seen) if value}
    assert inside == {(x, y) for x in range(place.x, place.right) for y in range(place.y, place.bottom)}


def test_a_look_is_kept_as_json():
    was = look(5, 3)
    assert Look.unpacked(json.loads(json.dumps(was.packed()))) == was


@pytest.mark.parametrize("packed", [None, 3, [], [5, 3], [5, 3, "?"], [0, 3, ""], ["x", 3, "AAAA"], [5, 3, "AAAA"]])
def test_what_is_no_look_is_none(packed):
    assert Look.unpacked(packed) is None


def test_pictures_of_other_sizes_cannot_be_compared():
    assert difference(look(4, 2), look(2, 4)) == math.inf
    assert difference(None, look(2, 2)) == math.inf
    assert difference(Look(2, 1, b"\1\2"), Look(2, 1, b"\3\2")) == 1
