"""``deepblend stop``: ends the server."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from deepblend_protocol import connection
from deepblend_protocol.errors import ServerSilent

from . import served

NAME = "stop"
HELP = "End the server; blends that run are cancelled, and their programs told."
_ASK_S = 5.0
_END_S = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--connection", metavar="FILE", type=Path, help="the connection file (default: the user's own)")
    parser.add_argument(
        "--when-idle", action="store_true", help="let it finish what it has accepted; it takes nothing new"
    )


def run(args: argparse.Namespace) -> int:
    """Ask the server to leave, and wait until it has; one that does not answer is ended by its process id.

    Raises ServerSilent, ConnectionUnusable.
    """
    path = (args.connection or connection.default_path()).absolute()
    found = connection.read(path)
    if not connection.server_runs(path):
        print("No server is running.")
        return 0
    asked = _ask(path, "idle" if args.when_idle else "now")
    if args.when_idle and asked:
        print("The server takes no more blends and leaves when those it has are done.")
        return 0
    if not asked and found is not None and found.pid:
        _end(found.pid)
    deadline = time.monotonic() + _END_S
    while connection.server_runs(path):
        if time.monotonic() > deadline:
            raise ServerSilent(endpoint=found.endpoint if found else str(path))
        time.sleep(0.05)
    print("The server has ended." if asked else "The server did not answer; its process was ended.")
    return 0


def _ask(path: Path, when: str) -> bool:
    """Whether the server could be told to leave."""
    from deepblend_protocol.client import State

    with served.client(path, may_start=False) as server:
        server.connect()
        deadline = time.monotonic() + _ASK_S
        told = False
        while time.monotonic() < deadline and server.state is not State.LOST:
            server.poll()
            if server.state is State.READY and not told:
                server.leave(when)
                told = True
            if told and server.state is State.IDLE:
                return True
            server.wait(0.1)
        return told


def _end(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
