"""Long work in stages: each is iterated and always holds its best result; one driver runs a method's stages.

The driver alone decides on progress, asks the observer, stops, and takes the time. To stop is to end the iteration.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

LAST_PROGRESS = 0.999
"""Progress is told up to here: 1 is the finished layer's."""

P = TypeVar("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Update(Generic[P]):
    """How far a stage is."""

    part: float
    """Of the stage that is done, 0..1, never falling."""
    picture: Callable[[], P]
    """Makes the picture as it stands; what it costs is paid where it is called."""
    losses: Mapping[str, Tensor] = field(default_factory=dict)
    """The weighted losses by name at the last evaluation, one value each, on the device."""


class Stage(ABC, Generic[P]):
    """A part of a method that takes a while.

    Iterating does the work, with an update after each step of it. Whoever ends the iteration early has the best result
    that there is.
    """

    name: str
    """As the observer is told, and in the report's seconds."""

    @abstractmethod
    def __iter__(self) -> Generator[Update[P], None, None]: ...

    @abstractmethod
    def result(self) -> Tensor:
        """The best that there is, at any time."""

    def hand_over(self) -> None:
        """Give the next stage what it takes, and free the rest. Called once the iteration has come to its end."""

    def report(self) -> dict[str, Any]:
        """What the blend's report says of it, JSON-ready."""
        return {}


Plan = Sequence[tuple[float, Callable[[], Stage[P]]]]
"""By stage: its share of the progress, all of which are 1 together, and what makes it once those before have ended."""


class Driver(Generic[P]):
    """Runs stages one after the other, for an observer."""

    def __init__(self, device: str, tell: Callable[[float, str, Update[P]], bool | None] | None = None) -> None:
        """
        Args:
            device: what it computes has ended before a stage's time is taken.
            tell: called after each update with the progress of all stages, 0..LAST_PROGRESS, the stage's name and the
                update; returns True to stop.
        """
        self._device = device
        self._tell = tell
        self.stopped = False
        self.seconds: dict[str, float] = {}
        """By the stages' names."""
        self.report: dict[str, Any] = {}
        """What the stages report."""

    def run(self, plan: Plan[P]) -> Tensor:
        """Run the stages until the last one has ended or the observer stops; the result of the last one begun."""
        before = 0.0
        for share, make in plan[:-1]:
            stopped = self._run(before, share, make, last=False)
            if stopped is not None:
                return stopped
            before += share
        result = self._run(before, *plan[-1], last=True)
        assert result is not None
        return result

    def _run(self, before: float, share: float, make: Callable[[], Stage[P]], last: bool) -> Tensor | None:
        """One stage: its result where it was stopped or is the last one. (A frame of its own frees it at its end.)"""
        started = time.perf_counter()
        stage = make()
        updates = iter(stage)
        for update in updates:
            progress = min(before + share * update.part, LAST_PROGRESS)
            if self._tell is not None and self._tell(progress, stage.name, update):
                self.stopped = True
                break
        updates.close()  # frees what the iteration holds
        result = stage.result() if last or self.stopped else None
        if result is None:
            stage.hand_over()
        self.report |= stage.report()
        self._add_seconds(stage.name, started)
        return result

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Take the time of what is no stage."""
        started = time.perf_counter()
        yield
        self._add_seconds(name, started)

    def _add_seconds(self, name: str, started: float) -> None:
        if self._device.startswith("cuda"):
            torch.cuda.synchronize(self._device)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started


def within(parts: Generator[float, None, T], start: float, end: float) -> Generator[float, None, T]:
    """The parts of some work (0..1) as those of a longer one, of which it is what lies from start to end.

    Returns what that work returns: ``result = yield from within(work(), 0.5, 1.0)``.
    """
    while True:
        try:
            part = next(parts)
        except StopIteration as end_of_work:
            return end_of_work.value
        yield start + (end - start) * part
