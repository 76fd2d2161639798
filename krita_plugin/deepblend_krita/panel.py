"""The docker's widgets, and how they lie; what they mean is the docker's business."""

from __future__ import annotations

from typing import Any

from deepblend_protocol.client import State
from deepblend_protocol.words import _
from krita import Krita

from .history import HistoryList
from .qt import Qt, QtCore, QtGui, QtWidgets
from .settings_form import SettingsForm

_DOTS = {
    State.IDLE: "#8a8a8a",
    State.STARTING: "#d79b00",
    State.CONNECTING: "#d79b00",
    State.READY: "#3a9d4a",
    State.LOST: "#d0443e",
}
"""The colours of the dot; each is seen on a light and on a dark ground."""
_FAILED = {"dark": "#ff9d94", "light": "#a8201a"}
"""What went wrong, to be read on a dark and on a light ground."""
_LOWEST = 90
"""Pixels of the picture's height that are left where the docker is low."""


class PictureView(QtWidgets.QWidget):
    """A picture as large as there is room for; words where there is none. In a low docker it gives way to all else."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._image: Any = None
        self.words = ""
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(_LOWEST)
        self._fit()

    @property
    def image(self) -> Any:
        return self._image

    def show_image(self, image: Any) -> None:
        self._image = image
        self._fit()
        self.update()

    def resizeEvent(self, event: Any) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._fit()

    def sizeHint(self) -> Any:  # noqa: N802
        return QtCore.QSize(220, _LOWEST)

    def _fit(self) -> None:
        """Take no more height than the picture fills."""
        height = self.width() * self._image.height() / self._image.width() if self._image is not None else 0.0
        self.setMaximumHeight(max(_LOWEST, round(height)))

    def paintEvent(self, event: Any) -> None:  # noqa: N802
        painter = QtGui.QPainter(self)
        area = QtCore.QRectF(self.rect())
        if self._image is None:
            painter.setPen(self.palette().color(QtGui.QPalette.ColorRole.WindowText))
            painter.drawText(area.adjusted(6, 6, -6, -6), self.words, QtGui.QTextOption(Qt.AlignmentFlag.AlignCenter))
            return
        scale = min(area.width() / self._image.width(), area.height() / self._image.height())
        width, height = self._image.width() * scale, self._image.height() * scale
        place = QtCore.QRectF((area.width() - width) / 2, (area.height() - height) / 2, width, height)
        painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(place, self._image)


class Dot(QtWidgets.QWidget):
    """A coloured dot."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent, objectName="deepblend_dot")
        self.colour = _DOTS[State.IDLE]
        self.setFixedSize(12, 12)

    def paintEvent(self, event: Any) -> None:  # noqa: N802
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QtGui.QColor(self.colour))
        painter.drawEllipse(QtCore.QRectF(1, 1, 10, 10))


