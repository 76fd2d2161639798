"""Paths in files and in sentences: in UTF-8, whatever this process takes a path's bytes for.

A Python in a program that runs in the C locale cannot name a file by letters beyond ASCII: for it these are single
bytes, which it carries along as lone surrogates.
"""

from __future__ import annotations

import os


def kept(path: str | os.PathLike[str]) -> str:
    """A path as text for a file; ``found`` turns it back into the path, in any locale."""
    return os.fsencode(path).decode("utf-8", "surrogateescape") if os.name == "posix" else os.fspath(path)


def found(text: str) -> str:
    """A path out of a file, as this process names it. Raises ValueError for what is none."""
    return os.fsdecode(text.encode("utf-8", "surrogateescape")) if os.name == "posix" else text


def shown(path: str | os.PathLike[str]) -> str:
    """A path in a sentence."""
    return kept(path).encode("utf-8", "replace").decode("utf-8")
