"""Krita: where its folders are, and the plug-in in them."""

from __future__ import annotations

import os
import sys
import tempfile
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deepblend_protocol.errors import HostMissing, PluginInvalid, WriteFailed

from .. import __version__
from ..files import check_place, failing, replacing
from . import kritarc, plugin, vendored
from .host import Host, installation, of_environment

PLUGIN = "deepblend_krita"
ENTRY = f"{PLUGIN}.desktop"
DOCKER = "Settings > Dockers > Deep Image Blending"
HOST = Host("Krita", "krita", flatpak="org.kde.krita")
PYTHON = (b"python",)
ENABLED = f"enable_{PLUGIN}".encode()
_RESOURCES = b"ResourceDirectory"
"""The entry, in no group, by which Krita's settings move its folder of resources."""
_TRUE = (b"true", b"on", b"yes", b"1")
_KEPT = ((b"deepblend",), (b"krita", b"DockWidget deepblend"))
"""The groups of kritarc with what the docker keeps, and with its place."""
_SIGNS = (
    "pykrita",
    "KRITA_RESOURCE_VERSION",
    "resourcecache.sqlite",
    "paintoppresets",
    "brushes",
    "workspaces",
    "input",
)
"""What the folder of resources holds, some of it from its first day on."""


@dataclass(frozen=True)
class Profile:
    """A Krita's folder of resources, and its file of settings."""

    path: Path
    kritarc: Path
    sandbox: str = ""
    """Flatpak or Snap, where Krita cannot start programs outside of one."""

    @property
    def plugin(self) -> Path:
        return self.path / "pykrita" / PLUGIN

    @property
    def entry(self) -> Path:
        """The file that tells Krita of the plug-in."""
        return self.path / "pykrita" / ENTRY

    @property
    def elsewhere(self) -> Path | None:
        """The folder of resources that kritarc names, where that is another than this one."""
        named = _moved(self.kritarc)
        return None if named is None or _same(named, self.path) else named

    @property
    def again(self) -> str:
        """The command that installs the plug-in there once more."""
        named = _settings(self.path) != self.kritarc
        return HOST.again(self.path) + (f" --kritarc '{self.kritarc}'" if named else "")


def profiles() -> list[Profile]:
    """This user's profiles of Krita."""
    found = [(path, settings) for path, settings in _in_use() if path.is_dir() or settings.is_file()]
    return [Profile(path, settings, _sandbox(path, settings)) for path, settings in found]


def chosen(given: Path | None, settings: Path | None = None) -> list[Profile]:
    """The profiles to work on: one that was named, or all.

    Args:
        given: its folder of resources.
        settings: its kritarc; None finds it by the folder.

    Raises HostMissing, and PluginInvalid for a folder whose kritarc is not known.
    """
    if given is None:
        if found := profiles():
            return found
        raise HostMissing(
            host="Krita",
            places=", ".join(str(path) for path, _ in _in_use()),
            remedy="Start Krita once, or name its folder: --profile DIR",
        )
    path = given.absolute()
    known = settings.absolute() if settings is not None else _settings(path)
    if known is None:
        raise PluginInvalid(
            path=str(path), reason="it is not known which kritarc goes with it; name it: --kritarc FILE"
        )
    return [Profile(path, known, _sandbox(path, known))]


def is_folder(path: Path) -> bool:
    """Whether a folder of settings is Krita's, by its name or by what it holds."""
    return path.name.lower() == "krita" or any((path / sign).exists() for sign in _SIGNS[:3])


def check(profile: Profile) -> None:
    """Refuse a folder that is none of Krita's: a slip of the hand would put the plug-in where nobody finds it.

    A folder that is not there yet passes where Krita would make it. Raises PluginInvalid.
    """

    def refuse(reason: str) -> PluginInvalid:
        return PluginInvalid(path=str(profile.path), reason=reason)

    path = profile.path
    if named := profile.elsewhere:
        raise refuse(f"Krita does not look there: its settings in {profile.kritarc} name {named}; name that")
    if path.name == "pykrita" or "pykrita" in path.parent.parts:
        raise refuse("it is the folder of plug-ins; name the one above it")
    if not path.exists():
        if (path.name.lower() == "krita" and path.parent.is_dir()) or path in [one for one, _ in _in_use()]:
            return
        raise refuse("there is no such folder; start Krita once, which makes it")
    if not path.is_dir():
        raise refuse("it is not a folder")
    content = [one.name for one in path.iterdir()]
    if content and not set(_SIGNS) & set(content):
        if (path / "krita").is_dir():
            raise refuse(f"it holds Krita's folder; name that: {path / 'krita'}")
        raise refuse(f"it does not look like Krita's folder of resources (none of {', '.join(_SIGNS)} is in it)")


def install(
    profile: Profile, command: tuple[str, ...], wheels: Path | None = None, place: Path | None = None
) -> list[str]:
    """Install or upgrade the plug-in in a profile, and enable it.

    Args:
        command: what starts the server, with absolute paths.
        wheels: a folder of pyzmq's wheels; None fetches them.
        place: the connection file; None takes the user's own.

    Returns what was done, in sentences. Raises PluginInvalid, WriteFailed.
    """
    check(profile)
    kritarc.read(profile.kritarc)
    if profile.kritarc.exists():
        check_place(profile.kritarc)  # before anything is done
    said = plugin.put(
        plugin.source("krita_plugin") / PLUGIN,
        profile.plugin,
        installation(command, place, profile.sandbox),
        entry=plugin.source("krita_plugin") / ENTRY,
        wheels=wheels,
    )
    if enabled(profile):
        said.append(f"{profile.kritarc}: the plug-in is enabled there already.")
    else:
        kritarc.change(profile.kritarc, lambda content: kritarc.put(content, PYTHON, ENABLED, b"true"))
        said.append(f"{profile.kritarc}: the plug-in was enabled there.")
    if not vendored.minors(profile.plugin / "vendor"):
        said.append(HOST.without_pyzmq(profile.sandbox))
    return said


