"""The server: one socket loop that never computes. docs/protocol.md is its ground."""

from __future__ import annotations

import json
import os
import secrets
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq
from deepblend_protocol import messages, wire
from deepblend_protocol.connection import Connection, Lock, read, remove, write
from deepblend_protocol.errors import (
    ClientsFull,
    DeepBlendError,
    HelloMissing,
    JobDuplicate,
    JobTimeout,
    JobUnknown,
    MessageMalformed,
    MessageUnknown,
    ProtocolUnsupported,
    QueueFull,
    ServerLeaving,
    ServerRunning,
    WorkerLost,
    WorkerUnavailable,
)
from deepblend_protocol.settings import resolve
from zmq.auth.thread import ThreadAuthenticator

from .. import __version__
from .jobs import Job, Queue
from .keys import Keys, Provider, shown
from .log import Log
from .workers import ENDPOINT, Pool, Worker

HEARTBEAT_MS, SILENCE_MS = 1000, 3000
TICK_S = 0.25
"""How often the loop looks at its clocks."""
TOLD_S = 1.0
"""A client hears of each of its jobs at least this often."""
PULSE_S = 5.0
"""A client without jobs is sent a pulse this often."""
STOP_S = 10.0
"""How long a cancelled job may go on before its worker is killed."""
LOCK_S = 2.0
BACKLOG = 64
"""Messages that may wait for a client that does not read; after them progress is left out."""


@dataclass(frozen=True)
class Options:
    """What ``deepblend serve`` takes."""

    connection: Path
    endpoint: str = "tcp://127.0.0.1:*"
    devices: tuple[str, ...] = ("auto",)
    idle_exit_min: float = 60.0
    """0: never."""
    rest_min: float = 5.0
    """0: never."""
    log_file: Path | None = None
    message_bytes: int = 2**32
    pixels: int = 2**28
    queue: int = 32
    clients: int = 32
    job_s: int = 3600

    @property
    def limits(self) -> dict[str, int]:
        """As ``welcome`` tells them."""
        return {name: getattr(self, name) for name in ("message_bytes", "pixels", "queue", "clients", "job_s")}


@dataclass(eq=False)
class _Client:
    id: bytes
    major: int
    name: str
    told: float
    """When it was last sent something."""
    names: set[str] = field(default_factory=set)
    """Of all jobs that it has submitted."""
    unsent: deque[list[Any]] = field(default_factory=deque)
    """What has to reach it and did not fit in its socket's backlog."""


