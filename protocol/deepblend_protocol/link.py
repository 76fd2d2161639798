"""One connection to a server: a DEALER with CURVE and heartbeats, and what its monitor says of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import zmq
from zmq.utils.monitor import parse_monitor_message

from . import messages, wire
from .connection import Connection

HEARTBEAT_MS, SILENCE_MS = 1000, 3000
_EVENTS = zmq.EVENT_CONNECT_RETRIED | zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED
_REFUSALS = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL


@contextlib.contextmanager
def _os_errors() -> Iterator[None]:
    """zmq's errors, which are no OSErrors, as such: who calls need not import zmq. EAGAIN is BlockingIOError."""
    try:
        yield
    except zmq.ZMQError as error:
        raise OSError(error.errno, error.strerror) from error


class Link:
    """Lives as long as its connection: it is not used again when that has ended. Its methods raise OSError.

    Args:
        connection: where, and with what keys.
        send_limit: messages that wait to be sent, at most; 0 is no limit.
    """

    @_os_errors()
    def __init__(self, connection: Connection, send_limit: int = 0) -> None:
        self.connection = connection
        self.broken = False
        """The connection was refused, or it has ended."""
        self.refused = False
        """It was refused: nobody listens there."""
        self._context = zmq.Context()
        try:
            self._connect(connection, send_limit)
        except BaseException:
            self.close()
            raise

    def _connect(self, connection: Connection, send_limit: int) -> None:
        self._socket = self._context.socket(zmq.DEALER)
        for option, value in (
            (zmq.LINGER, 0),
            (zmq.HEARTBEAT_IVL, HEARTBEAT_MS),
            (zmq.HEARTBEAT_TIMEOUT, SILENCE_MS),
            (zmq.HANDSHAKE_IVL, SILENCE_MS),
            (zmq.SNDHWM, send_limit),
            (zmq.RCVHWM, 0),  # a full queue would leave heartbeats unread, and a busy host be taken for a dead one
            (zmq.IPV6, int("[" in connection.endpoint)),
        ):
            self._socket.setsockopt(option, value)
        self._socket.curve_serverkey = connection.server_key.encode()
        self._socket.curve_publickey = connection.public_key.encode()
        self._socket.curve_secretkey = connection.secret_key.encode()
        self._monitor = self._socket.get_monitor_socket(_EVENTS | _REFUSALS)
        self._socket.connect(connection.endpoint)

    @property
    def fd(self) -> int | None:
        """A file descriptor that becomes readable, once, when a message has come or the connection has changed."""
        return int(self._socket.getsockopt(zmq.FD))

    def send(self, message: messages.FromClient, major: int = wire.MAJOR) -> None:
        """Send; the planes' samples are not copied, and must not change before they have gone."""
        self.send_frames(messages.to_frames(message, major))

    @_os_errors()
    def send_frames(self, frames: list[Any]) -> None:
        """Send a message's frames. Raises BlockingIOError if ``send_limit`` messages are waiting already."""
        self._socket.send_multipart(frames, zmq.DONTWAIT, copy=False)

    def receive(self) -> messages.FromServer | None:
        """The next message, None where there is none yet. Raises MessageError for one that is not understood."""
        frames = self.receive_frames()
        return None if frames is None else messages.from_server(frames)

    @_os_errors()
    def receive_frames(self) -> list[memoryview] | None:
        """The next message's frames as they came, None where there is none yet."""
        try:
            frames = self._socket.recv_multipart(zmq.DONTWAIT, copy=False)
        except zmq.Again:
            return None
        return [frame.buffer for frame in frames]

    @_os_errors()
    def look(self) -> None:
        """Notice whether the connection has failed since the last call, and set ``broken`` and ``refused``."""
        while self._monitor.poll(0):
            event = parse_monitor_message(self._monitor.recv_multipart())["event"]
            if event != zmq.EVENT_HANDSHAKE_SUCCEEDED and not self.broken:
                self.broken, self.refused = True, event == zmq.EVENT_CONNECT_RETRIED

    def wait(self, seconds: float) -> None:
        """Wait until a message has come or the connection has changed, but no longer than the given time."""
        poller = zmq.Poller()
        self.watch(poller)
        poller.poll(int(seconds * 1000))

    def watch(self, poller: zmq.Poller, sending: bool = False) -> None:
        """Have a poller wait until something has come or happened, or, if asked to, can be sent."""
        poller.register(self._socket, zmq.POLLIN | (zmq.POLLOUT if sending else 0))
        poller.register(self._monitor, zmq.POLLIN)

    def close(self) -> None:
        """End the connection; a second time does nothing."""
        self._context.destroy(linger=0)
