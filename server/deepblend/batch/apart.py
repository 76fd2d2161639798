"""Runs jobs in a process of their own, for libraries that may end their process or print to the terminal."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection

from deepblend_protocol.errors import DeepBlendError, from_code

from ..file_blend.watch import Bar
from .jobs import Job
from .runner import Blender, Result, as_told

_LEAVE_S = 15.0
"""Seconds that the process may take to clean up."""


def apart(blender: Blender, jobs: Sequence[Job], bar: Bar, lost: DeepBlendError) -> Iterator[Result]:
    """Do jobs as ``blender`` does, in a process of its own.

    Args:
        blender: can be pickled, as the jobs can.
        lost: the error of each job that was not done when the process ended before its time.

    Raises the DeepBlendErrors that ``blender`` raises.
    """
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_work, args=(theirs, blender, jobs), daemon=True)
    process.start()
    theirs.close()
    left = dict(enumerate(jobs))
    try:
        while left:
            kind, *told = ours.recv()
            if kind == "bar":
                bar.update(*told)
            elif kind == "raised":
                raise from_code(*told)
            elif kind == "ended":
                break
            else:
                at, seconds, report, size, error = told
                yield Result(left.pop(at), seconds, report, size, from_code(*error) if error else None)
    except (EOFError, OSError):
        for job in left.values():
            yield Result(job, 0.0, error=lost)
    finally:
        if sys.exc_info()[0] is not None or left:  # cancelled, or it hangs
            process.terminate()
        process.join(_LEAVE_S)
        process.kill()
        process.join()
        ours.close()


def _work(pipe: Connection, blender: Blender, jobs: Sequence[Job]) -> None:
    """The process's first function."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl+C is also the batch's, who ends this
    if not os.environ.get("DEEPBLEND_DEBUG"):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)  # the batch alone speaks; also libraries of C write here
        os.dup2(nowhere, 2)
    place = {job.name: at for at, job in enumerate(jobs)}
    with suppress(BrokenPipeError):  # the batch has gone
        try:
            for result in blender(jobs, _Told(pipe)):
                error = _told(result.error) if result.error else None
                pipe.send(("result", place[result.job.name], result.seconds, result.report, result.size, error))
            pipe.send(("ended",))
        except BrokenPipeError:
            raise
        except Exception as error:
            pipe.send(("raised", *_told(as_told(error))))


def _told(error: DeepBlendError) -> tuple[str, dict[str, object], str]:
    return error.code, error.params, str(error)


class _Told:
    """A bar that the batch draws."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def update(self, fraction: float, words: str) -> None:
        self._pipe.send(("bar", fraction, words))
