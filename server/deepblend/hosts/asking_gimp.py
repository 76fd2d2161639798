"""GIMP itself, started without a window and asked what it sees of the plug-in."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from . import asking
from .gimp import HOST, PLUGIN, Profile

PROCEDURE = "deepblend"
_VERSION_S = 20.0
_SILENT = {"python-fu-eval": "it has no Python; install its Python support (python3-gi, gimp-python or alike)"}

_QUESTION = f"""\
import json, os, subprocess, sys
known = dict(gimp=Gimp.version(), python='%d.%d.%d' % sys.version_info[:3])
known['registered'] = bool(Gimp.get_pdb().lookup_procedure('{PROCEDURE}'))
folder = os.path.join(Gimp.directory(), 'plug-ins', '{PLUGIN}')
sys.path.insert(0, folder)
try:
    from deepblend_gimp import host
    host.prepare()
except Exception as error:
    known['plugin_fails'] = str(error)
try:
    import zmq
    known['zmq'] = zmq.__version__
    known['curve'] = bool(zmq.has('curve'))
except Exception as error:
    known['zmq_fails'] = str(error)
if not known['registered']:
    program = os.path.join(folder, '{PLUGIN}.py')
    command = [sys.executable, program] if os.name == 'nt' else [program]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)
        lines = done.stderr.decode('utf-8', 'replace').strip().splitlines()
        known['program_fails'] = lines[-1] if lines and any('Traceback' in line for line in lines) else ''
    except Exception as error:
        known['program_fails'] = str(error)
print('\\n{asking.ANSWER}' + json.dumps(known), flush=True)
"""
"""What GIMP's Python executes; in the end it starts the plug-in as GIMP does, for the reason that GIMP keeps back."""


@dataclass(frozen=True)
class Answer:
    """What GIMP says."""

    gimp: str
    python: str
    registered: bool
    zmq: str = ""
    """The version of pyzmq that the plug-in gets; empty where it gets none."""
    curve: bool = False
    """Whether that pyzmq can encrypt."""
    zmq_fails: str = ""
    plugin_fails: str = ""
    """Why the plug-in's own modules cannot be imported."""
    program_fails: str = ""
    """What the plug-in says when it is started, where GIMP has not registered it."""


def command(profile: Profile, given: str | None = None) -> list[str] | None:
    """What starts the GIMP of a profile without a window; None where none is found that can be run from here.

    Args:
        given: a command of the user's, as typed into a shell.
    """
    if given is not None:
        start = asking.split(given)
        return start if _fits(start, profile) else None
    version = profile.version or "3.0"
    if profile.sandbox == "Flatpak" and (flatpak := shutil.which("flatpak")):
        own = f"--env=GIMP3_DIRECTORY={profile.path}"
        return [flatpak, "run", own, f"--command=gimp-console-{version}", HOST.flatpak]
    if profile.sandbox:
        return None
    name = f"gimp-console-{version}"
    if exact := shutil.which(name):
        return [exact]
    others = ("gimp-console-3", "gimp-console", *(() if sys.platform == "win32" else ("gimp",)))
    for place in (*_places(name), *(place for other in others for place in (other, *_places(other)))):
        found = shutil.which(place)
        if found and _fits([found], profile):
            return [found]
    return None


def ask(profile: Profile, start: list[str]) -> Answer:
    """Start GIMP with a profile and ask it. Raises HostSilent."""
    batch = f"exec({_QUESTION!r})"
    arguments = ["-i", "-d", "-f", "--batch-interpreter=python-fu-eval", "-b", batch, "--quit"]
    return Answer(**asking.ask("GIMP", start, arguments, {"GIMP3_DIRECTORY": str(profile.path)}, _SILENT))


def reason(answer: Answer) -> str:
    """Why GIMP has not registered the plug-in, as far as it can be told."""
    return answer.program_fails or answer.plugin_fails or "GIMP itself does not say why"


def _places(name: str) -> list[str]:
    """Where a program of GIMP's lies that is not on the PATH."""
    if sys.platform == "darwin":
        bases = (Path("/Applications"), Path.home() / "Applications")
        return [str(base / "GIMP.app" / "Contents" / "MacOS" / name) for base in bases]
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        bases = (Path(os.environ.get("PROGRAMFILES") or r"C:\Program Files"), local / "Programs")
        return [str(base / "GIMP 3" / "bin" / f"{name}.exe") for base in bases]
    return []


def _fits(start: list[str], profile: Profile) -> bool:
    """Whether a GIMP is of a profile's version: one of another would turn the profile into one of its own."""
    asked = [*start, "--version"]
    try:
        done = subprocess.run(
            asked, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_VERSION_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return True  # asking it will say why
    found = re.search(r"\b(\d+\.\d+)\.\d+", done.stdout)
    return found is None or (found[1] == profile.version if profile.version else found[1].startswith("3."))
