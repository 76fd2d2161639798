"""How far the blends are: a row for each that runs or waits, with its own Cancel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from deepblend_protocol.words import _, ngettext, time_left
from krita import Krita

from .blends import Blend
from .qt import QtCore, QtWidgets, elided

_MOST = 4
"""Rows; how many blends there are beyond these is said."""


class _Row(QtWidgets.QWidget):
    """A blend's; its bar names the layer where there are others."""

    def __init__(self, number: int, cancelled: Callable[[Any], None], parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._blend: Blend | None = None
        self._bar = QtWidgets.QProgressBar(objectName=f"deepblend_progress_{number}")
        self._bar.setRange(0, 1000)
        self._bar.setMinimumWidth(60)
        self._left = QtWidgets.QLabel(objectName=f"deepblend_time_left_{number}")
        self._left.setToolTip(_("About how long it still takes, by how long blends took before"))
        cancel = QtWidgets.QToolButton(objectName=f"deepblend_cancel_{number}", toolTip=_("Cancel this blend"))
        cancel.setIcon(Krita.instance().icon("window-close"))
        cancel.setAccessibleName(cancel.toolTip())
        cancel.setAutoRaise(True)
        cancel.clicked.connect(lambda checked=False: cancelled(self._blend))
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._bar, 1)
        layout.addWidget(self._left)
        layout.addWidget(cancel)

    def show_blend(self, blend: Blend, several: bool) -> None:
        self._blend = blend
        words, percent = blend.words, int(100 * blend.fraction)
        if blend.fraction:
            words = _("%(words)s: %(percent)d%%") % {"words": words, "percent": percent}
        told = f"{blend.layer_name}: {words}"
        room = self._bar.width() - 12
        self._bar.setValue(round(1000 * blend.fraction))
        told_short = elided(self.fontMetrics(), told if several else words, room)
        self._bar.setFormat(told_short)
        self._bar.setToolTip(told)
        self._left.setText(time_left(blend.left.seconds) if blend.left is not None else "")


class ProgressRows(QtWidgets.QWidget):
    """All of them; ``cancelled`` is told a Blend."""

    cancelled = QtCore.pyqtSignal(object)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent, objectName="deepblend_queue")
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        self._rows = [_Row(number, self.cancelled.emit) for number in range(_MOST)]
        for row in self._rows:
            layout.addWidget(row)
        self._more = QtWidgets.QLabel(objectName="deepblend_queue_more")
        layout.addWidget(self._more)
        self.show_blends(())

    def show_blends(self, blends: Sequence[Blend]) -> None:
        """Show these, the first one first."""
        for number, row in enumerate(self._rows):
            if number < len(blends):
                row.show_blend(blends[number], len(blends) > 1)
            row.setVisible(number < len(blends))
        more = len(blends) - _MOST
        self._more.setVisible(more > 0)
        self._more.setText(ngettext("%d more blend waits", "%d more blends wait", max(more, 1)) % max(more, 1))
        self.setVisible(bool(blends))
