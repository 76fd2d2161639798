"""The preview on the canvas: drawn over it, in nobody's document, and gone without a trace."""

from __future__ import annotations

from typing import Any

from krita import Krita, View

from .picture_view import Shown
from .qt import Qt, QtCore, QtGui, QtWidgets

_CANVASES = ("KisOpenGLCanvas2", "KisQPainterCanvas")
"""Of what class the widget is that Krita draws a document on."""
_WATCH_MS = 40
"""How often it is looked whether the canvas was scrolled or zoomed."""


class _Overlay(QtWidgets.QWidget):
    """Lies over a canvas, and lets all events through."""

    def __init__(self, canvas: QtWidgets.QWidget) -> None:
        super().__init__(canvas, objectName="deepblend_overlay")
        self.canvas = canvas
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.shown: Shown | None = None
        self.transform = QtGui.QTransform()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        if self.shown is None:
            return
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
        painter.setTransform(self.transform, True)
        painter.drawImage(QtCore.QRectF(*self.shown.frame), self.shown.image)


class CanvasOverlay(QtCore.QObject):
    """One for each window; shows a picture where it belongs in a view's document."""

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._view: View | None = None
        self._overlay: _Overlay | None = None
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(_WATCH_MS)
        self._timer.timeout.connect(self._follow)

    def show_picture(self, view: View | None, shown: Shown | None) -> None:
        """Show a picture from now on; None: nothing. A Krita that does not tell where its canvas is shows nothing."""
        if shown is None or view is None or not hasattr(view, "flakeToCanvasTransform"):
            self._drop()
            return
        if self._overlay is None or not self._overlay.canvas.isVisible():
            self._drop()
            canvas = _canvas(view)
            if canvas is None:
                return
            self._overlay = _Overlay(canvas)
            self._overlay.destroyed.connect(self._gone)  # with its canvas
        self._view, self._overlay.shown = view, shown
        self._follow()
        self._overlay.update()
        self._timer.start()

    def _drop(self) -> None:
        self._timer.stop()
        self._view = None
        overlay, self._overlay = self._overlay, None
        if overlay is not None:
            overlay.hide()
            overlay.deleteLater()

    def _gone(self, *_ignored: Any) -> None:
        self._overlay = None
        self._timer.stop()

    def _follow(self) -> None:
        """Lie where the canvas is by now."""
        overlay, view = self._overlay, self._view
        if overlay is None or view is None:
            return
        document = view.document()
        if document is None or not any(one == document for one in Krita.instance().documents()):
            self._drop()
            return
        to_flake, __ = view.flakeToImageTransform().inverted()  # flake is zoomed already, but not scrolled
        transform = to_flake * view.flakeToCanvasTransform()
        if transform != overlay.transform or overlay.size() != overlay.canvas.size() or not overlay.isVisible():
            overlay.transform = transform
            overlay.setGeometry(overlay.canvas.rect())
            overlay.show()
            overlay.raise_()
            overlay.update()


def _canvas(view: View) -> QtWidgets.QWidget | None:
    """The widget that a view's document is drawn on, where the view is in front in its window; else None."""
    area = view.window().qwindow().findChild(QtWidgets.QMdiArea)
    front = area.activeSubWindow() if area is not None else None
    if front is None:
        return None
    found = front.findChildren(QtWidgets.QWidget)
    return next((one for one in found if one.metaObject().className() in _CANVASES and one.isVisible()), None)
