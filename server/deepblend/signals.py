"""Signals that end the process: as Ctrl+C does, and never between two steps that belong together."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_NAMES = ("SIGTERM", "SIGHUP", "SIGBREAK")


class Ending:
    """Makes signals that end the process act like Ctrl+C, so that unfinished files are removed."""

    number = signal.SIGINT

    def __enter__(self) -> Ending:
        self._before: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for name in _NAMES:
                number = getattr(signal, name, None)
                if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                    self._before[number] = signal.signal(number, self._end)
        return self

    def _end(self, number: int, frame: object) -> None:
        self.number = signal.Signals(number)
        signal.signal(number, signal.SIG_IGN)  # what is put away now must not be left half-way
        raise KeyboardInterrupt

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


@contextmanager
def deferred() -> Iterator[None]:
    """Within, handlers written in Python wait until the block has ended.

    For starting a process: one whose start is interrupted is known to nobody, who could end it.
    """
    came: list[int] = []
    before: dict[int, Any] = {}
    try:
        if threading.current_thread() is threading.main_thread():  # Python runs handlers in no other
            for name in ("SIGINT", *_NAMES):
                number = getattr(signal, name, None)
                if number is not None and callable(handler := signal.getsignal(number)):
                    before[number] = handler
                    signal.signal(number, lambda number, frame: came.append(number))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in came:
            signal.raise_signal(number)
