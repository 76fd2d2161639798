"""Where a layer lay when it was read, and where what was made of it belongs by now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from deepblend_protocol.messages import Plane
from deepblend_protocol.plugins.orientation import SAME, SAME_LEVELS, Look, difference, turned
from deepblend_protocol.plugins.refused import Refused
from deepblend_protocol.words import _
from krita import Document, Node

from .pictures import samples_of
from .qt import QtGui
from .spaces import Space

_SIDE = 16
"""Pixels of a look's side."""
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
    look: Look | None
    """The layer as a small picture."""

    @classmethod
    def of(cls, document: Document, layer: Node) -> Place:
        corner, bounds = layer.position(), layer.bounds()
        return cls(
            (document.width(), document.height()),
            (corner.x(), corner.y()),
            (bounds.x(), bounds.y(), bounds.width(), bounds.height()),
            Space.of(document),
            _look(layer),
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
        if turned(self.look, now.look) != SAME or (not whole and (self.canvas != now.canvas or self._scaled(now))):
            raise Refused(_("The picture was scaled, turned, mirrored or cut meanwhile. Blend the layer again."))
        # A layer that was painted on has its pixels elsewhere as well; one that the transform tool moved, these alone.
        before, after = (self.box, now.box) if whole else (self.corner, now.corner)
        return after[0] - before[0], after[1] - before[1]

    def _scaled(self, now: Place) -> bool:
        sides = zip(self.box[2:], now.box[2:])
        return any(abs(a - b) > _SCALED * a for a, b in sides) and difference(self.look, now.look) < SAME_LEVELS


def _look(layer: Node) -> Look | None:
    """A layer, whatever its shape, as a small square; None where Krita gives none."""
    image = layer.thumbnail(_SIDE, _SIDE).convertToFormat(QtGui.QImage.Format.Format_ARGB32_Premultiplied)
    return None if image.isNull() else Look(image.width(), image.height(), samples_of(image, "BGRA"))
