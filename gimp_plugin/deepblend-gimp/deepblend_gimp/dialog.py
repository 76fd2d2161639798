"""The dialog: settings, presets, and a preview that follows them."""

from __future__ import annotations

from typing import Any

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from deepblend_protocol.settings import PRESETS  # noqa: E402
from gi.repository import Gimp, GimpUi, Gtk  # noqa: E402

from . import presets  # noqa: E402
from .preview import Preview  # noqa: E402
from .words import _  # noqa: E402

_SCALES = ("style", "keep-colours", "grow-px", "feather-px")
_SHOWN = ("method", *_SCALES[:2], "style-from", "gradients", *_SCALES[2:], "hide-original", "as-layer-mask")
_FROM_PRESETS = ("style", "keep-colours", "style-from", "method", "gradients", "grow-px", "feather-px")
_BUILT_IN = {"photograph": _("Photograph"), "painting": _("Painting"), "seamless": _("Seamless only")}
_OTHER = ""
"""The choice that is shown where the settings are no preset's."""


def run(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, image: Gimp.Image, layer: Gimp.Layer) -> bool:
    """Let the user choose; whether OK was pressed. Raises MaskEmpty, MaskOutside before it opens."""
    GimpUi.init("deepblend-gimp")
    with Preview(image, layer, config) as preview:
        dialog = GimpUi.ProcedureDialog.new(procedure, config, _("Deep Image Blending"))
        dialog.set_ok_label(_("_Blend"))
        for name in _SCALES:
            dialog.get_scale_entry(name, 1.0)
        settings = dialog.fill_box("settings", list(_SHOWN))
        side = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        side.pack_start(_Presets(config), False, False, 0)
        side.pack_start(settings, False, False, 0)
        both = Gtk.Box(spacing=12, margin=12)
        both.pack_start(preview.widget, True, True, 0)
        both.pack_start(side, False, False, 0)
        both.show_all()
        dialog.get_content_area().pack_start(both, True, True, 0)
        accepted = dialog.run()
        dialog.destroy()
    return accepted


class _Presets(Gtk.Box):
    """The built-in presets and the user's own."""

    def __init__(self, config: Gimp.ProcedureConfig) -> None:
        super().__init__(spacing=6)
        self._config = config
        self._own = presets.read()
        self._choice = Gtk.ComboBoxText()
        label = Gtk.Label(label=_("_Preset"), use_underline=True, mnemonic_widget=self._choice)
        self._save = Gtk.Button(label=_("S_ave…"), use_underline=True)
        self._delete = Gtk.Button(label=_("_Delete"), use_underline=True)
        self.pack_start(label, False, False, 0)
        self.pack_start(self._choice, True, True, 0)
        self.pack_start(self._save, False, False, 0)
        self.pack_start(self._delete, False, False, 0)
        self._fill()
        self._choice.connect("changed", self._chosen)
        self._save.connect("clicked", self._ask_name)
        self._delete.connect("clicked", self._remove)
        self._watched = [config.connect(f"notify::{name}", lambda *_: self._show()) for name in _FROM_PRESETS]
        self.connect("destroy", self._forget)

    def _forget(self, *_: Any) -> None:
        for one in self._watched:
            self._config.disconnect(one)

    def _fill(self) -> None:
        self._choice.remove_all()
        self._choice.append(_OTHER, _("Own values"))
        for name, label in _BUILT_IN.items():
            self._choice.append(name, label)
        for name in sorted(self._own):
            self._choice.append(f"own:{name}", name)
        self._show()

    def _values(self, id: str) -> dict[str, Any]:
        """What a preset sets, in the arguments' names."""
        if id.startswith("own:"):
            return self._own[id[4:]]
        return {name.replace("_", "-"): value for name, value in PRESETS[id].items()}

    def _now(self) -> dict[str, Any]:
        return {name: self._config.get_property(name) for name in _FROM_PRESETS}

    def _show(self) -> None:
        """Show the preset whose values these are."""
        now = self._now()
        ids = [*(f"own:{name}" for name in self._own), *_BUILT_IN]
        fitting = (id for id in ids if all(now.get(name) == value for name, value in self._values(id).items()))
        id = next(fitting, _OTHER)
        if id != self._choice.get_active_id():
            self._choice.set_active_id(id)
        self._delete.set_sensitive(id.startswith("own:"))

    def _chosen(self, choice: Gtk.ComboBoxText) -> None:
        id = choice.get_active_id()
        if id:
            for name, value in self._values(id).items():
                if self._config.get_property(name) != value:
                    self._config.set_property(name, value)
        self._delete.set_sensitive(bool(id) and id.startswith("own:"))

    def _ask_name(self, button: Gtk.Button) -> None:
        asked = Gtk.Dialog(title=_("Save preset"), transient_for=self.get_toplevel(), modal=True)
        asked.add_buttons(_("_Cancel"), Gtk.ResponseType.CANCEL, _("_Save"), Gtk.ResponseType.OK)
        asked.set_default_response(Gtk.ResponseType.OK)
        entry = Gtk.Entry(activates_default=True, margin=12, placeholder_text=_("Its name"))
        asked.get_content_area().pack_start(entry, True, True, 0)
        asked.show_all()
        name = entry.get_text().strip() if asked.run() == Gtk.ResponseType.OK else ""
        asked.destroy()
        if name:
            self._own[name] = self._now()
            presets.write(self._own)
            self._fill()

    def _remove(self, button: Gtk.Button) -> None:
        id = self._choice.get_active_id() or ""
        if self._own.pop(id[4:], None) is not None:
            presets.write(self._own)
            self._fill()
