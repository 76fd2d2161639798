"""The widgets of a form: numbers, choices and layers, which leave the wheel to who scrolls by them."""

from __future__ import annotations

from deepblend_protocol.settings import Setting
from deepblend_protocol.words import _
from krita import Document, Krita, Node

from . import nodes
from .qt import Qt, QtCore, QtGui, QtWidgets, elided

_NOTCHES = 200


class _Quiet:
    """The wheel scrolls the docker, unless the widget has been clicked before."""

    def wheelEvent(self, event: QtGui.QWheelEvent) -> None:  # noqa: N802
        if self.hasFocus():  # type: ignore[attr-defined]
            super().wheelEvent(event)  # type: ignore[misc]
        else:
            event.ignore()


class QuietSlider(_Quiet, QtWidgets.QSlider):
    pass


class QuietSpin(_Quiet, QtWidgets.QDoubleSpinBox):
    pass


class QuietCombo(_Quiet, QtWidgets.QComboBox):
    """Words that do not fit end in dots; the list that it opens is as wide as its longest."""

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        painter, option, style = QtWidgets.QStylePainter(self), QtWidgets.QStyleOptionComboBox(), QtWidgets.QStyle
        self.initStyleOption(option)
        field = self.style().subControlRect(
            style.ComplexControl.CC_ComboBox, option, style.SubControl.SC_ComboBoxEditField, self
        )
        words = elided(option.fontMetrics, option.currentText, field.width() - 4)
        option.currentText = words
        painter.drawComplexControl(style.ComplexControl.CC_ComboBox, option)
        painter.drawControl(style.ControlElement.CE_ComboBoxLabel, option)

    def showPopup(self) -> None:  # noqa: N802
        self.view().setMinimumWidth(min(600, self.view().sizeHintForColumn(0) + 24))
        super().showPopup()


class Slider(QtCore.QObject):
    """A number: a slider, and a field to type it into. Pixels have finer notches near 0."""

    changed = QtCore.pyqtSignal()

    def __init__(self, setting: Setting, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        lowest, highest = setting.minimum, setting.maximum
        assert lowest is not None and highest is not None
        lengths = setting.unit == "px"
        self._bent = lengths
        self._most = highest
        self.slider = QuietSlider(Qt.Orientation.Horizontal, objectName=f"deepblend_{setting.name}_slider")
        self.slider.setRange(-_NOTCHES if lowest < 0 else 0, _NOTCHES)
        self.slider.setPageStep(_NOTCHES // 10)
        self.spin = QuietSpin(objectName=f"deepblend_{setting.name}")
        self.spin.setRange(lowest, highest)
        self.spin.setDecimals(0 if setting.unit else 2)
        self.spin.setSingleStep(1.0 if setting.unit else 0.05)
        self.spin.setSuffix(" px" if lengths else "°" if setting.unit == "degrees" else "")
        for widget in (self.slider, self.spin):
            widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            widget.setToolTip(_(setting.help))
            widget.setAccessibleName(_(setting.label))
        self.slider.setMinimumWidth(40)
        self.spin.valueChanged.connect(self._typed)
        self.slider.valueChanged.connect(self._moved)

    def value(self) -> float:
        return float(self.spin.value())

    def set_enabled(self, on: bool) -> None:
        self.slider.setEnabled(on)
        self.spin.setEnabled(on)

    def set_visible(self, on: bool) -> None:
        self.slider.setVisible(on)
        self.spin.setVisible(on)

    def set_value(self, value: float) -> None:
        self.spin.setValue(value)

    def _typed(self, value: float) -> None:
        part = value / self._most
        notch = round((abs(part) ** 0.5 if self._bent else abs(part)) * _NOTCHES) * (-1 if part < 0 else 1)
        self.slider.blockSignals(True)
        self.slider.setValue(notch)
        self.slider.blockSignals(False)
        self.changed.emit()

    def _moved(self, notch: int) -> None:
        part = notch / _NOTCHES
        self.spin.setValue(part * abs(part) * self._most if self._bent else part * self._most)


class LayerChoice(QuietCombo):
    """A layer of the document, looked up when the list is opened."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("deepblend_picture")
        self.setToolTip(_("The layer that texture comes from"))

    def showPopup(self) -> None:  # noqa: N802
        self.look()
        super().showPopup()

    def look(self) -> None:
        """List the active document's layers."""
        document, chosen = Krita.instance().activeDocument(), self.currentData()
        self.blockSignals(True)
        self.clear()
        for node in nodes.below(document.rootNode() if document is not None else None):
            if node.type() not in nodes.MASKS and node.type() != "filterlayer":
                self.insertItem(0, node.name(), nodes.id_of(node))
        self.setCurrentIndex(self.findData(chosen))
        self.blockSignals(False)

    def node(self, document: Document) -> Node | None:
        """The chosen layer, if it is one of this document's."""
        return nodes.found(document, self.currentData()) if self.currentData() else None
