"""The settings as widgets: a preset, sliders and choices, drawn from the table of settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from deepblend_protocol.errors import DeepBlendError
from deepblend_protocol.settings import AUTOMATIC, PRESET_NAMES, PRESETS, SHOWN, Setting, resolve, table
from deepblend_protocol.words import CHOICES, LOOKS, _, looks_like
from deepblend_protocol.words import PRESETS as LABELS
from krita import Krita

from . import nodes, result
from .qt import Qt, QtCore, QtWidgets

_GROUP, _NAME = "deepblend", "settings"
OWN = "own"
"""The preset that sets nothing."""
_SHADOW = SHOWN[-3:]
"""How strong it is, and what it has then."""
_OLD_DEFAULT = {"style": 0.5, "keep_colours": 0.5, "style_from": "background"}
"""What is kept of who never moved a slider, from before there were automatic presets."""
_NOTCHES = 200


def defaults() -> dict[str, Any]:
    return {name: table()[name].default for name in ("preset", *SHOWN)}


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The preset and the settings of ``SHOWN``, all of them, as they were kept.

    Those that are missing, or that no version of ours wrote, have their defaults; what was kept before there were
    automatic presets is own values, without the effects that there were not.
    """
    known = defaults()
    if "preset" not in given and any(name in given for name in PRESET_NAMES):
        given = {"match": 0.0, "grain": 0.0, **given, "preset": OWN}
    for name in known:
        value = given.get(name, known[name])
        try:
            known[name] = value if (name, value) == ("preset", OWN) else table()[name].check(value)
        except DeepBlendError:
            continue
    return known


