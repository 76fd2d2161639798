"""The docker's widgets, and how they lie; what they mean is the docker's business."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deepblend_protocol.client import State
from deepblend_protocol.words import _
from krita import Krita

from .blends import Blend
from .history import HistoryList
from .picture_view import PictureView, Shown
from .progress import ProgressRows
from .qt import Qt, QtCore, QtGui, QtWidgets, elided
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
_SHARE = 0.62
"""Of the height, for the picture, where there is not enough for all settings below it."""
_SHAPE = 0.8
"""A picture's height by its width, before there is one."""


class Dot(QtWidgets.QWidget):
    """A coloured dot."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent, objectName="deepblend_dot")
        self.colour = _DOTS[State.IDLE]
        self.setFixedSize(12, 12)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QtGui.QColor(self.colour))
        painter.drawEllipse(QtCore.QRectF(1, 1, 10, 10))


class Panel(QtWidgets.QWidget):
    """All that the docker holds. However low it is, the picture and what is at the bottom are in sight.

    The settings between them are scrolled; the line above them can be dragged.
    """

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(4)
        self._splitter = QtWidgets.QSplitter(Qt.Orientation.Vertical, objectName="deepblend_splitter")
        self._splitter.setChildrenCollapsible(False)
        self._splitter.splitterMoved.connect(self._moved)
        self._own_share: float | None = None
        """Of the height, for the picture: as its user dragged it."""
        self._splitter.addWidget(self._upper())
        self._splitter.addWidget(self._lower())
        layout.addWidget(self._splitter, 1)
        self._add_buttons(layout)
        self._add_words(layout)

    def _upper(self) -> QtWidgets.QWidget:
        """The picture, and what is done with it."""
        self.picture = PictureView()
        self.picture.setObjectName("deepblend_preview")
        self.picture.setToolTip(_("Wheel: enlarge; drag: move; click: the picture's own pixels, or everything"))
        self._preview_bar = QtWidgets.QProgressBar(objectName="deepblend_preview_progress")
        self._preview_bar.setTextVisible(False)
        self._preview_bar.setMaximumHeight(4)
        self._preview_bar.setRange(0, 1000)
        self._preview_said = wrapped("deepblend_preview_said")
        self.live = QtWidgets.QCheckBox(_("Live preview"), objectName="deepblend_live")
        self.live.setToolTip(_("Show the active layer's blend, which follows the settings"))
        self.before = QtWidgets.QPushButton(_("Before"), objectName="deepblend_before")
        self.before.setToolTip(_("Show the picture as it is, while this is pressed"))
        self.before.setMinimumWidth(self.before.fontMetrics().horizontalAdvance(self.before.text()) + 16)
        self.split = self._tool("split", _split_icon(self.palette()), _("Before and after"), checkable=True)
        self.split.setToolTip(_("Show before and after on either side of a line that can be dragged"))
        self.on_canvas = self._tool("on_canvas", Krita.instance().icon("visible"), _("On the canvas"), checkable=True)
        self.on_canvas.setToolTip(_("Show the preview on the canvas as well; nothing is painted there"))
        self.refresh = self._tool("refresh", Krita.instance().icon("view-refresh"), _("Refresh"))
        self.refresh.setToolTip(_("Read the layers anew"))
        row = QtWidgets.QHBoxLayout()
        row.setSpacing(3)
        row.addWidget(self.live, 1)
        for one in (self.before, self.split, self.on_canvas, self.refresh):
            row.addWidget(one)
        upper = QtWidgets.QWidget()
        layout = QtWidgets.QVBoxLayout(upper)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self.picture, 1)
        layout.addWidget(self._preview_bar)
        layout.addWidget(self._preview_said)
        layout.addLayout(row)
        self._upper_rest = row.sizeHint().height() + 10
        return upper

    def _lower(self) -> QtWidgets.QWidget:
        """The settings and the results."""
        self.form = SettingsForm()
        self.settings = QtWidgets.QScrollArea(objectName="deepblend_settings")
        self.settings.setWidgetResizable(True)
        self.settings.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.settings.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.settings.setWidget(self.form)
        self.settings.setMinimumWidth(
            self.form.minimumSizeHint().width() + self.settings.verticalScrollBar().width() // 8
        )
        self.history = HistoryList()
        self.tabs = QtWidgets.QTabWidget(objectName="deepblend_tabs")
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.settings, _("Settings"))
        self.tabs.addTab(self.history, "")
        self.tabs.setMinimumHeight(72)
        self.tabs.currentChanged.connect(lambda index: self._divide())
        self.history.counted.connect(self._show_count)
        self._show_count(0)
        return self.tabs

    def _add_buttons(self, layout: QtWidgets.QBoxLayout) -> None:
        self._dot = Dot()
        self.blend = QtWidgets.QPushButton(_("Blend"), objectName="deepblend_blend")
        self.blend.setToolTip(
            _("Make a new layer of the active one, blended into what lies below; it waits for blends before it")
        )
        self.cancel = QtWidgets.QPushButton(_("Cancel"), objectName="deepblend_cancel")
        row = QtWidgets.QHBoxLayout()
        row.addWidget(self._dot)
        row.addWidget(self.blend, 1)
        row.addWidget(self.cancel)
        layout.addLayout(row)
        self.recall = QtWidgets.QPushButton(_("Settings of this layer"), objectName="deepblend_recall")
        self.recall.setToolTip(_("Set the sliders as they were when this layer was made"))
        self.recall.setVisible(False)
        layout.addWidget(self.recall)

    def _add_words(self, layout: QtWidgets.QBoxLayout) -> None:
        self.queue = ProgressRows()
        layout.addWidget(self.queue)
        self._said = wrapped("deepblend_said")
        layout.addWidget(self._said)
        self.hide_layer = QtWidgets.QPushButton(objectName="deepblend_hide")
        self.hide_layer.setVisible(False)
        policy = QtWidgets.QSizePolicy.Policy
        self.hide_layer.setSizePolicy(policy.Ignored, policy.Fixed)  # a layer may have a long name
        layout.addWidget(self.hide_layer)
        self._state = wrapped("deepblend_state")
        layout.addWidget(self._state)

    def _tool(self, name: str, icon: QtGui.QIcon, label: str, checkable: bool = False) -> QtWidgets.QToolButton:
        button = QtWidgets.QToolButton(objectName=f"deepblend_{name}", checkable=checkable)
        button.setIcon(icon)
        button.setAutoRaise(True)
        button.setAccessibleName(label)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return button

    def sizeHint(self) -> QtCore.QSize:  # noqa: N802
        return QtCore.QSize(260, 640)

    def minimumSizeHint(self) -> Any:  # noqa: N802
        return QtCore.QSize(max(200, self.layout().minimumSize().width()), 120)

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        QtCore.QTimer.singleShot(0, self._divide)  # when the layout has its new heights

    # What is shown

    def show_pictures(self, ground: Shown | None, panes: Sequence[Shown], split: bool = False) -> None:
        before = bool(self.picture.panes)
        self.picture.show_pictures(ground, panes, split)
        self.before.setEnabled(bool(panes))
        if before != bool(panes):
            self._divide()

    def show_preview_words(self, words: str, failed: bool, fraction: float) -> None:
        """Say how far the preview is, or why there is none."""
        self.picture.words, self.picture.failed, self.picture.error_colour = words, failed, error_colour(self.palette())
        self.picture.update()
        beside = bool(self.picture.panes) and bool(words)
        self._preview_said.setText(words if beside else "")
        self._preview_said.setVisible(beside)
        self._preview_said.setStyleSheet(f"color: {error_colour(self.palette())}" if failed else "")
        self._preview_bar.setValue(round(1000 * fraction))

    def show_blends(self, blends: Sequence[Blend]) -> None:
        """Show how far blends are."""
        self.cancel.setEnabled(bool(blends))
        self.queue.show_blends(blends)

    def show_said(self, words: str, failed: bool) -> None:
        """Say how a blend ended."""
        if (words, failed) == (self._said.text(), bool(self._said.styleSheet())):
            return
        self._said.setText(words)
        self._said.setVisible(bool(words))
        self._said.setStyleSheet(f"color: {error_colour(self.palette())}" if failed else "")

    def show_hiding(self, words: str) -> None:
        """Offer to hide a layer; "" where there is none."""
        room = self.width() - 32
        self.hide_layer.setText(elided(self.fontMetrics(), words, room, end=False))
        self.hide_layer.setToolTip(words)
        self.hide_layer.setVisible(bool(words))

    def show_state(self, state: State, words: str) -> None:
        """Show whether there is a server: by the dot alone, where that is as it should be."""
        self._dot.colour = _DOTS[state]
        self._dot.setToolTip(words)
        self._dot.update()
        self._state.setText(words)
        self._state.setVisible(state is not State.READY)

    def _show_count(self, count: int) -> None:
        """Say how many results there are; without any, there is nothing to see of them."""
        self.tabs.setTabText(1, _("Results (%d)") % count if count else _("Results"))
        self.tabs.setTabEnabled(1, bool(count))

    # How it is divided

    def _moved(self, *_ignored: Any) -> None:
        upper, lower = self._splitter.sizes()
        self._own_share = upper / max(1, upper + lower)

    def _divide(self) -> None:
        """Divide the height: all settings in sight where there is room for the picture besides; of results, one row."""
        height = self._splitter.height()
        if self._own_share is not None:
            upper = round(height * self._own_share)
        else:
            shape = self.picture.shape or _SHAPE
            wanted = round(self.width() * shape) + self._upper_rest
            form = self.form.sizeHint().height() + self.tabs.tabBar().sizeHint().height() + 8
            upper = max(min(wanted, round(height * _SHARE)), height - form)
            if self.tabs.currentWidget() is self.history:
                bar = self.tabs.tabBar().sizeHint().height()
                upper = min(upper, height - bar - self.history.minimumSizeHint().height() - 8)
        self._splitter.setSizes([upper, height - upper])


def _split_icon(palette: QtGui.QPalette) -> QtGui.QIcon:
    """A square, one half of it filled."""
    image = QtGui.QPixmap(32, 32)
    image.fill(QtGui.QColor(0, 0, 0, 0))
    painter = QtGui.QPainter(image)
    colour = palette.color(QtGui.QPalette.ColorRole.WindowText)
    painter.setPen(QtGui.QPen(colour, 3))
    painter.drawRect(4, 4, 24, 24)
    painter.fillRect(4, 4, 12, 24, colour)
    painter.end()
    return QtGui.QIcon(image)


def error_colour(palette: QtGui.QPalette) -> str:
    """The colour of what went wrong, for words on a widget's ground."""
    dark = palette.color(QtGui.QPalette.ColorRole.Window).lightness() < 128
    return _FAILED["dark" if dark else "light"]


def wrapped(name: str) -> QtWidgets.QLabel:
    """A label of as many lines as its words need."""
    label = QtWidgets.QLabel(objectName=name)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
