"""ICC profiles: Krita's scripts know them by name only; here are their bytes, and whether their curve is linear."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from deepblend_protocol import icc

from .qt import QtCore

_SUFFIXES = (".icc", ".icm")
_MOST = 2**24
"""Bytes of a file that is taken for a profile, at most."""


@lru_cache(maxsize=32)
def bytes_of(name: str) -> bytes | None:
    """The profile that Krita calls so; None where no file is found, as for those that are built in."""
    path = _paths().get(name)
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError:
        return None


@lru_cache(maxsize=32)
def is_linear(name: str) -> bool:
    """Whether samples of this profile are in linear light: by its curve, or by its name where there is no file."""
    known = bytes_of(name)
    curve = icc.is_linear(known) if known is not None else None
    if curve is not None:
        return curve
    return any(sign in name.lower() for sign in ("linear", "-g10", "scrgb"))


@lru_cache(maxsize=1)
def _paths() -> dict[str, Path]:
    """Files by the name that Krita shows: what the profile says of itself."""
    found: dict[str, Path] = {}
    for path in _files():
        found.setdefault(path.name, path)
        try:
            if path.stat().st_size <= _MOST and (name := icc.description(path.read_bytes())):
                found[name] = path
        except (OSError, ValueError, struct.error):
            continue
    return found


def _files() -> Iterator[Path]:
    locations = QtCore.QStandardPaths.standardLocations(QtCore.QStandardPaths.StandardLocation.GenericDataLocation)
    beside = Path(QtCore.QCoreApplication.applicationDirPath()).parent / "share"
    folders = [Path(each) / "color" / "icc" for each in (*locations, str(beside))]
    folders += [Path(each) / "krita" / "color" / "icc" for each in locations]
    folders += [Path("/Library/ColorSync/Profiles"), Path.home() / "Library" / "ColorSync" / "Profiles"]
    if windows := os.environ.get("SYSTEMROOT"):
        folders.append(Path(windows) / "System32" / "spool" / "drivers" / "color")
    for folder in dict.fromkeys(folders):
        if folder.is_dir():
            yield from sorted(each for each in folder.rglob("*") if each.suffix.lower() in _SUFFIXES)
