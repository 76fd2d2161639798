"""The source laid on the target's canvas, clipped on every side."""

import numpy as np
import pytest
from deepblend.commands.canvas import lay
from deepblend.engine.request import Rect
from deepblend_protocol.errors import MaskEmpty, MaskOutside
from PIL import Image

SOURCE = np.random.default_rng(0).integers(1, 256, (6, 8, 3), dtype=np.uint8)
TARGET = np.random.default_rng(1).integers(0, 256, (10, 12, 3), dtype=np.uint8)
FULL = np.full((6, 8), 255, np.uint8)


def laid(left: int, top: int, mask: np.ndarray = FULL):
    return lay(Image.fromarray(SOURCE), Image.fromarray(mask), Image.fromarray(TARGET), left, top)


@pytest.mark.parametrize(
    ("left", "top", "square"),
    [
        (2, 3, (2, 3, 8, 6)),
        (-3, 3, (0, 3, 5, 6)),
        (2, -4, (2, 0, 8, 2)),
        (9, 3, (9, 3, 3, 6)),
        (2, 8, (2, 8, 8, 2)),
        (-7, -5, (0, 0, 1, 1)),
        (11, 9, (11, 9, 1, 1)),
    ],
)
def test_what_overlaps_is_in_its_place_and_the_rest_is_0(left, top, square):
    canvas = laid(left, top)
    source, mask = np.zeros((10, 12, 3), np.uint8), np.zeros((10, 12), np.uint8)
    for y in range(6):
        for x in range(8):
            if 0 <= y + top < 10 and 0 <= x + left < 12:
                source[y + top, x + left] = SOURCE[y, x]
                mask[y + top, x + left] = 255
    np.testing.assert_array_equal(canvas.source, source)
    np.testing.assert_array_equal(canvas.mask, mask)
    np.testing.assert_array_equal(canvas.target, TARGET)
    assert canvas.square == Rect(*square)


@pytest.mark.parametrize(("left", "top"), [(12, 0), (-8, 0), (0, 10), (0, -6), (500, -500)])
def test_no_overlap_is_refused_and_says_where_the_mask_lies(left, top):
    with pytest.raises(MaskOutside, match=f"columns {left} to {left + 7}, rows {top} to {top + 5}, .* 12 x 10"):
        laid(left, top)


def test_a_source_that_overlaps_with_its_unmasked_part_only_is_refused():
    mask = np.zeros((6, 8), np.uint8)
    mask[:, :2] = 9
    with pytest.raises(MaskOutside, match="columns -4 to -3"):
        laid(-4, 0, mask)


def test_an_empty_mask_is_refused():
    with pytest.raises(MaskEmpty):
        laid(0, 0, np.zeros((6, 8), np.uint8))
