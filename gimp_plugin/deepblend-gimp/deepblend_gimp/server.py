"""A blend on the server, waited for without holding GIMP or the window up."""

from __future__ import annotations

import time
from collections.abc import Callable

from deepblend_protocol import connection
from deepblend_protocol.client import Client, Job, JobState
from deepblend_protocol.messages import Request
from deepblend_protocol.words import _, progress
from gi.repository import Gimp, GLib

from . import host

POLL_MS = 50
CANCEL_S = 0.8
"""A server that has not stopped a cancelled job by then is left to notice that nobody waits any more."""


class Cancelled(Exception):
    """The user has given the blend up."""


def client() -> Client:
    """A client of the server that the installer wrote down. Raises ConnectionUnusable."""
    return Client(connection.read_installation(host.HERE / "installation.json"), f"gimp {Gimp.version()}")


def run(server: Client, request: Request, tell: Callable[[float, str], bool]) -> Job:
    """Blend; returns the job that is done.

    Args:
        tell: is called some twenty times a second with a fraction and a word; true cancels.

    Raises Cancelled, the job's error, and what ``tell`` raises.
    """
    context = GLib.MainContext.default()
    job = server.submit(request)
    fraction, word = 0.0, _("Connecting to the server")
    until = float("inf")
    while not job.ended:
        for event in server.poll():
            fraction, word = progress(event) or (fraction, word)
        while context.pending():
            context.iteration(False)
        if tell(fraction, word) and until == float("inf"):
            server.cancel(job)
            until = time.monotonic() + CANCEL_S
        if time.monotonic() > until:
            raise Cancelled
        if not job.ended:
            server.wait(POLL_MS / 1000)
    if job.state is JobState.CANCELLED:
        raise Cancelled
    if job.error is not None:
        raise job.error
    return job
