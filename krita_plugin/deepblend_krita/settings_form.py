"""The settings as widgets: a preset, sliders and choices, drawn from the table of settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from deepblend_protocol.errors import DeepBlendError
from deepblend_protocol.settings import PRESETS, Setting, table
from deepblend_protocol.words import CHOICES, _
from deepblend_protocol.words import PRESETS as LABELS
from krita import Krita

from . import nodes, result
from .qt import Qt, QtCore, QtWidgets

SHOWN = (
    *("style", "keep_colours", "feather_px", "grow_px", "gradients", "style_from"),
    *("shadow", "shadow_angle", "shadow_px"),
)
"""The settings that Krita's users meet, in the docker's order."""
_GROUP, _NAME = "deepblend", "settings"
_OWN = ""
"""The preset that is shown where the values are no preset's."""
_NOTCHES = 200


def defaults() -> dict[str, Any]:
    return {name: table()[name].default for name in SHOWN}


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of ``SHOWN``; those that are missing, or that no version of ours wrote, have their defaults."""
    known = defaults()
    for name in SHOWN:
        try:
            known[name] = table()[name].check(given.get(name, known[name]))
        except DeepBlendError:
            continue
    return known


def told(given: Mapping[str, Any]) -> str:
    """The settings in words, a line each; those that are as by default are left out, but for the first two."""
    lines = []
    for name in SHOWN:
        setting, value = table()[name], given[name]
        if name in SHOWN[:2] or value != setting.default:
            words = CHOICES[value] if setting.kind == "choice" else f"{value:g} {setting.unit}".rstrip()
            lines.append(f"{_(setting.label)}: {words}")
    return "\n".join(lines)


class _Quiet:
    """The wheel scrolls the docker, unless the widget has been clicked before."""

    def wheelEvent(self, event: Any) -> None:  # noqa: N802
        if self.hasFocus():  # type: ignore[attr-defined]
            super().wheelEvent(event)  # type: ignore[misc]
        else:
            event.ignore()


class _QuietSlider(_Quiet, QtWidgets.QSlider):
    pass


class _QuietSpin(_Quiet, QtWidgets.QDoubleSpinBox):
    pass


class _QuietCombo(_Quiet, QtWidgets.QComboBox):
    """Words that do not fit end in dots; the list that it opens is as wide as its longest."""

    def paintEvent(self, event: Any) -> None:  # noqa: N802
        painter, option, style = QtWidgets.QStylePainter(self), QtWidgets.QStyleOptionComboBox(), QtWidgets.QStyle
        self.initStyleOption(option)
        field = self.style().subControlRect(
            style.ComplexControl.CC_ComboBox, option, style.SubControl.SC_ComboBoxEditField, self
        )
        words = option.fontMetrics.elidedText(option.currentText, Qt.TextElideMode.ElideRight, field.width() - 4)
        option.currentText = words
        painter.drawComplexControl(style.ComplexControl.CC_ComboBox, option)
        painter.drawControl(style.ControlElement.CE_ComboBoxLabel, option)

    def showPopup(self) -> None:  # noqa: N802
        self.view().setMinimumWidth(min(600, self.view().sizeHintForColumn(0) + 24))
        super().showPopup()


class Slider(QtCore.QObject):
    """A number: a slider, and a field to type it into. Pixels have finer notches near 0."""

    changed = QtCore.pyqtSignal()

    def __init__(self, setting: Setting, parent: Any = None) -> None:
        super().__init__(parent)
        lowest, highest = setting.minimum, setting.maximum
        assert lowest is not None and highest is not None
        self._bent = bool(setting.unit)
        self._most = highest
        self.slider = _QuietSlider(Qt.Orientation.Horizontal, objectName=f"deepblend_{setting.name}_slider")
        self.slider.setRange(-_NOTCHES if lowest < 0 else 0, _NOTCHES)
        self.slider.setPageStep(_NOTCHES // 10)
        self.spin = _QuietSpin(objectName=f"deepblend_{setting.name}")
        self.spin.setRange(lowest, highest)
        self.spin.setDecimals(0 if setting.unit else 2)
        self.spin.setSingleStep(1.0 if setting.unit else 0.05)
        self.spin.setSuffix(f" {setting.unit}" if setting.unit else "")
        for widget in (self.slider, self.spin):
            widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            widget.setToolTip(_(setting.help))
            widget.setAccessibleName(_(setting.label))
        self.slider.setMinimumWidth(40)
        self.spin.valueChanged.connect(self._typed)
        self.slider.valueChanged.connect(self._moved)

    def value(self) -> float:
        return float(self.spin.value())

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


class SettingsForm(QtWidgets.QWidget):
    """All of them; ``changed`` is told when one has another value. Krita keeps them."""

    changed = QtCore.pyqtSignal()

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._fields: dict[str, Any] = {}
        self._setting = False
        layout = QtWidgets.QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setColumnStretch(1, 1)
        layout.setVerticalSpacing(4)
        preset = table()["preset"]
        self._preset = _QuietCombo(objectName="deepblend_preset", toolTip=_(preset.help))
        for label, name in [(_("Own values"), _OWN), *((LABELS[name], name) for name in PRESETS)]:
            self._preset.addItem(label, name)
        self._preset.activated.connect(self._preset_chosen)
        self._add(layout, _(preset.label), self._preset)
        known = table()
        for name in SHOWN:
            setting = known[name]
            if setting.kind == "choice":
                widget: Any = _QuietCombo(objectName=f"deepblend_{name}", toolTip=_(setting.help))
                for choice in setting.choices:
                    widget.addItem(CHOICES[choice], choice)
                widget.currentIndexChanged.connect(self._changed)
            else:
                widget = Slider(setting, self)
                widget.changed.connect(self._changed)
            self._fields[name] = widget
            self._add(layout, _(setting.label), widget)
        self.picture = LayerChoice()
        self.picture.currentIndexChanged.connect(self._changed)
        self._picture_label = self._add(layout, _("Other layer"), self.picture)
        self.as_mask = QtWidgets.QCheckBox(_("Edge as transparency mask"), objectName="deepblend_as_mask")
        self.as_mask.setToolTip(
            _("Keep the edge in a transparency mask, where it can be painted on, instead of the layer's transparency")
        )
        self.as_mask.toggled.connect(self._write)
        layout.addWidget(self.as_mask, layout.rowCount(), 0, 1, 3)
        self.as_mask.setVisible(result.can_mask())
        self._read()
        self._show()

    def values(self) -> dict[str, Any]:
        """The settings as they are sent to the server."""
        return {"method": "deep", **{name: self._value(name) for name in SHOWN}}

    def set_values(self, given: Mapping[str, Any]) -> None:
        """Set those that are given, all in one change."""
        self._setting = True
        for name, value in given.items():
            widget = self._fields.get(name)
            if isinstance(widget, Slider):
                widget.set_value(value)
            elif widget is not None:
                widget.setCurrentIndex(widget.findData(value))
        self._setting = False
        self._changed()

    def _add(self, layout: Any, label: str, widget: Any) -> Any:
        """A row: a label, and a choice, or a slider and its field."""
        row = layout.rowCount()
        field = widget.spin if isinstance(widget, Slider) else widget
        named = QtWidgets.QLabel(label, toolTip=field.toolTip())
        named.setBuddy(field)
        layout.addWidget(named, row, 0)
        if isinstance(widget, Slider):
            layout.addWidget(widget.slider, row, 1)
            layout.addWidget(widget.spin, row, 2)
            return named
        widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        widget.setAccessibleName(label)
        widget.setMinimumContentsLength(6)
        widget.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        layout.addWidget(widget, row, 1, 1, 2)
        return named

    def _value(self, name: str) -> Any:
        widget = self._fields[name]
        return round(widget.value(), 4) if isinstance(widget, Slider) else widget.currentData()

    def _preset_chosen(self, index: int) -> None:
        self.set_values(PRESETS.get(self._preset.itemData(index), {}))

    def _changed(self, *_ignored: Any) -> None:
        if self._setting:
            return
        self._show()
        self._write()
        self.changed.emit()

    def _show(self) -> None:
        """Show the preset whose values these are, and the chooser of a layer where it is of use."""
        now = self.values()
        fitting = (name for name, preset in PRESETS.items() if all(now[each] == preset[each] for each in preset))
        self._preset.setCurrentIndex(self._preset.findData(next(fitting, _OWN)))
        other = now["style_from"] == "picture"
        self.picture.setVisible(other)
        self._picture_label.setVisible(other)

    def _read(self) -> None:
        try:
            known = json.loads(Krita.instance().readSetting(_GROUP, _NAME, "{}"))
        except ValueError:
            known = {}
        known = known if isinstance(known, dict) else {}
        self._setting = True
        self.set_values(checked(known))
        self.as_mask.setChecked(known.get("as_mask") is True)
        self._setting = False

    def _write(self, *_ignored: Any) -> None:
        if not self._setting:
            known = {**self.values(), "as_mask": self.as_mask.isChecked()}
            Krita.instance().writeSetting(_GROUP, _NAME, json.dumps(known))


class LayerChoice(_QuietCombo):
    """A layer of the document, looked up when the list is opened."""

    def __init__(self, parent: Any = None) -> None:
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
        for node in nodes.below(document.rootNode()) if document is not None else ():
            if node.type() not in nodes.MASKS and node.type() != "filterlayer":
                self.insertItem(0, node.name(), nodes.id_of(node))
        self.setCurrentIndex(self.findData(chosen))
        self.blockSignals(False)

    def node(self, document: Any) -> Any:
        """The chosen layer, if it is one of this document's."""
        return nodes.found(document, self.currentData()) if self.currentData() else None
