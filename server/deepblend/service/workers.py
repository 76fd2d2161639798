"""The worker processes and their supervision: one a device, started anew when it dies."""

from __future__ import annotations

import json
import multiprocessing
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import zmq

from .jobs import Job
from .pipe import receive, send
from .process import work

ENDPOINT = "inproc://workers"
"""Where what the workers say comes together: multiparts of a worker's number, its control object, and frames."""
START_TRIES = 3
"""Processes that may die one after the other before they were ready; then the device counts as failed."""
QUIT_S = 3.0
"""Seconds that a worker may take to end by itself."""


class Worker:
    """One device's worker process; or none, while it rests or has failed."""

    def __init__(self, context: zmq.Context[Any], number: int, device: str, memory_limit: int | None) -> None:
        self._context = context
        self._memory_limit = memory_limit
        self.number = number
        self.device = device
        self.state = "resting"
        """starting, ready, busy, leaving (to rest), resting or failed."""
        self.job: Job | None = None
        self.jobs_ended = 0
        self.reason = ""
        """Why it failed, or how the last process ended."""
        self.idle_since = time.monotonic()
        self._process: BaseProcess | None = None
        self._reader: threading.Thread | None = None
        self._generation = 0
        self._start_failures = 0
        self._outbox: queue.SimpleQueue[tuple[dict[str, Any], list[Any]] | None] = queue.SimpleQueue()

    @property
    def pid(self) -> int:
        return (self._process.pid or 0) if self._process is not None else 0

    def start(self) -> None:
        """Start the process, unless one runs; a failed worker is tried once more."""
        if self._process is not None:
            return
        self.state, self.reason = "starting", ""
        self._generation += 1
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe()
        process = spawn.Process(
            target=work,
            args=(theirs, self.device, self._memory_limit),
            name=f"deepblend-worker-{self.number}",
            daemon=True,
        )
        process.start()
        self._process = process
        theirs.close()
        self._outbox = queue.SimpleQueue()
        threading.Thread(target=_write, args=(ours, self._outbox), daemon=True).start()
        source = b"%d %d" % (self.number, self._generation)
        self._reader = threading.Thread(target=_read, args=(ours, self._context, source), daemon=True)
        self._reader.start()

    def begin(self, job: Job) -> None:
        """Hand a job to the process, which has to be ready."""
        self.state, self.job = "busy", job
        self._outbox.put(({"type": "job", "serial": job.serial}, job.frames))

    def cancel(self) -> None:
        """Ask the process to stop its job."""
        if self.job is not None:
            self._outbox.put(({"type": "cancel", "serial": self.job.serial}, []))

    def kill(self) -> None:
        """End the process at once; that it has gone is heard as from one that died."""
        if self._process is not None:
            self._process.kill()

    def rest(self) -> None:
        """Have the process end, which frees all memory that it holds; it is started again by the next job."""
        self.state = "leaving"
        self._outbox.put(({"type": "quit"}, []))

    def is_current(self, generation: bytes) -> bool:
        """Whether a message comes from the present process, not from one that was replaced."""
        return int(generation) == self._generation

    def hear(self, control: dict[str, Any]) -> None:
        """Update the worker's state from a message of its process."""
        if control["type"] == "ready":
            self.device, self._start_failures = control["device"], 0
            self._free()
        elif control["type"] == "refused":
            self.reason = control["reason"]
            self._start_failures = START_TRIES  # it says why; another try would say the same
        elif control["type"] in ("result", "stopped", "error", "fault"):
            self.jobs_ended += 1
            self.job = None
            if not control.get("fatal"):
                self._free()

    def gone(self) -> tuple[Job | None, str]:
        """The process has ended: reap it.

        Returns the job that it had, and how it ended, in words. The state is then resting, or failed.
        """
        assert self._process is not None
        self._process.join(QUIT_S)
        how = _ending(self._process.exitcode)
        self._process = None
        self._outbox.put(None)
        job, self.job = self.job, None
        if self.state == "starting":
            self._start_failures += 1
            self.reason = self.reason or how
        failed = self._start_failures >= START_TRIES
        self.state = "failed" if failed else "resting"
        if failed:
            self._start_failures = START_TRIES - 1
        return job, how

    def end(self, deadline: float) -> None:
        """Let the process leave until a time of the monotonic clock, then kill it."""
        if self._process is None:
            return
        if self.state not in ("ready", "leaving"):
            self._process.kill()
        self._process.join(max(0.0, deadline - time.monotonic()))
        if self._process.is_alive():
            self._process.kill()
            self._process.join(QUIT_S)
        self._process = None
        if self._reader is not None:
            self._reader.join(QUIT_S)  # before the context ends: nothing may use it then

    def _free(self) -> None:
        self.state, self.job = "ready", None
        self.idle_since = time.monotonic()