class Panel(QtWidgets.QScrollArea):
    """All that the docker holds."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QtWidgets.QWidget()
        layout = QtWidgets.QVBoxLayout(inner)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.setSpacing(6)

        self.picture = PictureView()
        self.picture.setObjectName("deepblend_preview")
        self.live = QtWidgets.QCheckBox(_("Live preview"), objectName="deepblend_live")
        self.live.setToolTip(_("Show the active layer's blend, which follows the settings"))
        self.before = QtWidgets.QPushButton(_("Before"), objectName="deepblend_before")
        self.before.setToolTip(_("Show the picture as it is, while this is pressed"))
        self.refresh = QtWidgets.QToolButton(objectName="deepblend_refresh")
        self.refresh.setIcon(Krita.instance().icon("view-refresh"))
        self.refresh.setToolTip(_("Read the layers anew, after you have painted on them"))
        self.refresh.setAccessibleName(_("Refresh"))
        self.refresh.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        row = QtWidgets.QHBoxLayout()
        row.addWidget(self.live, 1)
        row.addWidget(self.before)
        row.addWidget(self.refresh)
        self._preview_bar = QtWidgets.QProgressBar(objectName="deepblend_preview_progress")
        self._preview_bar.setTextVisible(False)
        self._preview_bar.setMaximumHeight(4)
        self._preview_bar.setRange(0, 1000)
        layout.addWidget(self.picture, 1)
        layout.addWidget(self._preview_bar)
        self._preview_said = _wrapped("deepblend_preview_said")
        layout.addWidget(self._preview_said)
        layout.addLayout(row)

        self.form = SettingsForm()
        self.history = HistoryList()
        self.tabs = QtWidgets.QTabWidget(objectName="deepblend_tabs")
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.form, _("Settings"))
        self.tabs.addTab(self.history, "")
        self.history.counted.connect(self._show_count)
        self._show_count(0)
        layout.addWidget(self.tabs)

        self.blend = QtWidgets.QPushButton(_("Blend"), objectName="deepblend_blend")
        self.blend.setToolTip(_("Make a new layer of the active one, blended into what lies below"))
        self.cancel = QtWidgets.QPushButton(_("Cancel"), objectName="deepblend_cancel")
        row = QtWidgets.QHBoxLayout()
        row.addWidget(self.blend, 1)
        row.addWidget(self.cancel)
        layout.addLayout(row)
        self.recall = QtWidgets.QPushButton(_("Settings of this layer"), objectName="deepblend_recall")
        self.recall.setToolTip(_("Set the sliders as they were when this layer was made"))
        self.recall.setVisible(False)
        layout.addWidget(self.recall)
        self._bar = QtWidgets.QProgressBar(objectName="deepblend_progress")
        self._bar.setRange(0, 1000)
        layout.addWidget(self._bar)
        self._said = _wrapped("deepblend_said")
        layout.addWidget(self._said)
        self._dot = Dot()
        self._state = _wrapped("deepblend_state")
        row = QtWidgets.QHBoxLayout()
        row.addWidget(self._dot, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._state, 1)
        layout.addLayout(row)

        layout.addStretch(0)
        self.setWidget(inner)

    def sizeHint(self) -> Any:  # noqa: N802
        return QtCore.QSize(260, 640)

    def minimumSizeHint(self) -> Any:  # noqa: N802
        return QtCore.QSize(200, 120)

    def show_picture(self, image: Any, words: str, fraction: float) -> None:
        """Show a preview, and what is said of it."""
        self.picture.words = words
        self.picture.show_image(image)
        self._preview_said.setText(words if image is not None else "")
        self._preview_said.setVisible(image is not None and bool(words))
        self._preview_bar.setValue(round(1000 * fraction))
        self.before.setEnabled(image is not None)

    def show_progress(self, fraction: float | None, words: str) -> None:
        """Show how far a blend is; None where there is none."""
        running = fraction is not None
        self.blend.setEnabled(not running)
        self.cancel.setEnabled(running)
        self._bar.setVisible(running)
        self._bar.setValue(round(1000 * (fraction or 0.0)))
        self._bar.setFormat(
            _("%(words)s: %(percent)d%%") % {"words": words, "percent": int(100 * fraction)} if fraction else words
        )

    def show_said(self, words: str, failed: bool) -> None:
        """Say how a blend ended."""
        self._said.setText(words)
        self._said.setVisible(bool(words))
        dark = self.palette().color(QtGui.QPalette.ColorRole.Window).lightness() < 128
        self._said.setStyleSheet(f"color: {_FAILED['dark' if dark else 'light']}" if failed else "")

    def _show_count(self, count: int) -> None:
        """Say how many results there are; without any, there is nothing to see of them."""
        self.tabs.setTabText(1, _("Results (%d)") % count if count else _("Results"))
        self.tabs.setTabEnabled(1, bool(count))

    def show_state(self, state: State, words: str) -> None:
        """Show whether there is a server."""
        self._dot.colour = _DOTS[state]
        self._dot.update()
        self._state.setText(words)


def _wrapped(name: str) -> QtWidgets.QLabel:
    """A label of as many lines as its words need."""
    label = QtWidgets.QLabel(objectName=name)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
