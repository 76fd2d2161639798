"""What a blend reads from a GIMP image, and the layer that it puts into it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from deepblend_protocol import geometry
from deepblend_protocol.errors import MaskEmpty, MaskOutside, PlaneInvalid
from deepblend_protocol.geometry import Box
from deepblend_protocol.messages import Plane, Previews, Request
from deepblend_protocol.settings import Settings
from gi.repository import Gegl, Gimp

from . import gegl

PARASITE = "deepblend-settings"
_COMPONENTS = {
    "u8": ("u8", "u8"),
    "u16": ("u16", "u16"),
    "u32": ("float", "f32"),
    "half": ("half", "f16"),
    "float": ("float", "f32"),
    "double": ("float", "f32"),
}
"""By GIMP's component type: babl's name of what is read, and the protocol's. No one of both has 32 bits whole."""
_CURVES = {"non-linear": ("'", "profile"), "linear": ("", "linear"), "perceptual": ("~", "perceptual")}
"""By GIMP's encoding: babl's sign, and the protocol's name."""
_BYTES = {"u8": 1, "u16": 2, "f16": 2, "f32": 4}


class Samples:
    """How an image's samples are read and written: its own type, encoding and colour space."""

    def __init__(self, image: Gimp.Image) -> None:
        component, _, curve = image.get_precision().value_nick.partition("-")
        self.component, self.type = _COMPONENTS[component]
        sign, self.encoding = _CURVES[curve]
        gray = image.get_base_type() == Gimp.ImageBaseType.GRAY
        self.channels = "YA" if gray else "RGBA"
        self.colour = (f"Y{sign}A" if gray else f"R{sign}G{sign}B{sign}A") + f" {self.component}"
        self.mask = f"Y {self.component}"  # Y' would bend soft edges
        self.alpha = f"A {self.component}"
        self.profile = bytes(image.get_effective_color_profile().get_icc_profile())


def box_of(item: Gimp.Drawable) -> Box:
    """A drawable's place in the image."""
    _, x, y = item.get_offsets()
    return (x, y, item.get_width(), item.get_height())


def canvas_of(image: Gimp.Image) -> Box:
    return (0, 0, image.get_width(), image.get_height())


def mask_box(image: Gimp.Image, layer: Gimp.Layer) -> Box:
    """The box of what is selected and visible in a layer. Raises MaskEmpty, MaskOutside."""
    canvas, own = canvas_of(image), box_of(layer)
    chosen = own
    if not Gimp.Selection.is_empty(image):
        _, _, x0, y0, x1, y1 = Gimp.Selection.bounds(image)
        selected = geometry.common(own, (x0, y0, x1 - x0, y1 - y0))
        if selected is None:
            raise MaskEmpty()
        chosen = selected
    if layer.has_alpha():
        known = Samples(image)
        alpha = gegl.read(layer.get_buffer(), _moved(chosen, own), known.alpha)
        size = _BYTES[known.type]
        found = geometry.bounds(bytes(alpha), chosen[2] * size, size)
        if found is None:
            raise MaskEmpty()
        chosen = (chosen[0] + found[0], chosen[1] + found[1], found[2], found[3])
    if geometry.common(chosen, canvas) is None:
        raise MaskOutside(
            left=chosen[0],
            right=chosen[0] + chosen[2] - 1,
            top=chosen[1],
            bottom=chosen[1] + chosen[3] - 1,
            width=canvas[2],
            height=canvas[3],
        )
    return chosen


def covers_layer(image: Gimp.Image, layer: Gimp.Layer) -> bool:
    """Whether everything that the layer shows is blended: no selection, or one that holds all of it."""
    if Gimp.Selection.is_empty(image):
        return True
    x, y, w, h = canvas = geometry.common(box_of(layer), canvas_of(image)) or (0, 0, 0, 0)
    _, _, x0, y0, x1, y1 = Gimp.Selection.bounds(image)
    if (x, y, x + w, y + h) != (max(x, x0), max(y, y0), min(x + w, x1), min(y + h, y1)):
        return False
    selected = gegl.read(image.get_selection().get_buffer(), canvas, "Y u8")
    return selected.count(255) == len(selected)


