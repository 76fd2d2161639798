"""ICC profiles: Krita's scripts know them by name only; here are their bytes, and whether their curve is linear."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

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
    curve = _curve_is_linear(known) if known is not None else None
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
            if path.stat().st_size <= _MOST and (name := _description(path.read_bytes())):
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


def _tag(profile: bytes, name: bytes) -> bytes:
    """A tag's content, empty where there is none. Raises struct.error."""
    (count,) = struct.unpack_from(">I", profile, 128)
    for each in range(min(count, 256)):
        signature, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * each)
        if signature == name:
            return profile[offset : offset + size]
    return b""


def _description(profile: bytes) -> str:
    """The name that a profile has for its users. Raises struct.error, ValueError."""
    tag = _tag(profile, b"desc")
    if tag.startswith(b"desc"):
        (length,) = struct.unpack_from(">I", tag, 8)
        return tag[12 : 12 + length].split(b"\0")[0].decode("latin-1")
    if tag.startswith(b"mluc"):
        length, offset = struct.unpack_from(">II", tag, 20)
        return tag[offset : offset + length].decode("utf-16-be").rstrip("\0")
    return ""


def _curve_is_linear(profile: bytes) -> bool | None:
    """None where the profile has no curve that says it."""
    try:
        curve = _tag(profile, b"gTRC") or _tag(profile, b"kTRC")
        if curve.startswith(b"curv"):
            (count,) = struct.unpack_from(">I", curve, 8)
            return count == 0 or (count == 1 and struct.unpack_from(">H", curve, 12)[0] == 256)
        if curve.startswith(b"para"):
            kind, _, gamma = struct.unpack_from(">HHI", curve, 8)
            return kind == 0 and gamma == 65536
    except struct.error:
        return None
    return None
