"""How a client finds the server: the connection file, the lock beside it, and what an installer wrote down.

docs/protocol.md, section 1. Standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import stat
import sys
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from . import paths
from .errors import ConnectionUnusable, WriteFailed, translatable

FORMAT = 1
_ENDPOINT = re.compile(r"tcp://\S+:[0-9]{1,5}")
_KEY_LENGTH = 40


@dataclass(frozen=True)
class Connection:
    """What a connection file holds. Keys are CURVE keys in the text form Z85, 40 characters."""

    endpoint: str
    server_key: str
    public_key: str
    secret_key: str
    remote: bool = False
    instance: str = ""
    pid: int = 0
    version: str = ""


@dataclass(frozen=True)
class Installation:
    """How a client finds the server, and starts it."""

    connection: Path
    """The connection file, absolute: XDG variables differ inside a sandbox."""
    command: tuple[str, ...] = ()
    """What starts the server, with absolute paths; empty where this client cannot start one."""
    remedy: str = "Start it with: deepblend serve"
    """What the user is told to do where there is no server and no command."""
    relay: tuple[str, ...] = ()
    """What starts the relay for a Python without zmq, with absolute paths; docs/protocol.md, section 1.4."""


def default_path() -> Path:
    """The user's own connection file."""
    if given := os.environ.get("DEEPBLEND_CONNECTION"):
        return Path(given)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        state = os.environ.get("XDG_STATE_HOME", "")
        base = Path(state) if os.path.isabs(state) else Path.home() / ".local" / "state"
    return base / "deepblend" / "connection.json"


def read(path: Path) -> Connection | None:
    """The connection that a file describes; None if the file does not exist. Raises ConnectionUnusable."""

    def refuse(reason: str) -> ConnectionUnusable:
        return ConnectionUnusable(path=paths.shown(path), reason=reason)

    try:
        with open(path, "rb") as file:
            if os.name == "posix":
                found = os.fstat(file.fileno())
                if found.st_uid != os.getuid():
                    raise refuse(translatable("it belongs to another user"))
                if found.st_mode & 0o077:
                    raise refuse(f"others can read it (its mode is {stat.S_IMODE(found.st_mode):o}, not 600)")
            known = json.loads(file.read(2**16))
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        return None
    except OSError as error:
        raise refuse(error.strerror or str(error)) from None
    except (ValueError, RecursionError):
        raise refuse(translatable("it is damaged")) from None
    if not isinstance(known, dict) or known.get("format") != FORMAT:
        raise refuse(f"it is not of format {FORMAT}, which this version of deepblend reads")
    try:
        return _connection(known)
    except ValueError as error:
        raise refuse(f"its '{error}' is missing or damaged") from None


def _connection(known: dict[str, Any]) -> Connection:
    """Raises ValueError with a field's name."""
    given = {one.name: known[one.name] for one in fields(Connection) if one.name in known}
    kinds = {"remote": bool, "pid": int}
    for name, value in given.items():
        if type(value) is not kinds.get(name, str):
            raise ValueError(name)
    for name in ("server_key", "public_key", "secret_key"):
        if len(given.get(name, "")) != _KEY_LENGTH or not given[name].isascii():
            raise ValueError(name)
    if not _ENDPOINT.fullmatch(given.get("endpoint", "")):
        raise ValueError("endpoint")
    return Connection(**given)


def write(path: Path, connection: Connection) -> None:
    """Write a connection file, whole or not at all, for its user's eyes alone. Raises WriteFailed."""
    write_private(path, {"format": FORMAT, **asdict(connection)})


def write_private(path: Path, known: dict[str, Any]) -> None:
    """Write a JSON file of mode 0600, whole or not at all, where nobody else may write. Raises WriteFailed."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        private_folder(path.parent)
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                json.dump(known, file, indent=2)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
    except OSError as error:
        raise WriteFailed(path=paths.shown(path), reason=error.strerror or str(error)) from error


def private_folder(path: Path) -> None:
    """Make a folder that only its user may enter. One that exists stays as it is: it may be more than one program's.

    Raises OSError, also for a folder in which others may write: what lies there could be theirs.
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.name == "posix" and (mode := stat.S_IMODE(path.stat().st_mode)) & 0o022:
        why = f"others may write in the folder {path} (its mode is {mode:o}). Choose one that is yours alone"
        raise PermissionError(errno.EACCES, why)


def remove(path: Path, instance: str) -> None:
    """Remove a connection file, if it is still that of this run of the server; never raises."""
    with contextlib.suppress(ConnectionUnusable, OSError):
        found = read(path)
        if found is not None and found.instance == instance:
            path.unlink()


class Lock:
    """The lock of the one server; freed by the system when its process dies.

    Args:
        path: the connection file; the lock lies beside it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name("server.lock")
        self._descriptor: int | None = None

    def acquire(self, seconds: float) -> bool:
        """Try for so long to take the lock; returns whether it was taken. Raises OSError if its file cannot be made."""
        private_folder(self._path.parent)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + seconds
        while not _lock(descriptor, exclusive=True):
            if time.monotonic() > deadline:
                os.close(descriptor)
                return False
            time.sleep(0.02)
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Release the lock; a second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def server_runs(path: Path) -> bool:
    """Whether a server holds the lock beside a connection file."""
    try:
        descriptor = os.open(path.with_name("server.lock"), os.O_RDWR)
    except OSError:
        return False
    try:
        return not _lock(descriptor, exclusive=False)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, exclusive: bool) -> bool:
    """Lock a file that no other process has locked, until the descriptor is closed."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def write_installation(path: Path, installation: Installation) -> None:
    """Write down for a plug-in where the server is. Raises WriteFailed."""
    known = {
        "connection": paths.kept(installation.connection),
        "command": [paths.kept(part) for part in installation.command],
        "remedy": installation.remedy,
        "relay": [paths.kept(part) for part in installation.relay],
    }
    write_private(path, {"format": FORMAT, **known})


def read_installation(path: Path) -> Installation:
    """What an installer wrote down. Raises ConnectionUnusable."""
    try:
        known = json.loads(path.read_bytes())
        connection, command, remedy = known["connection"], known["command"], known["remedy"]
        relay = known.get("relay", [])  # older installers knew of none
        if known["format"] != FORMAT or not os.path.isabs(connection) or not isinstance(remedy, str):
            raise ValueError
        for parts in (command, relay):
            if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
                raise ValueError
        return Installation(
            Path(paths.found(connection)),
            tuple(paths.found(part) for part in command),
            remedy,
            tuple(paths.found(part) for part in relay),
        )
    except OSError as error:
        raise ConnectionUnusable(path=paths.shown(path), reason=error.strerror or str(error)) from None
    except (ValueError, KeyError, TypeError):
        why = translatable("it is damaged; install the plug-in again")
        raise ConnectionUnusable(path=paths.shown(path), reason=why) from None
