"""What a folder of results knows of the batches that ran into it: a journal, and the lock of the one that runs."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from deepblend_protocol.errors import ArgumentInvalid

from .. import __version__
from ..files import failing
from .jobs import Job

NAME = "batch.jsonl"
_LOCK = "batch.lock"
_LOCKED_BYTE = 1 << 20  # Windows refuses to read what is locked: not the number at the beginning
_BESIDE = re.compile(r"\.(.+)\.[0-9a-f]{8}(\.\w+)", re.DOTALL)


class Journal:
    """DIR/batch.jsonl: a line for each job that ended, the last one of a name counts.

    Lines are only ever appended. One that a crash has cut off is passed over.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._known: dict[str, dict[str, Any]] = {}
        with failing(self.path):
            content = self.path.read_bytes() if self.path.exists() else b""
        self._is_torn = bool(content) and not content.endswith(b"\n")
        for line in content.split(b"\n"):
            with suppress(ValueError, RecursionError):
                entry = json.loads(line)
                if isinstance(entry, dict) and isinstance(entry.get("name"), str):
                    self._known[entry["name"]] = entry

    def is_done(self, job: Job) -> bool:
        """Whether a job is finished: with these very arguments and pictures, and its results are still there."""
        entry = self._known.get(job.name, {})
        same = entry.get("status") == "done" and entry.get("digest") == job.digest
        return same and all(map(_is_filled, job.blend.outputs.values()))

    def write(self, job: Job, status: str, seconds: float, **more: Any) -> None:
        """Append that a job is done or failed; on the disk when this returns. Raises WriteFailed."""
        entry = {"name": job.name, "status": status, "digest": job.digest, "version": __version__}
        entry |= {"line": job.line, "seconds": round(seconds, 3), **more}
        line = json.dumps(entry).encode() + b"\n"
        with failing(self.path), open(self.path, "ab", buffering=0) as file:
            file.write(b"\n" + line if self._is_torn else line)
            os.fsync(file.fileno())
        self._is_torn = False
        self._known[job.name] = entry


def _is_filled(path: str) -> bool:
    with suppress(OSError):
        return os.stat(path).st_size > 0
    return False


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other batches out of a folder. The system's own lock, which a crash does not leave behind.

    Raises ArgumentInvalid where another batch runs, WriteFailed.
    """
    path = folder / _LOCK
    with failing(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if not _lock(descriptor):
            holder = path.read_text(errors="replace").strip() or "?"
            why = f"Another batch runs into {folder} already (process {holder}). Wait for it, or choose another folder."
            raise ArgumentInvalid(reason=why)
        with failing(path):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)  # the file stays: to remove it would let two in, one of them by the old file


def _lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def sweep(folder: Path, jobs: Iterable[Job]) -> None:
    """Remove what ``files.replacing`` had begun for these jobs when a crash ended it. Only under the lock."""
    found = {path: beside for path in folder.iterdir() if (beside := _BESIDE.fullmatch(path.name))}
    if not found:
        return
    places = [Path(path) for job in jobs for path in job.blend.outputs.values()]
    ours = {(place.stem[:64], place.suffix) for place in places}
    for path, beside in found.items():
        if beside.groups() in ours:
            with suppress(OSError):
                path.unlink()
