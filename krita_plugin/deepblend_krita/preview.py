"""The live preview: the blend of a reduced copy, which begins anew whenever something changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from deepblend_protocol.client import Event, Job, JobCancelled, JobDone, JobFailed
from deepblend_protocol.errors import DeepBlendError
from deepblend_protocol.messages import Plane, Previews
from deepblend_protocol.plugins.preview import INTERVAL_MS, LONGEST, MOST, SETTLE_MS, SHARPEN_MS, Sharpness, room
from deepblend_protocol.plugins.refused import Refused, told
from deepblend_protocol.settings import Settings, resolve, style_wanted
from deepblend_protocol.words import _, progress

from . import document, pictures
from .document import Steps
from .nodes import Subject
from .picture_view import Shown
from .qt import QtCore, QtGui
from .reduced import Reduced
from .server import Server
from .steps import Stepper


class Preview(QtCore.QObject):
    """Args:
    server: where it is made.
    settings: gives the settings as they are now.
    changed: is called when ``before``, ``after`` or ``words`` have changed.
    told: is called with the report of one that is done.
    """

    def __init__(
        self,
        server: Server,
        settings: Callable[[], Mapping[str, Any]],
        changed: Callable[[], None],
        told: Callable[[Mapping[str, Any]], None],
        parent: QtCore.QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._server = server
        self._settings = settings
        self._changed = changed
        self._told = told
        self._subject: Subject | None = None
        self._small: Reduced | None = None
        self._given: dict[str, Any] | None = None
        """The settings of what was begun last; None where that has failed."""
        self._room = (0.0, 0.0)
        """How far the mask may grow, and how long a shadow may be, without reading anew."""
        self._style: tuple[Any, Plane | None] = (None, None)
        """What the style picture is of, and it."""
        self._reader: Stepper | None = None
        self._job: Job | None = None
        self.before: Shown | None = None
        """The picture as it is."""
        self.after: Shown | None = None
        """The blend, as far as it is; None where there is none yet."""
        self.fraction = 0.0
        self.words = ""
        self.failed = False
        """Whether the words say what went wrong."""
        self.paused = False
        """While something else is blended, nothing begins."""
        self._longest = self._wanted = LONGEST
        """Pixels of the longer side: of what was read, and that are to be seen."""
        self._sharpness = Sharpness()
        """Of the pictures of what is being blended."""
        self.done = False
        self._ground: QtGui.QImage | None = None
        self._settling = QtCore.QTimer(self)
        self._settling.setSingleShot(True)
        self._settling.setInterval(SETTLE_MS)
        self._settling.timeout.connect(self._begin)
        self._sharpening = QtCore.QTimer(self)
        self._sharpening.setSingleShot(True)
        self._sharpening.setInterval(SHARPEN_MS)
        self._sharpening.timeout.connect(self._sharpen)

    def read(self, subject: Subject, anew: bool = False) -> None:
        """Show this from now on.

        Args:
            anew: read the style picture again as well, though it is of the same layer.
        """
        self.stop()
        if self._subject is None or self._subject.id != subject.id:
            self.before = self.after = None
        self._subject = subject
        self._small, self.done = None, False
        if self.paused:
            return
        self._longest = self._wanted
        if anew:
            self._style = (None, None)
        given = dict(self._settings())
        now = resolve(given)
        self._room = grow_px, shadow_px = room(now)
        sign = self._style_sign(given)
        known = self._style[1] if self._style[0] == sign and sign is not None else None
        larger = {"grow_px": min(1000.0, grow_px), "shadow": 1.0, "shadow_px": min(1000.0, shadow_px)}
        roomy = resolve({**given, **larger})
        self._reader = Stepper(
            self._reading(subject, roomy, given, known), lambda made: self._read(sign, *made), self._failed, self
        )
        self._tell(0.0, _("Reading the picture"))

    def want(self, longest: int) -> None:
        """So many pixels of the longer side are seen; what is read already has them, or is read anew."""
        self._wanted = min(MOST, max(LONGEST, -(-longest // 64) * 64))
        if self._wanted > 1.1 * self._longest and not self._sharpening.isActive():
            self._sharpening.start()

    def resume(self) -> None:
        """Go on after a pause."""
        if self._subject is not None and not self.done:
            self._begin()

    def clear(self, words: str = "", failed: bool = False) -> None:
        """Show nothing but words."""
        self.stop()
        self._subject = self._small = self.before = self.after = self._ground = None
        self._style, self.done = (None, None), False
        self._tell(0.0, words, failed)

    def follow(self) -> None:
        """The settings may have changed: if so, begin anew, when they have come to rest."""
        if self._subject is not None and dict(self._settings()) != self._given:
            self.done = False
            self._settling.start()

    def stop(self) -> None:
        """Abandon what is under way; what is seen stays."""
        under_way = self._reader is not None or self._job is not None
        self._settling.stop()
        if self._reader is not None:
            self._reader.stop()
            self._reader = None
        if self._job is not None:
            self._server.cancel(self._job)
            self._job = None
        if under_way:
            self.done = False
            self._tell(0.0, "")

    def take(self, event: Event) -> None:
        """What the server has told."""
        if self._job is None or getattr(event, "job", self._job) is not self._job:
            return  # of a preview that is outdated
        if isinstance(event, JobDone):
            self._take(self._job.shadow, self._job.layer)
            self._told(self._job.report or {})
            self._job, self.done = None, True
            self._tell(1.0, "")
        elif isinstance(event, JobFailed):
            self._job = self._given = None
            self._tell(0.0, told(event.error), True)
        elif not isinstance(event, JobCancelled):
            far = progress(event)
            if (plane := getattr(event, "preview", None)) is not None and self._sharpness.allows(plane):
                self._take(plane)
            if far is not None:
                self._tell(*far)

    def _style_sign(self, given: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """What a style picture would be of with these settings; None where there is none."""
        assert self._subject is not None
        wanted = style_wanted(resolve(given))
        if wanted is None:
            return None
        picture = self._subject.picture if wanted == "picture" else None
        return (self._subject.id, wanted, picture.uniqueId().toString() if picture is not None else "")

    def _reading(self, subject: Subject, settings: Settings, given: Mapping[str, Any], style: Plane | None) -> Steps:
        request = yield from document.reading(subject, settings, given, style)
        small = yield from Reduced.steps(request, self._longest)
        return request.style, small

    def _read(self, sign: Any, style: Plane | None, small: Reduced) -> None:
        self._reader = None
        if style is not None:
            self._style = (sign, style)
        self._small = small
        self._ground = pictures.picture(small.background.samples, small.background.channels, small.background.size)
        self.before = self._laid(small.layer)
        self._begin()

    def _sharpen(self) -> None:
        """Read more pixels, where there are more."""
        if self._subject is not None and self._small is not None and self._small.scale < 1 and not self.paused:
            self.read(self._subject)

    def _begin(self) -> None:
        """Blend with the settings as they are now."""
        given = dict(self._settings())
        subject = self._subject
        if subject is None or self._reader is not None or self.paused:
            return  # what is being read begins by itself
        sign = self._style_sign(given)
        now = resolve(given)
        roomy = now.grow_px <= self._room[0] and now.shadow_length <= self._room[1]
        if self._small is None or not roomy or sign not in (None, self._style[0]):
            self.read(subject)
            return
        if self._job is not None:
            self._server.cancel(self._job)
        self.done, self._sharpness, self._given = False, Sharpness(), given
        try:
            self._job = self._server.submit(self._small.preview(given, Previews(self._longest, INTERVAL_MS)))
        except (Refused, DeepBlendError) as error:
            self._job = self._given = None
            self._tell(0.0, told(error), True)

    def _failed(self, error: Exception) -> None:
        self._reader = self._small = self.before = self.after = None
        self._tell(0.0, told(error), True)

    def _take(self, *planes: Plane | None) -> None:
        self.after = self._laid(*planes)

    def _laid(self, *planes: Plane | None) -> Shown:
        """Planes on the ground, the lowest first."""
        assert self._small is not None and self._ground is not None
        laid = self._ground
        for plane in planes:
            if plane is not None:
                image = pictures.picture(bytes(pictures.view(plane.samples)), plane.channels, plane.size)
                laid = pictures.laid(image, laid, plane.rect)
        return Shown(pictures.for_screen(laid, self._small.profile, self._small.linear), self._small.crop)

    def _tell(self, fraction: float, words: str, failed: bool = False) -> None:
        self.fraction, self.words, self.failed = fraction, words, failed
        self._changed()
