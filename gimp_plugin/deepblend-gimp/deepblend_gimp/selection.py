"""What is to be blended of a layer: the selection, as it is or as a result has kept it, and the layer's own mask."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from typing import Any

from deepblend_protocol import geometry
from deepblend_protocol.errors import MaskEmpty
from deepblend_protocol.geometry import Rect
from deepblend_protocol.messages import Plane
from deepblend_protocol.plugins.orientation import SAME, Turn
from gi.repository import Gegl, Gimp

from . import gegl
from .content import Content
from .samples import Samples, buffer_of

_KEPT = "Y u8"


@dataclass
class Selection:
    """A selection's values, linear, over the box where it is not 0; a copy, which stays as the image's changes."""

    buffer: Gegl.Buffer
    box: Rect

    @classmethod
    def of(cls, image: Gimp.Image) -> Selection | None:
        """The image's; None where nothing is selected, which means everything."""
        if Gimp.Selection.is_empty(image):
            return None
        _, _, x0, y0, x1, y1 = Gimp.Selection.bounds(image)
        box, name = Rect(x0, y0, x1 - x0, y1 - y0), Samples(image).mask
        # GIMP ends a plug-in that reads a buffer of its whose size has changed, as the selection's does by a crop.
        return cls(buffer_of(gegl.read(image.get_selection().get_buffer(), box, name), name, box), box)

    @classmethod
    def unpacked(cls, packed: bytes, was: Rect, now: Rect, turn: Turn = SAME) -> Selection | None:
        """What ``packed`` made, moved and turned as its layer was; None where that is damaged.

        Args:
            was: the layer's box then.
            now: its box now, of the size that ``turn`` makes of the one of then.
        """
        head, _, body = packed.partition(b"\n")
        try:
            box = Rect(*(int(one) for one in json.loads(head)))
            samples = zlib.decompressobj().decompress(base64.b64decode(body), box.w * box.h)
            if turn != SAME:
                samples = turn.applied(samples, *box.size)
            box = turn.placed(box.relative_to(was), was.size).moved(now.x, now.y)
            return cls(buffer_of(samples, _KEPT, box), box)
        except (ValueError, TypeError, zlib.error):
            return None

    def packed(self, within: Rect) -> bytes:
        """The selection in 8 bits, compressed, as far as it lies in a box; ASCII, as parasites take it."""
        box = self.box.intersection(within) or Rect(within.x, within.y, 1, 1)
        body = zlib.compress(bytes(gegl.read(self.buffer, box, _KEPT)))
        return json.dumps(box).encode() + b"\n" + base64.b64encode(body)


def mask_box(content: Content, selection: Selection | None, known: Samples) -> Rect:
    """The box of what is selected and visible of a layer. Raises MaskEmpty."""
    own = content.box
    chosen = own if selection is None else own.intersection(selection.box)
    if chosen is None:
        raise MaskEmpty()
    if content.has_alpha:
        alpha = gegl.read(content.buffer, chosen.relative_to(own), known.alpha)
        found = geometry.bounds(bytes(alpha), chosen.w * known.alpha_bytes, known.alpha_bytes)
        if found is None:
            raise MaskEmpty()
        chosen = found.moved(chosen.x, chosen.y)
    return chosen


def mask_plane(content: Content, selection: Selection | None, box: Rect, known: Samples) -> Plane | None:
    """The selection times the layer mask, over a box; None where there is neither."""
    mask, own = content.mask, content.mask_box
    if selection is not None and mask is not None:
        samples = gegl.read(_product(selection.buffer, mask, box, own), box, known.mask)
    elif selection is not None:
        samples = gegl.read(selection.buffer, box, known.mask)
    elif mask is not None:
        samples = gegl.read(mask, box.relative_to(own), known.mask)
    else:
        return None
    return Plane(box, box.size, known.type, "Y", samples)


def _product(selection: Gegl.Buffer, mask: Gegl.Buffer, box: Rect, layer: Rect) -> Gegl.Buffer:
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
    shifted = node("gegl:translate", x=float(layer.x), y=float(layer.y))
    multiply, sink = node("gegl:multiply"), node("gegl:write-buffer", buffer=result)
    second.connect_to("output", shifted, "input")
    first.connect_to("output", multiply, "input")
    shifted.connect_to("output", multiply, "aux")
    multiply.connect_to("output", sink, "input")
    sink.process()
    return result
