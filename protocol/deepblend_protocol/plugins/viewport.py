"""Which part of a document a view of pictures shows, and what the mouse does with it; knows no toolkit."""

from __future__ import annotations

_STEP = 1.25
"""The factor by which one notch of the mouse wheel enlarges."""
_MOST = 8.0
"""Screen pixels that a document's pixel is enlarged to, at most."""
_CLICK = 4
"""Pixels that a click may move the mouse."""
Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""x, y, width and height."""


class Viewport:
    """The wheel enlarges, a drag moves, a click shows the document's own pixels and the next one everything.

    Between before and after is a line that is dragged. Frames and the centre are in document pixels; places and areas
    in the view's, from its corner.

    Args:
        line: where the line between before and after is, 0 to 1 of the view's width.
    """

    def __init__(self, line: float) -> None:
        self.line = line
        self.frame: Box | None = None
        """What is seen where nothing is enlarged; None where there is nothing."""
        self._scale: float | None = None
        """The view's pixels of a document's pixel; None: as large as there is room for."""
        self._centre: Point = (0.0, 0.0)
        """The document's point in the middle, where something is enlarged."""
        self._hold: tuple[str, Point, Point] | None = None
        """What the mouse holds, where it was pressed, and the centre then."""

    def show(self, frame: Box | None) -> None:
        """Have another frame; what is enlarged stays so where they lie on each other."""
        if frame is None or self.frame is None or not _meet(frame, self.frame):
            self._scale = None
        self.frame = frame

    def scale(self, area: Box) -> float:
        """The view's pixels of a document's pixel, in an area where the frame is seen."""
        return self._scale if self._scale is not None else self._fitting(area)

    def longest(self, area: Box) -> float:
        """How many pixels the frame's longer side has in the view; 0 where there is nothing."""
        return max(self.frame[2:]) * self.scale(area) if self.frame is not None else 0.0

    def place(self, frame: Box, area: Box) -> Box:
        """Where a part of the document is seen in an area, or would be if that were larger."""
        scale, (x, y) = self.scale(area), self._seen_centre()
        middle = _middle(area)
        left, top = middle[0] + (frame[0] - x) * scale, middle[1] + (frame[1] - y) * scale
        return left, top, frame[2] * scale, frame[3] * scale

    def turn_wheel(self, notches: float, place: Point, area: Box) -> None:
        """Enlarge by a number of notches, or with a negative one the contrary."""
        self._enlarge(self.scale(area) * _STEP**notches, place, area)

    def on_line(self, place: Point, width: float, near: float) -> bool:
        """Whether the line would be taken hold of there.

        Args:
            width: the view's.
            near: how far from the line that is.
        """
        return abs(place[0] - self.line * width) <= near

    def press(self, place: Point, on_line: bool) -> None:
        if self.frame is not None:
            self._hold = "line" if on_line else "click", place, self._seen_centre()

    @property
    def held(self) -> bool:
        """Whether the mouse is pressed."""
        return self._hold is not None

    def drag(self, place: Point, width: float) -> bool:
        """The mouse has moved while it is pressed; whether something else is seen by that.

        Args:
            width: the view's.
        """
        if self._hold is None:
            return False
        what, start, centre = self._hold
        dx, dy = place[0] - start[0], place[1] - start[1]
        if what == "line":
            self.line = min(1.0, max(0.0, place[0] / max(1, width)))
            return True
        if what == "drag" or max(abs(dx), abs(dy)) > _CLICK:
            self._hold = "drag", start, centre
            if self._scale is not None:
                self._look_at(centre[0] - dx / self._scale, centre[1] - dy / self._scale)
                return True
        return False

    def release(self, place: Point, area: Box, own: float) -> bool:
        """Whether that was a click, so that something else is enlarged than before.

        Args:
            own: the scale that shows a document's pixel as one of the screen's own.
        """
        hold, self._hold = self._hold, None
        clicked = hold is not None and hold[0] == "click"
        if clicked:
            self._enlarge(None if self._scale is not None else own, place, area)
        return clicked

    def _fitting(self, area: Box) -> float:
        if self.frame is None or not self.frame[2] or not self.frame[3]:
            return 1.0
        return max(1e-3, min(area[2] / self.frame[2], area[3] / self.frame[3]))

    def _seen_centre(self) -> Point:
        return self._centre if self._scale is not None or self.frame is None else _middle(self.frame)

    def _enlarge(self, scale: float | None, place: Point, area: Box) -> None:
        """Enlarge so that the document's point at a place stays there."""
        if self.frame is None:
            return
        if scale is None or scale <= self._fitting(area):
            self._scale = None
            return
        old, centre, middle = self.scale(area), self._seen_centre(), _middle(area)
        self._scale = new = min(scale, max(_MOST, self._fitting(area)))
        away = place[0] - middle[0], place[1] - middle[1]
        self._look_at(centre[0] + away[0] / old - away[0] / new, centre[1] + away[1] / old - away[1] / new)

    def _look_at(self, x: float, y: float) -> None:
        if self.frame is not None:
            left, top, width, height = self.frame
            self._centre = min(max(x, left), left + width), min(max(y, top), top + height)


def _middle(box: Box) -> Point:
    return box[0] + box[2] / 2, box[1] + box[3] / 2


def _meet(one: Box, other: Box) -> bool:
    """Whether two boxes share something."""
    return all(max(one[at], other[at]) < min(one[at] + one[at + 2], other[at] + other[at + 2]) for at in (0, 1))
