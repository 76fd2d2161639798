"""One attempt to reach the server: find it or start it, connect, wait for its greeting. No step blocks."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import __version__, connection, launch, messages, paths, wire
from .connection import Connection, Installation
from .errors import RelayUnusable, ServerAbsent, ServerGone, ServerSilent, ServerStart, from_code, translatable
from .events import State
from .piped import PipedLink

if TYPE_CHECKING:
    from .link import Link

WELCOME_S = 4.0
"""Seconds that a server may take to answer a connection."""
RELAY_S = 10.0
"""Seconds that it may take in addition where a relay has to start first."""
START_S = 30.0
"""Seconds that a server may take to start."""
DYING_S = 1.0
"""Seconds that the system may take to clear a killed server away."""
ALREADY = 3
"""The exit status of a server that found another one."""
_NO_PACKAGE = re.compile(r"No module named '?deepblend")
"""The message by which Python says that deepblend is no longer installed in its environment."""


class Finder:
    """Call ``begin``, then ``advance`` until there is a ``welcome``. What they raise ends the attempt.

    Args:
        installation: where the server is found, and how it is started.
        name: the program, for the server's log.
        become: is told STARTING and CONNECTING.
    """

    def __init__(self, installation: Installation, name: str, become: Callable[[State], None]) -> None:
        self._installation = installation
        self._name = name
        self._become = become
        self.link: Link | PipedLink | None = None
        """The connection; not to be relied on before the welcome."""
        self.welcome: messages.Welcome | None = None
        """What the server said of itself: it is found."""
        self._process: subprocess.Popen[bytes] | None = None
        self._started = False
        """This attempt has started a server, or asked one to leave for it."""
        self._replacing = False
        self._stale = ""
        """The instance in a connection file that led nowhere."""
        self._deadline = 0.0

    def begin(self) -> None:
        """Open the connection that the file names, or start a server. Raises DeepBlendError, OSError."""
        path = self._installation.connection
        found = connection.read(path)
        if found is not None and (found.remote or found.instance != self._stale):
            self._open(found)
        elif connection.server_runs(path):  # it is just starting
            self._await_server()
        else:
            self._start()

    def advance(self) -> None:
        """Take what steps can be taken now. Raises DeepBlendError, OSError."""
        link = self.link
        if link is not None:
            link.look()  # first: what came before the connection ended is still to be read
            while self.link is link and self.welcome is None and (message := link.receive()) is not None:
                self._take(message)
        if self.welcome is not None:
            return
        if self.link is None or self._replacing:
            self._look_for_server()
        elif self.link.broken or time.monotonic() > self._deadline:
            self._unreachable()

    def close(self) -> None:
        """End the connection."""
        if self.link is not None:
            self.link.close()
            self.link = None

    def _open(self, found: Connection) -> None:
        self.close()
        self.link = self._linked(found)
        self._deadline = time.monotonic() + WELCOME_S + (RELAY_S if isinstance(self.link, PipedLink) else 0)
        self.link.send(messages.Hello(__version__, wire.PROTOCOLS, self._name))
        self._become(State.CONNECTING)

    def _linked(self, found: Connection) -> Link | PipedLink:
        try:
            from .link import Link
        except ImportError as error:
            if not self._installation.relay:
                raise RelayUnusable(reason=f"none is installed; {error}") from error
            return PipedLink(self._installation.relay, found)
        return Link(found)

    def _await_server(self, seconds: float = START_S) -> None:
        self._deadline = time.monotonic() + seconds
        self._become(State.STARTING)

    def _start(self) -> None:
        """Start a server, once for each attempt."""
        command = self._installation.command
        if not command:
            raise ServerAbsent(remedy=self._installation.remedy)
        if self._started and not self._replacing:
            raise ServerStart(reason=translatable("it ended again at once"))
        self._started, self._replacing = True, False
        try:
            self._process = launch.start(command, self._installation.connection)
        except (OSError, ValueError) as error:
            if not os.path.exists(command[0]):  # the environment was moved or removed
                raise ServerGone(reason=paths.shown(command[0])) from error
            why = getattr(error, "strerror", None) or error
            raise ServerStart(reason=f"{paths.shown(command[0])}: {why}") from error
        self._await_server()

    def _look_for_server(self) -> None:
        path = self._installation.connection
        if self._replacing:
            if self.link is not None and not self.link.broken and connection.server_runs(path):
                if time.monotonic() > self._deadline:
                    raise ServerSilent(endpoint=self.link.connection.endpoint)
                return
            self.close()
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
                said = launch.reason(path)
                raise ServerGone(reason=said) if _NO_PACKAGE.search(said) else ServerStart(reason=said)
        if self._process is None and not connection.server_runs(path):
            self._start()
        elif time.monotonic() > self._deadline:
            raise ServerSilent(endpoint=found.endpoint if found is not None else paths.shown(path))

    def _unreachable(self) -> None:
        """A connection file led nowhere."""
        assert self.link is not None
        found, refused = self.link.connection, self.link.refused
        if found.remote:
            raise ServerSilent(endpoint=found.endpoint)
        self.close()
        self._stale = found.instance
        if connection.server_runs(self._installation.connection):
            # Refused: the file is a dead server's, and another one is just starting. Else one is dying, or hangs.
            self._await_server(START_S if refused else DYING_S)
        else:
            self._start()

    # What a server says before it is found to be the right one

    def _take(self, message: messages.FromServer) -> None:
        if self._replacing:
            return
        if isinstance(message, messages.Welcome):
            self._greeted(message)
        elif isinstance(message, messages.Failure) and message.job is None:
            self._refused(message)

    def _greeted(self, welcome: messages.Welcome) -> None:
        assert self.link is not None
        found = self.link.connection
        if not found.remote and welcome.instance != found.instance:
            self._unreachable()
        elif _version(welcome.version) < _version(__version__) and self._may_replace(found):
            self._replace(found, wire.MAJOR)
        else:
            self.welcome = welcome

    def _refused(self, failure: messages.Failure) -> None:
        assert self.link is not None
        if failure.code == "protocol.unsupported" and self._may_replace(self.link.connection):
            spoken = [int(one) for one in re.findall(r"\d+", str(failure.params.get("server", "")))]
            if spoken and max(spoken) < wire.MAJOR:
                self._replace(self.link.connection, max(spoken))
                return
        raise from_code(failure.code, dict(failure.params), failure.text)

    def _may_replace(self, server: Connection) -> bool:
        return bool(self._installation.command) and not server.remote and not self._started

    def _replace(self, old: Connection, major: int) -> None:
        """Ask an older server to make room; it finishes what it has."""
        assert self.link is not None
        self.link.send(messages.Leave("idle"), major)
        self._stale, self._replacing = old.instance, True
        self._await_server()


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])