class Server:
    """Serves until it is told to leave, or nobody has used it for long.

    Args:
        say: takes the few sentences for whoever started it in a terminal.
    """

    def __init__(self, options: Options, say: Callable[[str], None] = lambda sentence: None) -> None:
        self._options = options
        self._say = say
        self._instance = secrets.token_hex(8)
        self._log = Log(options.log_file)
        self._limits = messages.Limits(options.message_bytes, options.pixels)
        self._clients: dict[bytes, _Client] = {}
        self._queue = Queue()
        self._serial = 0
        self._started = self._used = time.monotonic()
        self._leaving = ""
        """Why the server leaves: idle, asked or replaced; empty while it does not."""
        self._at_once = False
        """Without finishing what there is."""

    def leave(self) -> None:
        """End as soon as may be; running jobs are told. May be called by a signal's handler."""
        self._at_once = True

    def run(self) -> None:
        """Serve. Raises ServerRunning, ConnectionUnusable, WriteFailed, and zmq.ZMQError where it cannot listen."""
        path = self._options.connection
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = Lock(path)
        if not lock.acquire(LOCK_S):
            other = read(path)
            raise ServerRunning(pid=other.pid if other else "unknown", endpoint=other.endpoint if other else "starting")
        try:
            with zmq.Context() as context:
                self._serve(context, lock)
        finally:
            remove(path, self._instance)
            lock.release()
            self._log.close()

    def _serve(self, context: zmq.Context[Any], lock: Lock) -> None:
        keys = Keys(self._options.connection.parent)
        guard = ThreadAuthenticator(context)
        guard.start()
        guard.configure_curve_callback("*", Provider(keys))
        self._socket = context.socket(zmq.ROUTER)
        inlet = context.socket(zmq.PULL)
        self._lock = lock
        self._pool = Pool(context, list(self._options.devices))
        try:
            self._listen(keys)
            inlet.bind(ENDPOINT)
            self._pool.wake()
            self._loop(inlet)
        finally:
            self._pool.end()
            self._socket.close(linger=500)  # the last words
            inlet.close(linger=0)
            guard.stop()
            self._log.write("end", reason=self._leaving)

    def _listen(self, keys: Keys) -> None:
        socket, options = self._socket, self._options
        socket.curve_server = True
        socket.curve_publickey = keys.server.public.encode()
        socket.curve_secretkey = keys.server.secret.encode()
        for option, value in (
            (zmq.ROUTER_MANDATORY, 1),
            (zmq.HEARTBEAT_IVL, HEARTBEAT_MS),
            (zmq.HEARTBEAT_TIMEOUT, SILENCE_MS),
            (zmq.MAXMSGSIZE, wire.FRAME_BYTES + 1024),
            (zmq.SNDHWM, BACKLOG),
            (zmq.IPV6, int("[" in options.endpoint)),
        ):
            socket.setsockopt(option, value)
        socket.bind(options.endpoint)
        self._endpoint = socket.getsockopt_string(zmq.LAST_ENDPOINT)
        local = self._endpoint.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
        write(
            options.connection,
            Connection(
                endpoint=local,
                server_key=keys.server.public,
                public_key=keys.client.public,
                secret_key=keys.client.secret,
                instance=self._instance,
                pid=os.getpid(),
                version=__version__,
            ),
        )
        self._log.write("start", version=__version__, pid=os.getpid(), endpoint=self._endpoint, instance=self._instance)
        self._say(f"deepblend {__version__} serves at {self._endpoint}")
        if local != self._endpoint:
            port = self._endpoint.rpartition(":")[2]
            self._say(f"On another machine: deepblend connect tcp://HOST:{port} {shown(keys.server.public)}")
            self._say("It then prints its key, to be let in by: deepblend key add NAME KEY")

    # The loop

    def _loop(self, inlet: zmq.Socket[Any]) -> None:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(inlet, zmq.POLLIN)
        ticked = 0.0
        while not self._done():
            ready = dict(poller.poll(int(TICK_S * 1000)))
            if inlet in ready:
                self._drain(inlet, self._from_worker)
            if self._socket in ready:
                self._drain(self._socket, self._from_client)
            now = time.monotonic()
            if now - ticked >= TICK_S:
                ticked = now
                self._guarded(self._tick, now)
            self._guarded(self._dispatch)
        self._guarded(self._part)

    def _done(self) -> bool:
        if self._at_once:
            return True
        return bool(self._leaving) and not self._queue and not any(one.job for one in self._pool)

    def _drain(self, socket: zmq.Socket[Any], take: Callable[[list[Any]], None]) -> None:
        """Take what lies there, but not for ever: the other socket waits."""
        for _ in range(100):
            try:
                frames = socket.recv_multipart(zmq.DONTWAIT, copy=False)
            except zmq.Again:
                return
            self._guarded(take, frames)

    def _guarded(self, step: Callable[..., None], *args: Any) -> None:
        """Take a step; a fault of ours there is logged, and ends nothing else."""
        try:
            step(*args)
        except Exception:
            self._log.write("fault", traceback=traceback.format_exc())

    def _tick(self, now: float) -> None:
        for job in [one.job for one in self._pool if one.job is not None]:
            self._watch(job, now)
        for ahead, job in enumerate(list(self._queue)):  # whose client may turn out to have gone
            if ahead != job.ahead or now - job.told >= TOLD_S:
                self._tell_queued(job, ahead, now)
        for client in list(self._clients.values()):
            self._flush(client)
            if now - client.told >= PULSE_S:
                self._send(client, messages.Pulse())
        for worker in self._pool:
            rest_s = self._options.rest_min * 60
            if rest_s and worker.state == "ready" and now - worker.idle_since >= rest_s:
                worker.rest()
        busy = len(self._queue) or any(one.job for one in self._pool)
        self._used = now if busy else self._used
        idle_s = self._options.idle_exit_min * 60
        if idle_s and now - self._used >= idle_s and not self._leaving:
            self._leave("idle")

    def _watch(self, job: Job, now: float) -> None:
        """Look after a running job's time."""
        if not job.stopping and now - job.started >= self._options.job_s:
            self._stop(job, "timeout", now)
        if job.stopping and now - job.stopping_since >= STOP_S and (worker := self._pool.of(job)):
            worker.kill()
        client = self._clients.get(job.client)
        if client is not None and now - job.told >= TOLD_S:
            job.told = now
            self._send(client, messages.Running(job.name, job.device, job.fraction, job.stage))

    def _dispatch(self) -> None:
        """Give waiting jobs to workers without work."""
        while len(self._queue) and (worker := self._pool.ready()) and (job := self._queue.next()):
            now = time.monotonic()
            job.attempt += 1
            job.started = job.told = now
            job.device, job.fraction, job.stage = worker.device, 0.0, "start"
            worker.begin(job)
            if client := self._clients.get(job.client):
                self._send(client, messages.Running(job.name, job.device, 0.0, "start"))
        if len(self._queue) and (failed := self._pool.failed):
            for job in list(self._queue):
                self._queue.remove(job)
                self._end(job, WorkerUnavailable(device=failed.device, reason=failed.reason))

    # From the clients

    def _from_client(self, received: list[Any]) -> None:
        sender = received[0].bytes
        frames = [frame.buffer for frame in received[1:]]
        major = wire.MAJOR
        try:
            major = wire.major_of(frames)
            if major not in wire.PROTOCOLS:
                header = wire.header_of(frames)
                if header.get("type") != "leave":
                    raise self._unsupported(major, str(header.get("version", "unknown"))[:40])
            message = messages.from_client(frames, self._limits)
            self._answer(sender, major, message, frames)
        except DeepBlendError as error:
            job, to = messages.address(frames)
            client = self._clients.get(sender)
            if client is None or major not in wire.PROTOCOLS:
                major = major if major in wire.PROTOCOLS else wire.MAJOR
                self._post(sender, messages.to_frames(messages.failure(error, job, to), major))
                return
            if isinstance(error, (MessageMalformed, MessageUnknown)) and self._find(client, job):
                job = None  # an error that names a job ends it, and this one goes on
            self._send(client, messages.failure(error, job, to), must=True)

    def _answer(self, sender: bytes, major: int, message: messages.FromClient, frames: list[Any]) -> None:
        if isinstance(message, messages.Hello):
            self._greet(sender, major, message)
            return
        if isinstance(message, messages.Leave):  # also of a client whose version cannot say hello
            reason = "asked" if message.when == "now" else "replaced"
            self._leave(reason, besides=sender)
            self._post(sender, messages.to_frames(messages.Leaving(reason, message.id), major))
            if message.when == "now":
                self.leave()
            return
        client = self._clients.get(sender)
        if client is None:
            raise HelloMissing()
        if isinstance(message, messages.Ping):
            self._send(client, messages.Pong(message.id))
            return
        self._used = time.monotonic()
        if isinstance(message, messages.Submit):
            self._submit(client, message, frames)
        elif isinstance(message, messages.Cancel):
            self._cancel(client, message.job)
        elif isinstance(message, messages.InfoQuery):
            self._send(client, messages.Info(self._info(), message.id), must=True)
        elif isinstance(message, messages.Echo):
            self._send(client, messages.Echo(message.planes, to=message.id), must=True)

    def _greet(self, sender: bytes, major: int, hello: messages.Hello) -> None:
        if not set(hello.protocols) & set(wire.PROTOCOLS):
            raise self._unsupported(max(hello.protocols, default=0), hello.version)
        now = time.monotonic()
        if sender not in self._clients:
            if len(self._clients) >= self._options.clients:
                for client in list(self._clients.values()):  # some may have gone without a word
                    self._send(client, messages.Pulse())
            if len(self._clients) >= self._options.clients:
                raise ClientsFull(limit=self._options.clients)
            self._clients[sender] = _Client(sender, major, hello.client, now)
        self._used = now
        welcome = messages.Welcome(__version__, wire.PROTOCOLS, self._instance, self._options.limits, hello.id)
        self._send(self._clients[sender], welcome, must=True)
        self._pool.wake()  # whoever says hello will want to blend soon

    def _unsupported(self, major: int, version: str) -> ProtocolUnsupported:
        newer = major > wire.MAJOR
        remedy = "deepblend stop" if newer else "deepblend install"
        return ProtocolUnsupported(
            client=major,
            server=", ".join(map(str, wire.PROTOCOLS)),
            client_version=version,
            server_version=__version__,
            remedy=remedy,
        )

    def _submit(self, client: _Client, message: messages.Submit, frames: list[Any]) -> None:
        if message.job in client.names:
            raise JobDuplicate(job=message.job)
        if self._leaving:
            raise ServerLeaving()
        resolve(message.request.settings)  # refused now, not after minutes in the queue
        own = [job for job in self._jobs() if job.client == client.id]
        if len(own) >= self._options.queue:
            raise QueueFull(limit=self._options.queue)
        client.names.add(message.job)
        self._serial += 1
        job = Job(client.id, message.job, message.request, frames, time.monotonic(), self._serial)
        self._queue.add(job)
        self._pool.wake()
        if (failed := self._pool.failed) is not None:
            failed.start()
        self._tell_queued(job, list(self._queue).index(job), job.submitted)

    def _jobs(self) -> list[Job]:
        return [*(one.job for one in self._pool if one.job is not None), *self._queue]

    def _find(self, client: _Client, name: str | None) -> Job | None:
        return next((job for job in self._jobs() if job.client == client.id and job.name == name), None)

    def _cancel(self, client: _Client, name: str) -> None:
        job = self._find(client, name)
        if job is None:
            raise JobUnknown(job=name)
        if self._pool.of(job):
            self._stop(job, "cancel", time.monotonic())
        else:
            self._queue.remove(job)
            self._end(job, None)

    def _stop(self, job: Job, why: str, now: float) -> None:
        """Have a running job stopped; what its worker then says ends it."""
        worker = self._pool.of(job)
        if worker is not None and not job.stopping:
            job.stopping, job.stopping_since = why, now
            worker.cancel()

    def _info(self) -> dict[str, Any]:
        workers = [
            {"device": one.device, "pid": one.pid, "state": one.state, "jobs": one.jobs_ended} for one in self._pool
        ]
        return {
            "version": __version__,
            "protocols": list(wire.PROTOCOLS),
            "instance": self._instance,
            "limits": self._options.limits,
            "pid": os.getpid(),
            "uptime_s": round(time.monotonic() - self._started, 3),
            "devices": self._pool.devices,
            "workers": workers,
            "queued": len(self._queue),
            "running": sum(one.job is not None for one in self._pool),
            "clients": len(self._clients),
            "log": str(self._log.path) if self._log.path else None,
        }

    # From the workers

    def _from_worker(self, received: list[Any]) -> None:
        number, generation = received[0].bytes.split()
        worker = self._pool.workers[int(number)]
        if not worker.is_current(generation):
            return
        control = json.loads(received[1].bytes)
        kind = control["type"]
        if kind == "gone":
            self._worker_gone(worker)
            return
        if kind == "devices":
            self._pool.found(control["devices"])
        job = worker.job
        worker.hear(control)
        if kind in ("ready", "refused"):
            self._log.write("worker", **{**control, "device": worker.device, "pid": worker.pid})
            self._say(f"{worker.device}: ready" if kind == "ready" else f"{worker.device}: {worker.reason}")
        if job is None or control.get("serial") != job.serial:
            return
        frames = [frame.buffer for frame in received[2:]]
        if kind == "running":
            self._progress(job, control, frames)
        elif control.get("fatal"):
            worker.job = job  # the device is spoiled: the process is replaced, the job tried once more
            self._log.write("worker", **{**control, "device": worker.device})
            worker.kill()
        else:
            self._end(job, None, control, frames)

    def _progress(self, job: Job, control: dict[str, Any], frames: list[Any]) -> None:
        job.fraction, job.stage = control["fraction"], control["stage"]
        client = self._clients.get(job.client)
        if client is not None and not job.stopping:
            job.told = time.monotonic()
            self._send_frames(client, frames)

    def _worker_gone(self, worker: Worker) -> None:
        rested = worker.state == "leaving"
        job, how = worker.gone()
        self._log.write("worker", type="gone", device=worker.device, how=how, state=worker.state)
        if job is not None:
            if job.stopping or job.client not in self._clients:
                self._end(job, None)
            elif job.attempt >= 2:
                self._end(job, WorkerLost(device=worker.device, how=how))
            else:
                job.why, job.ahead = "again", -1
                self._queue.add(job, first=True)
        if worker.state != "failed" and (not rested or len(self._queue)):
            worker.start()

    # To the clients

    def _end(
        self,
        job: Job,
        error: DeepBlendError | None,
        control: dict[str, Any] | None = None,
        frames: list[Any] | None = None,
    ) -> None:
        """Tell a job's end to its client and the log.

        Args:
            error: what ended it.
            control, frames: or the worker's last word on it. With neither, it was cancelled.
        """
        if job.stopping == "timeout":
            error = JobTimeout(seconds=self._options.job_s)
        elif job.stopping == "leaving":
            error = ServerLeaving()
        client = self._clients.get(job.client)
        outcome = "cancelled"
        if error is not None:
            outcome, frames = "error", messages.to_frames(messages.failure(error, job.name))
        elif control is None or control["type"] == "stopped" or job.stopping:
            frames = messages.to_frames(messages.Cancelled(job.name))
        else:
            outcome = control["type"]
        if client is not None:
            self._send_frames(client, frames or [], must=True)
        self._log_job(job, outcome if client is not None else "client gone", error, control or {})

    def _log_job(self, job: Job, outcome: str, error: DeepBlendError | None, control: dict[str, Any]) -> None:
        now, layer = time.monotonic(), job.request.layer
        client = self._clients.get(job.client)
        report = control.get("report", {})
        self._log.write(
            "job",
            job=job.name,
            client=client.name if client else None,
            outcome=outcome,
            code=error.code if error else control.get("code"),
            attempt=job.attempt,
            device=report.get("device", job.device),
            queued_s=round((job.started or now) - job.submitted, 3),
            seconds=round(now - job.started, 3) if job.started else None,
            layer=layer.size,
            sample_type=layer.type,
            bytes=sum(plane.nbytes for plane in job.request.planes.values()),
            sizes=report.get("sizes"),
            settings=dict(job.request.settings),
            notes=report.get("notes"),
            **({"traceback": control["traceback"]} if "traceback" in control else {}),
        )

    def _tell_queued(self, job: Job, ahead: int, now: float) -> None:
        engine = not any(one.state in ("ready", "busy") for one in self._pool)
        why = "again" if job.why == "again" else "engine" if engine else "turn"
        first, job.ahead, job.told = job.ahead < 0, ahead, now
        if client := self._clients.get(job.client):
            self._send(client, messages.Queued(job.name, ahead, why), must=first)

    def _send(self, client: _Client, message: messages.FromServer, must: bool = False) -> None:
        self._send_frames(client, messages.to_frames(message, client.major), must)

    def _send_frames(self, client: _Client, frames: list[Any], must: bool = False) -> None:
        """Send, or where the client's backlog is full: keep it until it fits with ``must``, else leave it out."""
        client.told = time.monotonic()
        if client.unsent:
            if must:
                client.unsent.append(frames)
            return
        if not self._post(client.id, frames) and must:
            client.unsent.append(frames)

    def _flush(self, client: _Client) -> None:
        while client.unsent and self._post(client.id, client.unsent[0]):
            client.unsent.popleft()

    def _post(self, receiver: bytes, frames: list[Any]) -> bool:
        """Whether a message could be sent, or never can be, since the client has gone; which is then forgotten."""
        try:
            self._socket.send_multipart([receiver, *frames], zmq.DONTWAIT, copy=False)
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self._forget(receiver)
        return True

    def _forget(self, id: bytes) -> None:
        """A client has gone: nothing of its is gone on with."""
        client = self._clients.pop(id, None)
        if client is None:
            return
        client.unsent.clear()
        now = time.monotonic()
        for job in [job for job in self._queue if job.client == id]:
            self._queue.remove(job)
            self._log_job(job, "client gone", None, {})
        for one in self._pool:
            if one.job is not None and one.job.client == id:
                self._stop(one.job, "gone", now)
        self._queue.forget(id)

    # The end

    def _leave(self, reason: str, besides: bytes = b"") -> None:
        """Take no more jobs, make room for another server, and tell all clients (besides one); finish what there is."""
        if self._leaving:
            return
        self._leaving = reason
        remove(self._options.connection, self._instance)
        self._lock.release()
        for client in list(self._clients.values()):
            if client.id != besides:
                self._send(client, messages.Leaving(reason), must=True)

    def _part(self) -> None:
        """The last words of each job."""
        self._leave("asked")
        for job in self._jobs():
            self._end(job, ServerLeaving())
        for client in list(self._clients.values()):
            self._flush(client)
