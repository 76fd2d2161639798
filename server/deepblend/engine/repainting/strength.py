"""How strongly an object is repainted: what is left of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from . import palette

COLOURS = 0.6
"""Of the way to its neighbours' chroma that the object's goes."""
DETAIL = 0.7
"""Of the object's own strong detail that is left at the default style."""
LEAST = 0.5
"""What is left of the object at style 1."""
HIDDEN = 0.6
"""Of what is left beyond that, what the boldest strokes hide."""


@dataclass(frozen=True)
class Strength:
    """What is left of the object: most up to the default style, 0.5, less beyond, and less among bold strokes."""

    own: float
    """LEAST..1."""
    known: float
    """Of what it is known by, 0..1: vivid colours, tones of structure, strong detail. Bold strokes hide none of it."""
    colours: float
    """How far its colours go towards those of what it is matched with, 0..1."""

    @classmethod
    def of(cls, style: float, keep_colours: float) -> Strength:
        """
        Args:
            style: from 0 (excluded) to 1.
            keep_colours: 0..1.
        """
        own = min(1.0, LEAST / style)
        return cls(own, own, COLOURS * palette.strength(style, keep_colours))

    def among(self, boldness: float) -> Strength:
        """The same in a painting whose strokes are so bold, 0..1: see :func:`~.strokes.boldness`."""
        return replace(self, own=LEAST + (self.own - LEAST) * (1 - HIDDEN * boldness))

    @property
    def tones(self) -> float:
        """Of the object's other tones and colours, what is given back, 0..1."""
        return self.own**2

    @property
    def detail(self) -> float:
        """Of its own strong detail, 0..1."""
        return DETAIL * self.known

    @property
    def lines(self) -> float:
        """How much its own lines are spared where strokes are weakened, 0..1."""
        return self.own
