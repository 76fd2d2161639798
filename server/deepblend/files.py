"""Writing files whole or not at all, and errors of the file system as sentences for users. Knows no pictures."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from deepblend_protocol.errors import ArgumentInvalid, WriteFailed

_REASONS = {
    errno.ENOENT: "there is no such file",
    errno.EISDIR: "it is a folder",
    errno.EACCES: "permission is denied",
    errno.EPERM: "permission is denied",
    errno.EROFS: "the disk is read-only",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT if hasattr(errno, "EDQUOT") else errno.ENOSPC: "the disk is full",
    errno.EFBIG: "the file would be larger than is allowed here",
    errno.ENAMETOOLONG: "its name is too long",
    errno.ENOTDIR: "a part of the path is not a folder",
}


def reason(error: OSError) -> str:
    """What an OSError says, in a user's words."""
    known = _REASONS.get(error.errno or 0)
    if known is None and error.errno is None:  # libraries pass on what the system said, or not even that
        known = next((words for number, words in _REASONS.items() if os.strerror(number) in str(error)), None)
    return known or error.strerror or "it could not be finished"


def not_a_file(path: str | os.PathLike[str]) -> str | None:
    """Why nothing can be read at a path that is there, in a user's words: to open a pipe waits for who writes into it.

    None for a file, and where there is nothing, which opening it says.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return None
    if stat.S_ISFIFO(mode):
        return "it is a pipe; to read what comes through one, give - and pipe it into the command"
    return None if stat.S_ISREG(mode) else "it is a folder" if stat.S_ISDIR(mode) else "it is a device, not a file"


@contextmanager
def failing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn every OSError within into WriteFailed."""
    try:
        yield
    except OSError as error:
        why = reason(error)
        if error.errno is None and _is_full(path):
            why = _REASONS[errno.ENOSPC]
        raise WriteFailed(path=str(path), reason=why) from error


def _is_full(path: str | os.PathLike[str]) -> bool:
    with suppress(OSError):
        return shutil.disk_usage(Path(os.path.realpath(path)).parent).free < 2**16
    return False


def real(path: str | os.PathLike[str]) -> str:
    """What ``os.path.realpath`` gives, which for thousands of files in one folder would follow that anew each time."""
    folder, name = os.path.split(os.path.abspath(path))
    place = os.path.join(_real_folder(folder), name)
    return os.path.realpath(place) if os.path.islink(place) else place


@lru_cache(maxsize=256)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def check_place(path: str | os.PathLike[str]) -> None:
    """Raise WriteFailed unless a file can be made, or replaced, at a path."""
    final = real(path)
    with failing(path):
        if (why := not_a_file(final)) is not None:  # also a device: a rename would put a file in its place
            raise WriteFailed(path=str(path), reason="it is a folder" if os.path.isdir(final) else why.split(";")[0])
        with suppress(FileNotFoundError, NotADirectoryError):
            os.lstat(final)  # a name may be too long
        parent = os.path.dirname(final)
        if not os.path.isdir(parent):
            raise WriteFailed(path=str(path), reason=f"there is no folder {parent}")
        if not os.access(parent, os.W_OK | os.X_OK):
            raise WriteFailed(path=str(path), reason="its folder may not be written to")


def check_apart(
    made: Mapping[str, str | os.PathLike[str]], read: Mapping[str, str | os.PathLike[str]], remedy: str = ""
) -> None:
    """Raise ArgumentInvalid where a result would take the place of a file that is read, by whatever name.

    Args:
        made, read: paths, by what they are called.
        remedy: what else can be done than giving another place; as the end of a clause.
    """
    for output, path in made.items():
        for name, other in read.items():
            if _is_same(path, other):
                raise ArgumentInvalid(
                    reason=f"{output} and {name} are one file, {path}, which would be lost: "
                    f"give {output} another place{remedy}."
                )


def _is_same(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):  # one is not there yet
        return False


def make_folder(path: str | os.PathLike[str]) -> Path:
    """A folder, made with its parents where missing. Raises WriteFailed."""
    with failing(path):
        os.makedirs(path, exist_ok=True)
    return Path(path)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A new file beside ``path``, with its extension, that takes its place when the block ends well.

    Whatever ends the block otherwise, the new file is removed and ``path`` is as it was.
    Raises WriteFailed for every OSError within.
    """
    check_place(path)
    final = Path(os.path.realpath(path))  # a link stays a link
    beside = final.with_name(f".{final.stem[:64]}.{secrets.token_hex(4)}{final.suffix}")
    with failing(path):
        try:
            os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            yield beside
            os.replace(beside, final)
        except BaseException:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            raise


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write a JSON file, whole or not at all. Raises WriteFailed."""
    with replacing(path) as beside:
        beside.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
