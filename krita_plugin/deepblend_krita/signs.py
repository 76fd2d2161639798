"""Signs of what a preview is made of, so that a change to it is noticed: Krita tells its plug-ins of none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from deepblend_protocol.geometry import Rect, margin
from krita import Node

from . import nodes
from .document import Selection, canvas_of
from .nodes import Subject
from .spaces import Space

if TYPE_CHECKING:
    from krita import FillLayer, FilterLayer, InfoObject

_ROWS, _WHOLE_ROWS = 64, 16
"""Rows that are looked at in all layers together: around what is blended, and of the whole picture."""
_LEAST = 4
"""Rows of each layer, at least."""


class Sign(NamedTuple):
    """Two that are equal are of pictures whose previews are, nearly always."""

    subject: Any
    """Which layer of which document."""
    content: Any
    """What it and the background show. A stroke that passes between the rows that are looked at is not seen."""

    @classmethod
    def of(cls, subject: Subject, selection: Selection | None) -> Sign:
        """Of a layer that is to be blended; takes a few milliseconds."""
        document, canvas = subject.document, canvas_of(subject.document)
        own = subject.node.bounds()
        box = selection.box if selection is not None else Rect(own.x(), own.y(), own.width(), own.height())
        region = box.grown(margin(*box.size)).intersection(canvas) if box.w and box.h else None
        levels = list(nodes.levels(subject.node))
        lower = [one for __, each, __ in levels for one in each if one.visible()]
        shown = [one for top in lower for one in _shown(top)]
        drawn = [one for one in shown if _has_pixels(one)]
        content = (
            canvas,
            Space.of(document),
            selection.sign() if selection is not None else None,
            (own.x(), own.y(), own.width(), own.height()),
            tuple(_is(one) for one in [subject.node, *subject.node.childNodes()]),
            tuple((_is(one), one.visible()) for one, __, __ in levels[1:]),
            tuple(_is(one) for one in shown),
            _pixels([subject.node, *drawn], region, _ROWS),
            _pixels(drawn, canvas, _WHOLE_ROWS),
        )
        return cls((nodes.id_of(document.rootNode()), subject.id), content)


def _shown(node: Node) -> Iterator[Node]:
    """A visible node, and those that are visible in it."""
    yield node
    for child in node.childNodes():
        if child.visible():
            yield from _shown(child)


def _has_pixels(node: Node) -> bool:
    """Whether its own pixels are to be looked at; a group's are those of what lies in it."""
    return node.type() not in (*nodes.MASKS, "grouplayer", "filterlayer")


def _is(node: Node) -> tuple[Any, ...]:
    """What a node is, but for its pixels."""
    place = node.position()
    known = (nodes.id_of(node), node.opacity(), node.blendingMode(), node.inheritAlpha(), place.x(), place.y())
    kind = node.type()
    if kind == "grouplayer":
        return (*known, nodes.is_passed_through(node))
    if kind in ("filterlayer", "filtermask"):
        return (*known, _told(cast("FilterLayer", node).filter().configuration()))
    if kind == "filllayer":
        return (*known, _told(cast("FillLayer", node).filterConfig()))
    if kind in nodes.MASKS:
        box = node.bounds()
        return (*known, node.visible(), *_rows(node.pixelData, Rect(box.x(), box.y(), box.width(), box.height()), 8))
    return known


def _told(configuration: InfoObject | None) -> str:
    return str(sorted(configuration.properties().items())) if configuration is not None else ""


def _pixels(layers: list[Node], box: Rect | None, most: int) -> tuple[int, ...]:
    """Of some of the rows of what layers show in a box."""
    if box is None or not layers:
        return ()
    count = max(_LEAST, most // len(layers))
    return tuple(hash for one in layers for hash in _rows(one.projectionPixelData, box, count))


def _rows(read: Callable[[int, int, int, int], Any], box: Rect, count: int) -> Iterable[int]:
    if not box.w or not box.h:
        return ()
    rows = sorted({box.y + (2 * part + 1) * box.h // (2 * count) for part in range(count)})
    return [hash(bytes(read(box.x, row, box.w, 1))) for row in rows]
