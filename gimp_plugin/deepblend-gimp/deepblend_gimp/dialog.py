"""The dialog: settings, presets, and a preview that follows them."""

from __future__ import annotations

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from deepblend_protocol.settings import AUTOMATIC, SHOWN  # noqa: E402
from deepblend_protocol.words import _  # noqa: E402
from gi.repository import Gdk, Gimp, GimpUi, GLib, Gtk  # noqa: E402

from . import manual  # noqa: E402
from .arguments import BY_PRESET, default_of  # noqa: E402
from .form import Form  # noqa: E402
from .presets import PresetRow, shown  # noqa: E402
from .preview import Preview  # noqa: E402
from .subject import Asked  # noqa: E402

_HELP, _RESET = 1, 2


def run(config: Gimp.ProcedureConfig, asked: Asked, notes: list[str]) -> bool:
    """Let the user choose; whether Blend was pressed.

    Args:
        notes: what is to be said beforehand.

    Raises MaskEmpty, MaskOutside, Refused before it opens.
    """
    GimpUi.init("deepblend-gimp")
    config.set_property("method", "deep")  # in the dialog, style 0 is "seamless only"
    with shown(config):
        presets = PresetRow(config)
        with Preview(asked, config, presets.decided) as preview:
            dialog = _built(config, asked, notes, presets, preview)
            while (answer := dialog.run()) in (_HELP, _RESET):
                if answer == _RESET:
                    _reset(config)
                else:
                    _help(dialog)
            dialog.destroy()
    return answer == Gtk.ResponseType.OK


def _built(
    config: Gimp.ProcedureConfig, asked: Asked, notes: list[str], presets: PresetRow, preview: Preview
) -> Gtk.Dialog:
    title = _("Blend Again: %s") if asked.again else _("Deep Image Blending: %s")
    dialog = Gtk.Dialog(title=title % asked.item.get_name(), role="deepblend")
    dialog.add_buttons(_("_Help"), _HELP, _("_Reset"), _RESET)
    dialog.add_buttons(_("_Cancel"), Gtk.ResponseType.CANCEL, _("Ble_nd"), Gtk.ResponseType.OK)
    dialog.set_default_response(Gtk.ResponseType.OK)
    for one in (_HELP, _RESET):
        button = dialog.get_widget_for_response(one)
        row = button.get_parent() if button is not None else None
        if button is not None and isinstance(row, Gtk.ButtonBox):
            row.set_child_secondary(button, True)
    side = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=12, hexpand=False)  # all room is the preview's
    side.pack_start(Form(config, presets), False, False, 0)
    for note in notes:
        words = Gtk.Label(xalign=0, wrap=True, max_width_chars=40)
        words.set_markup(f"<b>{GLib.markup_escape_text(note)}</b>")
        side.pack_start(words, False, False, 0)
    both = Gtk.Box(spacing=18, margin=12)
    both.pack_start(preview.widget, True, True, 0)
    both.pack_start(side, False, False, 0)
    both.show_all()
    dialog.get_content_area().pack_start(both, True, True, 0)
    dialog.connect("key-press-event", _key)
    GimpUi.window_set_transient(dialog)
    return dialog


def _reset(config: Gimp.ProcedureConfig) -> None:
    """All settings as they are at the beginning; the preset brings those that it sets."""
    config.set_property("preset", AUTOMATIC)
    for name in (one.replace("_", "-") for one in SHOWN):
        if name not in BY_PRESET:
            config.set_property(name, default_of(name.replace("-", "_")))
    config.set_property("as-layer-mask", False)
    config.set_property("hide-original", "auto")


def _key(dialog: Gtk.Dialog, event: Gdk.EventKey) -> bool:
    if event.keyval == Gdk.KEY_F1:
        dialog.response(_HELP)
        return True
    return False


def _help(dialog: Gtk.Dialog) -> None:
    """Open the manual's page; where nothing can show it, say where it lies."""
    try:
        manual.show()
    except GLib.Error as error:
        told = Gtk.MessageDialog(transient_for=dialog, modal=True, buttons=Gtk.ButtonsType.CLOSE)
        words = _("The manual's page cannot be shown (%(reason)s). It is %(path)s.")
        told.set_property("text", words % {"reason": error.message, "path": manual.page()})
        told.run()
        told.destroy()
