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
from .presets import PresetRow  # noqa: E402
from .preview import Preview  # noqa: E402

_MAIN = ("style", "keep-colours", "style-from", procedures.PICTURE, "gradients")
_EDGE = ("grow-px", "feather-px", "as-layer-mask", "hide-original")


def run(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, subject: Subject) -> bool:
    """Let the user choose; whether OK was pressed. Raises MaskEmpty, MaskOutside before it opens."""
    GimpUi.init("deepblend-gimp")
    config.set_property("method", "deep")  # in the dialog, style 0 is "seamless only"
    with Preview(subject, config) as preview:
        dialog = GimpUi.ProcedureDialog.new(procedure, config, _("Deep Image Blending"))
        dialog.set_ok_label(_("Ble_nd"))
        for name in ("style", "keep-colours"):
            dialog.get_scale_entry(name, 1.0)
        side = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=12)
        side.pack_start(PresetRow(config), False, False, 0)
        for title, names in (("main", _MAIN), ("edge", _EDGE)):
            side.pack_start(dialog.fill_box(title, list(names)), False, False, 0)
        both = Gtk.Box(spacing=18, margin=12)
        both.pack_start(preview.widget, True, True, 0)
        both.pack_start(side, False, False, 0)
        both.show_all()
        dialog.get_content_area().pack_start(both, True, True, 0)
        watched = _follow_style_from(dialog, config)
        accepted = dialog.run()
        config.disconnect(watched)
        dialog.destroy()
    return accepted


def _follow_style_from(dialog: GimpUi.ProcedureDialog, config: Gimp.ProcedureConfig) -> int:
    """The chooser of another layer is of use only where style comes from one."""
    chooser = dialog.get_widget(procedures.PICTURE, GimpUi.DrawableChooser.__gtype__)

    def follow(*_: Any) -> None:
        chooser.set_sensitive(config.get_property("style-from") == "picture")

    follow()
    return config.connect("notify::style-from", follow)
