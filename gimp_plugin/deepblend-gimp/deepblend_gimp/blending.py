"""A blend on the server, waited for without holding GIMP or the window up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deepblend_protocol import connection
from deepblend_protocol.client import Client, Job, JobQueued, JobRunning, JobState
from deepblend_protocol.messages import Request
from gi.repository import Gimp, GLib

from . import host
from .words import _

POLL_MS = 50
STAGES = {
    "start": _("Starting"),
    "prepare": _("Preparing"),
    "poisson": _("Making the border seamless"),
    "features": _("Looking at the picture"),
    "optimise": _("Painting in"),
    "encode": _("Finishing"),
}


class Cancelled(Exception):
    """The user has given the blend up."""


def client() -> Client:
    """A client of the server that the installer wrote down. Raises ConnectionUnusable."""
    name = f"gimp {Gimp.version()}"
    return Client(connection.read_installation(host.HERE / "installation.json"), name)


def told(event: Any) -> tuple[float, str] | None:
    """What an event says to the user: how far it is, and a word; None where nothing."""
    if isinstance(event, JobQueued):
        if event.why == "engine":
            return 0.0, _("Starting the engine")
        if event.why == "again":
            return 0.0, _("Trying once more")
        return 0.0, _("Waiting for %d other blends") % event.ahead if event.ahead else _("Waiting")
    if isinstance(event, JobRunning):
        return event.fraction, STAGES.get(event.stage, _("Blending"))
    return None


def run(server: Client, request: Request, tell: Callable[[float, str], bool]) -> Job:
    """Blend; returns the job that is done.

    Args:
        tell: is called at least twenty times a second with a fraction and a word; true cancels.

    Raises Cancelled, and the job's error.
    """
    context = GLib.MainContext.default()
    job = server.submit(request)
    fraction, word = 0.0, _("Connecting to the server")
    while not job.ended:
        for event in server.poll():
            fraction, word = told(event) or (fraction, word)
        while context.pending():
            context.iteration(False)
        if tell(fraction, word) and not job.ended:
            server.cancel(job)
            tell = _deaf
        server.wait(POLL_MS / 1000)
    if job.state is JobState.CANCELLED:
        raise Cancelled
    if job.error is not None:
        raise job.error
    return job


def _deaf(fraction: float, word: str) -> bool:
    return False
