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
    host: str, start: list[str], arguments: list[str], variables: Mapping[str, str | None], known: Mapping[str, str]
) -> dict[str, Any]:
    """What a host answers.

    Args:
        host: its name, for the error.
        start: what starts it.
        variables: those that are set for it, or with None taken from it.
        known: what it says where it cannot answer, and what that means.

    Raises HostSilent.
    """

    def silent(reason: str) -> HostSilent:
        return HostSilent(host=host, reason=reason, command=shlex.join(start))

    given: dict[str, str | None] = {**_environment(start), **variables}
    try:
        done = subprocess.run(
            [*start, *arguments],
            env={name: value for name, value in given.items() if value is not None},
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
    """The variables without what leads to a Python environment's own: plug-ins may be started by /usr/bin/env."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTHON") and name != "VIRTUAL_ENV"
    }
    own = {*_SYSTEM, str(Path(start[0]).parent)}
    path = [part for part in kept.get("PATH", "").split(os.pathsep) if part in own or not _of_environment(Path(part))]
    return {**kept, "PATH": os.pathsep.join(path)}


def _of_environment(folder: Path) -> bool:
    """Whether programs in a folder are those of a virtual environment, of conda, or of the one that runs this."""
    signs = ("pyvenv.cfg", "conda-meta")
    return folder == Path(sys.executable).parent or any((folder.parent / sign).exists() for sign in signs)
