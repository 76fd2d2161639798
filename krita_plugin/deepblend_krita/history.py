"""The results of this session, for each document: what is kept of them, and the list in which they are seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deepblend_protocol.messages import Plane
from deepblend_protocol.words import _
from krita import Document

from . import nodes, settings_form
from .picture_view import Shown
from .place import Place
from .qt import Qt, QtCore, QtGui, QtWidgets

KEPT_BYTES = 2**28
"""Of all results together; the oldest ones are dropped first."""
THUMBNAIL, _LEAST = 72, 36
"""Pixels of a thumbnail's side: where there is room, and in a low docker."""


@dataclass
class Entry:
    """A result."""

    document: Document
    layer_id: str
    place: Place
    """Where its layer lay."""
    title: str
    given: Mapping[str, Any]
    as_mask: bool
    plane: Plane
    picture: Shown
    """The result on its background, as the preview shows it."""
    shadow: Plane | None = None
    number: int = 0
    """Of its document's results, from 1 on; 0 where it is in no list yet."""

    @property
    def caption(self) -> str:
        """In a word or two, to be told from the others."""
        return f"{self.number}: {settings_form.in_short(self.given)}"

    @property
    def nbytes(self) -> int:
        planes = self.plane.nbytes + (self.shadow.nbytes if self.shadow is not None else 0)
        return planes + self.picture.image.bytesPerLine() * self.picture.image.height()


class Kept:
    """Results, from the oldest on; shared by all dockers."""

    def __init__(self, most: int = KEPT_BYTES) -> None:
        self._most = most
        self._entries: list[Entry] = []

    def add(self, entry: Entry) -> None:
        entry.number = 1 + max((one.number for one in self._entries if one.document == entry.document), default=0)
        self._entries.append(entry)
        while sum(one.nbytes for one in self._entries) > self._most and len(self._entries) > 1:
            del self._entries[0]

    def remove(self, entry: Entry) -> None:
        self._entries = [one for one in self._entries if one is not entry]

    def of(self, document: Document) -> list[Entry]:
        """A document's, the newest first; those of documents that were closed are forgotten."""
        self._entries = [one for one in self._entries if nodes.is_open(one.document)]
        return [one for one in reversed(self._entries) if one.document == document]


class _Thumbnails(QtWidgets.QListWidget):
    """Rows of thumbnails with captions, small enough for one row to be seen whole."""

    def resizeEvent(self, event: Any) -> None:  # noqa: N802
        super().resizeEvent(event)
        self.fit()

    def lowest(self) -> int:
        """The height of one row of the smallest."""
        return _LEAST + self._rest()

    def fit(self) -> None:
        """Have all be as large as there is height for."""
        side = max(_LEAST, min(THUMBNAIL, self.viewport().height() - self._rest()))
        self.setIconSize(QtCore.QSize(side, side))
        for row in range(self.count()):
            self.item(row).setSizeHint(QtCore.QSize(THUMBNAIL + 8, side + 12 + self.fontMetrics().height()))

    def _rest(self) -> int:
        return 12 + self.fontMetrics().height() + 2 * self.spacing() + 2 * self.frameWidth()


class _Words(QtWidgets.QLabel):
    """Words that give way in a low docker: of half a line nothing is seen."""

    def paintEvent(self, event: Any) -> None:  # noqa: N802
        if self.height() >= self.fontMetrics().height():
            super().paintEvent(event)


