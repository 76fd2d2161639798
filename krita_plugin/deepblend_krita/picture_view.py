"""A view of pictures of one place: as large as there is room for, to be enlarged, moved and compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from deepblend_protocol.plugins.viewport import Box, Viewport

from .qt import Qt, QtCore, QtGui, QtWidgets, elided

_NEAR = 8
"""Pixels from the line between before and after within which it is taken hold of."""
_LOWEST = 48


class Shown(NamedTuple):
    """A picture, and the part of the document that it is of."""

    image: QtGui.QImage
    frame: Box
    """x, y, width and height in document pixels."""
    caption: str = ""


class PictureView(QtWidgets.QWidget):
    """One picture, two on either side of a line that is dragged, or two beside each other; words where there is none.

    The wheel enlarges, a drag moves, a click shows the document's own pixels and the next one everything.
    ``sharper`` is told when there may be more pixels to see than the pictures have.
    """

    sharper = QtCore.pyqtSignal()

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._ground: Shown | None = None
        self._panes: Sequence[Shown] = ()
        self._split = False
        self.words = ""
        self.failed = False
        """Whether the words say what went wrong."""
        self.error_colour = ""
        self._port = Viewport(0.5)
        policy = QtWidgets.QSizePolicy.Policy
        self.setSizePolicy(policy.Expanding, policy.Expanding)
        self.setMinimumHeight(_LOWEST)
        self.setMouseTracking(True)

    @property
    def image(self) -> QtGui.QImage | None:
        """The picture that is seen, or the right one of two."""
        return self._panes[-1].image if self._panes else None

    @property
    def panes(self) -> Sequence[Shown]:
        return self._panes

    def show_pictures(self, ground: Shown | None, panes: Sequence[Shown], split: bool = False) -> None:
        """Show these.

        Args:
            ground: what lies below all of them, and says how much is seen where nothing is enlarged.
            panes: none, one, or two that are compared.
            split: two of them lie on either side of the line; else beside each other.
        """
        self._ground, self._panes, self._split = ground, panes, split
        first = ground or (panes[0] if panes else None)
        self._port.show(first.frame if first is not None else None)
        self.update()

    @property
    def line(self) -> float:
        """Where the line between before and after is, of the width."""
        return self._port.line

    @property
    def shape(self) -> float:
        """The height of what is shown by its width; 0 where there is nothing."""
        frame = self._port.frame
        return frame[3] / frame[2] if frame is not None and frame[2] else 0.0

    @property
    def longest(self) -> int:
        """How many pixels the longer side of what is shown should have to be sharp."""
        return round(self._port.longest(_box(self._areas()[0])) * self.devicePixelRatioF()) if self._panes else 0

    def sizeHint(self) -> QtCore.QSize:  # noqa: N802
        return QtCore.QSize(220, 220)

    # Where things are

    def _areas(self) -> list[QtCore.QRectF]:
        """Where the panes are: the whole, or its halves."""
        whole = QtCore.QRectF(self.rect())
        if len(self._panes) < 2 or self._split:
            return [whole] * len(self._panes)
        if whole.width() >= whole.height():
            half = (whole.width() - 2) / 2
            return [QtCore.QRectF(x, 0, half, whole.height()) for x in (0, half + 2)]
        half = (whole.height() - 2) / 2
        return [QtCore.QRectF(0, y, whole.width(), half) for y in (0, half + 2)]

    def _area_at(self, place: tuple[float, float]) -> Box:
        areas, point = self._areas() or [QtCore.QRectF(self.rect())], QtCore.QPointF(*place)
        return _box(next((area for area in areas if area.contains(point)), areas[0]))

    def _enlarged(self) -> None:
        self.update()
        self.sharper.emit()

    # What the mouse does

    def wheelEvent(self, event: QtGui.QWheelEvent) -> None:  # noqa: N802
        notches = event.angleDelta().y() / 120
        if notches:
            place = event.position().x(), event.position().y()
            self._port.turn_wheel(notches, place, self._area_at(place))
            self._enlarged()
        event.accept()

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        if event.button() == Qt.MouseButton.LeftButton:
            place = _place(event)
            self._port.press(place, self._on_line(place))

    def mouseMoveEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        place = _place(event)
        if self._port.drag(place, self.width()):
            self.update()
        elif not self._port.held:
            self.setCursor(Qt.CursorShape.SplitHCursor if self._on_line(place) else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        place = _place(event)
        if self._port.release(place, self._area_at(place), 1 / self.devicePixelRatioF()):
            self._enlarged()

    def _on_line(self, place: tuple[float, float]) -> bool:
        return self._split and len(self._panes) == 2 and self._port.on_line(place, self.width(), _NEAR)

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self.sharper.emit()

    # What is drawn

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        painter = QtGui.QPainter(self)
        if not self._panes:
            colour = self.palette().color(QtGui.QPalette.ColorRole.WindowText)
            painter.setPen(QtGui.QColor(self.error_colour) if self.failed and self.error_colour else colour)
            option = QtGui.QTextOption(Qt.AlignmentFlag.AlignCenter)
            painter.drawText(QtCore.QRectF(self.rect()).adjusted(6, 6, -6, -6), self.words, option)
            return
        painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
        for number, (pane, area) in enumerate(zip(self._panes, self._areas())):
            clip = QtCore.QRectF(area)
            if self._split and len(self._panes) == 2:
                at = self.line * self.width()
                clip = QtCore.QRectF(0, 0, at, area.height()) if not number else area.adjusted(at, 0, 0, 0)
            painter.setClipRect(clip)
            for one in (self._ground, pane):
                if one is not None:
                    self._draw(painter, one, area)
            self._caption(painter, pane.caption, clip, bool(number) and self._split)
        if self._split and len(self._panes) == 2:
            painter.setClipping(False)
            at = self.line * self.width()
            painter.setPen(QtGui.QPen(QtGui.QColor(0, 0, 0, 160), 3))
            painter.drawLine(QtCore.QLineF(at, 0, at, self.height()))
            painter.setPen(QtGui.QPen(QtGui.QColor(255, 255, 255), 1))
            painter.drawLine(QtCore.QLineF(at, 0, at, self.height()))

    def _draw(self, painter: QtGui.QPainter, shown: Shown, area: QtCore.QRectF) -> None:
        place = QtCore.QRectF(*self._port.place(shown.frame, _box(area)))
        pixel = place.width() * self.devicePixelRatioF() / max(1, shown.image.width())
        smooth = QtGui.QPainter.RenderHint.SmoothPixmapTransform
        painter.setRenderHint(smooth, pixel < 3)  # pixels so large are meant to be seen
        painter.drawImage(place, shown.image)

    def _caption(self, painter: QtGui.QPainter, caption: str, area: QtCore.QRectF, right: bool) -> None:
        if not caption or area.width() < 30:
            return
        metrics = painter.fontMetrics()
        words = elided(metrics, caption, int(area.width()) - 12)
        box = QtCore.QRectF(area.left() + 3, area.top() + 3, metrics.horizontalAdvance(words) + 8, metrics.height() + 2)
        if right:
            box.moveRight(area.right() - 3)
        painter.fillRect(box, QtGui.QColor(0, 0, 0, 150))
        painter.setPen(QtGui.QColor(255, 255, 255))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), words)


def _box(area: QtCore.QRectF) -> Box:
    return area.x(), area.y(), area.width(), area.height()


def _place(event: QtGui.QMouseEvent) -> tuple[float, float]:
    return event.pos().x(), event.pos().y()
