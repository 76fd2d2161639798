"""Waiting for what happens in another process; the standard library alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

DEADLINE_S = 120.0
"""For what is expected to happen soon, on a machine that may be very busy."""


def wait_for(happens: Callable[[], Any], what: str, seconds: float = DEADLINE_S) -> Any:
    """What ``happens`` returns, as soon as that is true."""
    deadline = time.monotonic() + seconds
    while not (found := happens()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)
    return found