class Pool:
    """All workers. With ``auto``, the first one to start says what devices there are; every further GPU gets a worker.

    Args:
        devices: names as ``deepblend info`` lists them, or auto; one worker for each.
        memory_limit: bytes, see the engine's ``Request``.
    """

    def __init__(self, context: zmq.Context[Any], devices: list[str], memory_limit: int | None) -> None:
        self._context = context
        self._memory_limit = memory_limit
        self._auto = devices == ["auto"]
        self.workers = [Worker(context, number, device, memory_limit) for number, device in enumerate(devices)]
        self.devices: list[dict[str, Any]] = []
        """What the engine says this machine has; empty until one has started."""

    def __iter__(self) -> Iterator[Worker]:
        return iter(self.workers)

    def wake(self) -> None:
        """Start every worker that rests."""
        for one in self.workers:
            if one.state == "resting":
                one.start()

    def of(self, job: Job) -> Worker | None:
        """The worker that runs a job."""
        return next((one for one in self.workers if one.job is job), None)

    def ready(self) -> Worker | None:
        """A worker that is ready and has no job; None if there is none."""
        return next((one for one in self.workers if one.state == "ready"), None)

    @property
    def failed(self) -> Worker | None:
        """A worker that has failed, if all of them have; else None."""
        return self.workers[0] if all(one.state == "failed" for one in self.workers) else None

    def found(self, devices: list[dict[str, Any]]) -> None:
        """Take the list of devices that a worker has found."""
        self.devices = devices
        if self._auto:
            self._auto = False
            more = [known["name"] for known in devices[1:] if known["name"].startswith("cuda")]
            for device in more:
                self.workers.append(Worker(self._context, len(self.workers), device, self._memory_limit))
                self.workers[-1].start()

    def end(self) -> None:
        """End all processes; those that work are killed."""
        deadline = time.monotonic() + QUIT_S
        for one in self.workers:
            if one.state == "ready":
                one.rest()
        for one in self.workers:
            one.end(deadline)


def _write(pipe: Connection, outbox: queue.SimpleQueue[tuple[dict[str, Any], list[Any]] | None]) -> None:
    """A thread: a pipe's write blocks until the worker reads, which the socket loop must not wait for."""
    with suppress(OSError):  # the worker has gone; the reader says so
        while (message := outbox.get()) is not None:
            send(pipe, *message)
            del message  # a job's frames are not to be kept here until the next one


def _read(pipe: Connection, context: zmq.Context[Any], source: bytes) -> None:
    """A thread: passes on what a worker says, until it has gone."""
    with context.socket(zmq.PUSH) as outlet:
        outlet.connect(ENDPOINT)
        try:
            while True:
                control, frames = receive(pipe)
                outlet.send_multipart([source, json.dumps(control).encode(), *frames], copy=False)
        except (EOFError, OSError, zmq.ContextTerminated):
            pass
        with suppress(zmq.ZMQError):
            outlet.send_multipart([source, b'{"type":"gone"}'])


def _ending(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"killed by signal {-exitcode}"
    return f"exit status {exitcode}"
