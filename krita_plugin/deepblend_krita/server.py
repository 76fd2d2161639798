"""The way to the server in Krita's event loop: events come as they happen, and nothing waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deepblend_protocol import connection
from deepblend_protocol.client import Client, Event, Job, State
from deepblend_protocol.messages import Request
from krita import Krita

from . import host
from .qt import QtCore

WATCHED_MS = 250
"""A descriptor tells of most that comes at once; this catches the rest."""
UNWATCHED_MS = 50
"""Without one: before there is a connection, and through a relay."""


class Server(QtCore.QObject):
    """Args:
    tell: is called with each event of the client.
    """

    def __init__(self, tell: Callable[[Event], None], parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._tell = tell
        self._client: Client | None = None
        self._installation: connection.Installation | None = None
        self._notifier: QtCore.QSocketNotifier | None = None
        self._watched: int | None = None
        self._jobs: list[Job] = []
        self._polling = False
        self._timer = QtCore.QTimer(self)
        self._timer.timeout.connect(self.poll)

    @property
    def state(self) -> State:
        return self._client.state if self._client is not None else State.IDLE

    def submit(self, request: Request) -> Job:
        """Send a job; starts or finds the server. Raises DeepBlendError."""
        if self._client is None or (self._client.state is not State.READY and not self._jobs):
            self._find()
        assert self._client is not None
        job = self._client.submit(request)
        self._jobs.append(job)
        QtCore.QTimer.singleShot(0, self.poll)
        return job

    def _find(self) -> None:
        """Have a client of the server that is to be used by now: the plug-in may have been installed anew.

        Raises DeepBlendError.
        """
        installation = connection.read_installation(host.HERE / "installation.json")
        if self._client is None or installation != self._installation:
            self.close()
            self._installation = installation
            self._client = Client(installation, f"krita {Krita.instance().version()}")

    def cancel(self, job: Job) -> None:
        if self._client is not None:
            self._client.cancel(job)
            QtCore.QTimer.singleShot(0, self.poll)

    def poll(self) -> None:
        """Tell all that has come."""
        if self._client is None or self._polling:
            return
        self._polling = True  # who is told may open a window, whose event loop comes back here
        try:
            while events := self._client.poll():
                for event in events:
                    self._tell(event)
        finally:
            self._polling = False
        self._jobs = [job for job in self._jobs if not job.ended]
        self._watch()

    def close(self) -> None:
        """End the connection; the server then drops what it has of ours."""
        self._timer.stop()
        self._look_at(None)
        if self._client is not None:
            self._client.close()
            self._client = None

    def _watch(self) -> None:
        """Be called again when there is something to see."""
        assert self._client is not None
        descriptor = self._client.fd
        self._look_at(descriptor)
        if self._client.state in (State.IDLE, State.LOST) and not self._jobs:
            self._timer.stop()
        elif self._client.state is State.READY and descriptor is not None:
            self._timer.start(WATCHED_MS)
        else:
            self._timer.start(UNWATCHED_MS)

    def _look_at(self, descriptor: int | None) -> None:
        if descriptor == self._watched:
            return
        if self._notifier is not None:
            self._notifier.setEnabled(False)
            self._notifier.deleteLater()
            self._notifier = None
        self._watched = descriptor
        if descriptor is not None:
            self._notifier = QtCore.QSocketNotifier(descriptor, QtCore.QSocketNotifier.Type.Read, self)
            self._notifier.activated.connect(self._came)

    def _came(self, *_: Any) -> None:
        self.poll()
