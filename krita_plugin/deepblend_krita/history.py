"""The results of this session, for each document: what is kept of them, and the list in which they are seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deepblend_protocol.messages import Plane
from deepblend_protocol.words import _

from . import nodes, result, settings_form
from .qt import Qt, QtCore, QtGui, QtWidgets

KEPT_BYTES = 2**28
"""Of all results together; the oldest ones are dropped first."""
THUMBNAIL = 72


@dataclass
class Entry:
    """A result."""

    document: Any
    layer_id: str
    place: result.Place
    """Where its layer lay."""
    title: str
    given: Mapping[str, Any]
    as_mask: bool
    plane: Plane
    picture: QtGui.QImage
    """The result on its background, as the preview shows it."""
    shadow: Plane | None = None

    @property
    def nbytes(self) -> int:
        planes = self.plane.nbytes + (self.shadow.nbytes if self.shadow is not None else 0)
        return planes + self.picture.bytesPerLine() * self.picture.height()


class Kept:
    """Results, from the oldest on; shared by all dockers."""

    def __init__(self, most: int = KEPT_BYTES) -> None:
        self._most = most
        self._entries: list[Entry] = []

    def add(self, entry: Entry) -> None:
        self._entries.append(entry)
        while sum(one.nbytes for one in self._entries) > self._most and len(self._entries) > 1:
            del self._entries[0]

    def remove(self, entry: Entry) -> None:
        self._entries = [one for one in self._entries if one is not entry]

    def of(self, document: Any) -> list[Entry]:
        """A document's, the newest first; those of documents that were closed are forgotten."""
        self._entries = [one for one in self._entries if nodes.is_open(one.document)]
        return [one for one in reversed(self._entries) if one.document == document]


class HistoryList(QtWidgets.QWidget):
    """Thumbnails, and what can be done with the chosen one.

    ``chosen`` is told an Entry, or None; ``apply``, ``restore`` and ``remove`` an Entry; ``counted`` their number.
    """

    chosen = QtCore.pyqtSignal(object)
    apply = QtCore.pyqtSignal(object)
    restore = QtCore.pyqtSignal(object)
    remove = QtCore.pyqtSignal(object)
    counted = QtCore.pyqtSignal(int)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._entries: list[Entry] = []
        self._list = QtWidgets.QListWidget(objectName="deepblend_history")
        self._list.setViewMode(QtWidgets.QListView.ViewMode.IconMode)
        self._list.setResizeMode(QtWidgets.QListView.ResizeMode.Adjust)
        self._list.setMovement(QtWidgets.QListView.Movement.Static)
        self._list.setIconSize(QtCore.QSize(THUMBNAIL, THUMBNAIL))
        self._list.setSpacing(2)
        policy = QtWidgets.QSizePolicy.Policy
        self._list.setSizePolicy(policy.Expanding, policy.Ignored)  # as high as the settings leave room for
        self._list.setMinimumHeight(THUMBNAIL + 16)
        self._list.setStyleSheet(
            "QListWidget::item { padding: 3px }QListWidget::item:selected { background: palette(highlight) }"
        )
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setAccessibleName(_("Results"))
        self._list.itemSelectionChanged.connect(self._changed)
        self._list.itemDoubleClicked.connect(lambda item: self.apply.emit(self.entry()))
        buttons = QtWidgets.QHBoxLayout()
        self._buttons = []
        for name, label, told, signal in (
            ("apply", _("Apply"), _("Make a layer of this result again"), self.apply),
            ("restore", _("Settings"), _("Set the sliders as they were for this result"), self.restore),
            ("delete", _("Delete"), _("Forget this result; its layer stays"), self.remove),
        ):
            button = QtWidgets.QPushButton(label, objectName=f"deepblend_history_{name}", toolTip=told)
            button.setSizePolicy(policy.Ignored, policy.Fixed)
            button.clicked.connect(lambda checked=False, signal=signal: signal.emit(self.entry()))
            buttons.addWidget(button)
            self._buttons.append(button)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._list, 1)
        self._told = QtWidgets.QLabel(objectName="deepblend_history_told", wordWrap=True)
        layout.addWidget(self._told)
        layout.addLayout(buttons)
        self._changed()

    def show_entries(self, entries: list[Entry]) -> None:
        """Show these; the chosen one stays so where it is among them."""
        if len(entries) == len(self._entries) and all(a is b for a, b in zip(entries, self._entries)):
            return
        before = self.entry()
        self._entries = entries
        self._list.blockSignals(True)
        self._list.clear()
        for entry in entries:
            modes = (Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)
            pixels = round(THUMBNAIL * self.devicePixelRatioF())
            thumbnail = entry.picture.scaled(pixels, pixels, *modes)
            thumbnail.setDevicePixelRatio(self.devicePixelRatioF())
            icon = QtGui.QIcon()
            for mode in (QtGui.QIcon.Mode.Normal, QtGui.QIcon.Mode.Selected):  # else Qt tints what is chosen
                icon.addPixmap(QtGui.QPixmap.fromImage(thumbnail), mode)
            item = QtWidgets.QListWidgetItem(icon, "")
            item.setSizeHint(QtCore.QSize(THUMBNAIL + 8, THUMBNAIL + 8))
            item.setToolTip(told(entry))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, told(entry))
            self._list.addItem(item)
            if entry is before:
                item.setSelected(True)
        self._list.blockSignals(False)
        self.counted.emit(len(entries))
        self._changed()

    def entry(self) -> Entry | None:
        """The chosen one."""
        rows = [self._list.row(item) for item in self._list.selectedItems()]
        return self._entries[rows[0]] if rows else None

    def unchoose(self) -> None:
        self._list.clearSelection()

    def _changed(self) -> None:
        entry = self.entry()
        for button in self._buttons:
            button.setEnabled(entry is not None)
        self._told.setText(told(entry) if entry is not None else "")
        self._told.setVisible(entry is not None)
        self.chosen.emit(entry)


def told(entry: Entry) -> str:
    """An entry in words: its layer, and its settings."""
    return f"{entry.title}\n{settings_form.told(entry.given)}"
