"""A view of pictures of one place: as large as there is room for, to be enlarged, moved and compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .qt import Qt, QtCore, QtGui, QtWidgets

_STEP = 1.25
"""By which a notch of the wheel enlarges."""
_MOST = 8.0
"""Screen pixels that a document's pixel is enlarged to, at most."""
_NEAR = 8
"""Pixels from the line between before and after within which it is taken hold of."""
_CLICK = 4
"""Pixels that a click may move the mouse."""
_LOWEST = 48


class Shown(NamedTuple):
    """A picture, and the part of the document that it is of."""

    image: QtGui.QImage
    frame: tuple[float, float, float, float]
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
        self.line = 0.5
        """Where the line between before and after is, of the width."""
        self._scale: float | None = None
        """Screen pixels of a document's pixel; None: as large as there is room for."""
        self._centre = QtCore.QPointF()
        """The document's point in the middle."""
        self._grip: tuple[str, QtCore.QPointF, QtCore.QPointF] | None = None
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
        before = self._frame
        self._ground, self._panes, self._split = ground, panes, split
        if self._frame is None or before is None or not self._frame.intersects(before):
            self._scale = None
        self.update()

    @property
    def shape(self) -> float:
        """The height of what is shown by its width; 0 where there is nothing."""
        frame = self._frame
        return frame.height() / frame.width() if frame is not None and frame.width() else 0.0

    @property
    def longest(self) -> int:
        """How many pixels the longer side of what is shown should have to be sharp."""
        if self._frame is None:
            return 0
        return round(max(self._frame.width(), self._frame.height()) * self._seen_scale() * self.devicePixelRatioF())

    def sizeHint(self) -> QtCore.QSize:  # noqa: N802
        return QtCore.QSize(220, 220)

    @property
    def _frame(self) -> QtCore.QRectF | None:
        first = self._ground or (self._panes[0] if self._panes else None)
        return QtCore.QRectF(*first.frame) if first is not None else None

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

    def _fitting(self) -> float:
        frame, areas = self._frame, self._areas()
        if frame is None or not areas or frame.isEmpty():
            return 1.0
        return max(1e-3, min(areas[0].width() / frame.width(), areas[0].height() / frame.height()))

    def _seen_scale(self) -> float:
        return self._scale if self._scale is not None else self._fitting()

    def _seen_centre(self) -> QtCore.QPointF:
        frame = self._frame
        return self._centre if self._scale is not None or frame is None else frame.center()

    def _area_at(self, place: QtCore.QPointF) -> QtCore.QRectF:
        return next((area for area in self._areas() if area.contains(place)), QtCore.QRectF(self.rect()))

    def _enlarge(self, scale: float | None, place: QtCore.QPointF) -> None:
        """Enlarge so that the document's point at a place stays there."""
        if self._frame is None:
            return
        if scale is None or scale <= self._fitting():
            self._scale = None
        else:
            away = place - self._area_at(place).center()
            point = self._seen_centre() + away / self._seen_scale()
            self._scale = min(scale, max(_MOST, self._fitting()))
            self._look_at(point - away / self._scale)
        self.update()
        self.sharper.emit()

    def _look_at(self, centre: QtCore.QPointF) -> None:
        frame = self._frame
        if frame is None:
            return
        x = min(max(centre.x(), frame.left()), frame.right())
        y = min(max(centre.y(), frame.top()), frame.bottom())
        self._centre = QtCore.QPointF(x, y)

    # What the mouse does

    def wheelEvent(self, event: QtGui.QWheelEvent) -> None:  # noqa: N802
        notches = event.angleDelta().y() / 120
        if self._frame is not None and notches:
            self._enlarge(self._seen_scale() * _STEP**notches, event.position())
        event.accept()

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        if self._frame is None or event.button() != Qt.MouseButton.LeftButton:
            return
        place = QtCore.QPointF(event.pos())
        self._grip = ("line" if self._on_line(place) else "click", place, self._seen_centre())

    def mouseMoveEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        place = QtCore.QPointF(event.pos())
        if self._grip is None:
            shape = Qt.CursorShape.SplitHCursor if self._on_line(place) else Qt.CursorShape.ArrowCursor
            self.setCursor(shape)
            return
        what, start, centre = self._grip
        if what == "line":
            self.line = min(1.0, max(0.0, place.x() / max(1, self.width())))
        elif what == "drag" or (place - start).manhattanLength() > _CLICK:
            self._grip = ("drag", start, centre)
            if self._scale is not None:
                self._look_at(centre - (place - start) / self._scale)
        self.update()

    def mouseReleaseEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        grip, self._grip = self._grip, None
        if grip is not None and grip[0] == "click":
            own = 1 / self.devicePixelRatioF()
            self._enlarge(None if self._scale is not None else own, QtCore.QPointF(event.pos()))

    def _on_line(self, place: QtCore.QPointF) -> bool:
        return self._split and len(self._panes) == 2 and abs(place.x() - self.line * self.width()) <= _NEAR

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
        scale, centre = self._seen_scale(), self._seen_centre()
        x, y, w, h = shown.frame
        place = QtCore.QRectF(
            area.center().x() + (x - centre.x()) * scale,
            area.center().y() + (y - centre.y()) * scale,
            w * scale,
            h * scale,
        )
        pixel = w * scale * self.devicePixelRatioF() / max(1, shown.image.width())
        smooth = QtGui.QPainter.RenderHint.SmoothPixmapTransform
        painter.setRenderHint(smooth, pixel < 3)  # pixels so large are meant to be seen
        painter.drawImage(place, shown.image)

    def _caption(self, painter: QtGui.QPainter, caption: str, area: QtCore.QRectF, right: bool) -> None:
        if not caption or area.width() < 30:
            return
        metrics = painter.fontMetrics()
        words = metrics.elidedText(caption, Qt.TextElideMode.ElideRight, int(area.width()) - 12)
        box = QtCore.QRectF(area.left() + 3, area.top() + 3, metrics.horizontalAdvance(words) + 8, metrics.height() + 2)
        if right:
            box.moveRight(area.right() - 3)
        painter.fillRect(box, QtGui.QColor(0, 0, 0, 150))
        painter.setPen(QtGui.QColor(255, 255, 255))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), words)
