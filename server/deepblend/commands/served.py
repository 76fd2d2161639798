"""Blending on the server, by a function of the same form as the engine's ``blend``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepblend_protocol import connection, messages
from deepblend_protocol.errors import DeepBlendError, ServerSilent
from deepblend_protocol.settings import as_given

from .. import __version__
from ..threads import asked_for

if TYPE_CHECKING:
    from deepblend_protocol.client import Client

    from ..engine.request import Layer, Request
    from ..file_blend.watch import Watch

COMMAND = (sys.executable, "-m", "deepblend.commands.cli", "serve")
"""What starts the server of this installation."""


_AT_ONCE_S = 0.5


def client(path: Path | None, may_start: bool = True) -> Client:
    """A client of the server that a connection file names.

    Args:
        path: None takes the default place.
        may_start: whether it starts the server where none runs.
    """
    from deepblend_protocol.client import Client

    remedy = "Start it with: deepblend serve"
    command = COMMAND if may_start else ()
    place = (path or connection.default_path()).absolute()
    return Client(connection.Installation(place, command, remedy), "deepblend command line")


def running(path: Path | None) -> Callable[[Request, Watch], Layer] | None:
    """A door that blends on a server that runs here, if it gives the same pixels at once; else, or where that fails,
    in this process. None where no such server answers within half a second.

    It gives the same pixels with the same version, kind of device, limit on memory and threads.
    """
    place = (path or connection.default_path()).absolute()
    try:
        found = connection.read(place) if connection.server_runs(place) else None
        if found is None or found.remote:
            return None
        known = ask(place, _AT_ONCE_S)
    except DeepBlendError:
        return None
    if not _is_alike(known):
        return None

    def door(request: Request, watch: Watch) -> Layer:
        from ..file_blend.blend import engine

        try:
            return blend(request, watch, place, may_start=False)
        except DeepBlendError:  # the server's, or the picture's: then it is said here again
            return engine()(request, watch)

    return door


def _is_alike(known: Mapping[str, Any]) -> bool:
    """Whether a server, by what it tells of itself, does what this process would, and without keeping one waiting."""
    workers = [worker for worker in known.get("workers", ()) if worker["state"] == "ready"]
    best = next((name for name in _names(known.get("devices", ())) if name != "cpu"), "cpu")
    return (
        known.get("version") == __version__
        and known.get("memory_limit", 0) is None
        and known.get("threads") == asked_for()
        and known.get("running") == known.get("queued") == 0
        and bool(workers)
        and all(_kind(worker["device"]) == _kind(best) for worker in known["workers"])
    )


def _names(devices: Iterable[Mapping[str, Any]]) -> list[str]:
    return [str(device["name"]) for device in devices]


def _kind(device: str) -> str:
    return device.partition(":")[0]


def ask(path: Path | None, seconds: float = 10.0) -> dict[str, Any]:
    """What the server's ``info`` says, and where it is. Raises ServerAbsent, ServerSilent, ConnectionUnusable."""
    from deepblend_protocol.client import InfoReceived, State

    with client(path, may_start=False) as server:
        server.connect()
        server.ask_info()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for event in server.poll():
                if isinstance(event, InfoReceived):
                    return {**event.known, "endpoint": server.endpoint}
            if server.state is State.LOST and server.error is not None:
                raise server.error
            server.wait(min(0.25, seconds / 10))
        raise ServerSilent(endpoint=server.endpoint)


def blend(request: Request, watch: Watch, path: Path | None, may_start: bool = True) -> Layer:
    """What ``deepblend.blend`` does, on the server.

    Its report also says the server's endpoint. Raises its errors, and those of the server and of the way to it.
    """
    from deepblend_protocol.client import JobQueued, JobRunning

    from ..engine.request import Layer
    from ..service.planes import to_engine, to_wire

    def heard(event: Any) -> None:
        if isinstance(event, JobQueued):
            watch.waiting("Starting the engine" if event.why == "engine" else f"{event.ahead} blends before this one")
        elif isinstance(event, JobRunning):
            preview = to_engine(event.preview) if event.preview is not None else None
            watch.heard(event.fraction, event.stage, preview)

    asked = messages.Request(
        layer=to_wire(request.layer),
        background=to_wire(request.background),
        mask=to_wire(request.mask) if request.mask is not None else None,
        style=to_wire(request.style) if request.style is not None else None,
        settings=as_given(request.settings),
        features=request.features,
        previews=messages.Previews(watch.longest_px) if watch.longest_px else None,
    )
    with client(path, may_start) as server:
        job = server.run(asked, heard)
    assert job.layer is not None
    shadow = to_engine(job.shadow) if job.shadow is not None else None
    report = {**(job.report or {}), "server": server.endpoint}
    return Layer(to_engine(job.layer), report, shadow=shadow)
