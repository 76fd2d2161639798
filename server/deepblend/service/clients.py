"""The clients, and the one socket by which they are reached."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import zmq
from deepblend_protocol import messages, wire
from deepblend_protocol.errors import ClientSlow

from .keys import Keys

HEARTBEAT_MS, SILENCE_MS = 1000, 3000
HANDSHAKE_MS = 3000
"""Milliseconds that a connection may take to show its key before it is dropped."""
WAITING = 1024
"""Connections that the system holds until they are accepted."""
DESCRIPTORS = 16384
"""Connections that may be open at once, those before their handshake included, where the system allows so many."""
BACKLOG = 64
"""Messages that may wait for a client whose line is slow; after them progress is left out."""
UNREAD_BYTES = 2**29
UNREAD_MESSAGES = 2000
"""What may wait for a client, in bytes and beyond its socket's backlog in messages, before it is taken for one that
does not read."""


@dataclass(eq=False)
class Client:
    """A client that is connected and has sent ``hello``."""

    id: bytes
    """Its routing id."""
    major: int
    """The protocol's version that it speaks."""
    name: str
    told: float
    """When something was last sent to it, in seconds of the monotonic clock."""
    names: set[str] = field(default_factory=set)
    """The names of all jobs that it has submitted."""
    unsent: deque[list[Any]] = field(default_factory=deque)
    """What has to reach it and did not fit in its socket's backlog."""
    sent: deque[tuple[zmq.MessageTracker, int]] = field(default_factory=deque)
    """Large messages that are on their way, and their bytes."""

    @property
    def unread(self) -> int:
        """About how many bytes were sent to it that it has not read yet."""
        while self.sent and self.sent[0][0].done:
            self.sent.popleft()
        return sum(size for _, size in self.sent) + sum(_bytes(frames) for frames in self.unsent)


class Clients:
    """All connections.

    Args:
        on_gone: called with each client that is found to have disconnected, after it was removed here.
    """

    def __init__(self, context: zmq.Context[Any], on_gone: Callable[[Client], None]) -> None:
        self.socket = context.socket(zmq.ROUTER)
        self._on_gone = on_gone
        self._known: dict[bytes, Client] = {}
        self._dropped: dict[bytes, list[Any]] = {}
        """Those that did not read, and what they are yet to be told."""

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Client]:
        return iter(list(self._known.values()))

    def listen(self, endpoint: str, keys: Keys) -> str:
        """Bind; returns the endpoint with its port. Raises zmq.ZMQError."""
        _allow_descriptors()
        socket = self.socket
        socket.curve_server = True
        socket.curve_publickey = keys.server.public.encode()
        socket.curve_secretkey = keys.server.secret.encode()
        for option, value in (
            (zmq.ROUTER_MANDATORY, 1),
            (zmq.HEARTBEAT_IVL, HEARTBEAT_MS),
            (zmq.HEARTBEAT_TIMEOUT, SILENCE_MS),
            (zmq.HANDSHAKE_IVL, HANDSHAKE_MS),
            (zmq.BACKLOG, WAITING),
            (zmq.MAXMSGSIZE, wire.FRAME_BYTES + 1024),
            (zmq.SNDHWM, BACKLOG),
            (zmq.IPV6, int("[" in endpoint)),
        ):
            socket.setsockopt(option, value)
        socket.bind(endpoint)
        return socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def drop(self, client: Client) -> None:
        """Give up a client that does not read: its jobs end, and it is told once it reads again."""
        error = messages.failure(ClientSlow(bytes=client.unread))
        self._dropped[client.id] = messages.to_frames(error, client.major)
        self._forget(client.id)

    def tell_dropped(self) -> None:
        """Tell dropped clients that they were dropped, if they read by now."""
        self._dropped = {id: frames for id, frames in self._dropped.items() if not self.post(id, frames)}

    def is_dropped(self, id: bytes) -> bool:
        """Whether it is one of those that are yet to be told: nothing else is said to it."""
        return id in self._dropped

    def get(self, id: bytes) -> Client | None:
        return self._known.get(id)

    def add(self, id: bytes, major: int, name: str) -> Client:
        self._dropped.pop(id, None)
        self._known[id] = Client(id, major, name, time.monotonic())
        return self._known[id]

    def pulse(self) -> None:
        """Send a pulse to every client, which shows which of them are still connected."""
        for client in self:
            self.send(client, messages.Pulse())

    def send(self, client: Client, message: messages.FromServer, must: bool = False) -> None:
        self.send_frames(client, messages.to_frames(message, client.major), must)

    def send_frames(self, client: Client, frames: list[Any], must: bool = False) -> None:
        """Send; where the client's backlog is full, keep it until it fits with ``must``, else leave it out."""
        client.told = time.monotonic()
        sent = not client.unsent and self.post(client.id, frames)
        if not sent and must:
            client.unsent.append(frames)

    def answer(self, client: Client, message: messages.FromServer) -> None:
        """Send an answer to what was asked just now; who asks for more than it reads is dropped."""
        if len(client.unsent) > UNREAD_MESSAGES or client.unread > UNREAD_BYTES:
            self.drop(client)
        else:
            self.send(client, message, must=True)

    def flush(self, client: Client) -> None:
        """Send what did not fit before."""
        while client.unsent and self.post(client.id, client.unsent[0]):
            if client.unsent:
                client.unsent.popleft()

    def post(self, id: bytes, frames: list[Any]) -> bool:
        """Send to a routing id; returns False if it has to wait. True also if nobody has that id any more."""
        try:
            tracker = self.socket.send_multipart([id, *frames], zmq.DONTWAIT, copy=False, track=True)
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self._forget(id)
            return True
        client = self._known.get(id)
        if client is not None and tracker is not None and not tracker.done:
            client.sent.append((tracker, _bytes(frames)))
        return True

    def _forget(self, id: bytes) -> None:
        client = self._known.pop(id, None)
        if client is not None:
            client.unsent.clear()
            client.sent.clear()
            self._on_gone(client)


def _bytes(frames: list[Any]) -> int:
    return sum(len(frame) for frame in frames)


def _allow_descriptors() -> None:
    """Raise this process's limit of open files: connections that say nothing must not keep others out."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
