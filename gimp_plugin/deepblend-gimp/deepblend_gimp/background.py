"""The picture below a layer."""

from __future__ import annotations

from deepblend_protocol.geometry import Rect
from deepblend_protocol.plugins.region import nothing_below
from gi.repository import Gegl, Gimp

from . import gegl
from .content import path_of
from .samples import canvas_of

_TILE = (1000, 750)
"""Width and height of what GIMP puts together at once: all at once, it would be held for as long as that takes."""


def background(image: Gimp.Image, layer: Gimp.Layer, box: Rect | None) -> tuple[gegl.Buffer, Rect]:
    """The composite of all that is visible below a layer, and what it covers.

    Args:
        box: what is needed of it; None is all.

    The image itself is not touched: a copy of it is, whose pixels are shared until they are changed.
    """
    copy = image.duplicate()
    try:
        copy.undo_disable()
        siblings = copy.get_layers()
        *groups, last = path_of(layer)
        for position in groups:
            _hide(siblings[:position])
            siblings = siblings[position].get_children()
        _hide(siblings[: last + 1])
        whole = canvas_of(image)
        if _any_filter(copy.get_layers()):  # it may be of the whole layer, as a stretched contrast is: but once
            return _put_together(copy, whole, whole.size), whole
        return _put_together(copy, box or whole, _TILE), box or whole
    finally:
        copy.delete()


def _put_together(copy: Gimp.Image, box: Rect, most: tuple[int, int]) -> gegl.Buffer:
    """What is visible in a box, in the image's own format, as a buffer of this process.

    Args:
        copy: an image that may be changed.
        most: width and height of a tile.
    """
    Gegl.init(None)
    made, corner = None, (0, 0)
    for y in range(0, box.h, most[1]):
        for x in range(0, box.w, most[0]):
            tile = Rect(x, y, min(most[0], box.w - x), min(most[1], box.h - y))
            place = box.x + x, box.y + y
            copy.resize(*tile.size, corner[0] - place[0], corner[1] - place[1])
            corner = place
            seen = Gimp.Layer.new_from_visible(copy, copy, "background")
            made = made or gegl.Buffer(seen.get_buffer(), *box.size)
            made.take(seen.get_buffer(), tile)
            seen.delete()
    assert made is not None  # a box has pixels
    return made


def check_ground(buffer: gegl.Buffer, box: Rect, layer: Gimp.Layer) -> None:
    """Raise Refused where nothing is visible of a background in a box."""
    if not gegl.read(buffer, box, "A u8").strip(b"\0"):
        raise nothing_below(layer.get_name())


def _hide(layers: list[Gimp.Layer]) -> None:
    for one in layers:
        one.set_lock_visibility(False)  # of a copy
        one.set_visible(False)


def _any_filter(layers: list[Gimp.Layer]) -> bool:
    """Whether a layer has a filter."""
    return any(one.get_filters() or (one.is_group() and _any_filter(one.get_children())) for one in layers)
