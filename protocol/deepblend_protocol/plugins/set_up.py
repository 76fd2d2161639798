"""Setting deepblend up from inside a host: an environment of its own, with progress. Standard library only.

Nothing here waits: what takes long are processes, which ``SetUp.advance`` looks after.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from .. import __version__, connection, launch, paths
from ..connection import Installation
from ..errors import DeepBlendError, PythonMissing, SetUpFailed, WriteFailed, translatable
from ..words import _

SMALL_GB, LARGE_GB = 1.1, 5.8
"""What an environment takes on disk, with PyTorch for processors alone and with NVIDIA's libraries."""
_MINORS = (12, 13, 11, 10, 14)
"""The Pythons 3.x that are looked for by name, the best first."""
_PROBE = "import sys, venv, ensurepip; print('deepblend', *sys.version_info[:2], sys.maxsize > 2**32)"
_PROBE_S = 20.0
_MOST = 16384
"""Bytes of what a process has said that are looked at."""
_TORCH = ("torch>=2.4", "torchvision>=0.19")
_PIP = (
    *("-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-user", "--progress-bar", "off"),
    "--no-cache-dir",  # which would keep what was fetched on the disk a second time
)


def folder() -> Path:
    """Where the environment is made, for this user."""
    if sys.platform in ("win32", "darwin"):
        return connection.default_path().parent / "environment"
    data = os.environ.get("XDG_DATA_HOME", "")
    return (Path(data) if os.path.isabs(data) else Path.home() / ".local" / "share") / "deepblend" / "environment"


def has_card() -> bool:
    """Whether NVIDIA's driver is here, as far as can be seen without waiting."""
    return os.path.exists("/dev/nvidiactl") or shutil.which("nvidia-smi") is not None


def takes_gb(card: bool) -> float:
    """How much disk an environment takes here."""
    return LARGE_GB if card and sys.platform != "darwin" else SMALL_GB


def candidates(environment: Mapping[str, str]) -> list[str]:
    """Programs that may be a Python to make an environment with, the best first; none of them the host's own."""
    found = [shutil.which(name, path=environment.get("PATH", "")) for name in _names()]
    home = Path.home()
    if sys.platform == "win32":
        local = Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local")
        roots = [local / "Programs" / "Python", Path(environment.get("PROGRAMFILES", "C:/Program Files"))]
        found += [str(root / f"Python3{minor}" / "python.exe") for minor in _MINORS for root in roots]
    else:
        roots = [home / ".local" / "bin", Path("/usr/local/bin"), Path("/usr/bin")]
        if sys.platform == "darwin":  # a program from the Finder has no PATH of the user's
            roots = [Path("/opt/homebrew/bin"), *roots]
            framework = Path("/Library/Frameworks/Python.framework/Versions")
            found += [str(framework / f"3.{minor}" / "bin" / "python3") for minor in _MINORS]
        found += [str(root / f"python3.{minor}") for minor in _MINORS for root in roots]
    return list(dict.fromkeys(one for one in found if one is not None and os.path.isfile(one)))


def _names() -> list[str]:
    return [*(f"python3.{minor}" for minor in _MINORS), "python3", "python"]


def needed(record: Path) -> bool:
    """Whether a plug-in knows no deepblend: none was written down, or the one that was made here is gone."""
    try:
        command = connection.read_installation(record).command
    except DeepBlendError:
        return not record.exists()
    return bool(command) and folder() in Path(command[0]).parents and not os.path.exists(command[0])


