"""Memory of this process, and what of the machine's is left for it."""

from __future__ import annotations

import ctypes
import re
import sys
from contextlib import suppress
from pathlib import Path

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


def available() -> int | None:
    """Bytes of main memory that this process may still take without anything being swapped out; None where unknown."""
    left = [one for one in (_number("/proc/meminfo", "MemAvailable", 1024), _left_of_group(), _left_of_fence()) if one]
    return min(left, default=None)


def fence(more: int) -> None:
    """Let the system refuse this process whatever it would take beyond so many bytes more than it has.

    Then a blend fails, and not the desktop beside it. Of address space alone, which libraries reserve in plenty, none
    is counted. Does nothing where the system knows no such limit. Not for a process that computes on a GPU: its driver
    maps that memory, too.
    """
    with suppress(ImportError, OSError, ValueError):
        import resource

        taken = _number("/proc/self/status", "VmData", 1024)
        if taken is not None:
            _, hardest = resource.getrlimit(resource.RLIMIT_DATA)
            resource.setrlimit(resource.RLIMIT_DATA, (taken + more, hardest))


def _left_of_fence() -> int | None:
    with suppress(ImportError, OSError):
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
        taken = _number("/proc/self/status", "VmData", 1024)
        if limit != resource.RLIM_INFINITY and taken is not None:
            return max(limit - taken, 1)
    return None


def _left_of_group() -> int | None:
    """Of a container's memory."""
    root = Path("/sys/fs/cgroup")
    for most, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        with suppress(OSError, ValueError):
            return max(int((root / most).read_text()) - int((root / used).read_text()), 1)
    return None


def _number(path: str, name: str, unit: int) -> int | None:
    """A line's number in one of the system's lists."""
    with suppress(OSError):
        found = re.search(rf"^{name}:\s+(\d+)", Path(path).read_text(), re.MULTILINE)
        if found:
            return int(found[1]) * unit
    return None


def _glibc(function: str, *values: int) -> None:
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library, which has no such call
            getattr(ctypes.CDLL(None), function)(*values)
