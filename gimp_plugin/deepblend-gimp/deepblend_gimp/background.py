"""The picture below a layer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from deepblend_protocol.geometry import Rect
from deepblend_protocol.plugins.region import nothing_below
from gi.repository import Gegl, Gimp

from . import gegl
from .content import path_of
from .samples import canvas_of


@contextmanager
def background(image: Gimp.Image, layer: Gimp.Layer, box: Rect | None) -> Iterator[tuple[Gegl.Buffer, Rect]]:
    """The composite of all that is visible below a layer, and what it covers, to be read inside.

    Args:
        box: what is needed of it; None is all.

    The image itself is not touched: a copy of it is, whose pixels are shared until they are changed.
    """
    copy = image.duplicate()
    below = None
    try:
        siblings = copy.get_layers()
        *groups, last = path_of(layer)
        for position in groups:
            _hide(siblings[:position])
            siblings = siblings[position].get_children()
        _hide(siblings[: last + 1])
        if box is not None and not _any_filter(copy.get_layers()):
            copy.crop(box.w, box.h, box.x, box.y)
        else:
            box = None
        below = Gimp.Layer.new_from_visible(copy, copy, "background")
        yield below.get_buffer(), box or canvas_of(image)
    finally:
        if below is not None:
            below.delete()
        copy.delete()


def check_ground(buffer: Gegl.Buffer, box: Rect, layer: Gimp.Layer) -> None:
    """Raise Refused where nothing is visible of a background in a box."""
    if not gegl.read(buffer, box, "A u8").strip(b"\0"):
        raise nothing_below(layer.get_name())


def _hide(layers: list[Gimp.Layer]) -> None:
    for one in layers:
        one.set_lock_visibility(False)  # of a copy
        one.set_visible(False)


def _any_filter(layers: list[Gimp.Layer]) -> bool:
    """Whether a layer has a filter that may look beyond the box that is needed, as a blur does."""
    return any(one.get_filters() or (one.is_group() and _any_filter(one.get_children())) for one in layers)
