"""Work in steps, between which Krita handles what its user does."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from .qt import QtCore


class Stepper(QtCore.QObject):
    """Runs a generator: each thing it yields is how many milliseconds to wait for the next step.

    Args:
        steps: what to run; begins at the event loop's next turn.
        done: is called with what the last step returns.
        failed: is called with the exception that ends it, where it is an Exception.
    """

    def __init__(
        self,
        steps: Generator[float, None, Any],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
        parent: QtCore.QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._steps: Any = steps
        self._done = done
        self._failed = failed
        self._timer = QtCore.QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._step)
        self._timer.start(0)

    @property
    def over(self) -> bool:
        """Whether it has ended, or was given up."""
        return self._steps is None

    def stop(self) -> None:
        """Give it up; nothing is called any more."""
        self._timer.stop()
        steps, self._steps = self._steps, None
        if steps is not None and not steps.gi_running:
            steps.close()

    def _step(self) -> None:
        steps = self._steps
        if steps is None:
            return
        try:
            wait_ms = next(steps)
        except StopIteration as end:
            self._end(steps, self._done, end.value)
        except Exception as error:
            self._end(steps, self._failed, error)
        else:
            if self._steps is steps:
                self._timer.start(int(wait_ms))
            else:  # it was given up within the step, where Krita handled events while it waited for a picture
                steps.close()

    def _end(self, steps: Any, tell: Callable[[Any], None], what: Any) -> None:
        if self._steps is steps:
            self._steps = None
            tell(what)
