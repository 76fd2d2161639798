"""Jobs on a Ray cluster: a pool of actors that get the pictures' bytes and give the results' back.

Where and when an actor runs, and what is done when its process or machine is lost, is Ray's business: it starts the
actor anew and gives it the job again; but it would wait for ever for machines of which none is left. No folder has to
be shared: all files are read and written here.
"""

from __future__ import annotations

import os
import re
import socket
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

from deepblend_protocol.errors import (
    ClusterLost,
    DeepBlendError,
    ExtraMissing,
    WorkerLost,
    WorkerUnavailable,
    from_code,
)

from .. import __version__
from ..file_blend import FileBlend
from ..file_blend.watch import Bar
from ..files import failing, replacing, write_json
from .apart import apart
from .jobs import Job
from .runner import Result, as_told

_RESTARTS = 3
_LOOK_S = 1.0
"""Seconds between two looks at whether the cluster still has machines."""
_DOUBT_S = 10.0
"""Seconds that the cluster must still be there after a job's process was lost for the job to be blamed for it."""


class Worker:
    """The actor: holds the engine of one GPU, or of some cores.

    Args:
        version: of deepblend, where the batch was begun.
        threads: that the engine computes with; Ray alone would allow it one.
    """

    def __init__(self, version: str, threads: int) -> None:
        if version != __version__:
            raise RuntimeError(f"deepblend {__version__} is installed there, and {version} here")
        import torch

        torch.set_num_threads(threads)

    def blend(self, blend: FileBlend, pictures: dict[str, bytes]) -> Any:
        """One job: (report, size, content by output), or an error as its code, params and sentence, and the inputs'
        places here.

        Args:
            blend: its files by their names alone, without folders.
            pictures: the contents of its inputs.
        """
        with tempfile.TemporaryDirectory(prefix="deepblend-") as folder:
            places = {role: str(Path(folder, role, name)) for role, name in blend.inputs.items()}
            results = {output: str(Path(folder, name)) for output, name in blend.outputs.items()}
            try:
                for role, place in places.items():  # by its own name: it may be told, or kept in the result
                    Path(place).parent.mkdir()
                    Path(place).write_bytes(pictures[role])
                report, size = replace(blend, **places, **results).run(_Silent())
                return report, size, {output: Path(path).read_bytes() for output, path in results.items()}
            except Exception as error:
                told = as_told(error)
                return told.code, told.params, str(told), places


class _Silent:
    def update(self, fraction: float, words: str) -> None:
        pass


