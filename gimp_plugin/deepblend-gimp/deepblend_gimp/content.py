"""What a drawable shows by itself: its pixels with its filters, without its layer mask, opacity and mode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from deepblend_protocol.geometry import Rect
from gi.repository import Gegl, Gimp

from .samples import box_of


@dataclass(frozen=True)
class Content:
    """A drawable's pixels and its layer mask, each over its box; ``mask`` is None where there is none, or it is off."""

    buffer: Gegl.Buffer
    box: Rect
    has_alpha: bool
    mask: Gegl.Buffer | None
    mask_box: Rect


@contextmanager
def content_of(drawable: Gimp.Drawable) -> Iterator[Content]:
    """A drawable's content, to be read inside.

    A layer's own buffer leaves out its filters: where there are any, they are applied in a copy, which is gone
    afterwards. They may make it larger, as a drop shadow does.
    """
    if not isinstance(drawable, Gimp.Layer) or not any(one.get_visible() for one in drawable.get_filters()):
        yield _content(drawable)
    elif drawable.is_group():
        copy = drawable.get_image().duplicate()
        try:
            group = counterpart(copy, drawable)
            if group.get_mask() is not None:
                group.remove_mask(Gimp.MaskApplyMode.DISCARD)
            assert isinstance(group, Gimp.GroupLayer)
            yield _content(group.merge(), drawable)
        finally:
            copy.delete()
    else:
        copy = Gimp.Layer.new_from_drawable(drawable, drawable.get_image())
        try:
            copy.merge_filters()
            yield _content(copy)
        finally:
            copy.delete()


def _content(drawable: Gimp.Drawable, masked: Gimp.Drawable | None = None) -> Content:
    """A drawable's as it is; the layer mask is another one's where that is given."""
    owner = masked if masked is not None else drawable
    mask = owner.get_mask() if isinstance(owner, Gimp.Layer) and owner.get_apply_mask() else None
    own = mask.get_buffer() if mask is not None else None
    return Content(drawable.get_buffer(), box_of(drawable), drawable.has_alpha(), own, box_of(owner))


def path_of(item: Gimp.Item) -> list[int]:
    """An item's position among its siblings, and before it those of the groups that it lies in."""
    image, inner = item.get_image(), item
    path: list[int] = []
    while inner is not None:
        path.insert(0, image.get_item_position(inner))
        inner = inner.get_parent()
    return path


def counterpart(copy: Gimp.Image, layer: Gimp.Layer) -> Gimp.Layer:
    """The layer of a copied image that stands where a layer does in the image that was copied."""
    siblings, found = copy.get_layers(), None
    for position in path_of(layer):
        found = siblings[position]
        siblings = found.get_children() if found.is_group() else []
    assert found is not None  # a layer in an image has a path
    return found
