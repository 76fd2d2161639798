"""The layer that a blend makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from deepblend_protocol.errors import PlaneInvalid, translatable
from deepblend_protocol.messages import Plane
from gi.repository import Gimp

from . import gegl, kept
from .samples import Samples


def make(
    image: Gimp.Image,
    plane: Plane,
    moved: tuple[int, int],
    name: str,
    origin: kept.Origin,
    arguments: Mapping[str, Any],
    is_shadow: bool = False,
) -> Gimp.Layer:
    """A layer of a blend's result, not yet in the image, so that nothing is half done where this fails.

    Args:
        moved: how far the blended layer was moved during the blend, and the result with it, in pixels.
        origin, arguments, is_shadow: what it keeps, see ``kept.keep``.

    Raises PlaneInvalid where the image has become another since it was read.
    """
    known = Samples(image)
    if not fits(plane, known):
        why = translatable("the image's mode or precision was changed during the blend")
        raise PlaneInvalid(role=translatable("result"), reason=why)
    x, y, w, h = plane.rect.moved(*moved)
    kind = Gimp.ImageType.GRAYA_IMAGE if known.channels == "YA" else Gimp.ImageType.RGBA_IMAGE
    new = Gimp.Layer.new(image, name, w, h, kind, 100.0, Gimp.LayerMode.NORMAL)
    new.set_offsets(x, y)
    # GIMP's default mixes in linear light; the engine's soft edges are meant for the document's own curve.
    space = Gimp.LayerColorSpace
    new.set_composite_space(space.RGB_NON_LINEAR if known.encoding == "profile" else space.RGB_PERCEPTUAL)
    buffer = new.get_buffer()
    gegl.write(buffer, known.colour, plane.samples)
    buffer.flush()
    new.update(0, 0, w, h)
    kept.keep(new, image, origin, arguments, is_shadow)
    return new


def fits(plane: Plane, known: Samples) -> bool:
    """Whether a plane has the samples that an image has now."""
    return (plane.type, plane.channels, plane.encoding) == (known.type, known.channels, known.encoding)


def insert(
    image: Gimp.Image,
    new: Gimp.Layer,
    shadow: Gimp.Layer | None,
    above: Gimp.Layer,
    hidden: Iterable[Gimp.Layer],
    as_layer_mask: bool,
) -> None:
    """Put a new layer into the image, as one undo step.

    Args:
        shadow: a layer to come to lie directly below it.
        above: the layer that it comes to lie on.
        hidden: layers to hide in the same step.
        as_layer_mask: its edge becomes a layer mask, and its pixels opaque.
    """
    image.undo_group_start()
    try:
        for one in (shadow, new):
            if one is not None:
                image.insert_layer(one, above.get_parent(), image.get_item_position(above))
                above = one
        if as_layer_mask:
            new.add_mask(new.create_mask(Gimp.AddMaskType.ALPHA_TRANSFER))
        for one in hidden:
            one.set_visible(False)
        image.set_selected_layers([new])
    finally:
        image.undo_group_end()
