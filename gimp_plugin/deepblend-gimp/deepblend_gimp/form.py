"""The dialog's settings: a grid of labels and fields, all of one width."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from deepblend_protocol.words import _  # noqa: E402
from gi.repository import Gimp, GimpUi, Gtk  # noqa: E402

from .arguments import PICTURE  # noqa: E402
from .presets import PresetRow  # noqa: E402

_ROWS = (
    ("style", "scale"),
    ("keep-colours", "scale"),
    ("style-from", "choice"),
    (PICTURE, "layer"),
    ("match", "scale"),
    ("grain", "scale"),
    ("gradients", "choice"),
    ("edges", "choice"),
    ("grow-px", "number"),
    ("feather-px", "number"),
    ("hide-original", "choice"),
    ("as-layer-mask", "switch"),
)
_SHADOW = ("shadow", "shadow-angle", "shadow-px")
_NEEDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    PICTURE: ("style-from", lambda value: value == "picture"),
    "shadow-angle": ("shadow", lambda value: value > 0),
    "shadow-px": ("shadow", lambda value: value > 0),
}
"""By argument that is not always of use: the one that decides, and what that has to be."""


class Form(Gtk.Grid):
    """All settings, the presets above them.

    Args:
        config: the settings, with what a preset sets as it is shown.
        presets: the first row.
    """

    def __init__(self, config: Gimp.ProcedureConfig, presets: PresetRow) -> None:
        super().__init__(column_spacing=12, row_spacing=6)
        self._config = config
        self._count = 0
        self._watched: list[int] = []
        self._row(self, presets.label, presets.row)
        self.attach(presets.said, 1, self._count, 1, 1)
        self._count += 1
        for name, kind in _ROWS:
            self._add(self, name, kind)
        rows = Gtk.Grid(column_spacing=12, row_spacing=6, margin_top=6)
        for name in _SHADOW:
            self._add(rows, name, "scale", key=False)
        shadow = Gtk.Expander(label=_("Contact shadow"), expanded=config.get_property("shadow") > 0)
        shadow.add(rows)
        self.attach(shadow, 0, self._count, 2, 1)
        self.connect("destroy", lambda *_: [config.disconnect(one) for one in self._watched])

    def _add(self, grid: Gtk.Grid, name: str, kind: str, key: bool = True) -> None:
        known = self._config.find_property(name)
        field, focus = self._field(name, kind)
        field.set_tooltip_text(known.blurb)
        if kind == "switch":
            self._row(grid, None, field)
        else:
            words = known.nick if key else known.nick.replace("_", "")
            label = Gtk.Label(label=words, use_underline=key, xalign=0, mnemonic_widget=focus if key else None)
            self._row(grid, label, field)
        if name in _NEEDS:
            other, fits = _NEEDS[name]

            def follow(*_: Any) -> None:
                field.set_sensitive(fits(self._config.get_property(other)))

            follow()
            self._watched.append(self._config.connect(f"notify::{other}", follow))

    def _row(self, grid: Gtk.Grid, label: Gtk.Label | None, field: Gtk.Widget) -> None:
        field.set_hexpand(True)
        if label is not None:
            grid.attach(label, 0, self._count, 1, 1)
        grid.attach(field, 1, self._count, 1, 1)
        self._count += 1

    def _field(self, name: str, kind: str) -> tuple[Gtk.Widget, Gtk.Widget]:
        """A field for an argument, and what of it has the keys."""
        config = self._config
        if kind == "scale":
            entry = cast(GimpUi.ScaleEntry, GimpUi.prop_scale_entry_new(config, name, None, 1.0, False, 0, 0))
            _hide(entry.get_label())
            return entry, entry.get_spin_button()
        if kind == "number":
            spin = GimpUi.prop_spin_button_new(config, name, 1.0, 10.0, 1)
            spin.set_halign(Gtk.Align.START)
            return spin, spin
        if kind == "switch":
            nick = config.find_property(name).nick
            switch = cast(Gtk.CheckButton, GimpUi.prop_check_button_new(config, name, nick))
            switch.set_use_underline(True)
            return switch, switch
        if kind == "layer":
            title = _("The layer that texture comes from")
            chooser = cast(GimpUi.DrawableChooser, GimpUi.prop_drawable_chooser_new(config, name, title))
            _hide(chooser.get_label())
            return chooser, chooser
        combo = GimpUi.prop_choice_combo_box_new(config, name)
        return combo, combo


def _hide(label: Gtk.Widget) -> None:
    """The form has labels in a column of their own; GIMP's fields bring theirs along."""
    label.set_no_show_all(True)
    label.hide()
