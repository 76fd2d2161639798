"""GIMP: where its profiles are, and the plug-in in them."""

from __future__ import annotations

import os
import re
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deepblend_protocol.errors import HostMissing, PluginInvalid

from ..files import failing
from . import plugin, vendored
from .host import Host, installation, of_environment

PLUGIN = "deepblend-gimp"
PROGRAM = f"{PLUGIN}.py"
MENU = "Filters > Combine > Deep Image Blending"
HOST = Host("GIMP", "gimp", flatpak="org.gimp.GIMP")
_VERSION = re.compile(r"3\.\d+")
_SIGNS = ("gimprc", "pluginrc", "sessionrc", "toolrc", "tool-options", "plug-ins", "brushes")
"""What a profile holds, some of it from its first day on."""
_PRESETS = "deepblend-presets.json"
_KEPT = re.compile(r"GimpProcedureConfig\w*-deepblend(-[a-z-]+)?\.\w+")
"""What GIMP itself keeps of the procedure: the values last used, and those that were saved."""


@dataclass(frozen=True)
class Profile:
    """A version's folder of settings."""

    path: Path
    sandbox: str = ""
    """Flatpak or Snap, where GIMP cannot start programs outside of one."""

    @property
    def plugin(self) -> Path:
        return self.path / "plug-ins" / PLUGIN

    @property
    def version(self) -> str:
        """The version, such as 3.0; empty if the folder's name is not one."""
        return self.path.name if _VERSION.fullmatch(self.path.name) else ""


def profiles() -> list[Profile]:
    """This user's profiles of GIMP 3.0 and newer."""
    found = [Path.home() / given] if (given := os.environ.get("GIMP3_DIRECTORY")) else []
    for base in _bases():
        if base.is_dir():
            found += [one for one in sorted(base.iterdir(), key=_order) if _VERSION.fullmatch(one.name)]
    once: dict[Path, Path] = {}
    for one in found:
        if one.is_dir():
            once.setdefault(one.resolve(), one)  # a Flatpak's folder can be a link to the one outside
    return [Profile(one, _sandbox(one)) for one in once.values()]


def chosen(given: Path | None) -> list[Profile]:
    """The profiles to work on: one that was named, or all. Raises HostMissing."""
    if given is not None:
        return [Profile(given.absolute(), _sandbox(given.absolute()))]
    if found := profiles():
        return found
    raise HostMissing(
        host="GIMP 3",
        places=", ".join(str(base / "3.0") for base in _bases()),
        remedy="Start GIMP once, or name its folder: --profile DIR",
    )


def check(profile: Profile) -> None:
    """Refuse a folder that is none of GIMP's: a slip of the hand would put the plug-in where nobody finds it.

    A folder that is not there yet passes where GIMP would make it. Raises PluginInvalid.
    """

    def refuse(reason: str) -> PluginInvalid:
        return PluginInvalid(path=str(profile.path), reason=reason)

    path = profile.path
    if re.fullmatch(r"2\.\d+", path.name):
        raise refuse("the plug-in needs GIMP 3.0 or newer, and this is an older one's")
    if path.name == "plug-ins" or "plug-ins" in path.parent.parts:
        raise refuse("it is the folder of plug-ins; name the one above it")
    if not path.exists():
        if profile.version and path.parent.name == "GIMP":
            return
        raise refuse("there is no such folder; start GIMP once, which makes it")
    if not path.is_dir():
        raise refuse("it is not a folder")
    content = [one.name for one in path.iterdir()]
    inner = next((name for name in sorted(content) if _VERSION.fullmatch(name)), None)
    if inner and not set(_SIGNS) & set(content):
        raise refuse(f"it holds GIMP's folders by version; name one of them: {path / inner}")
    if content and not set(_SIGNS) & set(content):
        raise refuse(f"it does not look like GIMP's folder of settings (none of {', '.join(_SIGNS)} is in it)")


def install(
    profile: Profile, command: tuple[str, ...], wheels: Path | None = None, place: Path | None = None
) -> list[str]:
    """Install or upgrade the plug-in in a profile.

    Args:
        command: what starts the server, with absolute paths.
        wheels: a folder of pyzmq's wheels; None fetches them.
        place: the connection file; None takes the user's own.

    Returns what was done, in sentences. Raises PluginInvalid, WriteFailed.
    """
    check(profile)
    said = plugin.put(
        plugin.source("gimp_plugin") / PLUGIN,
        profile.plugin,
        installation(command, place, profile.sandbox),
        program=PROGRAM,  # GIMP leaves out what is not executable, in silence
        wheels=wheels,
        compiled=sys.platform != "win32",  # GIMP's Python there is MSYS2's, which loads no wheel's extension
    )
    if not vendored.minors(profile.plugin / "vendor"):
        said.append(HOST.without_pyzmq(profile.sandbox))
    return said


def uninstall(profile: Profile, purge: bool = False) -> list[str]:
    """Take the plug-in out of a profile; returns what was done.

    Args:
        purge: remove the user's presets, and the values that GIMP keeps, as well.

    Raises WriteFailed.
    """
    removed = plugin.remove(profile.plugin)
    said = [f"{profile.plugin}: {'removed' if removed else 'nothing of deepblend is there'}."]
    for path in left(profile):
        if purge:
            with failing(path):
                path.unlink()
            with suppress(OSError):
                path.parent.rmdir()  # GIMP makes this folder when it first keeps a procedure's values
        said.append(f"{path}: removed." if purge else f"{path}: yours, left there; --purge removes it.")
    return said


def left(profile: Profile) -> list[Path]:
    """The files with what the user has set in the plug-in."""
    presets = profile.path / _PRESETS
    found = [presets] if presets.is_file() else []
    kept = profile.path / "plug-in-settings"
    return found + sorted(one for one in kept.glob("*") if _KEPT.fullmatch(one.name))


def _bases() -> list[Path]:
    """The folders that hold one folder for each of GIMP's versions."""
    home = Path.home()
    if sys.platform == "win32":
        return [Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming") / "GIMP"]
    if sys.platform == "darwin":
        return [home / "Library" / "Application Support" / "GIMP"]
    return [
        of_environment("XDG_CONFIG_HOME", ".config") / "GIMP",
        home / ".var" / "app" / HOST.flatpak / "config" / "GIMP",
        home / "snap" / "gimp" / "current" / ".config" / "GIMP",
        home / "snap" / "gimp" / "common" / ".config" / "GIMP",
    ]


def _order(path: Path) -> list[int]:
    """3.10 comes after 3.9."""
    return [int(number) for number in re.findall(r"\d+", path.name)]


def _sandbox(path: Path) -> str:
    """What keeps the GIMP of a profile from starting programs outside, if anything."""
    if sandbox := HOST.inside(path):
        return sandbox
    # The Flatpak may use the folder outside; it is taken for the Flatpak's where no other GIMP is in sight.
    outside = sys.platform not in ("win32", "darwin") and path.parent == _bases()[0]
    if not outside or not (Path.home() / ".var" / "app" / HOST.flatpak).is_dir():
        return ""
    return "" if any(shutil.which(name) for name in ("gimp", "gimp-3", "gimp-3.0")) else "Flatpak"
