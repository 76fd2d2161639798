"""Which part of a document a view shows: everything, enlarged at a place, moved, compared."""

from __future__ import annotations

import pytest
from deepblend_protocol.plugins.viewport import Viewport

FRAME, AREA = (100, 50, 400, 200), (0, 0, 200, 200)


def viewport(frame=FRAME, line: float = 0.5) -> Viewport:
    made = Viewport(line)
    made.show(frame)
    return made


def point(view: Viewport, place, area=AREA):
    """The document's point that is seen at a place."""
    x, y, w, h = view.place(FRAME, area)
    return 100 + (place[0] - x) * 400 / w, 50 + (place[1] - y) * 200 / h


def test_all_of_the_frame_is_seen_in_the_middle():
    view = viewport()
    assert view.scale(AREA) == 0.5
    assert view.place(FRAME, AREA) == (0, 50, 200, 100)
    assert view.place((300, 150, 20, 10), AREA) == (100, 100, 10, 5)
    assert view.longest(AREA) == 200


def test_of_two_areas_each_shows_the_same():
    view, right = viewport(), (202, 0, 200, 200)
    view.turn_wheel(4, (250, 80), right)
    left, other = view.place(FRAME, AREA), view.place(FRAME, right)
    assert other == (left[0] + 202, *left[1:])


@pytest.mark.parametrize("notches", [1, 3, 7])
def test_the_wheel_enlarges_around_the_mouse(notches):
    view, place = viewport(), (60, 90)
    before = point(view, place)
    view.turn_wheel(notches, place, AREA)
    assert view.scale(AREA) == pytest.approx(0.5 * 1.25**notches)
    assert point(view, place) == pytest.approx(before)


def test_it_enlarges_so_far_and_back_to_everything():
    view = viewport()
    view.turn_wheel(100, (60, 90), AREA)
    assert view.scale(AREA) == 8
    view.turn_wheel(-100, (60, 90), AREA)
    assert view.place(FRAME, AREA) == (0, 50, 200, 100)


def test_a_frame_that_is_smaller_than_the_screen_may_be_larger_than_that():
    view = viewport((0, 0, 10, 10))
    assert view.scale(AREA) == 20
    view.turn_wheel(3, (100, 100), AREA)
    assert view.scale(AREA) == 20


def test_a_click_shows_the_documents_own_pixels_and_the_next_one_everything():
    view, place = viewport(), (60, 90)
    before = point(view, place)
    view.press(place, False)
    assert view.held
    view.drag((62, 91), 200)  # a hand is not that still
    assert view.release((62, 91), AREA, 0.75)
    assert view.scale(AREA) == 0.75
    assert point(view, (62, 91)) == pytest.approx((before[0] + 4, before[1] + 2))
    view.press(place, False)
    assert view.release(place, AREA, 0.75)
    assert view.scale(AREA) == 0.5


def test_a_drag_moves_what_is_enlarged_as_far_as_its_frame():
    view = viewport()
    view.turn_wheel(8, (100, 100), AREA)
    before = point(view, (100, 100))
    view.press((100, 100), False)
    assert view.drag((80, 110), 200)
    assert point(view, (80, 110)) == pytest.approx(before)
    view.drag((5000, 100), 200)
    assert point(view, (100, 100))[0] == pytest.approx(100)
    assert not view.release((5000, 100), AREA, 1)
    assert not view.held


def test_a_drag_moves_nothing_where_all_is_seen():
    view = viewport()
    view.press((100, 100), False)
    assert not view.drag((10, 10), 200)
    assert not view.release((10, 10), AREA, 1)
    assert view.place(FRAME, AREA) == (0, 50, 200, 100)


def test_the_line_is_dragged_from_side_to_side():
    view = viewport()
    assert view.on_line((93, 10), 200, 8) and not view.on_line((91, 10), 200, 8)
    view.press((93, 10), True)
    assert view.drag((150, 10), 200)
    assert view.line == 0.75
    view.drag((-9, 10), 200)
    assert view.line == 0
    assert not view.release((-9, 10), AREA, 1)


def test_another_frame_at_the_same_place_stays_enlarged():
    view = viewport()
    view.turn_wheel(4, (60, 90), AREA)
    scale = view.scale(AREA)
    view.show((120, 60, 400, 200))
    assert view.scale(AREA) == scale
    view.show((500, 300, 400, 200))
    assert view.scale(AREA) == 0.5


def test_without_a_picture_nothing_happens():
    view = viewport(None)
    view.turn_wheel(4, (60, 90), AREA)
    view.press((60, 90), False)
    view.drag((0, 0), 200)
    assert not view.held and not view.release((0, 0), AREA, 1)
    assert view.longest(AREA) == 0
