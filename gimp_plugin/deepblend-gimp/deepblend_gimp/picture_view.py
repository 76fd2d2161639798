"""A view of a picture before and after: as large as there is room for, to be enlarged, moved and compared."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
gi.require_version("GdkPixbuf", "2.0")
from deepblend_protocol.geometry import Rect  # noqa: E402
from deepblend_protocol.plugins.viewport import Viewport  # noqa: E402
from gi.repository import Gdk, GdkPixbuf, Gtk  # noqa: E402

LEAST = (440, 400)
"""Width and height that the view asks for."""
_NEAR = 10
"""Pixels from the line between before and after within which it is taken hold of."""
_GRIP = (8, 48)
"""Width and height of what the line is taken hold of by."""
_GROUND, _LIGHT, _DARK = 0x80808080, 0xFFFFFFFF, 0x000000FF


class PictureView(Gtk.EventBox):
    """The picture after, and left of a line that is dragged the picture before.

    The wheel enlarges, a drag moves, a click shows the document's own pixels and the next one everything.

    Args:
        sharper: is called when there may be more pixels to see than the pictures have.
    """

    def __init__(self, sharper: Callable[[], None]) -> None:
        super().__init__()
        self._sharper = sharper
        self._port = Viewport(0.0)
        """Its line: at the left side everything is after, at the right side before. All in the screen's own pixels."""
        self._frame = Rect(0, 0, 1, 1)
        self._before: GdkPixbuf.Pixbuf | None = None
        self._after: GdkPixbuf.Pixbuf | None = None
        self._image = Gtk.Image()
        room = Gtk.Box(width_request=LEAST[0], height_request=LEAST[1])
        over = Gtk.Overlay()
        over.add(room)
        over.add_overlay(self._image)  # over the room, so that a picture does not keep the view from being made smaller
        self.add(over)
        mask = Gdk.EventMask
        self.add_events(
            mask.SCROLL_MASK
            | mask.SMOOTH_SCROLL_MASK
            | mask.BUTTON_PRESS_MASK
            | mask.BUTTON_RELEASE_MASK
            | mask.POINTER_MOTION_MASK
        )
        for name, does in (
            ("size-allocate", self._resized),
            ("scroll-event", self._scrolled),
            ("button-press-event", self._pressed),
            ("motion-notify-event", self._moved),
            ("button-release-event", self._released),
        ):
            self.connect(name, does)

    def show_pictures(
        self, frame: Rect, before: GdkPixbuf.Pixbuf | None = None, after: GdkPixbuf.Pixbuf | None = None
    ) -> None:
        """Show these, or where they are None nothing.

        Args:
            frame: the part of the document that both are of, in its pixels.
        """
        self._port.show(frame)
        self._frame, self._before, self._after = frame, before, after
        self._draw()

    def compare(self, line: float) -> None:
        """Put the line between before and after somewhere, 0 to 1 of the width."""
        self._port.line = line
        self._draw()

    @property
    def longest(self) -> int:
        """How many pixels the longer side of the pictures should have for all of what is shown to be sharp."""
        return round(self._port.longest(self._area()))

    # Where things are, in the screen's own pixels

    def _size(self) -> tuple[int, int]:
        factor = self.get_scale_factor()
        return max(1, self.get_allocated_width() * factor), max(1, self.get_allocated_height() * factor)

    def _area(self) -> Rect:
        return Rect(0, 0, *self._size())

    def _at(self, event: Gdk.EventButton | Gdk.EventMotion | Gdk.EventScroll) -> tuple[float, float]:
        factor = self.get_scale_factor()
        return event.x * factor, event.y * factor

    # What the mouse does

    def _scrolled(self, widget: Gtk.Widget, event: Gdk.EventScroll) -> bool:
        smooth, _dx, dy = event.get_scroll_deltas()
        notches = -dy if smooth else {Gdk.ScrollDirection.UP: 1, Gdk.ScrollDirection.DOWN: -1}.get(event.direction, 0)
        if notches:
            self._port.turn_wheel(notches, self._at(event), self._area())
            self._draw()
            self._sharper()
        return True

    def _on_line(self, place: tuple[float, float]) -> bool:
        return self._port.on_line(place, self._size()[0], _NEAR * self.get_scale_factor())

    def _pressed(self, widget: Gtk.Widget, event: Gdk.EventButton) -> bool:
        if event.button == 1:
            place = self._at(event)
            self._port.press(place, self._on_line(place))
        return True

    def _moved(self, widget: Gtk.Widget, event: Gdk.EventMotion) -> bool:
        place = self._at(event)
        if not self._port.held:
            name = "col-resize" if self._on_line(place) else "default"
            event.window.set_cursor(Gdk.Cursor.new_from_name(self.get_display(), name))
            return True
        if self._port.drag(place, self._size()[0]):
            self._draw()
        return True

    def _released(self, widget: Gtk.Widget, event: Gdk.EventButton) -> bool:
        if self._port.release(self._at(event), self._area(), 1.0):
            self._draw()
            self._sharper()
        return True

    def _resized(self, widget: Gtk.Widget, allocation: Gdk.Rectangle) -> None:
        self._draw()
        self._sharper()

    # What is drawn

    def _draw(self) -> None:
        """By GdkPixbuf: Python can draw with cairo only where one more package is installed."""
        if self._before is None:
            self._image.clear()
            return
        width, height = self._size()
        seen = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, True, 8, width, height)
        seen.fill(_GROUND & 0xFFFFFF00)
        line = round(self._port.line * width)
        for picture, left, right in ((self._before, 0, line), (self._after or self._before, line, width)):
            self._lay(picture, seen, Rect(left, 0, right - left, height))
        _line_on(seen, line, self.get_scale_factor())
        _put(self._image, seen, self.get_scale_factor())

    def _lay(self, picture: GdkPixbuf.Pixbuf, seen: GdkPixbuf.Pixbuf, part: Rect) -> None:
        """A picture, as far as it lies in a part of what is seen."""
        scale = self._port.scale(self._area())
        place = Rect(*(round(side) for side in self._port.place(self._frame, self._area())))
        area = place.intersection(part) if part.w > 0 else None
        if area is not None:
            pixel = scale * self._frame.w / picture.get_width(), scale * self._frame.h / picture.get_height()
            # Pixels so large are meant to be seen.
            how = GdkPixbuf.InterpType.BILINEAR if pixel[0] < 3 else GdkPixbuf.InterpType.NEAREST
            picture.composite(seen, *area, place.x, place.y, *pixel, how, 255)