def enabled(profile: Profile) -> bool:
    """Whether Krita loads the plug-in when it starts. Raises WriteFailed for a kritarc that cannot be read."""
    value = kritarc.get(kritarc.read(profile.kritarc), PYTHON, ENABLED)
    return value is not None and value.lower() in _TRUE


def uninstall(profile: Profile, purge: bool = False) -> list[str]:
    """Take the plug-in out of a profile; returns what was done.

    Args:
        purge: remove what the docker keeps in kritarc as well.

    Raises WriteFailed.
    """
    removed = plugin.remove(profile.plugin, ENTRY)
    with suppress(OSError):
        profile.plugin.parent.rmdir()  # if nothing else is in it
    said = [f"{profile.plugin}: {'removed' if removed else 'nothing of deepblend is there'}."]
    if kritarc.change(profile.kritarc, lambda content: kritarc.take(content, PYTHON, ENABLED)):
        said.append(f"{profile.kritarc}: the plug-in is not enabled there any more.")
    if left(profile):
        if purge:
            kritarc.change(profile.kritarc, _purged)
        did = "removed" if purge else "yours, left there; --purge removes them"
        said.append(f"{profile.kritarc}: the settings of the docker: {did}.")
    return said


def left(profile: Profile) -> bool:
    """Whether kritarc holds what the docker keeps."""
    content = kritarc.read(profile.kritarc)
    return _purged(content) != content


def write_zip(
    path: Path, command: tuple[str, ...] | None, wheels: Path | None = None, place: Path | None = None
) -> list[str]:
    """Write the plug-in into a zip for Krita's own importer of plug-ins, whole or not at all.

    Args:
        command: what starts the server; None makes a zip for any machine, whose docker offers to set deepblend up.

    The others are those of ``install``. Returns what was done, in sentences. Raises PluginInvalid, WriteFailed.
    """
    check_place(path)
    source = plugin.source("krita_plugin")
    bound = installation(command, place, "") if command is not None else None
    with failing(path), tempfile.TemporaryDirectory(prefix="deepblend") as given:
        folder = Path(given) / PLUGIN
        compiled = bound is not None  # pyzmq's are for one kind of machine
        said = plugin.assemble(source / PLUGIN, folder, bound, wheels=wheels, compiled=compiled)
        with (
            replacing(path) as beside,
            zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive,
        ):
            archive.write(source / ENTRY, ENTRY)
            for one in (folder, *sorted(folder.rglob("*"))):  # the folders as well: the importer looks for ours by name
                archive.write(one, one.relative_to(given))
    return [f"{path}: deepblend {__version__} was written.", *said]


def _purged(content: bytes) -> bytes:
    for group in _KEPT:
        content = kritarc.take_group(content, group)
    return content


def _pairs() -> list[tuple[Path, Path]]:
    """Where Krita has its folder of resources, and the kritarc that goes with it; the system's own first."""
    home = Path.home()
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
        roaming = Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming")
        store = [one / "LocalCache" for one in sorted((local / "Packages").glob("49800Krita_*"))]
        return [
            (roaming / "krita", local / "kritarc"),
            *((one / "Roaming" / "krita", one / "Local" / "kritarc") for one in store),
        ]
    if sys.platform == "darwin":
        library = home / "Library"
        return [(library / "Application Support" / "krita", library / "Preferences" / "kritarc")]
    inside = home / ".var" / "app" / HOST.flatpak
    snaps = [home / "snap" / "krita" / name for name in ("current", "common")]
    return [
        (
            of_environment("XDG_DATA_HOME", ".local", "share") / "krita",
            of_environment("XDG_CONFIG_HOME", ".config") / "kritarc",
        ),
        (inside / "data" / "krita", inside / "config" / "kritarc"),
        *((snap / ".local" / "share" / "krita", snap / ".config" / "kritarc") for snap in snaps),
    ]


def _in_use() -> list[tuple[Path, Path]]:
    """As ``_pairs``, with the folders that the settings name."""
    return [(_moved(settings) or path, settings) for path, settings in _pairs()]


def _moved(settings: Path) -> Path | None:
    """The folder of resources that a kritarc names, if it does. A kritarc that cannot be read is told of later."""
    with suppress(WriteFailed):
        return kritarc.get_path(kritarc.read(settings), (), _RESOURCES)
    return None


def _same(one: Path, other: Path) -> bool:
    return one == other or (one.exists() and other.exists() and one.samefile(other))


def _sandbox(path: Path, settings: Path) -> str:
    return HOST.inside(settings) or HOST.inside(path)


def _settings(path: Path) -> Path | None:
    """The kritarc that goes with a folder of resources; None where that is not known."""
    for known, settings in (*_in_use(), *_pairs()):
        if _same(path, known):
            return settings
    above = path.parent
    if path.name == "krita" and above.name == "share" and above.parent.name == ".local":
        return above.parent.parent / ".config" / "kritarc"  # another home
    if path.name == "krita" and above.name == "data":
        return above.parent / "config" / "kritarc"
    return None
