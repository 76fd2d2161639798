"""A document's nodes: which one is to be blended, and what lies below it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from deepblend_protocol.plugins.refused import Refused
from deepblend_protocol.words import _
from krita import Document, Krita, Node, View

from .place import Place

if TYPE_CHECKING:
    from krita import GroupLayer

MASKS = ("transparencymask", "filtermask", "transformmask", "selectionmask", "colorizemask")
_PLAIN = ("paintlayer", "grouplayer", "transparencymask", "selectionmask")
"""Nodes that show at a place nothing of what is elsewhere, so that a document can be cropped around it."""

_PATIENCE = 25
"""How often it is looked whether a layer has become the active one."""


@dataclass
class Subject:
    """What is to be blended."""

    document: Document
    node: Node
    """A layer, no mask."""
    picture: Node | None = None
    """The layer that style comes from with ``style_from`` "picture"."""
    place: Place | None = None
    """Where the layer lay when it was read."""

    @property
    def id(self) -> str:
        return id_of(self.node)


def active(view: View | None) -> Subject:
    """The active layer of the document that a view shows; the view is None where there is none. Raises Refused."""
    document = document_of(view)
    if view is None or document is None:
        raise Refused(_("No picture is open."))
    node = document.activeNode()
    selected = [one for one in view.selectedNodes() if one.type() not in MASKS]
    if len(selected) > 1:
        raise Refused(_("%d layers are selected. Select the one that is to be blended.") % len(selected))
    while node is not None and node.type() in MASKS:
        node = node.parentNode()
    if node is None or node.parentNode() is None:
        raise Refused(_("Select the layer that is to be blended."))
    if node.type() == "filterlayer":
        raise Refused(_("'%s' is a filter layer. Select the layer that is to be blended.") % node.name())
    return Subject(document, node)


def document_of(view: View | None) -> Document | None:
    """The document that a view shows, or None."""
    return view.document() if view is not None and Krita.instance().documents() else None


def toggling(document: Document, node: Node) -> Generator[float, None, None]:
    """Steps that hide a layer, or show it where it is hidden: with an undo step if Krita's own action can be had."""
    before = document.activeNode()
    action = Krita.instance().action("toggle_layer_visibility")
    if action is not None and document == Krita.instance().activeDocument():
        document.setActiveNode(node)
        for __ in range(_PATIENCE):
            yield 20
            if document.activeNode() == node:
                break
        else:
            action = None
    else:
        action = None
    was = node.visible()
    if action is not None:
        action.trigger()
    if node.visible() == was:
        node.setVisible(not was)
        document.refreshProjection()
    yield 20
    if before is not None:
        document.setActiveNode(before)


def id_of(node: Node) -> str:
    return node.uniqueId().toString()


def found(document: Document, id: str) -> Node | None:
    """The node of a document with this id, or None."""
    return next((one for one in below(document.rootNode()) if id_of(one) == id), None)


def below(node: Node | None) -> Iterator[Node]:
    """All nodes in a group, from the lowest up, and those in them."""
    for child in node.childNodes() if node is not None else ():
        yield child
        yield from below(child)


def is_open(document: Document | None) -> bool:
    return any(one == document for one in Krita.instance().documents())


def levels(node: Node) -> Iterator[tuple[Node, list[Node], list[Node]]]:
    """A node, and the groups that it lies in from the innermost out: each with the layers below and above it."""
    while (parent := node.parentNode()) is not None:
        id = id_of(node)
        siblings = parent.childNodes()
        place = next(place for place, one in enumerate(siblings) if id_of(one) == id)
        lower, upper = siblings[:place], siblings[place + 1 :]
        yield (
            node,
            [one for one in lower if one.type() not in MASKS],
            [one for one in upper if one.type() not in MASKS],
        )
        node = parent


def told_of_groups(node: Node) -> list[str]:
    """What the groups that a layer lies in do to what is made of it, in sentences."""
    told = []
    for group, __, __ in list(levels(node))[1:]:
        name = group.name()
        if not group.visible():
            told.append(_("It is not seen, since the group '%s' is hidden.") % name)
        if group.opacity() < 255:
            told.append(_("The group '%s' is not opaque, so that it looks paler than in the preview.") % name)
        if not is_passed_through(group) and group.blendingMode() != "normal":
            told.append(_("The group '%s' has a blending mode, so that it looks otherwise than in the preview.") % name)
    return told


def is_passed_through(node: Node) -> bool:
    """Whether it is a group, and what lies in it is seen as if there were none."""
    return node.type() == "grouplayer" and cast("GroupLayer", node).passThroughMode()


def shows_around(node: Node) -> bool:
    """Whether a layer is seen in the picture, as far as that is up to it and its groups."""
    return all(one.visible() and one.opacity() > 0 for one, __, __ in levels(node))


def anything_below(node: Node) -> bool:
    """Whether a layer that is not hidden lies below, on any level."""
    return any(one.visible() for __, lower, __ in levels(node) for one in lower)


@contextmanager
def drawn(copy: Document, node: Node, twin: Node) -> Iterator[Node]:
    """A layer whose projection is what it shows: itself, or where the document has none, the one in a copy of it.

    That is so for what is hidden, and for groups that are passed through.

    Args:
        twin: the layer in the copy, which is drawn there for the time of the context.
    """
    passed = is_passed_through(node)
    only_pixels = node.type() == "paintlayer" and not node.childNodes() and not _styled(node)
    if not passed and (only_pixels or all(one.visible() for one, __, __ in levels(node))):
        yield node
        return
    path = [one for one, __, __ in levels(twin)]
    was = [one.visible() for one in path]
    for one in path:
        one.setVisible(True)
    if passed:
        cast("GroupLayer", twin).setPassThroughMode(False)
    copy.refreshProjection()
    copy.waitForDone()
    yield twin
    for one, visible in zip(path, was):
        one.setVisible(visible)


def hide_from(node: Node) -> None:
    """Hide a layer and all that lies above it, on every level."""
    node.setVisible(False)
    for __, __, upper in levels(node):
        for one in upper:
            one.setVisible(False)


def is_plain(document: Document) -> bool:
    """Whether a document may be cropped without a change in what the rest shows."""
    visible = [one for one in below(document.rootNode()) if one.visible()]
    return all(one.type() in _PLAIN and not _styled(one) for one in visible)


def _styled(node: Node) -> bool:
    """Whether it has a layer style, such as a shadow."""
    return node.type() not in MASKS and hasattr(node, "layerStyleToAsl") and bool(node.layerStyleToAsl())