def _line_on(seen: GdkPixbuf.Pixbuf, line: int, factor: int) -> None:
    """The line between before and after, with what it is taken hold of by."""
    whole = Rect(0, 0, seen.get_width(), seen.get_height())
    wide, high = _GRIP[0] * factor, _GRIP[1] * factor
    grip = Rect(line - wide // 2, (whole.h - high) // 2, wide, high)
    for box, colour in (
        (Rect(line - factor, 0, 3 * factor, whole.h), _DARK),
        (Rect(line, 0, factor, whole.h), _LIGHT),
        (grip.grown(factor), _DARK),
        (grip, _LIGHT),
    ):
        area = box.intersection(whole)
        if area is not None:
            seen.new_subpixbuf(*area).fill(colour)


def _put(image: Gtk.Image, seen: GdkPixbuf.Pixbuf, factor: int) -> None:
    """Show a picture in the screen's own pixels, also where the desktop counts several of them as one."""
    if factor == 1 or sys.platform in ("win32", "darwin"):
        size, how = (seen.get_width() // factor, seen.get_height() // factor), GdkPixbuf.InterpType.BILINEAR
        image.set_from_pixbuf(seen if factor == 1 else seen.scale_simple(*size, how))
        return
    # The binding hands surfaces over only together with cairo's own, which need not be installed.
    gdk, gtk, cairo = (ctypes.CDLL(name) for name in ("libgdk-3.so.0", "libgtk-3.so.0", "libcairo.so.2"))
    gdk.gdk_cairo_surface_create_from_pixbuf.restype = ctypes.c_void_p
    surface = ctypes.c_void_p(
        gdk.gdk_cairo_surface_create_from_pixbuf(ctypes.c_void_p(hash(seen)), factor, ctypes.c_void_p(None))
    )
    gtk.gtk_image_set_from_surface(ctypes.c_void_p(hash(image)), surface)
    cairo.cairo_surface_destroy(surface)
