"""The dialog's preview: the blend of a reduced copy, which begins anew whenever a setting or the image changes."""

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
from deepblend_protocol.plugins.preview import (  # noqa: E402
    INTERVAL_MS,
    LONGEST,
    MOST,
    SETTLE_MS,
    SHARPEN_MS,
    Sharpness,
    room,
)
from deepblend_protocol.plugins.refused import Refused, told  # noqa: E402
from deepblend_protocol.settings import resolve  # noqa: E402
from deepblend_protocol.words import _, progress  # noqa: E402
from gi.repository import GdkPixbuf, Gimp, GLib, GObject, Gtk  # noqa: E402

from . import document, server  # noqa: E402
from .arguments import PICTURE, settings_of  # noqa: E402
from .picture_view import PictureView  # noqa: E402
from .subject import Asked, Subject  # noqa: E402

LOOK_MS = 1000
"""How often the image is looked at for changes."""
_WORTH = 1.2
"""By so much more pixels are to be seen than there are before they are read."""


class Preview:
    """A context that holds its own connection; ``widget`` is what is shown.

    Args:
        asked: what is to be blended.
        config: the settings, with what a preset sets as it is shown.
        told: is called with the report of a preview that is done.

    Raises MaskEmpty, MaskOutside, Refused at once.
    """

    def __init__(self, asked: Asked, config: Gimp.ProcedureConfig, told: Callable[[Mapping[str, Any]], None]) -> None:
        self._config = config
        self._told = told
        self._asked = asked
        self._sent: dict[str, Any] | None = None
        self._client: Client | None = None
        self._job: Job | None = None
        self._longest = LONGEST
        """Pixels of the longer side of what was read."""
        self._waiting: dict[str, int] = {}
        """By what waits for its time: GLib's number."""
        self._sharpness = Sharpness()
        """Of the present blend's pictures."""
        self._after: GdkPixbuf.Pixbuf | None = None
        self._read(asked.subject())
        self._build()

    def __enter__(self) -> Preview:
        self._watched = self._config.connect("notify", self._changed)
        try:
            self._client = server.client()
        except DeepBlendError as error:
            self._fail(told(error))
        self._sign = self._asked.sign()
        self._wait("poll", server.POLL_MS, self._poll)
        self._wait("look", LOOK_MS, self._look)
        self._begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._config.disconnect(self._watched)
        for one in self._waiting.values():
            GLib.source_remove(one)
        self._waiting.clear()
        if self._client is not None:
            self._client.close()

    def _wait(self, what: str, milliseconds: int, does: Callable[[], bool]) -> None:
        """Do something after a time, and again as long as it returns true; what waits under the same name does not."""

        def due() -> bool:
            again = does()
            if not again and self._waiting.get(what) == number:
                del self._waiting[what]
            return again

        if what in self._waiting:
            GLib.source_remove(self._waiting[what])
        number = self._waiting[what] = GLib.timeout_add(milliseconds, due)

    def _read(self, subject: Subject) -> None:
        """Raises MaskEmpty, MaskOutside, Refused."""
        now = resolve(settings_of(self._config))
        self._small = document.Reduced(subject, self._longest, *room(now))
        self._small.take_picture(self._config.get_property(PICTURE))
        self._subject = subject
        self._ground = _pixbuf(self._small.background)
        self._before = _laid(self._small.layer, self._ground)

    def _read_anew(self, subject: Subject | None = None) -> bool:
        """Read again, where that can be, and show it; else say why not."""
        try:
            self._read(subject or self._asked.subject())
        except (Refused, DeepBlendError) as error:
            self._stop()
            self._sent = None
            self._fail(told(error))
            return False
        self._sent = None
        return True

    def _build(self) -> None:
        self.widget = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._view = PictureView(self._may_be_sharper)
        frame = Gtk.Frame()
        frame.add(self._view)
        compare = Gtk.ToggleButton(label=_("Bef_ore"), use_underline=True)
        compare.set_tooltip_text(
            _(
                "Show the picture as it is. Or drag the line at the picture's left side. The wheel enlarges, a drag "
                "moves, a click shows the image's own pixels and the next one everything."
            )
        )
        compare.connect("toggled", lambda button: self._view.compare(float(button.get_active())))
        self._bar = Gtk.ProgressBar(valign=Gtk.Align.CENTER)
        self._said = Gtk.Label(xalign=0, yalign=0, wrap=True, max_width_chars=50, lines=3)
        row = Gtk.Box(spacing=12)
        row.pack_start(compare, False, False, 0)
        row.pack_start(self._bar, True, True, 0)
        self.widget.pack_start(frame, True, True, 0)
        self.widget.pack_start(row, False, False, 0)
        self.widget.pack_start(self._said, False, False, 0)
        self._show()

    # What begins it anew

    def _changed(self, config: Gimp.ProcedureConfig, what: GObject.ParamSpec) -> None:
        """A setting has changed: begin anew, when it has come to rest."""
        if what.name == PICTURE:
            self._small.take_picture(config.get_property(PICTURE))
            self._sent = None
        self._wait("settle", SETTLE_MS, self._settled)

    def _settled(self) -> bool:
        if settings_of(self._config, shown=True) != self._sent:  # nothing else changes the picture
            self._begin()
        return False

    def _look(self) -> bool:
        """Read anew where the image has changed."""
        sign = self._asked.sign()
        if sign != self._sign:
            self._sign = sign
            if self._read_anew():
                self._after = None
                self._show()
                self._begin()
        return True

    def _may_be_sharper(self) -> None:
        """Larger or enlarged: more pixels, when it has come to rest."""
        self._wait("sharpen", SHARPEN_MS, self._sharpen)

    def _sharpen(self) -> bool:
        longest = min(max(self._view.longest, LONGEST), MOST, max(self._small.crop.size))
        if longest > _WORTH * self._longest:
            self._longest = longest
            if self._read_anew():
                self._show()
                self._begin()
        return False

    def _stop(self) -> None:
        if self._client is not None and self._job is not None:
            self._client.cancel(self._job)
        self._job = None

    def _begin(self) -> None:
        if self._client is None:
            return
        self._stop()
        now = resolve(settings_of(self._config))
        if (now.grow_px > self._small.grow_px or now.shadow_length > self._small.shadow_px) and not self._read_anew():
            return
        self._sharpness = Sharpness()
        try:
            self._sent = settings_of(self._config, shown=True)
            request = self._small.preview(self._sent, Previews(max(self._small.frame.size), INTERVAL_MS))
            self._job = self._client.submit(request)
        except (Refused, DeepBlendError) as error:
            self._sent = None
            self._after = None
            self._show()
            self._fail(told(error))

    # What comes of it

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
                self._fail(told(event.error))
            elif not isinstance(event, JobCancelled):
                far = progress(event)
                if far is not None:
                    self._tell(*far)
                if isinstance(event, JobRunning) and event.preview and self._sharpness.allows(event.preview):
                    self._take(event.preview)
        return True

    def _take(self, plane: Plane | None, shadow: Plane | None = None) -> None:
        if plane is not None:
            ground = _laid(shadow, self._ground) if shadow is not None else self._ground
            self._after = _laid(plane, ground)
            self._show()

    def _show(self) -> None:
        self._view.show_pictures(self._small.crop, self._before, self._after)

    def _tell(self, fraction: float, words: str) -> None:
        self._bar.set_fraction(fraction)
        self._said.set_text(words)

    def _fail(self, words: str) -> None:
        """Say what went wrong, in red."""
        self._bar.set_fraction(0.0)
        self._said.set_markup(f'<span foreground="{_red(self._said)}">{GLib.markup_escape_text(words)}</span>')


def _red(label: Gtk.Label) -> str:
    """A red that is readable on the theme's ground."""
    colour = label.get_style_context().get_color(Gtk.StateFlags.NORMAL)
    return "#ff7b72" if colour.red + colour.green + colour.blue > 1.5 else "#c01c28"


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
