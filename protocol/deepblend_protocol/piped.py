"""What Link is, for a Python that cannot import zmq: a child process of another Python relays the messages."""

from __future__ import annotations

import contextlib
import json
import queue
import signal
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Sequence
from io import FileIO
from typing import Any, cast

from . import launch, messages, pipe, wire
from .connection import Connection
from .errors import RelayUnusable

AHEAD_BYTES = 2**26
"""Bytes that are read ahead of the host, about; what comes beyond them waits in the relay."""
DYING_S = 1.0
"""Seconds that a relay may take to end by itself."""


class PipedLink:
    """Lives as long as its connection, and has a relay of its own.

    Args:
        command: what starts the relay, with absolute paths.
        connection: where, and with what keys.

    Raises RelayUnusable where the relay cannot be started.
    """

    def __init__(self, command: Sequence[str], connection: Connection) -> None:
        self.connection = connection
        self._command = command
        self.broken = False
        """The connection was refused, or it has ended, or the relay has."""
        self.refused = False
        """It was refused: nobody listens there."""
        self._changed = threading.Condition()
        """Guards all that two threads use: the next five."""
        self._came: deque[list[bytearray]] = deque()
        self._held = 0
        """Bytes of those."""
        self._heard = False
        """Something has ever come."""
        self._closing = False
        self._status: int | None = None
        """How the relay ended."""
        self._outgoing: queue.SimpleQueue[list[Any] | None] = queue.SimpleQueue()
        try:
            with contextlib.ExitStack() as opened:
                self._said = opened.enter_context(tempfile.TemporaryFile())
                self._process = launch.relay(command, self._said)
                opened.pop_all()  # it stays open
        except (OSError, ValueError) as error:
            raise RelayUnusable(reason=f"{command[0]}: {error}") from error
        self._stdin, self._stdout = cast(FileIO, self._process.stdin), cast(FileIO, self._process.stdout)
        names = ("endpoint", "server_key", "public_key", "secret_key")
        known = {"format": pipe.FORMAT, **{name: getattr(connection, name) for name in names}}
        self._outgoing.put([json.dumps(known).encode()])
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._write, self._read)]
        for thread in self._threads:
            thread.start()

    @property
    def fd(self) -> int | None:
        """None: a pipe gives no descriptor to wait for, so the host has to call ``poll`` from time to time."""
        return None

    def send(self, message: messages.FromClient, major: int = wire.MAJOR) -> None:
        """Send; the planes' samples are not copied, and must not change before they have gone."""
        self.send_frames(messages.to_frames(message, major))

    def send_frames(self, frames: list[Any]) -> None:
        self._outgoing.put(frames)

    def receive(self) -> messages.FromServer | None:
        """The next message, None where there is none yet. Raises MessageError for one that is not understood."""
        with self._changed:
            if not self._came:
                return None
            frames = self._came.popleft()
            self._held -= sum(map(len, frames))
            self._changed.notify_all()
        return messages.from_server(frames)

    def look(self) -> None:
        """Notice whether the connection has failed. Raises RelayUnusable for a relay that has never worked."""
        with self._changed:
            status, heard = self._status, self._heard
        if status is None or self.broken:
            return
        self.broken, self.refused = True, status == pipe.REFUSED
        if not heard and status not in (pipe.REFUSED, pipe.BROKEN):
            raise RelayUnusable(reason=f"{self._command[0]}: {self._last_words() or f'it ended with {status}'}")

    def wait(self, seconds: float) -> None:
        """Wait until a message has come or the connection has changed, but no longer than the given time."""
        with self._changed:
            self._changed.wait_for(lambda: self._came or (self._status is not None and not self.broken), seconds)

    def close(self) -> None:
        """End the connection and the relay; a second time does nothing."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._outgoing.put(None)
        self._reap()
        for thread in self._threads:
            thread.join(DYING_S)
        self._said.close()

    def _write(self) -> None:
        if hasattr(signal, "pthread_sigmask"):  # a host that leaves SIGPIPE as it was would die of a dead relay
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
        with contextlib.suppress(OSError), self._stdin as stdin:
            while (frames := self._outgoing.get()) is not None and not self._closing:
                pipe.write(stdin, frames)
                del frames  # or its samples would be held until the next message

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError), self._stdout as stdout:
            while (frames := pipe.read(stdout)) is not None:
                with self._changed:
                    self._came.append(frames)
                    self._held += sum(map(len, frames))
                    self._heard = True
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: self._held < AHEAD_BYTES or self._closing)
                del frames
        self._reap()
        with self._changed:
            self._status = self._process.returncode
            self._changed.notify_all()

    def _reap(self) -> None:
        """Wait for the relay's end, which has a reason to end, and end it if it does not."""
        try:
            self._process.wait(DYING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _last_words(self) -> str:
        self._said.seek(0)
        return launch.last_line(self._said.read().decode("utf-8", "replace"))