class HistoryList(QtWidgets.QWidget):
    """Thumbnails, and what can be done with the chosen one; two that are chosen are compared.

    ``chosen`` is told that others are; ``apply``, ``restore`` and ``remove`` an Entry; ``counted`` their number.
    """

    chosen = QtCore.pyqtSignal()
    apply = QtCore.pyqtSignal(object)
    restore = QtCore.pyqtSignal(object)
    remove = QtCore.pyqtSignal(object)
    counted = QtCore.pyqtSignal(int)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: list[Entry] = []
        self._list = _Thumbnails(objectName="deepblend_history")
        self._list.setViewMode(QtWidgets.QListView.ViewMode.IconMode)
        self._list.setResizeMode(QtWidgets.QListView.ResizeMode.Adjust)
        self._list.setMovement(QtWidgets.QListView.Movement.Static)
        self._list.setSpacing(2)
        self._list.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode.ExtendedSelection)
        self._list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self._list.setToolTip(_("Click a result to see it; with Ctrl a second one, to compare the two"))
        policy = QtWidgets.QSizePolicy.Policy
        self._list.setSizePolicy(policy.Expanding, policy.Ignored)  # as high as the settings leave room for
        self._list.setMinimumHeight(self._list.lowest())
        self._list.setStyleSheet(
            "QListWidget::item { padding: 3px }QListWidget::item:selected { background: palette(highlight) }"
        )
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setAccessibleName(_("Results"))
        self._list.itemSelectionChanged.connect(self._changed)
        self._list.itemDoubleClicked.connect(lambda item: self.apply.emit(self._entries[self._list.row(item)]))
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
        self._told = _Words(objectName="deepblend_history_told")
        self._told.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._told.setSizePolicy(policy.Ignored, policy.Maximum)
        self._told.setMinimumHeight(1)  # in a low docker it gives way to the list; all of it is in its tip
        layout.addWidget(self._told)
        layout.addLayout(buttons)
        self._changed()

    def show_entries(self, entries: list[Entry]) -> None:
        """Show these; the chosen one stays so where it is among them."""
        if len(entries) == len(self._entries) and all(a is b for a, b in zip(entries, self._entries)):
            return
        before = self.chosen_entries()
        self._entries = entries
        self._list.blockSignals(True)
        self._list.clear()
        for entry in entries:
            modes = (Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)
            pixels = round(THUMBNAIL * self.devicePixelRatioF())
            thumbnail = entry.picture.image.scaled(pixels, pixels, *modes)
            thumbnail.setDevicePixelRatio(self.devicePixelRatioF())
            icon = QtGui.QIcon()
            for mode in (QtGui.QIcon.Mode.Normal, QtGui.QIcon.Mode.Selected):  # else Qt tints what is chosen
                icon.addPixmap(QtGui.QPixmap.fromImage(thumbnail), mode)
            item = QtWidgets.QListWidgetItem(icon, entry.caption)
            item.setToolTip(told(entry))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, told(entry))
            self._list.addItem(item)
            if any(entry is one for one in before):
                item.setSelected(True)
        self._list.fit()
        self._list.blockSignals(False)
        self.counted.emit(len(entries))
        self._changed()

    def chosen_entries(self) -> list[Entry]:
        """Those that are chosen, in the list's order."""
        return [self._entries[row] for row in sorted(self._list.row(item) for item in self._list.selectedItems())]

    def entry(self) -> Entry | None:
        """The chosen one, if it is one."""
        chosen = self.chosen_entries()
        return chosen[0] if len(chosen) == 1 else None

    def unchoose(self) -> None:
        self._list.clearSelection()

    def _changed(self) -> None:
        entry, chosen = self.entry(), self.chosen_entries()
        for button in self._buttons:
            button.setEnabled(entry is not None)
        self._told.setText(told(entry) if entry is not None else compared(*chosen) if len(chosen) == 2 else "")
        self._told.setToolTip(self._told.text())
        self._told.setVisible(bool(self._told.text()))
        self.chosen.emit()


def told(entry: Entry) -> str:
    """An entry in words: its layer, and its settings."""
    return f"{entry.title}\n{settings_form.told(entry.given)}"


def compared(one: Entry, other: Entry) -> str:
    """Two entries in words: the settings in which they differ, or that there are none."""
    lines = [settings_form.told(each.given).split("\n") for each in (one, other)]
    own = [", ".join(line for line in mine if line not in others) for mine, others in (lines, lines[::-1])]
    return "\n".join(f"{each.caption}; {words}" if words else each.caption for each, words in zip((one, other), own))
