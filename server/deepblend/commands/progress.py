"""A progress bar on a terminal, silence elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType

from .terminal import columns, cut, printable

_INTERVAL = 0.1  # seconds between redraws


class Progress:
    """A bar on standard error while the block runs; wiped at its end. Draws nothing off a terminal."""

    def __init__(self, quiet: bool = False) -> None:
        self._shown = not quiet and sys.stderr.isatty()
        self._drawn = 0.0
        self._words = ""
        self._length = 0
        """Columns of the line that stands there."""

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.wipe()

    def wipe(self) -> None:
        """Take the bar away until the next update, so that a line can be printed."""
        self._write("")

    def update(self, fraction: float, words: str) -> None:
        """Show that ``fraction`` (0..1) is done, and what is being done."""
        now = time.monotonic()
        if not self._shown or (now - self._drawn < _INTERVAL and words == self._words):
            return
        self._drawn, self._words = now, words
        percent = min(max(int(fraction * 100), 0), 99)  # the work is done when the block ends, not before
        there = shutil.get_terminal_size().columns - 9
        words = cut(printable(words), there - 10)  # a line that goes on below could not be overwritten
        width = min(max(there - columns(words), 10), 40)
        full = width * percent // 100
        self._write(f"{percent:3d}% [{'#' * full}{'.' * (width - full)}] {words}")

    def _write(self, line: str) -> None:
        """Overwrite the line: by spaces, since older consoles of Windows know no escape sequences."""
        if line or self._length:
            end = "" if line else "\r"
            sys.stderr.write(f"\r{line}{' ' * (self._length - columns(line))}{end}")
            sys.stderr.flush()
        self._length = columns(line)
