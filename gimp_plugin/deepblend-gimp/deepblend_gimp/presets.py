"""Presets: those that come along, and the user's own, which are kept in GIMP's folder of settings."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gtk", "3.0")
from deepblend_protocol.settings import PRESETS  # noqa: E402
from deepblend_protocol.words import PRESETS as LABELS  # noqa: E402
from deepblend_protocol.words import _  # noqa: E402
from gi.repository import Gimp, Gtk  # noqa: E402

from .procedure import SHOWN, put  # noqa: E402

_SET = tuple(name.replace("_", "-") for name in SHOWN)
"""The arguments that the user's own presets set."""
_OTHER = ""
"""The choice that is shown where the values are no preset's."""
_OWN = "own:"


def _path() -> Path:
    return Path(Gimp.directory()) / "deepblend-presets.json"


def read() -> dict[str, dict[str, Any]]:
    """The user's own, by name; none where the file is damaged."""
    try:
        known = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {name: values for name, values in known.items() if isinstance(values, dict)}


def write(own: dict[str, dict[str, Any]]) -> None:
    """Keep them, whole or not at all. Raises OSError."""
    path = _path()
    part = path.with_suffix(".new")
    part.write_text(json.dumps(own, indent=2, ensure_ascii=False), encoding="utf-8")
    os.replace(part, path)


class PresetRow(Gtk.Box):
    """A row to choose, save and delete them; shows which one the values are those of."""

    def __init__(self, config: Gimp.ProcedureConfig) -> None:
        super().__init__(spacing=6)
        self._config = config
        self._own = read()
        self._choice = Gtk.ComboBoxText()
        label = Gtk.Label(label=_("_Preset"), use_underline=True, mnemonic_widget=self._choice)
        save = Gtk.Button(label=_("Sa_ve…"), use_underline=True)
        self._delete = Gtk.Button(label=_("_Delete"), use_underline=True)
        self.pack_start(label, False, False, 0)
        self.pack_start(self._choice, True, True, 0)
        self.pack_start(save, False, False, 0)
        self.pack_start(self._delete, False, False, 0)
        self._fill()
        self._choice.connect("changed", self._chosen)
        save.connect("clicked", self._save)
        self._delete.connect("clicked", self._remove)
        watched = [config.connect(f"notify::{name}", self._show) for name in _SET]
        self.connect("destroy", lambda *_: [config.disconnect(one) for one in watched])

    def _fill(self) -> None:
        self._choice.remove_all()
        self._choice.append(_OTHER, _("Own values"))
        for name, label in LABELS.items():
            self._choice.append(name, label)
        for name in sorted(self._own):
            self._choice.append(_OWN + name, name)
        self._show()

    def _values(self, id: str) -> dict[str, Any]:
        """What a preset sets, in the arguments' names."""
        if id.startswith(_OWN):
            return self._own[id[len(_OWN) :]]
        return {name.replace("_", "-"): value for name, value in PRESETS.get(id, {}).items()}

    def _show(self, *_: Any) -> None:
        """Show the preset whose values these are."""
        now = {name: self._config.get_property(name) for name in _SET}
        ids = [*(_OWN + name for name in self._own), *PRESETS]
        fitting = (id for id in ids if all(now.get(name) == value for name, value in self._values(id).items()))
        id = next(fitting, _OTHER)
        if id != self._choice.get_active_id():
            self._choice.set_active_id(id)
        self._delete.set_sensitive(id.startswith(_OWN))

    def _chosen(self, choice: Gtk.ComboBoxText) -> None:
        id = choice.get_active_id()
        if id:
            put(self._config, self._values(id))
        self._delete.set_sensitive(bool(id) and id.startswith(_OWN))

    def _save(self, button: Gtk.Button) -> None:
        asked = Gtk.Dialog(title=_("Save preset"), transient_for=self.get_toplevel(), modal=True)
        asked.add_buttons(_("_Cancel"), Gtk.ResponseType.CANCEL, _("_Save"), Gtk.ResponseType.OK)
        asked.set_default_response(Gtk.ResponseType.OK)
        entry = Gtk.Entry(activates_default=True, margin=12, placeholder_text=_("Its name"))
        asked.get_content_area().pack_start(entry, True, True, 0)
        asked.show_all()
        name = entry.get_text().strip() if asked.run() == Gtk.ResponseType.OK else ""
        asked.destroy()
        if name:
            self._keep({**self._own, name: {each: self._config.get_property(each) for each in _SET}})

    def _remove(self, button: Gtk.Button) -> None:
        name = (self._choice.get_active_id() or "")[len(_OWN) :]
        self._keep({each: values for each, values in self._own.items() if each != name})

    def _keep(self, own: dict[str, dict[str, Any]]) -> None:
        try:
            write(own)
        except OSError as error:
            told = Gtk.MessageDialog(transient_for=self.get_toplevel(), modal=True, buttons=Gtk.ButtonsType.CLOSE)
            told.set_property("text", _("The presets could not be saved: %s") % error)
            told.run()
            told.destroy()
            return
        self._own = own
        self._fill()
