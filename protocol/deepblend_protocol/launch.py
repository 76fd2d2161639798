"""Starts the server and the relay from a host whose environment would break another Python.

Standard library only.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from . import paths
from .connection import private_folder
from .errors import WriteFailed, translatable

_FOREIGN = (
    "PYTHON",
    "LD_",
    "DYLD_",
    "GI_",
    "GIMP",
    "GEGL_",
    "BABL_",
    "GTK_",
    "GDK_PIXBUF_",
    "GIO_",
    "QT_",
    "QML",
    "KDE",
)
"""Beginnings of variables by which AppImages, GIMP, Krita and Flatpaks lead their own programs to their own files."""
_OTHERS = (
    "APPDIR",
    "APPIMAGE",
    "ARGV0",
    "OWD",
    "GSETTINGS_SCHEMA_DIR",
    "GST_PLUGIN_PATH",
    "VIRTUAL_ENV",
    "XDG_DATA_DIRS",
)


_started: list[subprocess.Popen[bytes]] = []
"""Servers that this process started: each outlives its client, and is reaped here when it has ended before."""


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that are the user's own, without those of a host that would mislead another Python."""
    inside = environment.get("APPDIR", "")
    clean = {
        name: value
        for name, value in environment.items()
        if not name.upper().startswith(_FOREIGN) and name.upper() not in _OTHERS
    }
    if inside and "PATH" in clean:
        kept = [part for part in clean["PATH"].split(os.pathsep) if not part.startswith(inside)]
        clean["PATH"] = os.pathsep.join(kept)
    return clean


def start(command: Sequence[str], connection: Path) -> subprocess.Popen[bytes]:
    """Start the server in a session of its own; returns at once.

    Args:
        command: what starts it, with absolute paths.
        connection: the connection file that it is to write. What it says goes to start.log beside that.

    Raises WriteFailed where its folder takes no file, OSError or ValueError where it cannot be started.
    """
    descriptor = _opened(_log(connection))
    _started[:] = [process for process in _started if process.poll() is None]
    try:
        process = subprocess.Popen(
            [*command, "--connection", str(connection)],
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd=Path.home(),
            env=clean_environment(os.environ),
            start_new_session=True,  # nothing on Windows, where the flags below do it
            creationflags=_flags(),
        )
    finally:
        os.close(descriptor)
    _started.append(process)
    return process


def relay(command: Sequence[str], said: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a relay between its standard input and output, raw files, and a server; returns at once.

    Args:
        command: what starts it, with absolute paths.
        said: a file for what else it says.

    Raises OSError or ValueError where it cannot be started.
    """
    return subprocess.Popen(
        command,
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        cwd=Path(command[0]).parent,  # "-m" imports from here first: not from wherever the user keeps a random.py
        env=clean_environment(os.environ),
        start_new_session=True,  # Ctrl+C in the host's terminal is for the host, which may still have a job to cancel
        creationflags=subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
        if sys.platform == "win32"
        else 0,
    )


def reason(connection: Path) -> str:
    """The last line that a server which could not start has said."""
    try:
        text = _log(connection).read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    return last_line(text) or translatable("it said nothing")


def last_line(text: str) -> str:
    """The last line that is not empty, as far as it fits into a sentence."""
    return next((line.strip() for line in reversed(text.split("\n")) if line.strip()), "")[:500]


def _log(connection: Path) -> Path:
    return connection.with_name("start.log")


def _opened(log: Path) -> int:
    """The file for what the server says, begun anew. Raises WriteFailed."""
    try:
        private_folder(log.parent)
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(descriptor, b"\n")  # on a full disk a server could not even say so
        except BaseException:
            os.close(descriptor)
            raise
    except OSError as error:
        raise WriteFailed(path=paths.shown(log), reason=error.strerror or str(error)) from error
    return descriptor


def _flags() -> int:
    if sys.platform == "win32":
        return subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
    return 0