def read(image: Gimp.Image, layer: Gimp.Layer, settings: Settings, given: Mapping[str, Any]) -> Request:
    """A blend's request.

    Args:
        settings: the settings in full.
        given: the settings as they are sent.

    Raises MaskEmpty, MaskOutside.
    """
    known = Samples(image)
    own, canvas = box_of(layer), canvas_of(image)
    chosen = mask_box(image, layer)
    crop = geometry.needed(chosen, own, canvas, settings.grow_px)
    assert crop is not None  # mask_box has looked
    inside = geometry.common(crop, own)
    assert inside is not None
    source = gegl.read(layer.get_buffer(), _moved(inside, own), known.colour)
    wants_style = settings.method == "deep" and settings.style > 0 and settings.style_from == "background"
    below, frame = _background(image, layer, None if wants_style else crop)
    try:
        ground = gegl.read(below, _moved(crop, frame), known.colour)
        style = _style(below, canvas, known) if wants_style else None
    finally:
        del below
    return Request(
        layer=Plane(inside, inside[2:], known.type, known.channels, source, known.encoding),
        background=Plane(crop, crop[2:], known.type, known.channels, ground, known.encoding, profile=known.profile),
        mask=_mask(image, layer, inside, known),
        style=style,
        settings=given,
    )


class Reduced:
    """A small copy of what a blend reads, in 8 bits and sRGB, for previews; read once.

    Args:
        longest: pixels of its longer side, at most.

    Raises MaskEmpty, MaskOutside.
    """

    def __init__(self, image: Gimp.Image, layer: Gimp.Layer, longest: int) -> None:
        known = Samples(image)
        own, canvas = box_of(layer), canvas_of(image)
        chosen = mask_box(image, layer)
        crop = geometry.needed(chosen, own, canvas, 0)
        assert crop is not None
        inside = geometry.common(crop, own)
        assert inside is not None
        self.scale = scale = min(1.0, longest / max(crop[2:]))
        frame = self._small(crop)
        self._origin = frame[:2]
        place = self._small(inside)
        self.layer = self._plane(layer.get_buffer(), place, self._small((*own[:2], 0, 0)))
        mask = _mask(image, layer, inside, known)
        self._mask = None
        if mask is not None:
            holder = Gegl.Buffer.new("Y float", *inside)
            gegl.write(holder, known.mask, mask.samples)
            self._mask = self._plane(holder, place, (0, 0, 0, 0), "Y u8", "Y")
        below, _ = _background(image, layer, None)
        self.background = self._plane(below, frame, (0, 0, 0, 0))
        whole = self._small(canvas)
        style_scale = geometry.style_scale(whole[2], whole[3])
        size = geometry.reduced(whole, style_scale)
        samples = gegl.read(below, (0, 0, *size), _SRGB, scale * style_scale, srgb=True)
        self._style = Plane(self._moved(whole), size, "u8", "RGBA", samples, scale=style_scale)

    def request(self, given: Mapping[str, Any], previews: Previews) -> Request:
        """The request of a preview with these settings."""
        scaled = {**given, "grow_px": given["grow_px"] * self.scale, "feather_px": given["feather_px"] * self.scale}
        style = self._style if given["style_from"] == "background" else None
        return Request(self.layer, self.background, self._mask, style, scaled, previews=previews)

    def _small(self, box: Box) -> Box:
        x, y, w, h = (round(side * self.scale) for side in box)
        return (x, y, max(1, w), max(1, h))

    def _moved(self, box: Box) -> Box:
        """A reduced box, counted from the preview's corner."""
        return (box[0] - self._origin[0], box[1] - self._origin[1], box[2], box[3])

    def _plane(self, buffer: Gegl.Buffer, box: Box, by: Box, name: str = "", channels: str = "RGBA") -> Plane:
        samples = gegl.read(buffer, _moved(box, by), name or _SRGB, self.scale, srgb=not name)
        return Plane(self._moved(box), box[2:], "u8", channels, samples)


_SRGB = "R'G'B'A u8"


def _moved(box: Box, by: Box) -> Box:
    """A box of the image in a drawable's own coordinates."""
    return (box[0] - by[0], box[1] - by[1], box[2], box[3])


def _mask(image: Gimp.Image, layer: Gimp.Layer, box: Box, known: Samples) -> Plane | None:
    """The selection times the layer mask, over a box; None where there is neither."""
    mask = layer.get_mask()
    selected = not Gimp.Selection.is_empty(image)
    if mask is not None and not layer.get_apply_mask():
        mask = None
    if mask is None and not selected:
        return None
    if mask is None:
        samples = gegl.read(image.get_selection().get_buffer(), box, known.mask)
    elif not selected:
        samples = gegl.read(mask.get_buffer(), _moved(box, box_of(layer)), known.mask)
    else:
        both = _product(image.get_selection().get_buffer(), mask.get_buffer(), box, box_of(layer))
        samples = gegl.read(both, box, known.mask)
    return Plane(box, box[2:], known.type, "Y", samples)


