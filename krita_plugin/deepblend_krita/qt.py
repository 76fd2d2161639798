"""The Qt that Krita itself has loaded: PyQt5 in Krita 5, PyQt6 in Krita 6. Enums are written in the long form."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or "PyQt6.QtCore" not in sys.modules:
    from PyQt5 import QtCore, QtGui, QtWidgets
else:
    from PyQt6 import QtCore, QtGui, QtWidgets

Qt = QtCore.Qt
__all__ = ["Qt", "QtCore", "QtGui", "QtWidgets", "image_of"]


def image_of(samples: bytes, width: int, height: int, kind: Any) -> QtGui.QImage:
    """A picture of its own that holds samples whose rows have no padding."""
    stride = len(samples) // height
    return QtGui.QImage(samples, width, height, stride, kind).copy()
