"""Runs a batch's jobs one after another: finished ones are skipped, and one that fails stops no other."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from deepblend_protocol.errors import DeepBlendError, Fault, plain

from ..file_blend.watch import Bar
from .jobs import Job, Refused
from .journal import Journal


@dataclass(frozen=True)
class Result:
    """How one job ended: with a report and the size of its output in pixels, or with an error."""

    job: Job
    seconds: float
    report: dict[str, Any] = field(default_factory=dict)
    size: tuple[int, int] = (0, 0)
    error: DeepBlendError | None = None


Blender = Callable[[Sequence[Job], Bar], Iterable[Result]]
"""Does jobs, in any order, and tells of each when its results are on the disk."""


class Teller(Bar, Protocol):
    """What hears how the batch goes."""

    def ended(self, result: Result) -> None:
        """A job is done, or failed."""
        ...

    def refused(self, job: Refused) -> None:
        """A job was not begun."""
        ...


@dataclass
class Summary:
    """What became of a batch."""

    jobs: list[dict[str, Any]] = field(default_factory=list)
    """By line of the jobs file: name, line, status (done, skipped, failed, left), seconds, files or error."""
    seconds: float = 0.0
    cancelled: bool = False

    def count(self, status: str) -> int:
        return sum(job["status"] == status for job in self.jobs)

    @property
    def exit_status(self) -> int:
        """0: all are done; 1: some failed; 130: cancelled."""
        return 130 if self.cancelled else 1 if self.count("failed") else 0

    def as_json(self) -> dict[str, Any]:
        counts = {status: self.count(status) for status in ("done", "skipped", "failed", "left")}
        return {**counts, "seconds": round(self.seconds, 3), "cancelled": self.cancelled, "jobs": self.jobs}


def run(
    jobs: Sequence[Job], refused: Sequence[Refused], journal: Journal, blender: Blender, teller: Teller, again: bool
) -> Summary:
    """Do the jobs that are not finished yet, and record each in the journal.

    Args:
        again: do finished ones as well.

    Ctrl+C ends it early, with the summary. Raises WriteFailed where the journal cannot be written.
    """
    started = time.monotonic()
    finished = [] if again else [job for job in jobs if journal.is_done(job)]
    told: dict[str, dict[str, Any]] = {job.name: {"status": "skipped", "files": job.blend.outputs} for job in finished}
    todo = [job for job in jobs if job.name not in told]
    summary = Summary()
    for each in refused:
        teller.refused(each)
    try:
        for result in blender(todo, teller):
            told[result.job.name] = _entry(result)
            status = told[result.job.name]["status"]
            error = {"error": told[result.job.name]["error"]} if result.error else {}
            journal.write(result.job, status, result.seconds, **error)
            teller.ended(result)
    except KeyboardInterrupt:
        summary.cancelled = True
    whole = [{"name": job.name, "line": job.line, **told.get(job.name, {"status": "left"})} for job in jobs]
    whole += [{"name": job.name, "line": job.line, "status": "failed", "error": _told(job.error)} for job in refused]
    summary.jobs = sorted(whole, key=lambda entry: entry["line"])
    summary.seconds = time.monotonic() - started
    return summary


def here(jobs: Sequence[Job], bar: Bar) -> Iterator[Result]:
    """Do jobs in this process, in their order."""
    for index, job in enumerate(jobs):
        started = time.monotonic()
        try:
            report, size = job.blend.run(_Part(bar, job.name, index, len(jobs)))
        except Exception as error:
            yield Result(job, time.monotonic() - started, error=as_told(error))
        else:
            yield Result(job, time.monotonic() - started, report, size)


def as_told(error: Exception) -> DeepBlendError:
    """The error as one that can be told: what is not of deepblend's own kind is a fault."""
    if isinstance(error, DeepBlendError):
        return error
    if os.environ.get("DEEPBLEND_DEBUG"):
        traceback.print_exception(error)
    return Fault(type=type(error).__name__, reason=str(error))


def _entry(result: Result) -> dict[str, Any]:
    seconds = {"seconds": round(result.seconds, 3)}
    if result.error is not None:
        return {"status": "failed", **seconds, "error": _told(result.error)}
    return {"status": "done", **seconds, "files": result.job.blend.outputs}


def _told(error: DeepBlendError) -> dict[str, Any]:
    return {"code": error.code, "sentence": " ".join(str(error).split()), "params": plain(error.params)}


class _Part:
    """One job's part of the bar."""

    def __init__(self, bar: Bar, name: str, index: int, count: int) -> None:
        self._bar, self._index, self._count = bar, index, count
        self._name = f"{index + 1} of {count}, {name}"

    def update(self, fraction: float, words: str) -> None:
        self._bar.update((self._index + fraction) / self._count, f"{self._name}: {words}")
