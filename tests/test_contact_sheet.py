"""The contact sheet: every picture whole and in its place, labels inside their cells."""

import numpy as np
import pytest
from deepblend.contact_sheet import sheet
from PIL import Image

COLOURS = [(200, 30, 30), (30, 160, 30), (30, 30, 200), (190, 160, 20), (120, 20, 160)]


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (120, 90)) -> Image.Image:
    return Image.new("RGB", size, colour)


def box(page: Image.Image, colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Left, top, width, height of the pixels of exactly this colour, which must fill their box."""
    rows, columns = np.nonzero((np.asarray(page) == colour).all(axis=2))
    left, top = int(columns.min()), int(rows.min())
    width, height = int(columns.max()) - left + 1, int(rows.max()) - top + 1
    assert len(rows) == width * height
    return left, top, width, height


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_every_picture_is_whole_in_reading_order_with_even_margins(count):
    page = sheet([(f"picture {n}", plain(colour)) for n, colour in enumerate(COLOURS[:count])])
    boxes = [box(page, colour) for colour in COLOURS[:count]]
    assert [b[2:] for b in boxes] == [(120, 90)] * count
    assert [(top, left) for left, top, *_ in boxes] == sorted((top, left) for left, top, *_ in boxes)
    margin = boxes[0][0]
    right = max(left + width for left, _, width, _ in boxes)
    bottom = max(top + height for _, top, _, height in boxes)
    assert (page.width - right, page.height - bottom) == (margin, margin)


def test_columns_can_be_given():
    page = sheet([(str(n), plain(colour)) for n, colour in enumerate(COLOURS)], columns=5)
    assert len({box(page, colour)[1] for colour in COLOURS}) == 1


def test_large_pictures_are_reduced_and_small_ones_keep_their_size():
    page = sheet([("large", plain(COLOURS[0], (400, 200))), ("small", plain(COLOURS[1], (40, 30)))], longest_px=100)
    assert box(page, COLOURS[0])[2:] == (100, 50)
    assert box(page, COLOURS[1])[2:] == (40, 30)


def test_a_label_is_drawn_above_its_own_picture_only():
    with_label = np.asarray(
        sheet([("a long label that needs two lines", plain(COLOURS[0])), ("", plain(COLOURS[1]))], 2)
    )
    without = np.asarray(sheet([("", plain(COLOURS[0])), ("", plain(COLOURS[1]))], 2))
    ink = with_label.max(axis=2) < 120
    rows, columns = np.nonzero(ink[: with_label.shape[0] - without.shape[0] + 20])
    left, top, width, _ = box(Image.fromarray(with_label), COLOURS[0])
    assert len(rows) > 50
    assert columns.min() >= left
    assert columns.max() < left + width
    assert rows.max() < top


def test_transparency_shows_the_paper_and_gray_is_accepted():
    clear = Image.new("RGBA", (60, 60), (255, 0, 0, 0))
    page = np.asarray(sheet([("clear", clear), ("gray", Image.new("L", (60, 60), 77))], columns=2))
    assert not (page == (255, 0, 0)).all(axis=2).any()
    assert (page == (77, 77, 77)).all(axis=2).sum() == 3600


def test_no_pictures_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        sheet([])
