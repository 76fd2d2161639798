"""The layer that a blend makes, and what it keeps so that the blend can be done again."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from deepblend_protocol.errors import PlaneInvalid, translatable
from deepblend_protocol.geometry import Rect
from deepblend_protocol.messages import Plane
from gi.repository import Gimp

from . import gegl
from .document import Subject
from .samples import Samples, box_of
from .selection import Selection

SETTINGS = "deepblend-settings"
"""A parasite: JSON with the procedure's arguments in ``settings``, the blended layer's tattoo in ``layer``, its place
then in ``box``, the image's ``IMAGE`` in ``image``, and for a shadow ``shadow``, which is true."""
IMAGE = "deepblend-image"
"""A parasite of the image: a name that only it and its copies have. Tattoos are of use in these alone."""
SELECTION = "deepblend-selection"
"""A parasite: the selection, as ``Selection.packed`` makes it; missing where there was none."""


def make(
    subject: Subject, plane: Plane, name: str, arguments: Mapping[str, Any], is_shadow: bool = False
) -> Gimp.Layer:
    """A layer of a blend's result, not yet in the image, so that nothing is half done where this fails.

    Args:
        arguments: of the procedure, JSON-ready.
        is_shadow: it belongs to the result that comes to lie on it.

    Raises PlaneInvalid where the image has become another since it was read.
    """
    image = subject.image
    known = Samples(image)
    if (plane.type, plane.channels, plane.encoding) != (known.type, known.channels, known.encoding):
        why = translatable("the image's mode or precision was changed during the blend")
        raise PlaneInvalid(role=translatable("result"), reason=why)
    x, y, w, h = plane.rect
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
    kept: dict[str, Any] = {
        "settings": dict(arguments),
        "layer": subject.layer.get_tattoo(),
        "box": box_of(subject.layer),
        "image": _name_of(image) or _named(image),
    }
    if is_shadow:
        kept["shadow"] = True
    _attach(new, SETTINGS, json.dumps(kept).encode())
    if subject.selection is not None:
        _attach(new, SELECTION, subject.selection.packed(box_of(subject.layer)))
    return new


def insert(
    image: Gimp.Image,
    new: Gimp.Layer,
    shadow: Gimp.Layer | None,
    above: Gimp.Layer,
    hidden: Gimp.Layer | None,
    as_layer_mask: bool,
) -> None:
    """Put a new layer into the image, as one undo step.

    Args:
        shadow: a layer to come to lie directly below it.
        above: the layer that it comes to lie on.
        hidden: a layer to hide in the same step.
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
        if hidden is not None:
            hidden.set_visible(False)
        image.set_selected_layers([new])
    finally:
        image.undo_group_end()


def arguments_of(layer: Gimp.Layer) -> dict[str, Any] | None:
    """The procedure's arguments that a layer was made with; None where it is no result of a blend."""
    known = _known(layer)
    return known["settings"] if known is not None and isinstance(known.get("settings"), dict) else None


def original_of(image: Gimp.Image, layer: Gimp.Layer) -> Gimp.Layer | None:
    """The layer that a result was made of, if it is still in the image."""
    known = _known(layer) or {}
    tattoo, name = known.get("layer"), known.get("image")
    if name is not None and name != _name_of(image):  # the result was brought here from another image
        return None
    return image.get_layer_by_tattoo(tattoo) if isinstance(tattoo, int) and tattoo > 0 else None


def of_shadow(image: Gimp.Image, layer: Gimp.Layer) -> Gimp.Layer:
    """The result that a shadow belongs to, where that still lies on it; any other layer itself."""
    known, position = _known(layer), image.get_item_position(layer)
    if known is None or not known.get("shadow") or position == 0:
        return layer
    parent = layer.get_parent()
    siblings = parent.get_children() if parent is not None else image.get_layers()
    upper = _known(siblings[position - 1])
    return siblings[position - 1] if upper is not None and upper.get("layer") == known.get("layer") else layer


def selection_of(layer: Gimp.Layer, original: Gimp.Layer) -> Selection | None:
    """The selection that a result was made with, moved along with the layer that it was made of.

    Raises ValueError where that layer has another size, so that nobody knows what was selected of it.
    """
    parasite = layer.get_parasite(SELECTION)
    if parasite is None:
        return None
    now, was = box_of(original), (_known(layer) or {}).get("box")
    was = Rect(*was) if isinstance(was, list) and len(was) == 4 else now  # of results that did not keep it
    if was.size != now.size:
        raise ValueError(f"{was.size} has become {now.size}")
    return Selection.unpacked(bytes(parasite.get_data()), now.x - was.x, now.y - was.y)


def _name_of(image: Gimp.Image) -> str | None:
    parasite = image.get_parasite(IMAGE)
    return bytes(parasite.get_data()).decode("ascii", "replace") if parasite is not None else None


def _named(image: Gimp.Image) -> str:
    name = uuid.uuid4().hex
    image.attach_parasite(Gimp.Parasite.new(IMAGE, Gimp.PARASITE_PERSISTENT, name.encode()))
    return name


def _known(layer: Gimp.Layer) -> dict[str, Any] | None:
    parasite = layer.get_parasite(SETTINGS)
    if parasite is None:
        return None
    try:
        known = json.loads(bytes(parasite.get_data()))
    except ValueError:
        return None
    return known if isinstance(known, dict) else None


def _attach(layer: Gimp.Layer, name: str, data: bytes) -> None:
    layer.attach_parasite(Gimp.Parasite.new(name, Gimp.PARASITE_PERSISTENT | Gimp.PARASITE_UNDOABLE, data))
