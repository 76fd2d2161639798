"""Presets: those that come along, and the user's own, which are kept in GIMP's folder of settings."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import gi

gi.require_version("Gtk", "3.0")
from deepblend_protocol.plugins import presets  # noqa: E402
from deepblend_protocol.plugins.presets import OLD_DEFAULT, OWN, USERS, of_today  # noqa: E402
from deepblend_protocol.settings import AUTOMATIC  # noqa: E402
from deepblend_protocol.words import LOOKS, _, looks_like  # noqa: E402
from deepblend_protocol.words import PRESETS as LABELS  # noqa: E402
from gi.repository import Gimp, GObject, Gtk  # noqa: E402

from .arguments import BY_PRESET, SHOWN, forget, given_of, put  # noqa: E402

_SET = ("preset", *(name.replace("_", "-") for name in SHOWN))
"""The arguments that the user's own presets set."""


def _path() -> Path:
    return Path(Gimp.directory()) / "deepblend-presets.json"


def read() -> dict[str, dict[str, Any]]:
    """The user's own, by name; none where the file is damaged."""
    try:
        return presets.read(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def write(own: dict[str, dict[str, Any]]) -> None:
    """Keep them, whole or not at all. Raises OSError."""
    path = _path()
    part = path.with_suffix(".new")
    part.write_text(json.dumps(own, indent=2, ensure_ascii=False), encoding="utf-8")
    os.replace(part, path)


def _values(preset: str, report: Mapping[str, Any]) -> dict[str, Any]:
    """What a preset sets, by the arguments' names, as far as a blend's report says."""
    return {name.replace("_", "-"): value for name, value in presets.values_of(preset, report).items()}


@contextmanager
def shown(config: Gimp.ProcedureConfig) -> Iterator[None]:
    """While it lasts, what a preset sets stands in the arguments, so that the dialog can show it.

    Where some of that is given besides a preset, as a script may, all of it becomes own values.
    """
    given, preset = given_of(config), config.get_property("preset")
    if preset == AUTOMATIC and given == OLD_DEFAULT:
        given = {}
    if given:
        config.set_property("preset", OWN)
    put(config, {**_values(preset, {}), **{name.replace("_", "-"): value for name, value in given.items()}})
    try:
        yield
    finally:
        if config.get_property("preset") != OWN:
            forget(config)


class PresetRow:
    """A row to choose, save and delete them: ``label`` and ``row``, and ``said``, what the background looks like.

    The preset is an argument of its own; who moves a slider that it sets has own values from then on.
    """

    def __init__(self, config: Gimp.ProcedureConfig) -> None:
        self._config = config
        self._own = read()
        self._setting = False
        self._looks: Mapping[str, Any] = {}
        """The report that told what the background looks like."""
        self._choice = Gtk.ComboBoxText()
        self.label = Gtk.Label(label=_("_Preset"), use_underline=True, mnemonic_widget=self._choice, xalign=0)
        save = Gtk.Button(label=_("Sa_ve…"), use_underline=True)
        self._delete = Gtk.Button(label=_("_Delete"), use_underline=True)
        self.row = Gtk.Box(spacing=6)
        self.row.pack_start(self._choice, True, True, 0)
        self.row.pack_start(save, False, False, 0)
        self.row.pack_start(self._delete, False, False, 0)
        self.said = Gtk.Label(xalign=0)
        self._fill()
        self._choice.connect("changed", self._chosen)
        save.connect("clicked", self._save)
        self._delete.connect("clicked", self._remove)
        watched = [config.connect(f"notify::{name}", self._changed) for name in _SET]
        self.row.connect("destroy", lambda *_: [config.disconnect(one) for one in watched])

    def decided(self, report: Mapping[str, Any]) -> None:
        """Show what a blend's report says of the background, and the values that follow from it."""
        if report.get("looks_like") in LOOKS:
            self._looks = report
            self._put_values()
            self._show()

    def _fill(self) -> None:
        self._setting = True
        self._choice.remove_all()
        for name, label in LABELS.items():
            self._choice.append(name, label)
        self._choice.append(OWN, _("Own values"))
        for name in sorted(self._own):
            self._choice.append(USERS + name, name)
        self._setting = False
        self._show()

    def _preset_values(self) -> dict[str, Any]:
        """What the preset sets, as far as that is known."""
        return _values(self._config.get_property("preset"), self._looks)

    def _put_values(self) -> None:
        if self._config.get_property("preset") != OWN:
            self._setting = True
            put(self._config, self._preset_values())
            self._setting = False

    def _fits(self, values: Mapping[str, Any]) -> bool:
        return all(self._config.get_property(name) == value for name, value in values.items())

    def _changed(self, config: Gimp.ProcedureConfig, what: GObject.ParamSpec) -> None:
        """An argument has changed, by the user or by GIMP's own buttons."""
        if self._setting:
            return
        if config.get_property("preset") != OWN:
            if what.name == "preset" or self._is_reset():
                self._put_values()
            elif what.name in BY_PRESET and not self._fits(self._preset_values()):
                config.set_property("preset", OWN)
        self._show()

    def _is_reset(self) -> bool:
        """Whether what the preset sets is as it was before something was decided: GIMP's own button does that."""
        return not given_of(self._config) or (
            self._config.get_property("preset") == AUTOMATIC and self._fits(_values(AUTOMATIC, {}))
        )

    def _show(self) -> None:
        """Show the preset, or the user's own one whose values these are."""
        fitting = (USERS + name for name, values in self._own.items() if self._fits(of_today(values)))
        preset = self._config.get_property("preset")
        id = next(fitting, preset)
        self._setting = True
        self._choice.set_active_id(id)
        self._setting = False
        self._delete.set_sensitive(id.startswith(USERS))
        self.said.set_text(looks_like(self._looks) if preset == AUTOMATIC else "")

    def _chosen(self, choice: Gtk.ComboBoxText) -> None:
        id = choice.get_active_id()
        if self._setting or not id:
            return
        own = of_today(self._own[id[len(USERS) :]]) if id.startswith(USERS) else {"preset": id}
        self._setting = True
        put(self._config, own)
        self._setting = False
        self._put_values()
        self._show()

    def _save(self, button: Gtk.Button) -> None:
        asked = Gtk.Dialog(title=_("Save preset"), transient_for=self._window(), modal=True)
        asked.add_buttons(_("_Cancel"), Gtk.ResponseType.CANCEL, _("_Save"), Gtk.ResponseType.OK)
        asked.set_default_response(Gtk.ResponseType.OK)
        entry = Gtk.Entry(activates_default=True, margin=12, placeholder_text=_("Its name"))
        asked.get_content_area().pack_start(entry, True, True, 0)
        asked.show_all()
        name = entry.get_text().strip() if asked.run() == Gtk.ResponseType.OK else ""
        asked.destroy()
        if name:
            left = BY_PRESET if self._config.get_property("preset") != OWN else ()
            values = {each: self._config.get_property(each) for each in _SET if each not in left}
            self._keep({**self._own, name: values})

    def _remove(self, button: Gtk.Button) -> None:
        name = (self._choice.get_active_id() or "")[len(USERS) :]
        self._keep({each: values for each, values in self._own.items() if each != name})

    def _window(self) -> Gtk.Window:
        return cast(Gtk.Window, self.row.get_toplevel())

    def _keep(self, own: dict[str, dict[str, Any]]) -> None:
        try:
            write(own)
        except OSError as error:
            told = Gtk.MessageDialog(transient_for=self._window(), modal=True, buttons=Gtk.ButtonsType.CLOSE)
            told.set_property("text", _("The presets could not be saved: %s") % error)
            told.run()
            told.destroy()
            return
        self._own = own
        self._fill()