def _product(selection: Gegl.Buffer, mask: Gegl.Buffer, box: Box, layer: Box) -> Gegl.Buffer:
    """The product of two masks over a box, computed by GEGL."""
    Gegl.init(None)
    result = Gegl.Buffer.new("Y float", *box)
    graph = Gegl.Node()

    def node(operation: str, **properties: Any) -> Gegl.Node:
        made = graph.create_child(operation)
        for name, value in properties.items():
            made.set_property(name, value)
        return made

    first, second = node("gegl:buffer-source", buffer=selection), node("gegl:buffer-source", buffer=mask)
    moved = node("gegl:translate", x=float(layer[0]), y=float(layer[1]))
    multiply, sink = node("gegl:multiply"), node("gegl:write-buffer", buffer=result)
    second.connect_to("output", moved, "input")
    first.connect_to("output", multiply, "input")
    moved.connect_to("output", multiply, "aux")
    multiply.connect_to("output", sink, "input")
    sink.process()
    return result


def _background(image: Gimp.Image, layer: Gimp.Layer, box: Box | None) -> tuple[Gegl.Buffer, Box]:
    """The composite of all that is visible below a layer, and what it covers.

    Args:
        box: what is needed of it; None is all.

    The image itself is not touched: a copy of it is.
    """
    copy = image.duplicate()
    try:
        siblings = copy.get_layers()
        *groups, last = _path(image, layer)
        for position in groups:
            for above in siblings[:position]:
                above.set_visible(False)
            siblings = siblings[position].get_children()
        for above in siblings[: last + 1]:
            above.set_visible(False)
        if box is not None:
            copy.crop(box[2], box[3], box[0], box[1])
        below = Gimp.Layer.new_from_visible(copy, copy, "background")
        return below.get_buffer(), box or canvas_of(image)
    finally:
        copy.delete()


def _path(image: Gimp.Image, item: Gimp.Item) -> list[int]:
    """An item's position among its siblings, and before it those of the groups that it lies in."""
    path = []
    while item is not None:
        path.insert(0, image.get_item_position(item))
        item = item.get_parent()
    return path


def _style(below: Gegl.Buffer, canvas: Box, known: Samples) -> Plane:
    """The whole background, reduced."""
    scale = geometry.style_scale(canvas[2], canvas[3])
    size = geometry.reduced(canvas, scale)
    samples = gegl.read(below, (0, 0, *size), known.colour, scale)
    return Plane(canvas, size, known.type, known.channels, samples, known.encoding, scale)


def insert(image: Gimp.Image, layer: Gimp.Layer, result: Plane, name: str, settings: Mapping[str, Any]) -> Gimp.Layer:
    """Put a result above the layer that it was made of. To be called within an undo group.

    Raises PlaneInvalid where the image has become another since it was read.
    """
    known = Samples(image)
    if (result.type, result.channels, result.encoding) != (known.type, known.channels, known.encoding):
        raise PlaneInvalid(role="result", reason="the image's mode or precision was changed during the blend")
    x, y, w, h = result.rect
    kind = Gimp.ImageType.GRAYA_IMAGE if known.channels == "YA" else Gimp.ImageType.RGBA_IMAGE
    new = Gimp.Layer.new(image, name, w, h, kind, 100.0, Gimp.LayerMode.NORMAL)
    new.set_offsets(x, y)
    buffer = new.get_buffer()
    gegl.write(buffer, known.colour, result.samples)
    buffer.flush()
    image.insert_layer(new, layer.get_parent(), image.get_item_position(layer))
    # GIMP's default mixes in linear light; the engine's soft edges are meant for the document's own curve.
    space = Gimp.LayerColorSpace
    new.set_composite_space(space.RGB_NON_LINEAR if known.encoding == "profile" else space.RGB_PERCEPTUAL)
    flags = Gimp.PARASITE_PERSISTENT | Gimp.PARASITE_UNDOABLE
    new.attach_parasite(Gimp.Parasite.new(PARASITE, flags, json.dumps(dict(settings)).encode()))
    new.update(0, 0, w, h)
    return new
