"""The real GIMP in its root, with or without a window."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import hosts_root
from deepblend_protocol import connection
from host_app import DEADLINE_S, App

HERE = Path(__file__).parent


def rewrite(folder: Path, **changed: Any) -> None:
    """Change what the installer wrote down of the server, in the profile of a GIMP's folder."""
    path = folder / "profile" / "plug-ins" / "deepblend-gimp" / "installation.json"
    connection.write_installation(path, replace(connection.read_installation(path), **changed))


class Gimp(App):
    """A running GIMP.

    Args:
        folder: holds ``profile``.
        window: whether it has one; else it is headless.
    """

    def __init__(
        self, root: Path, folder: Path, window: bool = False, shared: tuple[str, ...] = (), **environment: str
    ) -> None:
        self.window = window
        own = {"LC_ALL": "C.UTF-8", "GIMP3_DIRECTORY": str(folder / "profile")}
        super().__init__(root, folder, shared, {**own, **({"GDK_BACKEND": "x11"} if window else {}), **environment})
        self.said = folder / "gimp.txt"
        (self._scripts / "tools").mkdir()
        for one in (HERE / "tools.py", hosts_root.HERE / "answering.py"):
            shutil.copy(one, self._scripts / "tools")
        shutil.copy(HERE / "driver.py", self._scripts)
        run = f"exec(open('{self._scripts}/driver.py').read())"
        batch = ["--batch-interpreter=python-fu-eval", "-b", run]
        self.open(["gimp", "-n", "-s", *batch] if window else ["gimp-console", "-i", "-d", *batch, "--quit"], window)

    def end(self) -> None:
        (self._scripts / "quit").touch()
        try:
            self.process.wait(2 if self.window else DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.kill()
