"""Jobs and their queue: in order for each client, in turns between clients. No sockets, no processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from deepblend_protocol.messages import Request

Stopping = Literal["cancel", "timeout", "gone"]
"""Why a job is stopped: its client has cancelled it, it has taken too long, or its client has gone."""


@dataclass(eq=False)
class Job:
    """One submitted blend, from its acceptance to its end; times are of the monotonic clock, in seconds."""

    client: bytes
    """The connection's routing id."""
    name: str
    request: Request
    frames: list[Any]
    """The message as it came: tag, header and the buffers' frames, which go to the worker as they are."""
    submitted: float
    serial: int
    """Unique in this run of the server."""
    attempt: int = 0
    """How often it has begun. Above 0 while it waits: a worker died while doing it, and it is tried once more."""
    ahead: int = -1
    """How many jobs are ahead of it, as its client was last told; -1 if it was not told yet."""
    told: float = 0.0
    """When the client was last told anything about it."""
    started: float = 0.0
    """When the present attempt began."""
    device: str = ""
    fraction: float = 0.0
    stage: str = "start"
    stopping: Stopping | None = None
    """Why it is being stopped; None while it is not."""
    stopping_since: float = 0.0


@dataclass
class Queue:
    """The jobs that wait."""

    _waiting: dict[bytes, list[Job]] = field(default_factory=dict)
    _began: dict[bytes, int] = field(default_factory=dict)
    """By client: the number of its last job that began."""
    _count: int = 0

    def __len__(self) -> int:
        return sum(len(jobs) for jobs in self._waiting.values())

    def __iter__(self) -> Iterator[Job]:
        """In the order in which they would begin, if nothing else came."""
        waiting = {client: iter(jobs) for client, jobs in self._waiting.items()}
        left = {client: len(jobs) for client, jobs in self._waiting.items()}
        began, count = dict(self._began), self._count
        while left:
            client = min(left, key=lambda one: began.get(one, 0))
            count += 1
            began[client] = count
            left[client] -= 1
            if not left[client]:
                del left[client]
            yield next(waiting[client])

    def add(self, job: Job, first: bool = False) -> None:
        """Let a job wait behind its client's others, or before them."""
        jobs = self._waiting.setdefault(job.client, [])
        jobs.insert(0 if first else len(jobs), job)

    def next(self) -> Job | None:
        """Take the next job out of the queue: one of the client whose last job began longest ago."""
        job = next(iter(self), None)
        if job is not None:
            self.remove(job)
            self._count += 1
            self._began[job.client] = self._count
        return job

    def remove(self, job: Job) -> None:
        """Take a waiting job out."""
        jobs = self._waiting[job.client]
        jobs.remove(job)
        if not jobs:
            del self._waiting[job.client]

    def forget(self, client: bytes) -> None:
        """Forget a client that has gone; its jobs have to be removed before."""
        self._began.pop(client, None)
