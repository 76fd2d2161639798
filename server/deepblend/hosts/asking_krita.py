"""Krita's Python, asked without a window what it makes of the plug-in: by kritarunner, which comes with Krita.

kritarunner runs a module with all that Krita gives to plug-ins, here in folders of its own: the user's settings and
resources are not touched. It does not read kritarc, nor load plug-ins by itself; the module imports ours as Krita does.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deepblend_protocol.errors import WriteFailed

from ..files import reason
from . import asking
from .krita import PLUGIN, Profile

PROGRAM = "kritarunner"
_MODULE = "deepblend_asks"
_NO_PYQT = "its Python has no PyQt, without which no plug-in is loaded; install it (python3-pyqt5 or alike)"
_SILENT = {"No module named 'PyQt": _NO_PYQT, "No module named PyQt": _NO_PYQT}

_QUESTION = f"""\
import json, sys
sys.dont_write_bytecode = True
def __main__(args):
    from krita import Krita
    known = dict(krita=Krita.instance().version(), python='%d.%d.%d' % sys.version_info[:3])
    sys.path.insert(0, args[0])
    try:
        import {PLUGIN}
    except Exception as error:
        known['plugin_fails'] = '%s: %s' % (type(error).__name__, error)
    try:
        import zmq
        known['zmq'] = zmq.__version__
        known['curve'] = bool(zmq.has('curve'))
    except Exception as error:
        known['zmq_fails'] = str(error)
    print('\\n{asking.ANSWER}' + json.dumps(known), flush=True)
"""


@dataclass(frozen=True)
class Answer:
    """What Krita says."""

    krita: str
    python: str
    zmq: str = ""
    """The version of pyzmq that the plug-in gets; empty where it gets none."""
    curve: bool = False
    """Whether that pyzmq can encrypt."""
    zmq_fails: str = ""
    plugin_fails: str = ""
    """Why the plug-in cannot be imported."""


def command(profile: Profile, given: str | None = None) -> list[str] | None:
    """What starts kritarunner; None where none is found that is of a profile's Krita and can be run from here.

    Args:
        given: a command of the user's, as typed into a shell.
    """
    if given is not None:
        return asking.split(given)
    if profile.sandbox or sys.platform in ("win32", "darwin"):
        return None  # there it would not heed the variables that keep it out of the user's folders
    found = shutil.which(PROGRAM)
    return [found] if found else None


def ask(profile: Profile, start: list[str]) -> Answer:
    """Start kritarunner and let it load a profile's plug-in. Raises HostSilent, WriteFailed."""
    try:
        with tempfile.TemporaryDirectory(prefix="deepblend", ignore_cleanup_errors=True) as given:
            folder = Path(given)
            (folder / "module").mkdir()
            (folder / "module" / f"{_MODULE}.py").write_text(_QUESTION, encoding="utf-8")
            variables: dict[str, str | None] = {
                f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("CONFIG", "DATA", "CACHE", "STATE")
            }
            variables |= {"PYTHONPATH": str(folder / "module"), "QT_QPA_PLATFORM": "offscreen"}
            # Even offscreen, Qt asks a screen that it knows of for OpenGL, and Krita ends where that has none.
            variables |= {"DISPLAY": None, "WAYLAND_DISPLAY": None}
            arguments = ["-s", _MODULE, str(profile.plugin.parent)]
            return Answer(**asking.ask("Krita", start, arguments, variables, _SILENT))
    except OSError as error:
        raise WriteFailed(path=tempfile.gettempdir(), reason=reason(error)) from error
