"""Asking a host itself what it sees of the plug-in: it is started without a window, and prints one line of JSON."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepblend_protocol.errors import HostSilent

ANSWER = "deepblend answers "
"""What the line begins with."""
ASK_S = 180.0
_SYSTEM = ("/bin", "/usr/bin", "/usr/local/bin")


def split(given: str) -> list[str]:
    """A command as it is typed into a shell, or a program's path as it is."""
    return [given] if Path(given).is_file() else shlex.split(given, posix=os.name == "posix")


def ask(
    host: str, start: list[str], arguments: list[str], variables: Mapping[str, str], known: Mapping[str, str]
) -> dict[str, Any]:
    """What a host answers.

    Args:
        host: its name, for the error.
        start: what starts it.
        variables: those that are set for it.
        known: what it says where it cannot answer, and what that means.

    Raises HostSilent.
    """

    def silent(reason: str) -> HostSilent:
        return HostSilent(host=host, reason=reason, command=shlex.join(start))

    try:
        done = subprocess.run(
            [*start, *arguments],
            env={**_environment(start), **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ASK_S,
            check=False,
        )
    except OSError as error:
        raise silent(error.strerror or str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise silent(f"it took longer than {ASK_S:.0f} seconds") from error
    if found := re.search(f"^{ANSWER}(.+)$", done.stdout, re.MULTILINE):
        return json.loads(found[1])
    for words, reason in known.items():
        if words in done.stderr + done.stdout:
            raise silent(reason)
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    raise silent(lines[-1][:300] if lines else f"it said nothing (exit status {done.returncode})")


def _environment(start: list[str]) -> dict[str, str]:
    """The variables without what leads to this environment's Python: plug-ins may be started by /usr/bin/env."""
    own = {str(Path(sys.executable).parent)} - {*_SYSTEM, str(Path(start[0]).parent)}
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTHON") and name != "VIRTUAL_ENV"
    }
    path = [part for part in kept.get("PATH", "").split(os.pathsep) if part not in own]
    return {**kept, "PATH": os.pathsep.join(path)}