def told(given: Mapping[str, Any]) -> str:
    """The settings in words, a line each; those as by default or by the preset are left out, but for the first two."""
    known = checked(given)
    preset = known["preset"]
    setting = table()["preset"]
    lines = [f"{_(setting.label)}: {LABELS[preset]}"] if preset != OWN else []
    for name in SHOWN:
        setting, value = table()[name], known[name]
        left = (preset != OWN and name in PRESET_NAMES) or (name in _SHADOW[1:] and not known["shadow"])
        if name in SHOWN[:2] or (value != setting.default and not left):
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
        lengths = setting.unit == "px"
        self._bent = lengths
        self._most = highest
        self.slider = _QuietSlider(Qt.Orientation.Horizontal, objectName=f"deepblend_{setting.name}_slider")
        self.slider.setRange(-_NOTCHES if lowest < 0 else 0, _NOTCHES)
        self.slider.setPageStep(_NOTCHES // 10)
        self.spin = _QuietSpin(objectName=f"deepblend_{setting.name}")
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


class SettingsForm(QtWidgets.QWidget):
    """All of them; ``changed`` is told when what is sent is another. Krita keeps them.

    Who moves a slider that the chosen preset sets has own values from then on.
    """

    changed = QtCore.pyqtSignal()

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._fields: dict[str, Any] = {}
        self._labels: dict[str, Any] = {}
        self._setting = False
        self._looks: Mapping[str, Any] = {}
        """The report that told what the background looks like."""
        layout = QtWidgets.QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setColumnStretch(1, 1)
        layout.setVerticalSpacing(4)
        known = table()
        preset = known["preset"]
        self._preset = _QuietCombo(objectName="deepblend_preset", toolTip=_(preset.help))
        for label, name in [*((LABELS[name], name) for name in PRESETS), (_("Own values"), OWN)]:
            self._preset.addItem(label, name)
        self._preset.activated.connect(self._preset_chosen)
        self._add(layout, _(preset.label), self._preset)
        self._said = QtWidgets.QLabel(objectName="deepblend_looks")
        self._said.setWordWrap(True)
        layout.addWidget(self._said, layout.rowCount(), 1, 1, 2)
        self._more = QtWidgets.QToolButton(objectName="deepblend_more", text=_("Contact shadow"), checkable=True)
        self._more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._more.setAutoRaise(True)
        self._more.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._more.toggled.connect(self._unfold)
        self.picture = LayerChoice()
        self.picture.currentIndexChanged.connect(lambda index: self._changed("picture"))
        for name in SHOWN:
            if name == _SHADOW[0]:
                layout.addWidget(self._more, layout.rowCount(), 0, 1, 3)
            setting = known[name]
            self._fields[name] = self._field(setting)
            self._labels[name] = self._add(layout, _(setting.label), self._fields[name])
            if name == "style_from":
                self._labels["picture"] = self._add(layout, _("Other layer"), self.picture)
        self.as_mask = QtWidgets.QCheckBox(_("Edge as transparency mask"), objectName="deepblend_as_mask")
        self.as_mask.setToolTip(
            _("Keep the edge in a transparency mask, where it can be painted on, instead of the layer's transparency")
        )
        self.as_mask.toggled.connect(self._write)
        layout.addWidget(self.as_mask, layout.rowCount(), 0, 1, 3)
        self.as_mask.setVisible(result.can_mask())
        self._read()
        self._more.setChecked(self._value("shadow") > 0)
        self._unfold(self._more.isChecked())

    def values(self) -> dict[str, Any]:
        """The settings as they are sent to the server: what a preset sets is left to it."""
        left = PRESET_NAMES if self.preset != OWN else ()
        given = {} if self.preset == OWN else {"preset": self.preset}
        return {"method": "deep", **given, **{name: self._value(name) for name in SHOWN if name not in left}}

    def set_values(self, given: Mapping[str, Any]) -> None:
        """Set those that are given, all in one change; without a preset, what presets set is own values."""
        self._put(given)
        self._changed("")

    def _put(self, given: Mapping[str, Any]) -> None:
        self._setting = True
        preset = given.get("preset", OWN if any(name in given for name in PRESET_NAMES) else self.preset)
        self._preset.setCurrentIndex(self._preset.findData(preset))
        for name, value in given.items():
            widget = self._fields.get(name)
            if isinstance(widget, Slider):
                widget.set_value(value)
            elif widget is not None:
                widget.setCurrentIndex(widget.findData(value))
        if self._value("shadow") > 0:
            self._more.setChecked(True)
        self._setting = False

    @property
    def preset(self) -> str:
        return str(self._preset.currentData())

    def decided(self, report: Mapping[str, Any]) -> None:
        """Show what a blend's report says of the background, and the values that follow from it."""
        if report.get("looks_like") not in LOOKS:
            return
        self._looks = report
        if self.preset == AUTOMATIC:
            self._put(self._preset_values(AUTOMATIC))
        self._show()

    def other_background(self) -> None:
        """What was said of the background is not of this document's."""
        self._looks = {}
        self._show()

    def _field(self, setting: Setting) -> Any:
        if setting.kind != "choice":
            slider = Slider(setting, self)
            slider.changed.connect(lambda: self._changed(setting.name))
            return slider
        combo = _QuietCombo(objectName=f"deepblend_{setting.name}", toolTip=_(setting.help))
        for choice in setting.choices:
            combo.addItem(CHOICES[choice], choice)
        combo.currentIndexChanged.connect(lambda index: self._changed(setting.name))
        return combo

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

    def _preset_values(self, preset: str) -> dict[str, Any]:
        """A preset, and what it sets as far as that is known; own values are those that are there."""
        if preset == OWN:
            return {"preset": OWN}
        known = resolve({"preset": self._looks.get("looks_like", preset) if preset == AUTOMATIC else preset})
        return {"preset": preset, **{name: getattr(known, name) for name in PRESET_NAMES}}

    def _preset_chosen(self, index: int) -> None:
        self.set_values(self._preset_values(self._preset.itemData(index)))

    def _changed(self, name: str) -> None:
        """A field has another value; of what presets set, that is the user's own from now on."""
        if self._setting:
            return
        if name in PRESET_NAMES:
            self._preset.setCurrentIndex(self._preset.findData(OWN))
        self._show()
        self._write()
        self.changed.emit()

    def _show(self) -> None:
        """Show what is of use with these values."""
        words = looks_like(self._looks) if self.preset == AUTOMATIC else ""
        self._said.setText(words)
        self._said.setVisible(bool(words))
        other = self._value("style_from") == "picture"
        self.picture.setVisible(other)
        self._labels["picture"].setVisible(other)
        for name in _SHADOW[1:]:
            self._fields[name].set_enabled(self._value("shadow") > 0)
            self._labels[name].setEnabled(self._value("shadow") > 0)

    def _unfold(self, on: bool) -> None:
        self._more.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow)
        for name in _SHADOW:
            self._labels[name].setVisible(on)
            self._fields[name].set_visible(on)

    def _read(self) -> None:
        try:
            known = json.loads(Krita.instance().readSetting(_GROUP, _NAME, "{}"))
        except ValueError:
            known = {}
        known = known if isinstance(known, dict) else {}
        if "preset" not in known and all(known.get(name) == value for name, value in _OLD_DEFAULT.items()):
            known = {name: value for name, value in known.items() if name not in _OLD_DEFAULT}
        values = checked(known)
        self._put({**values, **self._preset_values(values["preset"])})
        self._setting = True
        self.as_mask.setChecked(known.get("as_mask") is True)
        self._setting = False
        self._show()

    def _write(self, *_ignored: Any) -> None:
        if not self._setting:
            known = {"preset": self.preset, **self.values(), "as_mask": self.as_mask.isChecked()}
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
