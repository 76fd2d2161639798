"""A real application in its root: started once, it executes one script after the other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hosts_root import ENTER, HERE
from waiting import wait_for

DEADLINE_S = 300.0
FONTS = os.environ.get("DEEPBLEND_FONTS")
"""A folder of fonts that the root lacks: without one, Chinese and Japanese are boxes on screenshots."""


class App:
    """A running application.

    Args:
        root: made by tests/hosts/make_root.sh.
        folder: where it works; shared with the root, under one path.
        shared: further folders that are seen inside the root, under the same paths.
        environment: all of its environment.
    """

    def __init__(self, root: Path, folder: Path, shared: tuple[str, ...], environment: dict[str, str]) -> None:
        self.folder = folder
        self._scripts = folder / "scripts"
        self._number = 0
        shutil.rmtree(self._scripts, ignore_errors=True)
        self._scripts.mkdir(parents=True)
        shutil.copy(HERE / "desktop.sh", self._scripts)
        own = {
            "HOME": str(folder / "home"),
            "PATH": "/usr/bin:/bin",
            "NO_AT_BRIDGE": "1",
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "DEEPBLEND_TEST_FOLDER": str(self._scripts),
            **environment,
        }
        (folder / "home").mkdir(exist_ok=True)
        if FONTS:
            shutil.copytree(FONTS, folder / "home" / ".fonts", dirs_exist_ok=True)
        (folder / "run").mkdir(mode=0o700, exist_ok=True)
        self.said: Path
        """A file with what it says."""
        self.entered = ["bash", str(ENTER), str(root), ":".join([str(folder), *shared])]
        self.entered += ["env", "-i", *(f"{name}={value}" for name, value in own.items())]
        """The beginning of a command that runs as this application does."""

    def open(self, command: list[str], window: bool) -> None:
        """Start it.

        Args:
            window: on a virtual screen with a window manager.
        """
        before = ["bash", str(self._scripts / "desktop.sh")] if window else []
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [*self.entered, *before, *command], stdout=said, stderr=said, stdin=subprocess.DEVNULL
            )

    def start(self, script: str) -> int:
        """Hand a script over; its number."""
        number = self._number
        self._number += 1
        part = self._scripts / f"{number}.new"
        part.write_text(script, encoding="utf-8")
        os.replace(part, self._scripts / f"{number}.py")
        return number

    def answered(self, number: int) -> bool:
        assert self.process.poll() is None, self.said.read_text(errors="replace")[-3000:]
        return (self._scripts / f"{number}.json").exists()

    def answer(self, number: int, seconds: float = DEADLINE_S) -> Any:
        """What a script left in ``answer``."""
        wait_for(lambda: self.answered(number), "a script's answer", seconds)
        known = json.loads((self._scripts / f"{number}.json").read_text(encoding="utf-8"))
        assert "error" not in known, known["error"]
        return known["answer"]

    def run(self, script: str, seconds: float = DEADLINE_S) -> Any:
        """Execute a script in it; what it left in ``answer``."""
        return self.answer(self.start(script), seconds)

    def kill(self) -> None:
        """End it: unshare takes all that is in its namespace with it."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
