"""The Qt that Krita itself has loaded: PyQt5 in Krita 5, PyQt6 in Krita 6. Enums are written in the long form."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or "PyQt6.QtCore" not in sys.modules:
    from PyQt5 import QtCore, QtGui, QtWidgets
else:
    from PyQt6 import QtCore, QtGui, QtWidgets

Qt = QtCore.Qt
__all__ = ["Qt", "QtCore", "QtGui", "QtWidgets", "elided", "image_of"]


def image_of(samples: bytes, width: int, height: int, kind: Any) -> QtGui.QImage:
    """A picture of its own that holds samples whose rows have no padding."""
    stride = len(samples) // height
    return QtGui.QImage(samples, width, height, stride, kind).copy()


def elided(metrics: QtGui.QFontMetrics, words: str, room: int, end: bool = True) -> str:
    """As much of the words as so many pixels hold, with dots for the rest: at their end, or else in their middle.

    Qt leaves the dots out where the font of the letters has none, as happens with Japanese.
    """
    mode = Qt.TextElideMode.ElideRight if end else Qt.TextElideMode.ElideMiddle
    kept = metrics.elidedText(words, mode, room)
    if kept in ("", words) or "…" in kept or "..." in kept:
        return kept
    return metrics.elidedText(words, Qt.TextElideMode.ElideRight, max(0, room - metrics.horizontalAdvance("…"))) + "…"
