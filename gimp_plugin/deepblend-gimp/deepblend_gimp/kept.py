"""What a result keeps, so that its blend can be done again: parasites of the layer, which the XCF file holds."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deepblend_protocol.geometry import Rect
from deepblend_protocol.plugins.orientation import SAME, Look, turned
from gi.repository import Gimp

from .samples import box_of
from .selection import Selection

SETTINGS = "deepblend-settings"
"""A parasite: JSON with the procedure's arguments in ``settings``, the blended layer's tattoo in ``layer``, its place
then in ``box``, a small picture of it in ``look``, the image's ``IMAGE`` in ``image``, and for a shadow ``shadow``,
which is true."""
IMAGE = "deepblend-image"
"""A parasite of the image: a name that only it and its copies have. Tattoos are of use in these alone."""
SELECTION = "deepblend-selection"
"""A parasite: the selection, as ``Selection.packed`` makes it; missing where there was none."""
_LONGEST = 24
"""Pixels of a look's longer side."""


@dataclass(frozen=True)
class Origin:
    """The layer that was blended, as it was when it was read."""

    layer: Gimp.Layer
    box: Rect
    look: Look | None
    selection: bytes | None
    """What was selected of it, packed."""

    @classmethod
    def of(cls, layer: Gimp.Layer, selection: Selection | None) -> Origin:
        box = box_of(layer)
        return cls(layer, box, _look(layer), selection.packed(box) if selection is not None else None)

    def moved(self) -> tuple[int, int]:
        """How far the layer has been moved since. Raises ValueError where it was scaled, cut, turned or flipped."""
        now = box_of(self.layer)
        if now.size != self.box.size or turned(self.look, _look(self.layer)) != SAME:
            raise ValueError
        return now.x - self.box.x, now.y - self.box.y


def keep(new: Gimp.Layer, image: Gimp.Image, origin: Origin, arguments: Mapping[str, Any], is_shadow: bool) -> None:
    """Have a new layer keep where it is from.

    Args:
        arguments: of the procedure, JSON-ready.
        is_shadow: it belongs to the result that comes to lie on it.
    """
    known: dict[str, Any] = {
        "settings": dict(arguments),
        "layer": origin.layer.get_tattoo(),
        "box": origin.box,
        "image": _name_of(image) or _named(image),
    }
    if origin.look is not None:
        known["look"] = origin.look.packed()
    if is_shadow:
        known["shadow"] = True
    _attach(new, SETTINGS, json.dumps(known).encode())
    if origin.selection is not None:
        _attach(new, SELECTION, origin.selection)


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
    known = _known(layer)
    upper = _neighbour(image, layer, -1) if known is not None and known.get("shadow") else None
    return upper if upper is not None and _tattoo(upper) == _tattoo(layer) else layer


def shadow_of(image: Gimp.Image, layer: Gimp.Layer) -> Gimp.Layer | None:
    """The shadow of a result, where it still lies directly below it."""
    lower = _neighbour(image, layer, 1)
    known = _known(lower) if lower is not None else None
    return lower if known is not None and known.get("shadow") and _tattoo(lower) == _tattoo(layer) else None


def selection_of(layer: Gimp.Layer, original: Gimp.Layer) -> Selection | None:
    """The selection that a result was made with, moved, turned and flipped as the layer was that it was made of.

    Raises ValueError where that layer has another size, so that nobody knows what was selected of it.
    """
    parasite = layer.get_parasite(SELECTION)
    if parasite is None:
        return None
    known, now = _known(layer) or {}, box_of(original)
    was = known.get("box")
    was = Rect(*was) if isinstance(was, list) and len(was) == 4 else now  # of results that did not keep it
    turn = turned(Look.unpacked(known.get("look")), _look(original))
    if turn.of_size(*was.size) != now.size:
        raise ValueError(f"{was.size} has become {now.size}")
    return Selection.unpacked(bytes(parasite.get_data()), was, now, turn)


def _look(layer: Gimp.Layer) -> Look | None:
    """A small picture of a layer; None where GIMP has none."""
    samples, width, height, _ = layer.get_thumbnail_data(_LONGEST, _LONGEST)
    return Look(width, height, bytes(samples.get_data())) if samples is not None and width and height else None


def _neighbour(image: Gimp.Image, layer: Gimp.Layer, below: int) -> Gimp.Layer | None:
    parent, position = layer.get_parent(), image.get_item_position(layer) + below
    siblings = parent.get_children() if parent is not None else image.get_layers()
    return siblings[position] if 0 <= position < len(siblings) else None


def _tattoo(layer: Gimp.Layer | None) -> Any:
    """Of the layer that a result was made of."""
    known = _known(layer) if layer is not None else None
    return known.get("layer") if known is not None else None


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