class SetUp:
    """Call ``begin``, then ``advance`` every now and then until ``over``.

    Args:
        record: the plug-in's installation.json, which is written at the end.
        place: the environment's folder; what an attempt before has left there goes.
        environment: this process's variables. pip's own (PIP_INDEX_URL, PIP_FIND_LINKS …) say where packages come from.
    """

    def __init__(self, record: Path, place: Path, environment: Mapping[str, str]) -> None:
        self._record = record
        self._place = place
        self._environment = {**launch.clean_environment(environment), "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
        self._steps: Iterator[None] | None = None
        self.process: subprocess.Popen[bytes] | None = None
        """The one that runs, or the last one."""
        self._log: IO[bytes] | None = None
        self._python = ""
        self._made = False
        """There is something of an environment on the disk."""
        self._since = 0
        """Where in the log begins what the process says."""
        self.log = place.with_name("set-up.log")
        """All that the processes say."""
        self.words = ""
        """What is being done, in the user's language."""
        self.error: DeepBlendError | None = None
        self.done = False

    @property
    def over(self) -> bool:
        return self._steps is None

    def begin(self) -> None:
        """Start. What goes wrong, here as later, is ``error``."""
        self.error, self.done, self._made = None, False, False
        self._steps = self._all()
        self.advance()

    def advance(self) -> None:
        """Take what steps can be taken now."""
        if self._steps is None:
            return
        try:
            next(self._steps)
        except StopIteration:
            self._end()
        except DeepBlendError as error:
            self._fail(error)
        except OSError as error:
            why = error.strerror or str(error)
            self._fail(WriteFailed(path=paths.shown(error.filename or self._place), reason=why))

    def cancel(self) -> None:
        """End it, and remove what is there of the environment."""
        if self._steps is not None:
            self._fail(None)

    def last_line(self) -> str:
        """What the process that runs said last; "" where it has not said anything."""
        return launch.last_line(self._said()) if self.process is not None else ""

    # The steps. Each ``yield`` is a moment at which the host goes on.

    def _all(self) -> Iterator[None]:
        while self.process is not None and self.process.poll() is None:
            yield  # what removes an attempt before
        self._place.parent.mkdir(parents=True, exist_ok=True)
        self._log = self.log.open("w+b")
        card = has_card()
        self._room_for(takes_gb(card))
        self.words = _("Looking for a Python")
        yield from self._find()
        self.words = _("Making the environment")
        self._made = True
        yield from self._run([self._python, "-m", "venv", "--clear", str(self._place)])
        own = str(self._place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))
        self.words = _("Fetching PyTorch")
        try:
            yield from self._torch(own, card)
            self.words = _("Fetching deepblend and what it needs")
        except SetUpFailed:  # pip's usual one may still be had, as from a mirror
            usual = LARGE_GB if sys.platform == "linux" else SMALL_GB
            self._room_for(usual)
            self.words = _("Fetching the usual PyTorch, since the other cannot be had: %.1f GB") % usual
        yield from self._run([own, *_PIP, f"deepblend=={__version__}"])
        self.words = _("Looking whether it works")
        yield from self._run([own, "-c", "import deepblend.commands.cli, deepblend_protocol.relay, torch, torchvision"])
        command = (own, "-m", "deepblend.commands.cli", "serve")
        connection.write_installation(
            self._record,
            Installation(
                connection.default_path().absolute(),
                command=command,
                remedy=translatable("Start it with: deepblend serve"),
                relay=(own, "-m", "deepblend_protocol.relay"),
            ),
        )
        self.done = True

    def _find(self) -> Iterator[None]:
        """Find a Python that can make environments. Raises PythonMissing."""
        lacking = ""
        for one in candidates(self._environment):
            self._start([one, "-c", _PROBE])
            yield from self._wait(_PROBE_S)
            said = self._said()
            answer = re.search(r"^deepblend (\d+) (\d+) True", said, re.MULTILINE)
            if answer and (3, 10) <= (int(answer[1]), int(answer[2])) <= (3, max(_MINORS)):
                self._python = one
                return
            if "No module named" in said:
                lacking = one
        raise PythonMissing(remedy=_remedy(lacking))

    def _torch(self, own: str, card: bool) -> Iterator[None]:
        """Have the build of PyTorch that suits this machine, where the packages' own index would give another.

        uv knows where that is. Raises SetUpFailed.
        """
        usual = sys.platform == "darwin" or card == (sys.platform != "win32")
        if usual:
            return
        yield from self._run([own, *_PIP, "uv"])
        install = [own, "-m", "uv", "pip", "install", "--no-cache", "--python", own]
        yield from self._run([*install, "--torch-backend", "auto" if card else "cpu", *_TORCH])

    def _room_for(self, wanted: float) -> None:
        """Raises SetUpFailed where the disk has fewer gigabytes than that."""
        free = shutil.disk_usage(self._place.parent).free / 1e9
        if free < wanted:
            why = _("it takes %(wanted).1f GB on disk, and %(free).1f GB are free")
            raise SetUpFailed(reason=why % {"wanted": wanted, "free": free}, log=paths.shown(self.log))

    # Processes

    def _run(self, command: Sequence[str]) -> Iterator[None]:
        """Run a program to its end. Raises SetUpFailed."""
        self._start(command)
        yield from self._wait(None)
        assert self.process is not None
        if self.process.returncode:
            raise SetUpFailed(reason=_reason(self._said()), log=paths.shown(self.log))

    def _start(self, command: Sequence[str]) -> None:
        assert self._log is not None
        self._log.write(f"\n$ {' '.join(map(paths.shown, command))}\n".encode())
        self._log.flush()
        self._since = self._log.tell()
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                cwd=self._place.parent,  # "-m" imports from here first: not from wherever the user keeps a random.py
                env=self._environment,
                start_new_session=True,  # so that all that it starts can be ended with it
                creationflags=subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0,
            )
        except OSError as error:
            why = f"{paths.shown(command[0])}: {error.strerror or error}"
            raise SetUpFailed(reason=why, log=paths.shown(self.log)) from error

    def _wait(self, seconds: float | None) -> Iterator[None]:
        """Until the process has ended, or for so long."""
        assert self.process is not None
        until = None if seconds is None else time.monotonic() + seconds
        while self.process.poll() is None:
            if until is not None and time.monotonic() > until:
                self._kill()
            yield

    def _kill(self) -> None:
        """End the process with all that it started."""
        process = self.process
        if process is None or process.poll() is not None:
            return
        if sys.platform == "win32":
            subprocess.Popen(
                ["taskkill", "/F", "/T", "/PID", str(process.pid)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                creationflags=subprocess.CREATE_NO_WINDOW,
            )
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _fail(self, error: DeepBlendError | None) -> None:
        self.error = error
        self._kill()
        if self._made and self._python:  # many files: another process removes them
            script = "import shutil, sys, time; time.sleep(1); shutil.rmtree(sys.argv[1], ignore_errors=True)"
            with suppress(OSError, SetUpFailed):
                self._start([self._python, "-c", script, str(self._place)])
        self._end()

    def _end(self) -> None:
        self._steps, self.words = None, ""
        if self._log is not None:
            self._log.close()
            self._log = None

    def _said(self) -> str:
        """What the process has said, as far as the end of it is of interest."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(self._since, os.fstat(file.fileno()).st_size - _MOST))
                return file.read().decode("utf-8", "replace")
        except OSError:
            return ""


def _reason(said: str) -> str:
    """Why a step failed, by what it said."""
    if "Retrying" in said or "NewConnectionError" in said or "dns error" in said:
        return _("there is no connection to where packages come from")
    if "No space left" in said:
        return _("the disk is full")
    lines = re.findall(r"^(?:ERROR|error): (.+?)\.?\s*$", said, re.MULTILINE)
    return (lines[-1] if lines else launch.last_line(said)) or _("it said nothing")


def _remedy(lacking: str) -> str:
    """What to install where there is no Python to use."""
    if lacking and sys.platform.startswith("linux"):
        return _("%s lacks the module venv; on Debian and Ubuntu the package python3-venv has it.") % paths.shown(
            lacking
        )
    if sys.platform == "win32":
        return _("Install Python 3.12 from python.org, for all users or for yourself.")
    if sys.platform == "darwin":
        return _("Install Python 3.12 from python.org or with Homebrew.")
    return _("Install it with your distribution's packages: python3 and python3-venv.")
