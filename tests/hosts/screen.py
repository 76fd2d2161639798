"""The virtual screen that a window is on: clicks, keys and screenshots, by xdotool and ImageMagick."""

from __future__ import annotations

import contextlib
import io
import subprocess
from pathlib import Path

import numpy as np
import psutil
from host_app import App
from PIL import Image
from waiting import DEADLINE_S, wait_for


class Screen:
    """Args:
    app: started with a window.
    shots: the folder that screenshots are kept in.
    """

    def __init__(self, app: App, shots: Path) -> None:
        self._shots = shots
        display = app.folder / "scripts" / "display"
        wait_for(display.exists, "the screen")
        inside = wait_for(lambda: psutil.Process(app.process.pid).children(), "its processes")[0].pid
        # The X server's socket lies in the root's own /tmp.
        self._into = ["nsenter", "-t", str(inside), "-m", "-p", "-r", "-w", "env"]
        self._into.append(f"DISPLAY=:{display.read_text().strip()}")

    def do(self, *command: str) -> str:
        """What a command says, whether it succeeds or not."""
        return subprocess.run(
            [*self._into, *command], capture_output=True, text=True, timeout=DEADLINE_S, check=False
        ).stdout

    def key(self, *keys: str) -> None:
        self.do("xdotool", "key", "--delay", "60", *keys)

    def type(self, text: str) -> None:
        self.do("xdotool", "type", "--delay", "40", text)

    def click(self, window: str, x: int, y: int) -> None:
        self.do("xdotool", "mousemove", "--window", window, str(x), str(y), "sleep", "0.2", "click", "1")

    def move(self, window: str, x: int, y: int) -> None:
        self.do("xdotool", "mousemove", "--window", window, str(x), str(y))

    def drag(self, window: str, y: int, *columns: int) -> None:
        """Move along a row with the button pressed."""
        places = [("mousemove", "--window", window, str(x), str(y), "sleep", "0.1") for x in columns]
        self.do("xdotool", *places[0], "mousedown", "1", *(part for one in places[1:] for part in one), "mouseup", "1")

    def window(self, title: str) -> str | None:
        """The newest visible window whose title begins so."""
        found = self.do("xdotool", "search", "--onlyvisible", "--name", f"^{title}").split()
        return found[-1] if found else None

    def await_window(self, title: str, seconds: float = DEADLINE_S) -> str:
        return wait_for(lambda: self.window(title), f"the window '{title}'", seconds)

    def await_no_window(self, title: str, seconds: float = DEADLINE_S) -> None:
        wait_for(lambda: self.window(title) is None, f"the end of the window '{title}'", seconds)

    def dismiss(self, title: str) -> None:
        """Press Escape until the window is gone: one that has just come may not have the keys yet."""
        for _ in range(12):
            if window := self.window(title):
                self.activate(window)
                self.key("Escape")
                with contextlib.suppress(AssertionError):
                    self.await_no_window(title, 5)
        self.await_no_window(title)

    def activate(self, window: str) -> None:
        self.do("xdotool", "windowactivate", "--sync", window)

    def pixels(self, window: str = "root") -> np.ndarray:
        """(height, width, 3): what is seen in a window, without its frame, or on the whole screen."""
        command = [*self._into, "import", "-window", window, "png:-"]
        shot = subprocess.run(command, capture_output=True, timeout=DEADLINE_S, check=True).stdout
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))

    def keep(self, name: str) -> None:
        """Keep a screenshot."""
        Image.fromarray(self.pixels()).save(self._shots / f"{name}.png")
