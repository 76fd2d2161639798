"""The server: one socket loop that never computes itself. It speaks what docs/protocol.md specifies."""

from __future__ import annotations

import json
import os
import secrets
import time
import traceback
from collections.abc import Callable
from typing import Any

import zmq
from deepblend_protocol import messages, wire
from deepblend_protocol.connection import Connection, Lock, read, remove, write
from deepblend_protocol.errors import (
    ClientsFull,
    DeepBlendError,
    HelloMissing,
    MessageMalformed,
    MessageUnknown,
    ProtocolUnsupported,
    ServerLeaving,
    ServerRunning,
)
from zmq.auth.thread import ThreadAuthenticator

from .. import __version__
from ..engine.memory import give_back
from ..threads import asked_for
from .clients import Clients
from .keys import Keys, Provider, shown
from .log import Log
from .options import Options
from .schedule import Schedule
from .workers import ENDPOINT, Pool

TICK_S = 0.25
"""How often the loop looks at its clocks."""
PULSE_S = 5.0
"""A client that hears nothing else is sent a pulse this often."""
TIDY_S = 5.0
"""How often freed memory is returned to the system while there is no quarter of a second of rest to do it in."""
LOCK_S = 2.0


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
        self._started = self._used = self._tidied = time.monotonic()
        self._leaving = ""
        """Why the server leaves: idle, asked or replaced; empty while it does not."""
        self._at_once = False
        """Without finishing what there is."""

    def leave(self) -> None:
        """End as soon as possible; the clients of running jobs are told. Safe to call from a signal handler."""
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
        inlet = context.socket(zmq.PULL)
        self._lock = lock
        self._pool = Pool(context, list(self._options.devices), self._options.memory_limit)
        self._clients = Clients(context, lambda client: self._schedule.forget(client))
        self._schedule = Schedule(self._options, self._clients, self._pool, self._log)
        try:
            inlet.bind(ENDPOINT)
            self._pool.wake()  # first: the engine takes longest
            guard.start()
            guard.configure_curve_callback("*", Provider(keys))
            self._listen(keys)
            self._loop(inlet)
        finally:
            self._pool.end()
            self._clients.socket.close(linger=500)  # the last words
            inlet.close(linger=0)
            guard.stop()
            self._log.write("end", reason=self._leaving)

    def _listen(self, keys: Keys) -> None:
        """Bind the socket and write the connection file."""
        endpoint = self._clients.listen(self._options.endpoint, keys)
        local = endpoint.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
        write(
            self._options.connection,
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
        self._log.write("start", version=__version__, pid=os.getpid(), endpoint=endpoint, instance=self._instance)
        self._say(f"deepblend {__version__} serves at {endpoint}")
        if local != endpoint:
            port = endpoint.rpartition(":")[2]
            self._say(f"On another machine: deepblend connect tcp://HOST:{port} {shown(keys.server.public)}")
            self._say("It then prints its key, to be let in by: deepblend key add NAME KEY")

    # The loop

    def _loop(self, inlet: zmq.Socket[Any]) -> None:
        poller = zmq.Poller()
        poller.register(self._clients.socket, zmq.POLLIN)
        poller.register(inlet, zmq.POLLIN)
        ticked = 0.0
        while not self._done():
            ready = dict(poller.poll(int(TICK_S * 1000)))
            if inlet in ready:
                self._drain(inlet, self._from_worker)
            if self._clients.socket in ready:
                self._drain(self._clients.socket, self._from_client)
            now = time.monotonic()
            if now - ticked >= TICK_S:
                ticked = now
                self._guarded(self._tick, now)
            self._guarded(self._schedule.dispatch)
        self._guarded(self._part)

    def _done(self) -> bool:
        if self._at_once:
            return True
        return bool(self._leaving) and not self._schedule.jobs()

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
        self._schedule.tick(now)
        self._clients.tell_dropped()
        for client in self._clients:
            self._clients.flush(client)
            if now - client.told >= PULSE_S:
                self._clients.send(client, messages.Pulse())
        if self._schedule.jobs():
            self._used = now
        # Also where there is never a rest, nor anything asked: what a client did not read is freed when its connection
        # has ended, and that is not seen here.
        if self._tidied < self._used <= now - TICK_S or now - self._tidied >= TIDY_S:
            self._tidied = now
            give_back()
        idle_s = self._options.idle_exit_min * 60
        if idle_s and now - self._used >= idle_s:
            self._leave("idle")

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
            if self._clients.is_dropped(sender):
                return
            if client is None or major not in wire.PROTOCOLS:
                major = major if major in wire.PROTOCOLS else wire.MAJOR
                self._clients.post(sender, messages.to_frames(messages.failure(error, job, to), major))
                return
            if isinstance(error, (MessageMalformed, MessageUnknown)) and self._schedule.find(client, job):
                job = None  # an error that names a job ends it, and this one goes on
            self._clients.answer(client, messages.failure(error, job, to))

    def _answer(self, sender: bytes, major: int, message: messages.FromClient, frames: list[Any]) -> None:
        if isinstance(message, messages.Hello):
            self._greet(sender, major, message)
            return
        if isinstance(message, messages.Leave):  # also of a client whose version cannot say hello
            reason = "asked" if message.when == "now" else "replaced"
            self._leave(reason, besides=sender)
            self._clients.post(sender, messages.to_frames(messages.Leaving(reason, message.id), major))
            if message.when == "now":
                self.leave()
            return
        client = self._clients.get(sender)
        if client is None:
            raise HelloMissing()
        if isinstance(message, messages.Ping):
            self._clients.answer(client, messages.Pong(message.id))
            return
        self._used = time.monotonic()
        if isinstance(message, messages.Submit):
            if self._leaving:
                raise ServerLeaving()
            self._schedule.submit(client, message, frames)
        elif isinstance(message, messages.Cancel):
            self._schedule.cancel(client, message.job)
        elif isinstance(message, messages.InfoQuery):
            self._clients.answer(client, messages.Info(self._info(), message.id))
        elif isinstance(message, messages.Echo):
            self._clients.answer(client, messages.Echo(message.planes, to=message.id))

    def _greet(self, sender: bytes, major: int, hello: messages.Hello) -> None:
        if not set(hello.protocols) & set(wire.PROTOCOLS):
            raise self._unsupported(max(hello.protocols, default=0), hello.version)
        client = self._clients.get(sender)
        if client is None:
            if len(self._clients) >= self._options.clients:
                self._clients.pulse()  # some may have gone without a word
            if len(self._clients) >= self._options.clients:
                raise ClientsFull(limit=self._options.clients)
            client = self._clients.add(sender, major, hello.client)
        self._used = time.monotonic()
        welcome = messages.Welcome(__version__, wire.PROTOCOLS, self._instance, self._options.limits, hello.id)
        self._clients.answer(client, welcome)
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
            "memory_limit": self._options.memory_limit,
            "threads": asked_for(),
            "devices": self._pool.devices,
            "workers": workers,
            "queued": self._schedule.waiting,
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
            self._schedule.worker_gone(worker)
            return
        if kind == "devices":
            self._pool.found(control["devices"])
        self._schedule.hear(worker, control, [frame.buffer for frame in received[2:]])
        if kind in ("ready", "refused"):
            self._log.write("worker", **{**control, "device": worker.device, "pid": worker.pid})
            self._say(f"{worker.device}: ready" if kind == "ready" else f"{worker.device}: {worker.reason}")

    # The end

    def _leave(self, reason: str, besides: bytes = b"") -> None:
        """Take no more jobs, make room for another server, and tell all clients (besides one); finish what there is."""
        if self._leaving:
            return
        self._leaving = reason
        remove(self._options.connection, self._instance)
        self._lock.release()
        for client in self._clients:
            if client.id != besides:
                self._clients.send(client, messages.Leaving(reason), must=True)

    def _part(self) -> None:
        """Tell each remaining job's client that it ends."""
        self._leave("asked")
        self._schedule.end_all()
        for client in self._clients:
            self._clients.flush(client)
