"""Memory of this process."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h


def reuse() -> None:
    """Have this process keep the memory of freed arrays for the next ones, until :func:`give_back`.

    Else glibc asks the system for each large array and returns it, and the system clears it, page by page: a fifth of
    the time of a large blend. For processes that are ours: it changes all that they allocate.
    """
    _glibc("mallopt", _MMAP_THRESHOLD, 1 << 30)
    _glibc("mallopt", _TRIM_THRESHOLD, (1 << 31) - 1)


def give_back() -> None:
    """Return freed memory to the system, which glibc otherwise keeps, in pieces that fit nothing large."""
    _glibc("malloc_trim", 0)


def _glibc(function: str, *values: int) -> None:
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library, which has no such call
            getattr(ctypes.CDLL(None), function)(*values)
