"""What ``deepblend doctor`` looks at: each check is a generator of findings, and none raises for what it finds."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

OK, NOTE, WARN, WRONG = "ok", "note", "warn", "wrong"
_START_S = 60.0


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's."""

    name: str
    """What was looked at."""
    status: str
    """ok; note: nothing to mend; warn: it works, though not as well as it could; wrong."""
    sentence: str
    remedy: str = ""
    """What mends it."""


def starts(command: Sequence[str]) -> str:
    """Why a program cannot be started; empty where it ends well on an empty input."""
    program = Path(command[0])
    if not program.exists():
        return f"{program} is not there any more"
    if not os.access(program, os.X_OK):
        return f"{program} is not executable"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=_START_S, check=False
        )
    except OSError as error:
        return f"{program}: {error.strerror or error}"
    except subprocess.TimeoutExpired:
        return f"{program} did not end within {_START_S:.0f} seconds"
    if done.returncode == 0:
        return ""
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip() if lines else f"{program} ended with status {done.returncode}"
