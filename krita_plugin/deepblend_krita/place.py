"""Where a layer lay when it was read, and where what was made of it belongs by now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from deepblend_protocol.messages import Plane
from deepblend_protocol.plugins.refused import Refused
from deepblend_protocol.words import _
from krita import Document, Node

from .qt import QtGui
from .samples import view
from .spaces import Space

_SIDE = 16
"""Pixels of a look's side."""
_SAME = 4.0
"""Levels by which two looks of one picture differ, on average, at most: a layer may be painted on meanwhile."""
_SCALED = 0.1
"""By how much a layer's sides have to differ where it looks the same, for it to have been scaled."""


class Place(NamedTuple):
    """Where a layer lies, in document pixels, and what it looks like there."""

    canvas: tuple[int, int]
    """The document's width and height."""
    corner: tuple[int, int]
    """The layer's position, which goes along when it is moved and when the document is cropped."""
    box: tuple[int, int, int, int]
    """What is painted on it: x, y, width, height."""
    space: Space
    """The document's colour space."""
    look: QtGui.QImage
    """The layer, whatever its shape, as a small square; a null picture where Krita gives none."""

    @classmethod
    def of(cls, document: Document, layer: Node) -> Place:
        corner, bounds = layer.position(), layer.bounds()
        return cls(
            (document.width(), document.height()),
            (corner.x(), corner.y()),
            (bounds.x(), bounds.y(), bounds.width(), bounds.height()),
            Space.of(document),
            layer.thumbnail(_SIDE, _SIDE).convertToFormat(QtGui.QImage.Format.Format_ARGB32_Premultiplied),
        )

    def moved(self, planes: Iterable[Plane | None], document: Document, layer: Node | None) -> list[Plane | None]:
        """What was made of the layer when it lay here, where that belongs now.

        Args:
            layer: None where it is not there any more.

        Raises Refused where that cannot be told: it, or the document, was scaled, turned, mirrored or cut.
        """
        dx, dy = self._way(Place.of(document, layer)) if layer is not None else (0, 0)
        return [replace(one, rect=one.rect.moved(dx, dy)) if one is not None else None for one in planes]

    def _way(self, now: Place) -> tuple[int, int]:
        whole = self.box[2:] == now.box[2:]
        if _turned(self.look, now.look) or (not whole and (self.canvas != now.canvas or self._scaled(now))):
            raise Refused(_("The picture was scaled, turned, mirrored or cut meanwhile. Blend the layer again."))
        # A layer that was painted on has its pixels elsewhere as well; one that the transform tool moved, these alone.
        before, after = (self.box, now.box) if whole else (self.corner, now.corner)
        return after[0] - before[0], after[1] - before[1]

    def _scaled(self, now: Place) -> bool:
        sides = zip(self.box[2:], now.box[2:])
        return any(abs(a - b) > _SCALED * a for a, b in sides) and _distance(self.look, now.look) < _SAME


def _turned(before: QtGui.QImage, after: QtGui.QImage) -> bool:
    """Whether a layer looks more like what it was turned or mirrored than like what it was."""
    if before.size() != after.size() or before.isNull():
        return False
    kept = _distance(before, after)
    return kept > _SAME and min(_distance(one, after) for one in _turns(before)) < kept / 2


def _turns(image: QtGui.QImage) -> Iterable[QtGui.QImage]:
    """A square picture in the seven other ways that it can lie."""
    mirrored = image.transformed(QtGui.QTransform.fromScale(-1, 1))
    for one in (image, mirrored):
        for angle in (0, 90, 180, 270):
            if one is not image or angle:
                yield one.transformed(QtGui.QTransform().rotate(angle))


def _distance(one: QtGui.QImage, other: QtGui.QImage) -> float:
    """By how many levels two pictures of one size differ, on average."""
    if one.size() != other.size() or one.isNull():
        return 255.0
    first, second = _bytes(one), _bytes(other)
    return sum(abs(a - b) for a, b in zip(first, second)) / len(first)


def _bytes(image: QtGui.QImage) -> bytes:
    pointer = image.constBits()
    pointer.setsize(image.bytesPerLine() * image.height())
    return bytes(view(pointer))
