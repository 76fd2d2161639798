"""The client that GIMP's and Krita's plug-ins and the command line use: it blocks nowhere and needs no thread.

client = Client(installation, "krita 5.2.9")
job = client.submit(request)            # starts or finds the server; returns at once
for event in client.poll(): ...         # when client.fd is readable, and at least twice a second
client.cancel(job)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from . import messages, paths
from .connection import Installation
from .errors import (
    ConnectionUnusable,
    DeepBlendError,
    MessageTooLarge,
    ServerLost,
    SizeAbsurd,
    from_code,
)
from .events import (
    EchoReceived,
    Event,
    InfoReceived,
    Job,
    JobCancelled,
    JobDone,
    JobFailed,
    JobQueued,
    JobRunning,
    JobState,
    State,
    StateChanged,
)
from .finder import Finder
from .settings import resolve

if TYPE_CHECKING:
    from .link import Link
    from .piped import PipedLink

__all__ = [
    "Client",
    "EchoReceived",
    "Event",
    "InfoReceived",
    "Job",
    "JobCancelled",
    "JobDone",
    "JobFailed",
    "JobQueued",
    "JobRunning",
    "JobState",
    "State",
    "StateChanged",
]


class Client:
    """A program's way to the server.

    Args:
        installation: where the server is found, and how it is started.
        name: the program, for the server's log.
    """

    def __init__(self, installation: Installation, name: str) -> None:
        self._installation = installation
        self._name = name
        self._state = State.IDLE
        self.error: DeepBlendError | None = None
        """Why the state is LOST."""
        self.welcome: messages.Welcome | None = None
        """What the present server said of itself."""
        self.leaving = False
        """The present server takes no more jobs."""
        self._finder: Finder | None = None
        """Of this connection; None where there is none."""
        self._jobs: dict[str, Job] = {}
        """Those that have not ended."""
        self._unsent: list[messages.FromClient] = []
        self._events: list[Event] = []

    # What a host calls

    @property
    def state(self) -> State:
        return self._state

    @property
    def endpoint(self) -> str:
        """The server's address, as ``tcp://HOST:PORT``; the connection file's path until there is a connection."""
        return self._link.connection.endpoint if self._link is not None else paths.shown(self._installation.connection)

    @property
    def fd(self) -> int | None:
        """A file descriptor that becomes readable when a message has come. Call ``poll`` then: it signals only once.

        Ask for it anew after each ``poll``, as it may change. None before there is a connection, and with a relay.
        """
        return self._link.fd if self._link is not None else None

    def connect(self) -> None:
        """Find the server, or start it; returns at once."""
        if self._state in (State.IDLE, State.LOST):
            self._finder = Finder(self._installation, self._name, self._become)
            self._guarded(self._finder.begin)

    def submit(self, request: messages.Request) -> Job:
        """Queue a job, which is sent as soon as there is a connection; returns at once.

        The planes' samples are not copied: do not change them before the job has ended.

        Raises SettingUnknown, SettingOutOfRange, PlaneInvalid, and where it exceeds the server's limits, as far as
        they are known, MessageTooLarge or SizeAbsurd.
        """
        resolve(request.settings)
        job = Job(request)
        messages.to_frames(messages.Submit(job.id, request))  # raises what is wrong with its planes
        self._check_limits(request)
        self._jobs[job.id] = job
        self.connect()
        if self._state is State.READY and not self.leaving:
            self._send_job(job)
        return job

    def cancel(self, job: Job) -> None:
        """Cancel a job; does nothing to one that has ended."""
        if job.ended or job.id not in self._jobs:
            return
        if job.state is JobState.WAITING:
            self._end(job, JobState.CANCELLED)
        else:
            self._send(messages.Cancel(job.id))

    def ask_info(self) -> None:
        """Ask the server about itself; the answer comes from ``poll`` as an ``InfoReceived``."""
        self._send(messages.InfoQuery())

    def echo(self, planes: Mapping[str, messages.Plane]) -> None:
        """Have the server send planes back, as an ``EchoReceived`` from ``poll``: measures the connection's speed."""
        self._send(messages.Echo(planes))

    def leave(self, when: str) -> None:
        """Ask the server to leave: ``idle`` or ``now``."""
        self._send(messages.Leave(when))

    def poll(self) -> list[Event]:
        """The events since the last call. What fails in network, files or server is an event, not an exception."""
        self._guarded(self._advance)
        events, self._events = self._events, []
        return events

    def wait(self, seconds: float) -> None:
        """Wait until ``poll`` may return something, but no longer than the given time."""
        if self._link is not None:
            self._link.wait(seconds)
        else:
            time.sleep(min(seconds, 0.05))

    def run(self, request: messages.Request, on_event: Callable[[Event], None] | None = None) -> Job:
        """Submit a job and wait for its end: for scripts, not for a host's main thread.

        Raises the job's error, and what ``submit`` raises. Ctrl+C cancels the job first.
        """
        job = self.submit(request)
        try:
            while not job.ended:
                self._hear(on_event)
        except BaseException:
            self.cancel(job)
            deadline = time.monotonic() + 2
            while not job.ended and time.monotonic() < deadline:
                self._hear(None)
            raise
        if job.error is not None:
            raise job.error
        return job

    def close(self) -> None:
        """End the connection; the server then drops what it still has of this client's."""
        self._drop_link()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hear(self, on_event: Callable[[Event], None] | None) -> None:
        events = self.poll()
        if not events:
            self.wait(0.25)
        elif on_event is not None:
            for event in events:
                on_event(event)

    # The connection

    @property
    def _link(self) -> Link | PipedLink | None:
        return self._finder.link if self._finder is not None else None

    def _guarded(self, step: Callable[[], None]) -> None:
        """Take a step; whatever the world does then is told by state and events."""
        try:
            step()
        except DeepBlendError as error:
            self._fail(error)
        except OSError as error:
            self._fail(ConnectionUnusable(path=paths.shown(self._installation.connection), reason=str(error)))

    def _advance(self) -> None:
        if self._finder is not None and self.welcome is None:
            self._finder.advance()
            if self._finder.welcome is None:
                return
            self._ready(self._finder.welcome)
        link = self._link
        if link is not None:
            link.look()  # first: what came before the connection ended is still to be read
            while self._link is link and (message := link.receive()) is not None:
                self._take(message)
            if self._link is link and link.broken:
                self._lost()

    def _ready(self, welcome: messages.Welcome) -> None:
        self.welcome = welcome
        self._become(State.READY)
        unsent, self._unsent = self._unsent, []
        for message in unsent:
            self._send(message)
        for job in list(self._jobs.values()):
            self._send_job(job)

    def _lost(self) -> None:
        lost = [job for job in self._jobs.values() if job.state is not JobState.WAITING]
        if lost or not self.leaving:
            self._fail(ServerLost())
            return
        self._part()

    def _part(self) -> None:
        """The server left in good order."""
        self._drop_link()
        self._become(State.IDLE)
        if self._jobs:  # submitted while it was leaving
            self.connect()

    def _fail(self, error: DeepBlendError) -> None:
        self._drop_link()
        self._unsent.clear()
        self._become(State.LOST, error)
        for job in list(self._jobs.values()):
            self._end(job, JobState.FAILED, error if job.state is JobState.WAITING else ServerLost())

    def _drop_link(self) -> None:
        self.welcome, self.leaving = None, False
        if self._finder is not None:
            self._finder.close()
            self._finder = None

    def _become(self, state: State, error: DeepBlendError | None = None) -> None:
        changed = state is not self._state or error is not self.error
        self._state, self.error = state, error
        if changed:
            self._events.append(StateChanged(state, error))

    # Messages

    def _send(self, message: messages.FromClient) -> None:
        if self._state is State.READY and self._link is not None:
            self._link.send(message)
        else:
            self._unsent.append(message)

    def _send_job(self, job: Job) -> None:
        assert self._link is not None
        try:
            self._check_limits(job.request)
        except DeepBlendError as error:
            self._end(job, JobState.FAILED, error)
            return
        self._link.send(messages.Submit(job.id, job.request))
        job.state = JobState.QUEUED

    def _check_limits(self, request: messages.Request) -> None:
        limits = self.welcome.limits if self.welcome is not None else {}
        planes = request.planes
        size = sum(plane.nbytes for plane in planes.values())
        if size > limits.get("message_bytes", size):
            raise MessageTooLarge(bytes=size, limit=limits["message_bytes"])
        for role, plane in planes.items():
            columns, rows = plane.size
            if columns * rows > limits.get("pixels", columns * rows):
                raise SizeAbsurd(what=f"The {role}", width=columns, height=rows, limit=limits["pixels"])

    def _take(self, message: messages.FromServer) -> None:
        if isinstance(message, messages.Leaving):
            self.leaving = True
            if not any(job.state is not JobState.WAITING for job in self._jobs.values()):
                self._part()
        elif isinstance(message, messages.Info):
            self._events.append(InfoReceived(message.known))
        elif isinstance(message, messages.Echo):
            self._events.append(EchoReceived(message.planes))
        elif not isinstance(message, (messages.Welcome, messages.Pulse, messages.Pong)):  # all others may be of a job
            job = self._jobs.get(message.job or "")
            if job is not None:
                self._take_of(job, message)

    def _take_of(
        self,
        job: Job,
        message: messages.Queued | messages.Running | messages.Result | messages.Cancelled | messages.Failure,
    ) -> None:
        if isinstance(message, messages.Queued):
            job.state = JobState.QUEUED
            self._events.append(JobQueued(job, message.ahead, message.why))
        elif isinstance(message, messages.Running):
            job.state = JobState.RUNNING
            self._running(job, message)
        elif isinstance(message, messages.Result):
            profile = job.request.background.profile
            job.layer = replace(_joined(message.layer), profile=profile)
            if message.shadow is not None:
                job.shadow = replace(_joined(message.shadow), profile=profile)
            job.report = message.report
            self._end(job, JobState.DONE)
        elif isinstance(message, messages.Cancelled):
            self._end(job, JobState.CANCELLED)
        elif message.code not in messages.STAYS:
            self._end(job, JobState.FAILED, from_code(message.code, dict(message.params), message.text))

    def _running(self, job: Job, message: messages.Running) -> None:
        preview = _joined(message.preview) if message.preview is not None else None
        before = self._events[-1] if self._events else None
        if isinstance(before, JobRunning) and before.job is job:
            self._events.pop()
            preview = preview or before.preview
        self._events.append(JobRunning(job, message.device, message.fraction, message.stage, preview))

    def _end(self, job: Job, state: JobState, error: DeepBlendError | None = None) -> None:
        del self._jobs[job.id]
        job.state, job.error = state, error
        if state is JobState.DONE:
            self._events.append(JobDone(job))
        elif error is not None:
            self._events.append(JobFailed(job, error))
        else:
            self._events.append(JobCancelled(job))
        if self.leaving and self._state is State.READY and not self._jobs:
            self._part()


def _joined(plane: messages.Plane) -> messages.Plane:
    return replace(plane, samples=plane.samples.joined())
