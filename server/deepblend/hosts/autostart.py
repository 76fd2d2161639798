"""The server as a login service: systemd's user units, launchd, or Windows' Run key.

For hosts in a sandbox (Flatpak, Snap), which cannot start a program outside of it.
"""

from __future__ import annotations

import importlib
import os
import plistlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from deepblend_protocol.errors import WriteFailed

from ..files import failing, replacing

LABEL = "org.deepblend.server"
_RUN_KEY = r"Software\Microsoft\Windows\CurrentVersion\Run"


def install(command: Sequence[str]) -> list[str]:
    """Have the server started at every login, and now.

    Args:
        command: what starts it, with absolute paths.

    Returns what was done, in sentences. Raises WriteFailed.
    """
    return _system().install(command)


def uninstall() -> list[str]:
    """Undo ``install``; returns what was done, in sentences. Raises WriteFailed."""
    return _system().uninstall()


def registered() -> bool:
    """Whether the server is started at every login."""
    return _system().registered()


def systemd_unit(command: Sequence[str]) -> str:
    """A user unit (systemd.service(5)); in ExecStart, % and $ mean something and are doubled."""
    quoted = " ".join(
        '"' + part.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$") + '"'
        for part in command
    )
    return f"""\
[Unit]
Description=deepblend server (Deep Image Blending for GIMP and Krita)

[Service]
ExecStart={quoted}
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=2 3

[Install]
WantedBy=default.target
"""


def launchd_plist(command: Sequence[str]) -> bytes:
    """A launch agent (launchd.plist(5))."""
    return plistlib.dumps(
        {
            "Label": LABEL,
            "ProgramArguments": list(command),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": 10,
            "ProcessType": "Interactive",
        }
    )


class _Systemd:
    def __init__(self) -> None:
        base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        self.path = base / "systemd" / "user" / "deepblend.service"

    def install(self, command: Sequence[str]) -> list[str]:
        _write(self.path, systemd_unit(command).encode())
        done = [f"{self.path} was written: the server starts at every login."]
        if _tried("systemctl", "--user", "daemon-reload") and _tried(
            "systemctl", "--user", "enable", "--now", self.path.name
        ):
            return [*done, "It was started."]
        return [*done, f"To enable it: systemctl --user enable --now {self.path.name}"]

    def uninstall(self) -> list[str]:
        _tried("systemctl", "--user", "disable", "--now", self.path.name)
        done = _remove(self.path)
        _tried("systemctl", "--user", "daemon-reload")
        return done

    def registered(self) -> bool:
        return self.path.exists()


class _Launchd:
    def __init__(self) -> None:
        self.path = Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"
        self._domain = f"gui/{os.getuid()}" if hasattr(os, "getuid") else ""

    def install(self, command: Sequence[str]) -> list[str]:
        _tried("launchctl", "bootout", f"{self._domain}/{LABEL}")
        _write(self.path, launchd_plist(command))
        done = [f"{self.path} was written: the server starts at every login."]
        if _tried("launchctl", "bootstrap", self._domain, str(self.path)):
            return [*done, "It was started."]
        return [*done, f"To start it now: launchctl bootstrap {self._domain} '{self.path}'"]

    def uninstall(self) -> list[str]:
        _tried("launchctl", "bootout", f"{self._domain}/{LABEL}")
        return _remove(self.path)

    def registered(self) -> bool:
        return self.path.exists()


class _Windows:
    def install(self, command: Sequence[str]) -> list[str]:
        winreg = _winreg()
        windowless = Path(command[0]).with_name("pythonw.exe")
        program = str(windowless) if windowless.exists() else command[0]
        line = subprocess.list2cmdline([program, *command[1:]])
        with failing(_RUN_KEY), winreg.CreateKey(winreg.HKEY_CURRENT_USER, _RUN_KEY) as key:
            winreg.SetValueEx(key, "deepblend", 0, winreg.REG_SZ, line)
        return [f"HKEY_CURRENT_USER\\{_RUN_KEY}: the server starts at every login, from the next one on."]

    def uninstall(self) -> list[str]:
        winreg = _winreg()
        try:
            with winreg.OpenKey(winreg.HKEY_CURRENT_USER, _RUN_KEY, 0, winreg.KEY_SET_VALUE) as key:
                winreg.DeleteValue(key, "deepblend")
        except FileNotFoundError:
            return ["The server was not registered."]
        except OSError as error:
            raise WriteFailed(path=_RUN_KEY, reason=str(error)) from error
        return ["The server is not started at login any more."]

    def registered(self) -> bool:
        winreg = _winreg()
        try:
            with winreg.OpenKey(winreg.HKEY_CURRENT_USER, _RUN_KEY) as key:
                winreg.QueryValueEx(key, "deepblend")
        except OSError:
            return False
        return True


def _winreg() -> Any:
    return importlib.import_module("winreg")  # only Windows has it, and type checkers elsewhere do not know it


def _system() -> _Systemd | _Launchd | _Windows:
    if sys.platform == "win32":
        return _Windows()
    return _Launchd() if sys.platform == "darwin" else _Systemd()


def _write(path: Path, content: bytes) -> None:
    with failing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as beside:
        beside.write_bytes(content)


def _remove(path: Path) -> list[str]:
    try:
        path.unlink()
    except FileNotFoundError:
        return ["The server was not registered."]
    except OSError as error:
        raise WriteFailed(path=str(path), reason=str(error)) from error
    return [f"{path} was removed: the server is not started at login any more."]


def _tried(*command: str) -> bool:
    """Whether a command is there and succeeds."""
    if shutil.which(command[0]) is None:
        return False
    with suppress(OSError, subprocess.TimeoutExpired):
        return subprocess.run(command, capture_output=True, timeout=30, check=False).returncode == 0
    return False
