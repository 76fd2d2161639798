"""The dialog: settings, presets, and a preview that follows them."""

from __future__ import annotations

from typing import Any

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from deepblend_protocol.words import _  # noqa: E402
from gi.repository import Gimp, GimpUi, Gtk  # noqa: E402

from . import procedure as procedures  # noqa: E402
from .document import Subject  # noqa: E402
from .presets import PresetRow, shown  # noqa: E402
from .preview import Preview  # noqa: E402

_SCALES = ("style", "keep-colours", "match", "grain")
_MAIN = ("style", "keep-colours", "style-from", procedures.PICTURE, "match", "grain", "gradients")
_EDGE = ("edges", "grow-px", "feather-px", "as-layer-mask", "hide-original")
_SHADOW = ("shadow", "shadow-angle", "shadow-px")


def run(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, subject: Subject) -> bool:
    """Let the user choose; whether OK was pressed. Raises MaskEmpty, MaskOutside before it opens."""
    GimpUi.init("deepblend-gimp")
    config.set_property("method", "deep")  # in the dialog, style 0 is "seamless only"
    with shown(config):
        return _run(procedure, config, subject)


def _run(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, subject: Subject) -> bool:
    presets = PresetRow(config)
    with Preview(subject, config, presets.decided) as preview:
        dialog = GimpUi.ProcedureDialog.new(procedure, config, _("Deep Image Blending"))
        dialog.set_ok_label(_("Ble_nd"))
        for name in _SCALES:
            dialog.get_scale_entry(name, 1.0)
        side = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=12)
        side.pack_start(presets, False, False, 0)
        for title, names in (("main", _MAIN), ("edge", _EDGE)):
            side.pack_start(dialog.fill_box(title, list(names)), False, False, 0)
        shadow = _Shadow(config)
        side.pack_start(shadow.widget, False, False, 0)
        both = Gtk.Box(spacing=18, margin=12)
        both.pack_start(preview.widget, True, True, 0)
        both.pack_start(side, False, False, 0)
        both.show_all()
        dialog.get_content_area().pack_start(both, True, True, 0)
        watched = [_follow_style_from(dialog, config), shadow.watched]
        accepted = dialog.run()
        for one in watched:
            config.disconnect(one)
        dialog.destroy()
    return accepted


def _follow_style_from(dialog: GimpUi.ProcedureDialog, config: Gimp.ProcedureConfig) -> int:
    """The chooser of another layer is of use only where style comes from one."""
    chooser = dialog.get_widget(procedures.PICTURE, GimpUi.DrawableChooser.__gtype__)

    def follow(*_: Any) -> None:
        chooser.set_sensitive(config.get_property("style-from") == "picture")

    follow()
    return config.connect("notify::style-from", follow)


class _Shadow:
    """The settings of the shadow, folded away unless there is one; without one it has no angle and no length."""

    def __init__(self, config: Gimp.ProcedureConfig) -> None:
        self._config = config
        # Not by the dialog, which would ask for a key for each, and there are no more letters.
        entries = [GimpUi.prop_scale_entry_new(config, name, None, 1.0, False, 0, 0) for name in _SHADOW]
        rows = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6, margin_top=6)
        for one in entries:
            rows.pack_start(one, False, False, 0)
        self.widget = Gtk.Expander(label=_("Contact shadow"), expanded=config.get_property("shadow") > 0)
        self.widget.add(rows)
        self._others = entries[1:]
        self.watched = config.connect("notify::shadow", self._follow)
        self._follow()

    def _follow(self, *_: Any) -> None:
        for one in self._others:
            one.set_sensitive(self._config.get_property("shadow") > 0)
