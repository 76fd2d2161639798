"""The settings as widgets: a preset, sliders and choices, drawn from the table of settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from deepblend_protocol.errors import DeepBlendError
from deepblend_protocol.plugins.presets import OLD_DEFAULT, OWN, USERS, of_today, values_of
from deepblend_protocol.settings import AUTOMATIC, PRESET_NAMES, PRESETS, SHOWN, Setting, table
from deepblend_protocol.words import CHOICES, LOOKS, _, looks_like
from deepblend_protocol.words import PRESETS as LABELS
from krita import Krita

from . import presets, result
from .fields import LayerChoice, QuietCombo, Slider
from .qt import Qt, QtCore, QtWidgets

_GROUP, _NAME = "deepblend", "settings"
_SHADOW = SHOWN[-3:]
"""How strong it is, and what it has then."""


def defaults() -> dict[str, Any]:
    return {name: table()[name].default for name in ("preset", *SHOWN)}


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The preset and the settings of ``SHOWN``, all of them, as they were kept.

    Those that are missing, or that no version of ours wrote, have their defaults; what was kept before there were
    automatic presets is own values, without the effects that there were not.
    """
    known, given = defaults(), of_today(given)
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


def in_short(given: Mapping[str, Any]) -> str:
    """The settings in a word or two: the preset, or of own values the style."""
    known = checked(given)
    if known["preset"] != OWN:
        return LABELS[known["preset"]]
    return f"{_(table()['style'].label)} {known['style']:g}"


class _Told(QtCore.QObject):
    """Tells each form what another one was given: one in each window, and all of them show the same."""

    written = QtCore.pyqtSignal(object)


_told = _Told()


