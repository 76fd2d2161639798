"""The clients, and the one socket by which they are reached."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import zmq
from deepblend_protocol import messages, wire

from .keys import Keys

HEARTBEAT_MS, SILENCE_MS = 1000, 3000
BACKLOG = 64
"""Messages that may wait for a client whose line is slow; after them progress is left out."""


@dataclass(eq=False)
class Client:
    """A connection that has said hello."""

    id: bytes
    """Its routing id."""
    major: int
    """The protocol's version that it speaks."""
    name: str
    told: float
    """When it was last sent something."""
    names: set[str] = field(default_factory=set)
    """Of all jobs that it has submitted."""
    unsent: deque[list[Any]] = field(default_factory=deque)
    """What has to reach it and did not fit in its socket's backlog."""


class Clients:
    """All connections.

    Args:
        on_gone: called when one turns out to have gone, after it was taken out.
    """

    def __init__(self, context: zmq.Context[Any], on_gone: Callable[[Client], None]) -> None:
        self.socket = context.socket(zmq.ROUTER)
        self._on_gone = on_gone
        self._known: dict[bytes, Client] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Client]:
        return iter(list(self._known.values()))

    def listen(self, endpoint: str, keys: Keys) -> str:
        """Bind; returns the endpoint with its port. Raises zmq.ZMQError."""
        socket = self.socket
        socket.curve_server = True
        socket.curve_publickey = keys.server.public.encode()
        socket.curve_secretkey = keys.server.secret.encode()
        for option, value in (
            (zmq.ROUTER_MANDATORY, 1),
            (zmq.HEARTBEAT_IVL, HEARTBEAT_MS),
            (zmq.HEARTBEAT_TIMEOUT, SILENCE_MS),
            (zmq.MAXMSGSIZE, wire.FRAME_BYTES + 1024),
            (zmq.SNDHWM, BACKLOG),
            (zmq.IPV6, int("[" in endpoint)),
        ):
            socket.setsockopt(option, value)
        socket.bind(endpoint)
        return socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def get(self, id: bytes) -> Client | None:
        return self._known.get(id)

    def add(self, id: bytes, major: int, name: str) -> Client:
        self._known[id] = Client(id, major, name, time.monotonic())
        return self._known[id]

    def pulse(self) -> None:
        """Find out who is still there."""
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

    def flush(self, client: Client) -> None:
        """Send what did not fit before."""
        while client.unsent and self.post(client.id, client.unsent[0]):
            if client.unsent:
                client.unsent.popleft()

    def post(self, id: bytes, frames: list[Any]) -> bool:
        """Send to a routing id; whether it could be sent or never can be, since whoever it was has gone."""
        try:
            self.socket.send_multipart([id, *frames], zmq.DONTWAIT, copy=False)
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            client = self._known.pop(id, None)
            if client is not None:
                client.unsent.clear()
                self._on_gone(client)
        return True
