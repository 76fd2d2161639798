"""The manual's page, which comes along, in the user's language where there is one."""

from __future__ import annotations

import os
from pathlib import Path

from gi.repository import Gimp, Gio

from . import host

DOMAIN = "deepblend"
_PAGES = host.HERE / "help"
_FILE = "deepblend.html"


def register(plug_in: Gimp.PlugIn) -> None:
    """Have GIMP's own help find it: F1 in the menu, and the search for actions."""
    plug_in.set_help_domain(DOMAIN, Gio.File.new_for_path(str(_PAGES)))


def page() -> Path:
    """Its file."""
    wanted = next(
        (os.environ[name] for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), ""
    )
    for one in wanted.split(":"):
        for name in (one.partition(".")[0], one[:2]):
            if name and (_PAGES / name / _FILE).is_file():
                return _PAGES / name / _FILE
    return _PAGES / "en" / _FILE


def show() -> None:
    """Open it in the browser. Raises GLib.Error."""
    Gio.AppInfo.launch_default_for_uri(page().as_uri(), None)