class SettingsForm(QtWidgets.QWidget):
    """All of them; ``changed`` is told when what is sent is another. Krita keeps them, the same ones for all windows.

    Who moves a slider that the chosen preset sets has own values from then on. Values that were saved are a preset of
    the user's own, which is shown where they are set.
    """

    changed = QtCore.pyqtSignal()

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._fields: dict[str, Any] = {}
        self._labels: dict[str, QtWidgets.QLabel] = {}
        self._setting = False
        self._chosen = AUTOMATIC
        self._looks: Mapping[str, Any] = {}
        """The report that told what the background looks like."""
        layout = QtWidgets.QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setColumnStretch(1, 1)
        layout.setVerticalSpacing(4)
        known = table()
        preset = known["preset"]
        self._preset = QuietCombo(objectName="deepblend_preset", toolTip=_(preset.help))
        self._list_presets()
        self._preset.activated.connect(self._preset_chosen)
        self._add(layout, _(preset.label), self._preset, self._preset_menu())
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
        _told.written.connect(self._follow)

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
        self._chosen = str(preset)
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
        """The one that is in force; OWN where the values are the user's own, saved or not."""
        return self._chosen

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

    def _field(self, setting: Setting) -> Slider | QuietCombo:
        if setting.kind != "choice":
            slider = Slider(setting, self)
            slider.changed.connect(lambda: self._changed(setting.name))
            return slider
        combo = QuietCombo(objectName=f"deepblend_{setting.name}", toolTip=_(setting.help))
        for choice in setting.choices:
            combo.addItem(CHOICES[choice], choice)
        combo.currentIndexChanged.connect(lambda index: self._changed(setting.name))
        return combo

    def _add(
        self,
        layout: QtWidgets.QGridLayout,
        label: str,
        widget: Slider | QuietCombo,
        beside: QtWidgets.QWidget | None = None,
    ) -> QtWidgets.QLabel:
        """A row: a label, and a choice, perhaps with something beside it, or a slider and its field."""
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
        if beside is None:
            layout.addWidget(widget, row, 1, 1, 2)
        else:  # both in the width of the others: what is beside a choice is narrower than a field
            both = QtWidgets.QHBoxLayout()
            both.addWidget(widget, 1)
            both.addWidget(beside)
            layout.addLayout(both, row, 1, 1, 2)
        return named

    def _value(self, name: str) -> Any:
        widget = self._fields[name]
        return round(widget.value(), 4) if isinstance(widget, Slider) else widget.currentData()

    def _preset_values(self, preset: str) -> dict[str, Any]:
        """A preset, and what it sets as far as that is known; own values are those that are there."""
        if preset == OWN:
            return {"preset": OWN}
        return {"preset": preset, **values_of(preset, self._looks)}

    def _preset_chosen(self, index: int) -> None:
        chosen = str(self._preset.itemData(index))
        if chosen.startswith(USERS):
            values = checked(presets.read().get(chosen[len(USERS) :], {}))
            self.set_values({**values, **self._preset_values(values["preset"])})
        else:
            self.set_values(self._preset_values(chosen))

    def _given(self) -> dict[str, Any]:
        """What is kept of the form: the preset, and what it leaves."""
        return {"preset": self.preset, **self.values()}

    def _list_presets(self) -> None:
        self._preset.clear()
        for label, name in [*((LABELS[name], name) for name in PRESETS), (_("Own values"), OWN)]:
            self._preset.addItem(label, name)
        self._own = {name: checked(values) for name, values in sorted(presets.read().items())}
        for name in self._own:
            self._preset.addItem(name, USERS + name)

    def _user_preset(self) -> str:
        """The name of the user's own preset whose values these are; "" where there is none."""
        now = checked(self._given())
        return next((name for name, values in self._own.items() if values == now), "")

    def _preset_menu(self) -> QtWidgets.QToolButton:
        button = QtWidgets.QToolButton(objectName="deepblend_preset_menu", toolTip=_("Save or delete own presets"))
        button.setText("…")
        button.setAccessibleName(button.toolTip())
        button.setPopupMode(QtWidgets.QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        menu = QtWidgets.QMenu(button)
        menu.addAction(_("Save as preset…"), self._ask_name).setObjectName("deepblend_preset_save")
        delete = menu.addAction(_("Delete preset"), self._delete_preset)
        delete.setObjectName("deepblend_preset_delete")
        menu.aboutToShow.connect(lambda: delete.setEnabled(bool(self._user_preset())))
        button.setMenu(menu)
        return button

    def _ask_name(self) -> None:
        asked = QtWidgets.QInputDialog(self, objectName="deepblend_preset_name")
        asked.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        asked.setWindowTitle(_("Save preset"))
        asked.setLabelText(_("Its name"))
        asked.setTextValue(self._user_preset())
        asked.textValueSelected.connect(self._save_preset)
        asked.open()

    def _save_preset(self, name: str) -> None:
        if name.strip():
            presets.keep(name.strip(), self._given())
            self._tell()

    def _delete_preset(self) -> None:
        presets.forget(self._user_preset())
        self._tell()

    def _tell(self) -> None:
        """Have all forms show what is kept now."""
        self._list_presets()
        self._show()
        _told.written.emit(self)

    def _follow(self, other: QtWidgets.QWidget) -> None:
        """Another form has other values, or presets."""
        if other is not self:
            self._list_presets()
            before = self.values()
            self._read()
            if self.values() != before:
                self.changed.emit()

    def _changed(self, name: str) -> None:
        """A field has another value; of what presets set, that is the user's own from now on."""
        if self._setting:
            return
        if name in PRESET_NAMES:
            self._chosen = OWN
        self._show()
        self._write()
        self.changed.emit()

    def _show(self) -> None:
        """Show what is of use with these values, and the preset that they are."""
        own = self._user_preset()
        self._preset.setCurrentIndex(self._preset.findData(USERS + own if own else self.preset))
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
        if "preset" not in known and all(known.get(name) == value for name, value in OLD_DEFAULT.items()):
            known = {name: value for name, value in known.items() if name not in OLD_DEFAULT}
        values = checked(known)
        self._put({**values, **self._preset_values(values["preset"])})
        self._setting = True
        self.as_mask.setChecked(known.get("as_mask") is True)
        self._setting = False
        self._show()

    def _write(self, *_ignored: Any) -> None:
        if not self._setting:
            known = {**self._given(), "as_mask": self.as_mask.isChecked()}
            Krita.instance().writeSetting(_GROUP, _NAME, json.dumps(known))
            _told.written.emit(self)
