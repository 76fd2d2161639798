"""Installing a plug-in in any host: its folder put together whole, with all that the host's Python lacks."""

from __future__ import annotations

import os
import shutil
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
        wheels: a folder of pyzmq's wheels; None fetches them.
        compiled: whether the host's Python can load pyzmq's wheels at all.

    Returns what was done, in sentences. Raises PluginInvalid, WriteFailed.
    """
    new, old = _beside(folder)
    try:
        if version(old) is not None and not folder.exists():
            old.rename(folder)  # an upgrade was cut off between its two renames
        before = version(folder)
        if before is None and (folder.exists() or folder.is_symlink()):
            why = "it was not put there by 'deepblend install'; move it away first"
            raise PluginInvalid(path=str(folder), reason=why)
        folder.parent.mkdir(parents=True, exist_ok=True)
        for left in (new, old):
            shutil.rmtree(left, ignore_errors=True)
        shutil.copytree(plugin, new, ignore=shutil.ignore_patterns(*IGNORED))
        vendor = new / "vendor"
        package = Path(deepblend_protocol.__file__).parent
        shutil.copytree(package, vendor / package.name, ignore=shutil.ignore_patterns(*IGNORED))
        said = vendored.bring(vendor, wheels, folder / "vendor" if before is not None else None) if compiled else []
        (new / MARK).write_text(f"deepblend {__version__}\n", encoding="utf-8")
        connection.write_installation(new / "installation.json", installation)
        new.chmod(0o755)  # write_installation has made it private
        if program:
            (new / program).chmod(0o755)
            os.utime(new / program)  # GIMP asks it for its labels and arguments again when its date is another
        _exchange(new, folder, old)
    except OSError as error:
        raise _failure(error, folder) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
    if before is None:
        return [f"{folder}: deepblend {__version__} was installed.", *said]
    did = f"{__version__} was installed again" if before == __version__ else f"{__version__} replaces {before}"
    return [f"{folder}: deepblend {did}.", *said]


def remove(folder: Path) -> bool:
    """Remove a plug-in's folder; whether there was one of ours. Raises WriteFailed."""
    new, old = _beside(folder)
    there = version(folder) is not None or version(old) is not None
    try:
        shutil.rmtree(new, ignore_errors=True)
        if version(folder) is not None:
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)  # where a file is in use, this fails before anything is gone
        if there:
            shutil.rmtree(old)
    except OSError as error:
        raise _failure(error, folder) from error
    return there


def _beside(folder: Path) -> tuple[Path, Path]:
    """Where the new one is put together, and where the old one waits."""
    return folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")


def _exchange(new: Path, folder: Path, old: Path) -> None:
    """Put the new one in the old one's place. Raises OSError, with the old one back in its place."""
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except BaseException:
        if old.exists():
            old.rename(folder)
        raise


def _failure(error: OSError, folder: Path) -> WriteFailed:
    if isinstance(error, shutil.Error) and isinstance(error.args[0], list):  # copytree's: (from, to, why) for each file
        _, path, why = error.args[0][0]
        return WriteFailed(path=str(path), reason=str(why))
    return WriteFailed(path=str(error.filename or folder), reason=reason(error))
