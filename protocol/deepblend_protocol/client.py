"""The client that GIMP's and Krita's plug-ins and the command line use: it blocks nowhere and needs no thread.

client = Client(installation, "krita 5.2.9")
job = client.submit(request)            # starts or finds the server; returns at once
for event in client.poll(): ...         # when client.fd is readable, and at least twice a second
client.cancel(job)
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from . import __version__, connection, launch, messages, wire
from .connection import Connection, Installation
from .errors import (
    ConnectionUnusable,
    DeepBlendError,
    MessageTooLarge,
    ServerAbsent,
    ServerLost,
    ServerSilent,
    ServerStart,
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
from .settings import resolve

if TYPE_CHECKING:
    from .link import Link

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

WELCOME_S = 4.0
"""How long a server may take to answer a connection."""
START_S = 30.0
"""How long a server may take to start."""
DYING_S = 1.0
"""How long the system may take to clear a killed server away."""
ALREADY = 3
"""The exit status of a server that found another one."""


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
        self._context: Any = None
        self._link: Link | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._started = False
        """This attempt to connect has started a server, or asked one to leave for it."""
        self._replacing = False
        self._stale = ""
        """The instance in a connection file that led nowhere."""
        self._deadline = 0.0
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
        """Where the server is, as far as is known."""
        return self._link.connection.endpoint if self._link is not None else str(self._installation.connection)

    @property
    def fd(self) -> int | None:
        """A file descriptor that is readable when something has come: once, until the next ``poll``.

        It can be another one after each ``poll``.
        """
        return self._link.fd if self._link is not None else None

    def connect(self) -> None:
        """Find the server, or start it; returns at once."""
        if self._state in (State.IDLE, State.LOST):
            self._started = self._replacing = False
            self._stale = ""
            self._guarded(self._find)

    def submit(self, request: messages.Request) -> Job:
        """Send a job, as soon as there is a connection; returns at once.

        The samples must not change before the job has ended. Raises SettingUnknown, SettingOutOfRange, PlaneInvalid,
        and what the server's limits forbid as far as they are known: MessageTooLarge, SizeAbsurd.
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
        """Give a job up; one that has ended already stays as it is."""
        if job.ended or job.id not in self._jobs:
            return
        if job.state is JobState.WAITING:
            self._end(job, JobState.CANCELLED)
        else:
            self._send(messages.Cancel(job.id))

    def ask_info(self) -> None:
        """Have an InfoReceived come."""
        self._send(messages.InfoQuery())

    def echo(self, planes: Mapping[str, messages.Plane]) -> None:
        """Have the planes come back as an EchoReceived: measures the line."""
        self._send(messages.Echo(planes))

    def leave(self, when: str) -> None:
        """Ask the server to leave: ``idle`` or ``now``."""
        self._send(messages.Leave(when))

    def poll(self) -> list[Event]:
        """What has happened since the last time. Raises nothing for what network, files or server do."""
        self._guarded(self._advance)
        events, self._events = self._events, []
        return events

    def wait(self, seconds: float) -> None:
        """Wait until ``poll`` may have something, at most so long."""
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
        if self._context is not None:
            self._context.destroy(linger=0)
            self._context = None

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

    def _guarded(self, step: Callable[[], None]) -> None:
        """Take a step; whatever the world does then is told by state and events."""
        import zmq

        try:
            step()
        except DeepBlendError as error:
            self._fail(error)
        except (zmq.ZMQError, OSError) as error:
            self._fail(ConnectionUnusable(path=str(self._installation.connection), reason=str(error)))

    def _find(self) -> None:
        path = self._installation.connection
        found = connection.read(path)
        if found is not None and (found.remote or found.instance != self._stale):
            self._open(found)
        elif connection.server_runs(path):  # it is just starting
            self._await_server()
        else:
            self._start()

    def _open(self, found: Connection) -> None:
        import zmq

        from .link import Link

        self._context = self._context or zmq.Context()
        self._drop_link()
        self._link = Link(self._context, found)
        self._deadline = time.monotonic() + WELCOME_S
        self._link.send(messages.Hello(__version__, wire.PROTOCOLS, self._name))
        self._become(State.CONNECTING)

    def _await_server(self, seconds: float = START_S) -> None:
        self._deadline = time.monotonic() + seconds
        self._become(State.STARTING)

    def _start(self) -> None:
        """Start a server, once for each attempt to connect."""
        if not self._installation.command:
            raise ServerAbsent(remedy=self._installation.remedy)
        if self._started and not self._replacing:
            raise ServerStart(reason="it ended again at once")
        self._started, self._replacing = True, False
        try:
            self._process = launch.start(self._installation.command, self._installation.connection)
        except (OSError, ValueError) as error:
            raise ServerStart(reason=f"{self._installation.command[0]}: {error}") from error
        self._await_server()

    def _advance(self) -> None:
        if self._link is not None:
            self._link.look()  # first: what came before the connection ended is still to be read
        while self._link is not None and (message := self._link.receive()) is not None:
            self._take(message)
        if self._state is State.STARTING:
            self._look_for_server()
        elif self._link is not None and self._link.broken:
            self._unreachable() if self._state is State.CONNECTING else self._lost()
        elif self._state is State.CONNECTING and time.monotonic() > self._deadline:
            self._unreachable()

    def _look_for_server(self) -> None:
        path = self._installation.connection
        if self._replacing:
            if self._link is not None and not self._link.broken and connection.server_runs(path):
                if time.monotonic() > self._deadline:
                    raise ServerSilent(endpoint=self.endpoint)
                return
            self._drop_link()
            self._start()
            return
        found = connection.read(path)
        if found is not None and found.instance != self._stale:
            self._open(found)
            return
        ended = self._process.poll() if self._process is not None else None
        if ended is not None:
            self._process = None
            if ended != ALREADY:
                raise ServerStart(reason=launch.reason(path))
        if self._process is None and not connection.server_runs(path):
            self._start()
        elif time.monotonic() > self._deadline:
            raise ServerSilent(endpoint=found.endpoint if found is not None else str(path))

    def _unreachable(self) -> None:
        """A connection file led nowhere."""
        assert self._link is not None
        found = self._link.connection
        if found.remote:
            raise ServerSilent(endpoint=found.endpoint)
        refused = self._link.refused
        self._drop_link()
        self._stale = found.instance
        if connection.server_runs(self._installation.connection):
            # Refused: the file is a dead server's, and another one is just starting. Else one is dying, or hangs.
            self._await_server(START_S if refused else DYING_S)
        else:
            self._start()

    def _greeted(self, welcome: messages.Welcome) -> None:
        assert self._link is not None
        found = self._link.connection
        if not found.remote and welcome.instance != found.instance:
            self._unreachable()
            return
        if _version(welcome.version) < _version(__version__) and self._may_replace(found):
            self._replace(found, wire.MAJOR)
            return
        self.welcome, self.leaving = welcome, False
        self._become(State.READY)
        for message in self._unsent:
            self._link.send(message)
        self._unsent.clear()
        for job in list(self._jobs.values()):
            self._send_job(job)

    def _may_replace(self, server: Connection) -> bool:
        return bool(self._installation.command) and not server.remote and not self._started

    def _replace(self, old: Connection, major: int) -> None:
        """Ask an older server to make room; it finishes what it has."""
        assert self._link is not None
        self._link.send(messages.Leave("idle"), major)
        self._stale, self._replacing = old.instance, True
        self._await_server()

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
        self._process = None
        self._unsent.clear()
        self._become(State.LOST, error)
        for job in list(self._jobs.values()):
            self._end(job, JobState.FAILED, error if job.state is JobState.WAITING else ServerLost())

    def _drop_link(self) -> None:
        self.welcome, self.leaving = None, False
        if self._link is not None:
            self._link.close()
            self._link = None

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
        if isinstance(message, messages.Welcome):
            if self._state is State.CONNECTING:
                self._greeted(message)
        elif isinstance(message, messages.Leaving):
            self.leaving = True
            if self._state is State.READY and not any(job.state is not JobState.WAITING for job in self._jobs.values()):
                self._part()
        elif isinstance(message, messages.Info):
            self._events.append(InfoReceived(message.known))
        elif isinstance(message, messages.Echo):
            self._events.append(EchoReceived(message.planes))
        elif isinstance(message, messages.Failure) and message.job is None:
            self._refused(message)
        elif not isinstance(message, (messages.Pulse, messages.Pong)):
            job = self._jobs.get(message.job or "")
            if job is not None:
                self._take_of(job, message)

    def _refused(self, failure: messages.Failure) -> None:
        """An error that is of no job."""
        error = from_code(failure.code, dict(failure.params), failure.text)
        if self._state is not State.CONNECTING or self._link is None:
            return  # the answer to a message that needs none
        if failure.code == "protocol.unsupported" and self._may_replace(self._link.connection):
            spoken = [int(one) for one in re.findall(r"\d+", str(failure.params.get("server", "")))]
            if spoken and max(spoken) < wire.MAJOR:
                self._replace(self._link.connection, max(spoken))
                return
        raise error

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


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])
