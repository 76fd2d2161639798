"""The dialog's preview: the blend of a reduced copy, which begins anew whenever a setting changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("GdkPixbuf", "2.0")
from deepblend_protocol.client import Client, Job, JobCancelled, JobDone, JobFailed, JobRunning  # noqa: E402
from deepblend_protocol.errors import DeepBlendError  # noqa: E402
from deepblend_protocol.geometry import Rect  # noqa: E402
from deepblend_protocol.messages import Plane, Previews  # noqa: E402
from deepblend_protocol.settings import resolve  # noqa: E402
from deepblend_protocol.words import _, progress, sentence  # noqa: E402
from gi.repository import GdkPixbuf, Gimp, GLib, Gtk  # noqa: E402

from . import blending, document  # noqa: E402
from .procedure import PICTURE, settings_of  # noqa: E402

LONGEST = 420
"""Pixels of the preview's longer side."""
INTERVAL_MS = 150
SETTLE_MS = 120
"""A slider that is being dragged is waited for."""


class Preview:
    """A context that holds its own connection; ``widget`` is what is shown.

    Args:
        config: the settings, with what a preset sets as it is shown.
        told: is called with the report of a preview that is done.

    Raises MaskEmpty, MaskOutside at once.
    """

    def __init__(
        self, subject: document.Subject, config: Gimp.ProcedureConfig, told: Callable[[Mapping[str, Any]], None]
    ) -> None:
        self._config = config
        self._told = told
        self._sent: dict[str, Any] | None = None
        self._subject = subject
        self._client: Client | None = None
        self._job: Job | None = None
        self._settling = 0
        self._read()
        self._build()

    def __enter__(self) -> Preview:
        self._watched = self._config.connect("notify", self._changed)
        try:
            self._client = blending.client()
        except DeepBlendError as error:
            self._said.set_text(sentence(error))
        self._polling = GLib.timeout_add(blending.POLL_MS, self._poll)
        self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._config.disconnect(self._watched)
        GLib.source_remove(self._polling)
        if self._settling:
            GLib.source_remove(self._settling)
        if self._client is not None:
            self._client.close()

    def _read(self) -> None:
        now = resolve(settings_of(self._config))
        # Some room, so that not every step reads anew.
        room = max(64.0, 1.5 * now.grow_px), max(40.0, 1.5 * now.shadow_length)
        self._small = document.Reduced(self._subject, LONGEST, *room)
        self._small.take_picture(self._config.get_property(PICTURE))
        self._ground = _pixbuf(self._small.background)
        self._before = _laid(self._small.layer, self._ground)
        self._after: GdkPixbuf.Pixbuf | None = None

    def _build(self) -> None:
        self.widget = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._picture = Gtk.Image()
        self._picture.set_size_request(LONGEST, LONGEST // 2)
        frame = Gtk.Frame()
        frame.add(self._picture)
        self._compare = Gtk.ToggleButton(label=_("Bef_ore"), use_underline=True)
        self._compare.set_tooltip_text(_("Show the picture as it is"))
        self._compare.connect("toggled", self._show)
        self._bar = Gtk.ProgressBar(valign=Gtk.Align.CENTER)
        self._said = Gtk.Label(xalign=0, yalign=0, wrap=True, max_width_chars=50, lines=3)
        row = Gtk.Box(spacing=12)
        row.pack_start(self._compare, False, False, 0)
        row.pack_start(self._bar, True, True, 0)
        self.widget.pack_start(frame, True, True, 0)
        self.widget.pack_start(row, False, False, 0)
        self.widget.pack_start(self._said, False, False, 0)
        self._show()

    def _changed(self, config: Gimp.ProcedureConfig, what: Any) -> None:
        """A setting has changed: begin anew, when it has come to rest."""
        if what.name == PICTURE and not self._subject.gone():
            self._small.take_picture(config.get_property(PICTURE))
            self._sent = None
        if self._settling:
            GLib.source_remove(self._settling)
        self._settling = GLib.timeout_add(SETTLE_MS, self._settled)

    def _settled(self) -> bool:
        self._settling = 0
        if settings_of(self._config, shown=True) != self._sent:  # nothing else changes the picture
            self._begin()
        return False

    def _begin(self) -> None:
        if self._client is None:
            return
        if self._job is not None:
            self._client.cancel(self._job)
            self._job = None
        if gone := self._subject.gone():  # whoever asks GIMP about what is not there any more ends with it
            self._sent = None
            self._tell(0.0, gone)
            return
        now = resolve(settings_of(self._config))
        if now.grow_px > self._small.grow_px or now.shadow_length > self._small.shadow_px:
            self._read()
        try:
            self._sent = settings_of(self._config, shown=True)
            request = self._small.request(self._sent, Previews(LONGEST, INTERVAL_MS))
            self._job = self._client.submit(request)
        except DeepBlendError as error:
            self._job = self._sent = None
            self._said.set_text(sentence(error))

    def _poll(self) -> bool:
        for event in self._client.poll() if self._client is not None else ():
            if getattr(event, "job", self._job) is not self._job or self._job is None:
                continue  # of a preview that is outdated
            if isinstance(event, JobDone):
                self._take(self._job.layer, self._job.shadow)
                self._told(self._job.report or {})
                self._tell(1.0, _("This is a reduced preview; Blend makes the layer at full size."))
            elif isinstance(event, JobFailed):
                self._sent = None
                self._tell(0.0, sentence(event.error))
            elif not isinstance(event, JobCancelled):
                told = progress(event)
                if told is not None:
                    self._tell(*told)
                if isinstance(event, JobRunning) and event.preview is not None:
                    self._take(event.preview)
        return True

    def _take(self, plane: Plane | None, shadow: Plane | None = None) -> None:
        if plane is not None:
            ground = _laid(shadow, self._ground) if shadow is not None else self._ground
            self._after = _laid(plane, ground)
            self._show()

    def _show(self, *_: object) -> None:
        after = self._after if self._after is not None and not self._compare.get_active() else self._before
        self._picture.set_from_pixbuf(after)

    def _tell(self, fraction: float, words: str) -> None:
        self._bar.set_fraction(fraction)
        self._said.set_text(words)


def _pixbuf(plane: Plane) -> GdkPixbuf.Pixbuf:
    columns, rows = plane.size
    samples = GLib.Bytes.new(bytes(plane.samples))
    return GdkPixbuf.Pixbuf.new_from_bytes(samples, GdkPixbuf.Colorspace.RGB, True, 8, columns, rows, columns * 4)


def _laid(plane: Plane, ground: GdkPixbuf.Pixbuf) -> GdkPixbuf.Pixbuf:
    """A plane laid on the background at its place."""
    result = ground.copy()
    place = plane.rect
    area = place.intersection(Rect(0, 0, ground.get_width(), ground.get_height()))
    if area is not None:
        scale = (place.w / plane.size[0], place.h / plane.size[1])
        _pixbuf(plane).composite(result, *area, place.x, place.y, *scale, GdkPixbuf.InterpType.BILINEAR, 255)
    return result
