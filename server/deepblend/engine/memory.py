"""Memory of this process."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress


def give_back() -> None:
    """Return freed memory to the system, which glibc otherwise keeps, in pieces that fit nothing large."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library, which has no such call
            ctypes.CDLL(None).malloc_trim(0)
