"""A blend through the server, in the form of the engine's own door."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepblend_protocol import connection, messages
from deepblend_protocol.settings import as_given

if TYPE_CHECKING:
    from deepblend_protocol.client import Client

    from ..engine.request import Layer, Request
    from ..file_blend.watch import Watch

COMMAND = (sys.executable, "-m", "deepblend.commands.cli", "serve")
"""What starts the server of this installation."""


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


def blend(request: Request, watch: Watch, path: Path | None) -> Layer:
    """What ``deepblend.blend`` does, on the server.

    Raises its errors, and those of the server and of the way to it.
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
    with client(path) as server:
        job = server.run(asked, heard)
    assert job.layer is not None
    shadow = to_engine(job.shadow) if job.shadow is not None else None
    return Layer(to_engine(job.layer), job.report or {}, shadow=shadow)
