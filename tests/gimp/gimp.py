"""The real GIMP in its root: started once, it executes one script after the other; with or without a window."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from deepblend_protocol import connection
from harness import wait_for
from hosts_root import ENTER

HERE = Path(__file__).parent
DEADLINE_S = 180.0


def rewrite(folder: Path, **changed: Any) -> None:
    """Change what the installer wrote down of the server, in the profile of a GIMP's folder."""
    path = folder / "profile" / "plug-ins" / "deepblend-gimp" / "installation.json"
    connection.write_installation(path, replace(connection.read_installation(path), **changed))


class Gimp:
    """A running GIMP.

    Args:
        root: made by tests/hosts/make_root.sh.
        folder: where it works; shared with the root, under one path. Holds ``profile``.
        window: on a virtual screen with a window manager; else headless.
        shared: further folders that are seen inside the root, under the same paths.
    """

    def __init__(
        self, root: Path, folder: Path, window: bool = False, shared: tuple[str, ...] = (), **environment: str
    ) -> None:
        self.folder = folder
        self.window = window
        self._scripts = folder / "scripts"
        shutil.rmtree(self._scripts, ignore_errors=True)
        (self._scripts / "tools").mkdir(parents=True)
        shutil.copy(HERE / "tools.py", self._scripts / "tools")
        shutil.copy(HERE / "driver.py", self._scripts)
        self._number = 0
        home = folder / "home"
        home.mkdir(exist_ok=True)
        own = {
            "HOME": str(home),
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "GIMP3_DIRECTORY": str(folder / "profile"),
            "DEEPBLEND_TEST_FOLDER": str(self._scripts),
            **environment,
        }
        run = f"exec(open('{self._scripts}/driver.py').read())"
        batch = ["--batch-interpreter=python-fu-eval", "-b", run]
        if window:
            (folder / "run").mkdir(mode=0o700, exist_ok=True)
            own |= {"GDK_BACKEND": "x11", "NO_AT_BRIDGE": "1", "XDG_RUNTIME_DIR": str(folder / "run")}
            command = ["bash", str(self._scripts / "desktop.sh"), "gimp", "-n", "-s", *batch]
            shutil.copy(HERE / "desktop.sh", self._scripts)
        else:
            command = ["gimp-console", "-i", "-d", *batch, "--quit"]
        self.said = folder / "gimp.txt"
        self.entered = ["bash", str(ENTER), str(root), ":".join([str(folder), *shared])]
        self.entered += ["env", "-i", *(f"{name}={value}" for name, value in own.items())]
        """The beginning of a command that runs as this GIMP does."""
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [*self.entered, *command],
                stdout=said,
                stderr=said,
                stdin=subprocess.DEVNULL,
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
        """Execute a script in GIMP; what it left in ``answer``."""
        return self.answer(self.start(script), seconds)

    def end(self) -> None:
        (self._scripts / "quit").touch()
        try:
            self.process.wait(2 if self.window else 30)
        except subprocess.TimeoutExpired:
            self.process.kill()  # unshare takes all that is in its namespace with it
            self.process.wait()
