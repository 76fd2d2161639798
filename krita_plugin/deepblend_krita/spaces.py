"""Colour spaces, by Krita's names: which one a blend is made in, and how pixels come there and back."""

from __future__ import annotations

from typing import Any, NamedTuple

from deepblend_protocol.plugins.refused import Refused
from deepblend_protocol.words import _
from krita import Document, Node

from . import profiles
from .samples import Format, format_of, view


class Space(NamedTuple):
    """A colour space."""

    model: str
    depth: str
    profile: str

    @classmethod
    def of(cls, owner: Document | Node) -> Space:
        """That of a document or a layer."""
        return cls(owner.colorModel(), owner.colorDepth(), owner.colorProfile())

    @property
    def format(self) -> Format | None:
        return format_of(self.model, self.depth)

    @property
    def encoding(self) -> str:
        """The protocol's name for its curve."""
        return "linear" if profiles.is_linear(self.profile) else "profile"


SCREEN = Space("RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc")
_WIDE = Space("RGBA", "U16", "ClayRGB-elle-V2-g22.icc")
"""For CMYK and the like: AdobeRGB's primaries hold what printing inks can show."""
_WIDEST = Space("RGBA", "F32", "sRGB-elle-V2-g10.icc")
"""For Lab, XYZ and floats: linear, and nothing is cut off at either end."""


def working(space: Space) -> Space:
    """The space that a document's blend is made in: its own, or the one that its pixels are converted to."""
    if space.format is not None:
        return space
    return _WIDE if space.model in ("CMYKA", "YCbCrA") and space.depth.startswith("U") else _WIDEST


def converted(samples: Any, size: tuple[int, int], before: Space, after: Space, bench: Document) -> memoryview:
    """Samples in another space.

    Args:
        bench: a document that is nobody's: a layer of it is used, and never inserted.

    Raises Refused where Krita cannot do it.
    """
    if before == after:
        return view(samples)
    node = bench.createNode("deepblend", "paintlayer")
    fits = Space.of(node) == before or node.setColorSpace(*before)
    if fits:
        node.setPixelData(samples if not isinstance(samples, memoryview) else bytes(samples), 0, 0, *size)
        fits = node.setColorSpace(*after)
    if not fits or Space.of(node)[:2] != after[:2]:
        told = {"model": before.model, "depth": before.depth}
        raise Refused(
            _("Krita cannot convert %(model)s, %(depth)s for a blend. Convert the picture to RGB: Image > Properties.")
            % told
        )
    return view(node.pixelData(0, 0, *size))
