"""The real Krita in its root, in a window on a virtual screen: it executes one script after the other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from harness import wait_for
from hosts_root import ENTER

HERE = Path(__file__).parent
DESKTOP = HERE.parent / "gimp" / "desktop.sh"
DEADLINE_S = 180.0
DRIVER = "deepblend_test_driver"


class Krita:
    """A running Krita.

    Args:
        root: made by tests/hosts/make_root.sh.
        folder: where it works, and where the scripts find ``FOLDER``; shared with the root, under one path. What is
            in ``config`` and ``data`` is its user's.
        shared: further folders that are seen inside the root, under the same paths.
    """

    def __init__(self, root: Path, folder: Path, shared: tuple[str, ...] = (), **environment: str) -> None:
        self.folder = folder
        self._scripts = folder / "scripts"
        shutil.rmtree(self._scripts, ignore_errors=True)
        self._scripts.mkdir(parents=True)
        shutil.copy(HERE / "krita_tools.py", self._scripts / "tools.py")
        shutil.copy(DESKTOP, self._scripts)
        self._install_driver()
        self._number = 0
        own = {
            "HOME": str(folder / "home"),
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "NO_AT_BRIDGE": "1",
            "PYTHONFAULTHANDLER": "1",  # a crash leaves a traceback
            "DEEPBLEND_TEST_FOLDER": str(self._scripts),
            **environment,
        }
        for each in ("home", "cache"):
            (folder / each).mkdir(exist_ok=True)
        (folder / "run").mkdir(mode=0o700, exist_ok=True)
        self.said = folder / "krita.txt"
        entered = ["bash", str(ENTER), str(root), ":".join([str(folder), *shared])]
        entered += ["env", "-i", *(f"{name}={value}" for name, value in own.items())]
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [*entered, "bash", str(self._scripts / "desktop.sh"), "krita", "--nosplash"],
                stdout=said,
                stderr=said,
                stdin=subprocess.DEVNULL,
            )

    def _install_driver(self) -> None:
        plugins = self.folder / "data" / "krita" / "pykrita"
        (plugins / DRIVER).mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "krita_driver.py", plugins / DRIVER / "__init__.py")
        entry = "[Desktop Entry]\nType=Service\nServiceTypes=Krita/PythonPlugin\n"
        entry += f"X-KDE-Library={DRIVER}\nX-Python-2-Compatible=false\nName=Test driver\n"
        (plugins / f"{DRIVER}.desktop").write_text(entry, encoding="utf-8")

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
        """Execute a script on Krita's GUI thread; what it left in ``answer``."""
        return self.answer(self.start(script), seconds)

    def end(self) -> None:
        """Kill it: unshare takes all that is in its namespace with it."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
