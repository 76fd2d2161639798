from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from deepblend_protocol import connection
from deepblend_protocol.connection import Installation
from harness import COMMAND, SABOTAGE, Served
from waiting import wait_for


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts a server: ``serve(*options, sabotage="", **environment)``; ended by the fixture."""
    started: list[Served] = []

    def start(*options: str, sabotage: str = "", **env: str) -> Served:
        if sabotage:
            env |= {"PYTHONPATH": str(SABOTAGE), "SABOTAGE": sabotage}
        started.append(Served(tmp_path / "home" / "connection.json", options, env))
        return started[-1]

    yield start
    for one in started:
        one.end()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all tests of a file that do it no harm."""
    served = Served(tmp_path_factory.mktemp("server") / "connection.json", (), {})
    yield served
    served.end()


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """Where a client finds no server and may start one, which is ended afterwards."""
    path = tmp_path / "home" / "connection.json"
    yield Installation(path, COMMAND)
    found = connection.read(path) if connection.server_runs(path) else None
    if found is not None:
        with suppress(ProcessLookupError):  # it was about to end by itself
            os.kill(found.pid, signal.SIGCONT)
            os.kill(found.pid, signal.SIGTERM)
    wait_for(lambda: not connection.server_runs(path), "the server's end")
