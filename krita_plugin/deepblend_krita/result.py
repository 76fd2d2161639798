"""The layer that a blend makes, and what is kept of it in the document so that it can be done again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from deepblend_protocol.messages import Plane
from deepblend_protocol.plugins.refused import Refused
from deepblend_protocol.sample_types import SAMPLE_TYPES
from deepblend_protocol.words import _, shadow_name
from krita import Document, Node, Selection

from . import nodes
from .qt import QtCore
from .samples import Format, eight_bits, no_darker_than_black, reordered, view
from .spaces import Space, converted, working

ANNOTATION = "deepblend"
"""A document's annotation: JSON with what is known of its results, by their layers' ids."""


def can_mask() -> bool:
    """Whether this Krita's scripts can make transparency masks: from 5.2 on."""
    return hasattr(Document, "createTransparencyMask")


def insert(
    document: Document,
    layer: Node,
    plane: Plane,
    title: str,
    settings: Mapping[str, Any],
    read: Space,
    as_mask: bool = False,
    shadow: Plane | None = None,
) -> Node:
    """Put a blend's result into a document as a new layer, in one undo step; returns it.

    With a shadow, both lie in a group: Krita's scripts have no other way to make two layers in one step.

    Args:
        layer: that was blended. The new one comes to lie on it, and on the results that it has already.
        settings: what is kept with it, JSON-ready.
        read: the document's colour space when the layer was read; it may have another by now.
        as_mask: its edge becomes a transparency mask, and its pixels opaque.
        shadow: what lies directly below it.

    Raises Refused.
    """
    space, work = Space.of(document), working(read)
    bench = document.clone() if as_mask or shadow is not None or work != space else document
    try:
        samples = _native(plane, work, space, bench)
        node = _masked(bench, plane, samples, space, title) if as_mask else _painted(document, title, samples, plane)
        if shadow is not None:
            below = _painted(bench, shadow_name(title), _native(shadow, work, space, bench), shadow)
            node = _grouped(bench, title, below, node)
        above = _highest(document, layer)
        parent = above.parentNode()
        if parent is None or not parent.addChildNode(node, above):
            raise Refused(_("Krita did not take the new layer."))
    finally:
        if bench is not document:
            bench.setModified(False)
            bench.close()
    made = [node, *(node.childNodes() if shadow is not None else ())]
    kept = {"settings": dict(settings), "layer": nodes.id_of(layer)}
    _keep(document, {nodes.id_of(one): kept for one in made})
    return made[-1]


def settings_of(document: Document, node: Node) -> dict[str, Any] | None:
    """The settings that a layer was made with; None where it is no result of a blend."""
    known = _kept(document).get(nodes.id_of(node), {}).get("settings")
    return known if isinstance(known, dict) else None


def original_of(document: Document, node: Node) -> Node | None:
    """The layer that a result was made of, if it is still in the document; else None."""
    id = _kept(document).get(nodes.id_of(node), {}).get("layer")
    return nodes.found(document, id) if isinstance(id, str) else None


def _highest(document: Document, layer: Node) -> Node:
    """The layer, or the topmost of the results that lie on it."""
    kept, id = _kept(document), nodes.id_of(layer)
    __, __, upper = next(nodes.levels(layer))
    for one in upper:
        if kept.get(nodes.id_of(one), {}).get("layer") != id:
            break
        layer = one
    return layer


def _native(plane: Plane, work: Space, space: Space, bench: Document) -> bytes:
    """A result's samples as the document has them.

    Args:
        work: the colour space that the result is in.
        space: the document's.

    Raises Refused where Krita cannot convert it.
    """
    known = work.format
    assert known is not None
    came = Format(plane.type, plane.channels)
    samples = view(plane.samples)
    samples = samples if known.channels == came.channels else reordered(samples, came)
    if work != space and came.type == "f32" and not SAMPLE_TYPES[space.depth.lower()].is_float:
        samples = no_darker_than_black(samples)
    return bytes(converted(samples, plane.size, work, space, bench))


def _painted(document: Document, title: str, samples: bytes, plane: Plane) -> Node:
    """A paint layer of a document's, not yet in it."""
    node = document.createNode(title, "paintlayer")
    node.setPixelData(samples, *plane.rect)
    return node


def _grouped(bench: Document, title: str, *layers: Node) -> Node:
    """A group of layers, the lowest first, in no document yet; what they show is as if they lay in none."""
    group = bench.createGroupLayer(title)
    group.setPassThroughMode(True)
    bench.rootNode().addChildNode(group, None)
    below = None
    for layer in layers:
        group.addChildNode(layer, below)
        below = layer
    bench.waitForDone()
    return group.clone()


def _masked(bench: Document, plane: Plane, samples: bytes, space: Space, title: str) -> Node:
    """A layer with a transparency mask, in no document yet: it is put together in one that is nobody's."""
    came = Format(plane.type, plane.channels)
    alpha = eight_bits(view(plane.samples), came, "profile")[len(came.channels) - 1 :: len(came.channels)]
    opaque, white = bytearray(samples), SAMPLE_TYPES[space.depth.lower()].white_bytes
    count = plane.size[0] * plane.size[1]
    pixel = len(opaque) // count
    for place, byte in enumerate(white):  # alpha comes last in every space of Krita's
        opaque[pixel - len(white) + place :: pixel] = bytes((byte,)) * count
    layer = _painted(bench, title, bytes(opaque), plane)
    bench.rootNode().addChildNode(layer, None)
    mask = bench.createTransparencyMask(_("Edge"))
    chosen = Selection()
    chosen.setPixelData(QtCore.QByteArray(alpha), *plane.rect)
    mask.setSelection(chosen)
    layer.addChildNode(mask, None)
    bench.waitForDone()
    return layer.clone()


def _kept(document: Document) -> dict[str, dict[str, Any]]:
    if not hasattr(document, "annotationTypes") or ANNOTATION not in document.annotationTypes():
        return {}
    try:
        known = json.loads(bytes(view(document.annotation(ANNOTATION))))
    except ValueError:
        return {}
    known = known if isinstance(known, dict) else {}
    return {id: one for id, one in known.items() if isinstance(one, dict)}


def _keep(document: Document, results: Mapping[str, Any]) -> None:
    if not hasattr(document, "setAnnotation"):  # a Krita that is older than this
        return
    known = {**_kept(document), **results}
    told = "Deep Image Blending: the settings of its layers"
    document.setAnnotation(ANNOTATION, told, QtCore.QByteArray(json.dumps(known).encode()))