class Cluster:
    """A Ray cluster to blend on.

    Args:
        address: auto, HOST:PORT, ray://HOST:PORT, or local for one that lasts as long as the batch.
        most: the most blends at once; None takes as many as the cluster has room for.
        cpus: cores of an actor, and the threads that it computes with.
        gpus: whether an actor takes a GPU, where the cluster has any.
        patience_s: how long to go on in seconds where no machine is left that an actor fits on.
    """

    def __init__(self, address: str, most: int | None, cpus: int, gpus: bool, patience_s: float) -> None:
        self._address, self._most, self._cpus, self._gpus = address, most, cpus, gpus
        self._patience_s = patience_s

    def blend(self, jobs: Sequence[Job], bar: Bar) -> Iterator[Result]:
        """Do jobs; tells of each as it ends, in any order. Raises ExtraMissing, WorkerUnavailable."""
        if not jobs:
            return
        if find_spec("ray") is None:
            raise ExtraMissing(what="A Ray cluster", extra="ray")
        bar.update(0, "Reaching the cluster")
        # Ray ends the process that it is used by, at once, where the machine's own part of the cluster is lost.
        lost = ClusterLost(address=self._address, reason="the connection to it has ended")
        yield from apart(self._joined, jobs, bar, lost)

    def _joined(self, jobs: Sequence[Job], bar: Bar) -> Iterator[Result]:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read when ray is imported
        ray: Any = import_module("ray")
        own = {"include_dashboard": False} if self._address == "local" else {}
        try:
            self._knock()
            ray.init(self._address, log_to_driver=False, logging_level="ERROR", **own)
        except (OSError, OverflowError, RuntimeError, ValueError) as error:
            raise self._unavailable(error) from error
        try:
            yield from self._spread(ray, jobs, bar)
        finally:
            ray.shutdown()  # and with it the actors, whose owner this is

    def _knock(self) -> None:
        """Raise OSError where nothing listens; Ray would go on trying."""
        found = re.fullmatch(r"(?:ray://)?\[?(.+?)\]?:(\d{1,5})", self._address)
        if found:
            socket.create_connection((found[1], int(found[2])), timeout=10).close()

    def _unavailable(self, error: BaseException) -> WorkerUnavailable:
        words = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        return WorkerUnavailable(device=f"the Ray cluster '{self._address}'", reason=words[-1].rstrip("."))

    def _spread(self, ray: Any, jobs: Sequence[Job], bar: Bar) -> Iterator[Result]:
        waiting, running, doubtful, ended = deque(jobs), {}, deque[tuple[Result, float]](), 0
        actor_of, count, fits = self._pool(ray, len(jobs))
        seen = time.monotonic()
        idle = [actor_of() for _ in range(count)]
        unfit: BaseException = RuntimeError("no actor was left")
        while waiting or running or doubtful:
            while waiting and idle:
                job = waiting.popleft()
                try:
                    sent = _sent(job.blend)
                except DeepBlendError as error:
                    ended += 1
                    yield Result(job, 0.0, error=error)
                    continue
                actor = idle.pop()
                running[actor.blend.remote(*sent)] = job, actor, time.monotonic()
            if not running and not doubtful:
                break
            # What is not needed any more makes room: an actor whose machine is lost, and with it the job that it has,
            # may be waiting for just that.
            while idle:
                ray.kill(idle.pop())
            bar.update(ended / len(jobs), f"{ended} of {len(jobs)} ended, {len(running)} being done")
            if any(map(fits, _machines(ray))):
                seen = time.monotonic()
            elif time.monotonic() - seen >= self._patience_s:
                why = f"for {self._patience_s:g} seconds it had no machine that a blend fits on"
                lost = ClusterLost(address=self._address, reason=why)
                had = (result.job for result, _ in doubtful), (job for job, _, _ in running.values()), waiting
                for job in chain.from_iterable(had):
                    yield Result(job, 0.0, error=lost)
                return
            while doubtful and seen - doubtful[0][1] >= _DOUBT_S:
                yield doubtful.popleft()[0]
            if not running:
                time.sleep(_LOOK_S)
                continue
            for reference in ray.wait(list(running), num_returns=1, timeout=_LOOK_S)[0]:
                job, actor, since = running.pop(reference)
                try:
                    result = _received(job, ray.get(reference), time.monotonic() - since)
                except ray.exceptions.RayError as error:
                    if getattr(error, "actor_init_failed", False):  # deepblend is not there, or another version
                        unfit = error
                        waiting.appendleft(job)
                        continue
                    lost = WorkerLost(device=f"the Ray cluster '{self._address}'", how=type(error).__name__)
                    result = Result(job, time.monotonic() - since, error=lost)
                    if isinstance(error, ray.exceptions.ActorDiedError):
                        actor = actor_of()
                idle.append(actor)
                ended += 1
                if isinstance(result.error, WorkerLost):  # a cluster that is going loses its jobs one by one
                    doubtful.append((result, time.monotonic()))
                else:
                    yield result
        for job in waiting:
            yield Result(job, 0.0, error=self._unavailable(unfit))

    def _pool(self, ray: Any, jobs: int) -> tuple[Callable[[], Any], int, Callable[[dict[str, float]], bool]]:
        """What makes an actor, how many there is room and work for, and whether a machine has room for any."""
        nodes = _machines(ray)
        gpus = self._gpus and any(node.get("GPU", 0) >= 1 for node in nodes)

        def room(node: dict[str, float]) -> int:
            return int(min(node.get("CPU", 0) // self._cpus, node.get("GPU", 0) if gpus else jobs))

        count = self._most or sum(map(room, nodes))
        if not count:
            raise self._unavailable(RuntimeError(f"no machine of it offers {self._cpus} cores: see --ray-cpus"))
        kind = ray.remote(Worker).options(
            num_cpus=self._cpus,
            num_gpus=1 if gpus else 0,
            # The job goes along with each restart. These end: a job that kills its process must not go on for ever.
            max_restarts=_RESTARTS,
            max_task_retries=-1,
        )
        return lambda: kind.remote(__version__, self._cpus), min(count, jobs), lambda node: room(node) > 0


def _machines(ray: Any) -> list[dict[str, float]]:
    """What each machine that is there offers."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _sent(blend: FileBlend) -> tuple[FileBlend, dict[str, bytes]]:
    """What ``Worker.blend`` takes. Raises WriteFailed for a picture that has gone since the jobs were checked."""
    pictures = {}
    for role, path in blend.inputs.items():
        with failing(path):
            pictures[role] = Path(path).read_bytes()
    names = {name: Path(path).name for name, path in {**blend.inputs, **blend.outputs}.items()}
    return replace(blend, **names), pictures


def _received(job: Job, came: Any, seconds: float) -> Result:
    """The results written here, or the error with the paths that are known here."""
    if isinstance(came[0], str):
        code, params, sentence, places = came
        for role, there in places.items():
            here = job.blend.inputs[role]
            sentence = sentence.replace(there, here)
            params = {name: here if value == there else value for name, value in params.items()}
        return Result(job, seconds, error=from_code(code, params, sentence))
    report, size, contents = came
    report["files"] = job.blend.files
    try:
        for output, path in job.blend.outputs.items():
            if output == "report":
                write_json(path, report)
                continue
            with replacing(path) as beside:
                beside.write_bytes(contents[output])
    except DeepBlendError as error:
        return Result(job, seconds, error=error)
    return Result(job, seconds, report, size)
