"""Installing a plug-in in any host: its folder put together whole, with all that the host's Python lacks."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

import deepblend_protocol
from deepblend_protocol import connection
from deepblend_protocol.connection import Installation
from deepblend_protocol.errors import PluginInvalid, WriteFailed

from .. import __version__
from ..files import reason
from . import vendored

MARK = "installed-by-deepblend.txt"
"""A file in the folder that says that it is ours to replace and to remove."""
IGNORED = ("__pycache__", "*.po", "*.pot")


def source(name: str) -> Path:
    """A plug-in's files: ``gimp_plugin`` or ``krita_plugin``, of the wheel or of a working copy."""
    package = Path(__file__).parents[1]
    for place in (package / "plugins" / name, package.parents[1] / name):
        if place.is_dir():
            return place
    raise PluginInvalid(path=name, reason="this installation of deepblend does not hold it; install deepblend again")


def version(folder: Path) -> str | None:
    """The version of the plug-in that lies in a folder; None where there is none of ours."""
    if folder.is_symlink():
        return None
    try:
        return (folder / MARK).read_text(encoding="utf-8", errors="replace").split("\n")[0].rpartition(" ")[2]
    except OSError:
        return None


def put(
    plugin: Path,
    folder: Path,
    installation: Installation,
    *,
    program: str = "",
    entry: Path | None = None,
    wheels: Path | None = None,
    compiled: bool = True,
) -> list[str]:
    """Install or upgrade: the new folder is made beside the old one and takes its place.

    Whatever fails, the old one is as it was.

    Args:
        plugin: the plug-in's folder, as ``source`` finds it.
        folder: where the host looks for it.
        installation: how the plug-in finds the server.
        program: a file that the host executes.
        entry: a file that the host looks for beside the folder.
        wheels: a folder of pyzmq's wheels; None fetches them.
        compiled: whether the host's Python can load pyzmq's wheels at all.

    Returns what was done, in sentences. Raises PluginInvalid, WriteFailed.
    """
    places = _places(folder, entry.name if entry is not None else "")
    try:
        waiting = places if version(_old(folder)) is not None else []
        for place in waiting:
            if _old(place).exists() and not place.exists():
                _old(place).rename(place)  # an upgrade was cut off between its renames
        before = version(folder)
        if before is None and (folder.exists() or any(place.is_symlink() for place in places)):
            why = "it was not put there by 'deepblend install'; move it away first"
            raise PluginInvalid(path=str(folder), reason=why)
        folder.parent.mkdir(parents=True, exist_ok=True)
        _clear(*map(_new, places), *map(_old, places))
        kept = folder / "vendor" if before is not None else None
        said = assemble(plugin, _new(folder), installation, wheels=wheels, kept=kept, compiled=compiled)
        if program:
            (_new(folder) / program).chmod(0o755)
            os.utime(_new(folder) / program)  # GIMP asks it for its labels and arguments again when its date is another
        if entry is not None:
            shutil.copy(entry, _new(places[-1]))
        _exchange(places)
    except OSError as error:
        raise _failure(error, folder) from error
    finally:
        _clear(*map(_new, places))
    _clear(*map(_old, places))
    if before is None:
        return [f"{folder}: deepblend {__version__} was installed.", *said]
    did = f"{__version__} was installed again" if before == __version__ else f"{__version__} replaces {before}"
    return [f"{folder}: deepblend {did}.", *said]


def assemble(
    plugin: Path,
    folder: Path,
    installation: Installation | None,
    *,
    wheels: Path | None = None,
    kept: Path | None = None,
    compiled: bool = True,
) -> list[str]:
    """Make a folder with a plug-in and all that it needs; returns what was brought along, in sentences.

    Args:
        installation: None for a plug-in that offers to set deepblend up, wherever it comes to.
        kept: ``vendor`` of the installation that it replaces.

    The others are those of ``put``. Raises PluginInvalid, OSError.
    """
    shutil.copytree(plugin, folder, ignore=shutil.ignore_patterns(*IGNORED))
    vendor = folder / "vendor"
    package = Path(deepblend_protocol.__file__).parent
    shutil.copytree(package, vendor / package.name, ignore=shutil.ignore_patterns(*IGNORED))
    said = vendored.bring(vendor, wheels, kept) if compiled else []
    (folder / MARK).write_text(f"deepblend {__version__}\n", encoding="utf-8")
    if installation is not None:
        connection.write_installation(folder / "installation.json", installation)
    folder.chmod(0o755)  # write_installation has made it private
    return said


def remove(folder: Path, entry: str = "") -> bool:
    """Remove a plug-in's folder, and its entry beside it; whether there was one of ours. Raises WriteFailed."""
    places = _places(folder, entry)
    ours = version(folder) is not None or version(_old(folder)) is not None
    # An entry without its folder is what is left of one that was removed by hand.
    there = ours or (not folder.exists() and any(place.is_file() and not place.is_symlink() for place in places))
    try:
        _clear(*map(_new, places))
        if version(folder) is not None:
            _clear(_old(folder))
            folder.rename(_old(folder))  # where a file is in use, this fails before anything is gone
        if there:
            for place in places[1:]:
                place.unlink(missing_ok=True)
                _old(place).unlink(missing_ok=True)
        if ours:
            shutil.rmtree(_old(folder))
    except OSError as error:
        raise _failure(error, folder) from error
    return there


def _places(folder: Path, entry: str) -> list[Path]:
    return [folder, folder.with_name(entry)] if entry else [folder]


def _new(place: Path) -> Path:
    """Where the new one is put together."""
    return place.with_name(f".{place.name}.new")


def _old(place: Path) -> Path:
    """Where the old one waits until the new one has its place."""
    return place.with_name(f".{place.name}.old")


def _clear(*paths: Path) -> None:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _exchange(places: list[Path]) -> None:
    """Put the new ones in the old ones' places. Raises OSError, with all old ones back in their places."""
    begun: list[Path] = []
    try:
        for place in places:
            if place.exists():
                place.rename(_old(place))
            begun.append(place)
            _new(place).rename(place)
    except BaseException:
        for place in begun:
            if place.exists():
                place.rename(_new(place))
            if _old(place).exists():
                _old(place).rename(place)
        raise


def _failure(error: OSError, folder: Path) -> WriteFailed:
    if isinstance(error, shutil.Error) and isinstance(error.args[0], list):  # copytree's: (from, to, why) for each file
        _, path, why = error.args[0][0]
        return WriteFailed(path=str(path), reason=str(why))
    return WriteFailed(path=str(error.filename or folder), reason=reason(error))
