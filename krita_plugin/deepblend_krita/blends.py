"""Blends from the press of the button to the new layer; each is read at once, and waits for those before it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from deepblend_protocol.client import Event, Job, JobCancelled, JobDone, JobFailed, JobRunning, StateChanged
from deepblend_protocol.errors import DeepBlendError
from deepblend_protocol.messages import Request
from deepblend_protocol.plugins.presets import OWN
from deepblend_protocol.plugins.refused import Refused, told
from deepblend_protocol.plugins.region import is_painted
from deepblend_protocol.settings import as_given, resolve
from deepblend_protocol.time_left import TimeLeft
from deepblend_protocol.words import _, progress, result_name
from krita import Document, Node

from . import document, nodes, result
from .document import Steps
from .nodes import Subject
from .place import Place
from .qt import QtCore
from .server import Server
from .steps import Stepper

_CLOSED = _("The picture was closed during the blend; the blend was dropped.")


class Blend:
    """One of them, and how far it is."""

    def __init__(self, subject: Subject, given: Mapping[str, Any], as_mask: bool) -> None:
        self.document = subject.document
        self.layer_id = subject.id
        self.layer_name = subject.node.name()
        self.subject = subject
        self.left: TimeLeft | None = None
        """How long it still takes, once it is read."""
        self.given = dict(given)
        self.as_mask = as_mask
        self.fraction: float = 0.0
        self.words = _("Reading the picture")
        self.job: Job | None = None
        self.request: Request | None = None
        self.said = ""
        """How it ended, where there is something to say."""
        self.failed = False
        self.seconds: dict[str, float] = {}
        """How long its parts took."""
        self.stepper: Stepper | None = None
        self._since = time.monotonic()

    @property
    def made(self) -> dict[str, Any]:
        """The preset, or that the values are the user's own, and all settings as far as they are known."""
        used = dict(self.job.report or {}).get("settings", {}) if self.job is not None else {}
        return {**as_given(resolve(self.given)), **used, "preset": self.given.get("preset", OWN)}

    @property
    def place(self) -> Place:
        """Where the layer lay when it was read."""
        assert self.subject.place is not None
        return self.subject.place

    @property
    def title(self) -> str:
        return result_name(self.layer_name, self.made)

    def took(self, part: str) -> None:
        now = time.monotonic()
        self.seconds[part], self._since = round(now - self._since, 3), now


class Blends(QtCore.QObject):
    """Args:
    server: where they are made.
    changed: is called with a blend that has come further.
    ended: is called with a blend that has ended, and its new layer's node or None.
    paces: how long blends took, as TimeLeft keeps it.
    """

    def __init__(
        self,
        server: Server,
        changed: Callable[[Blend], None],
        ended: Callable[[Blend, Node | None], None],
        paces: dict[str, float],
        parent: QtCore.QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._server = server
        self._changed = changed
        self._ended = ended
        self._running: list[Blend] = []
        self._paces = paces

    def of(self, document: Document | None) -> Blend | None:
        """The first of those that run or wait for a document."""
        return next((one for one in self._running if document is not None and one.document == document), None)

    @property
    def all(self) -> Sequence[Blend]:
        """Those that run or wait, the first one first."""
        return tuple(self._running)

    def start(self, subject: Subject, given: Mapping[str, Any], as_mask: bool) -> Blend:
        blend = Blend(subject, given, as_mask)
        self._running.append(blend)
        steps = document.reading(subject, resolve(given), given)
        blend.stepper = Stepper(
            steps, lambda request: self._read(blend, request), lambda error: self._failed(blend, error), self
        )
        self._changed(blend)
        return blend

    def cancel(self, blend: Blend) -> None:
        if blend.job is None or blend.job.ended:
            self._end(blend, _("Cancelled."))
            return
        blend.words = _("Cancelling")
        self._changed(blend)
        self._server.cancel(blend.job)

    def drop_closed(self) -> None:
        """Give up those whose document is not open any more."""
        for blend in list(self._running):
            if not nodes.is_open(blend.document):
                if blend.job is not None:
                    self._server.cancel(blend.job)
                self._failed(blend, Refused(_CLOSED))

    def take(self, event: Event) -> None:
        """What the server has told."""
        job = getattr(event, "job", None)
        for blend in list(self._running):
            if job is not None and job is blend.job:
                self._take(blend, event)
            elif job is None and blend.job is not None and isinstance(event, StateChanged):
                self._tell(blend, event)

    def close(self) -> None:
        for blend in self._running:
            if blend.stepper is not None:
                blend.stepper.stop()
        self._running.clear()

    def _read(self, blend: Blend, request: Request) -> None:
        blend.took("reading")
        blend.request = request
        width, height = request.background.size
        blend.left = TimeLeft(width * height, is_painted(resolve(blend.given)), self._paces)
        blend.words = _("Connecting to the server")
        try:
            blend.job = self._server.submit(request)
        except DeepBlendError as error:
            self._failed(blend, error)
            return
        self._changed(blend)

    def _take(self, blend: Blend, event: Event) -> None:
        if isinstance(event, JobDone):
            blend.took("waiting")
            if blend.left is not None:
                blend.left.ended()
            blend.fraction, blend.words = 1.0, _("Making the layer")
            self._changed(blend)
            blend.stepper = Stepper(
                self._inserting(blend),
                lambda node: self._done(blend, node),
                lambda error: self._failed(blend, error),
                self,
            )
        elif isinstance(event, JobFailed):
            self._failed(blend, event.error)
        elif isinstance(event, JobCancelled):
            self._end(blend, _("Cancelled."))
        else:
            self._tell(blend, event)

    def _tell(self, blend: Blend, event: Event) -> None:
        far = progress(event)
        if far is not None:
            blend.fraction, blend.words = far
            if blend.left is not None and isinstance(event, JobRunning):
                blend.left.told(blend.fraction)
            self._changed(blend)

    def _inserting(self, blend: Blend) -> Steps:
        assert blend.job is not None and blend.job.layer is not None
        while True:
            if not nodes.is_open(blend.document):
                raise Refused(_CLOSED)
            if blend.document.tryBarrierLock():  # not in the middle of a brush stroke
                blend.document.unlock()
                break
            yield 50
        layer = nodes.found(blend.document, blend.layer_id)
        if layer is None:
            raise Refused(_("The layer was deleted during the blend; the result is in the list of results."))
        job = blend.job
        plane, shadow = blend.place.moved((job.layer, job.shadow), blend.document, layer)
        assert plane is not None
        made = (plane, blend.title, blend.made, blend.place.space, blend.as_mask, shadow)
        return result.insert(blend.document, layer, *made)

    def _done(self, blend: Blend, node: Node) -> None:
        blend.took("inserting")
        assert blend.job is not None
        notes = [str(note) for note in blend.job.report.get("notes", ())]
        groups = nodes.told_of_groups(blend.subject.node)
        self._end(blend, " ".join([_("'%s' was made.") % blend.title, *groups, *notes]), node)

    def _failed(self, blend: Blend, error: Exception) -> None:
        blend.failed = True
        self._end(blend, told(error))

    def _end(self, blend: Blend, said: str, node: Node | None = None) -> None:
        if blend not in self._running:
            return
        self._running.remove(blend)
        if blend.stepper is not None:
            blend.stepper.stop()
        blend.said = said
        self._ended(blend, node)
