"""What a Client tells its host: the connection's state, its jobs, and what became of them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Union

from . import messages
from .errors import DeepBlendError


class State(Enum):
    """The state of the connection to the server; only the ``Client`` changes it."""

    IDLE = "idle"
    """There is no connection, and none is being made."""
    STARTING = "starting"
    """A server is starting; its connection file is awaited."""
    CONNECTING = "connecting"
    READY = "ready"
    LOST = "lost"
    """It has ended, or could not be made: ``Client.error`` says why. The next job tries anew."""


class JobState(Enum):
    WAITING = "waiting"
    """The job waits for the connection to the server."""
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job:
    """A submitted blend."""

    def __init__(self, request: messages.Request) -> None:
        self.id = secrets.token_hex(8)
        self.request = request
        """Kept, so that it can be submitted again."""
        self.state = JobState.WAITING
        self.error: DeepBlendError | None = None
        self.layer: messages.Plane | None = None
        self.shadow: messages.Plane | None = None
        """What lies directly below the layer, where it was asked for."""
        self.report: Mapping[str, Any] = {}

    @property
    def ended(self) -> bool:
        return self.state in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True)
class StateChanged:
    state: State
    error: DeepBlendError | None


@dataclass(frozen=True)
class JobQueued:
    job: Job
    ahead: int
    why: str
    """turn, engine or again."""


@dataclass(frozen=True)
class JobRunning:
    """A job's progress. One ``poll`` returns at most one for each job: the latest, with the latest preview."""

    job: Job
    device: str
    fraction: float
    """0 <= fraction < 1."""
    stage: str
    preview: messages.Plane | None


@dataclass(frozen=True)
class JobDone:
    """``job.layer`` and ``job.report`` are there, and ``job.shadow`` where there is one."""

    job: Job


@dataclass(frozen=True)
class JobFailed:
    """``job.request`` can be submitted again."""

    job: Job
    error: DeepBlendError


@dataclass(frozen=True)
class JobCancelled:
    job: Job


@dataclass(frozen=True)
class InfoReceived:
    known: Mapping[str, Any]
    """docs/protocol.md, section 8."""


@dataclass(frozen=True)
class EchoReceived:
    planes: Mapping[str, messages.Plane]


Event = Union[StateChanged, JobQueued, JobRunning, JobDone, JobFailed, JobCancelled, InfoReceived, EchoReceived]
