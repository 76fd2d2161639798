"""Whether a program of this user's runs."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

_ASK_S = 10.0


def runs(name: str) -> bool:
    """Whether this user runs a program of this name; False if that cannot be found out."""
    if sys.platform == "win32":
        return f"{name}.exe" in _said("tasklist", "/NH", "/FI", f"IMAGENAME eq {name}.exe").lower()
    if sys.platform == "darwin":
        return bool(_said("pgrep", "-x", "-U", str(os.getuid()), name).strip())
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it may have ended meanwhile
            if process.stat().st_uid == os.getuid() and (process / "comm").read_text().strip() == name:
                return True
    return False


def _said(*command: str) -> str:
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_ASK_S, check=False)
        return done.stdout
    return ""
