"""How strongly an object is repainted: what is left of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from . import palette

CHROMA, LIGHTNESS = 0.75, 0.36
"""Of the way to its neighbours' chroma and lightness, what the object goes."""
LIGHTNESS_AMONG_BOLD = 0.18
"""The same of lightness among bold strokes: a white thing stays white."""
DETAIL = 0.7
"""Of the object's own strong detail that is left at the default style."""
LEAST = 0.5
"""What is left of the object at style 1."""
TONES_HIDDEN, LINES_HIDDEN = 0.3, 1.0
"""Of what is left of tones and of lines beyond that, what the boldest strokes hide."""
CALM, BOLD = 0.45, 0.8
"""Boldness up to which a painting is calm, and from which it is not at all."""


def calmness(boldness: float) -> float:
    """How calm a painting of such boldness is, 0..1."""
    bold = min(max((boldness - CALM) / (BOLD - CALM), 0.0), 1.0)
    return 1 - bold**2 * (3 - 2 * bold)


@dataclass(frozen=True)
class Strength:
    """What is left of the object: most up to the default style, 0.5, less beyond, and less among bold strokes."""

    known: float
    """LEAST..1, of what it is known by: vivid colours, tones of structure, strong detail. Bold strokes hide none."""
    towards: float
    """How far its colours go towards those of what it is matched with, 0..1: see ``chroma`` and ``lightness``."""
    boldness: float = 0.0
    """Of the painting's strokes, 0..1."""
    calm: float = 0.0
    """How calm the painting is, 0..1, less at higher styles: so much is coarse spared where strokes are weakened, and
    so much stays as it is where patches of paint are laid."""

    @classmethod
    def of(cls, style: float, keep_colours: float) -> Strength:
        """
        Args:
            style: from 0 (excluded) to 1.
            keep_colours: 0..1.
        """
        return cls(min(1.0, LEAST / style), palette.strength(style, keep_colours))

    def among(self, boldness: float) -> Strength:
        """The same in a painting whose strokes are so bold, 0..1: see :func:`~.strokes.boldness`."""
        calm = (self.known - LEAST) / (1 - LEAST) * calmness(boldness)
        return replace(self, boldness=boldness, calm=calm)

    @property
    def chroma(self) -> float:
        """Of the way to the chroma of what it is matched with, 0..1."""
        return CHROMA * self.towards

    @property
    def lightness(self) -> float:
        """The same of its lightness."""
        return (LIGHTNESS_AMONG_BOLD + (LIGHTNESS - LIGHTNESS_AMONG_BOLD) * self.calm) * self.towards

    @property
    def tones(self) -> float:
        """Of the object's other tones and colours, what is given back, 0..1."""
        return self._left(TONES_HIDDEN) ** 2

    @property
    def detail(self) -> float:
        """Of its own strong detail, 0..1."""
        return DETAIL * self.known

    @property
    def lines(self) -> float:
        """How much its own lines are spared where strokes are weakened, 0..1."""
        return self._left(LINES_HIDDEN)

    def _left(self, hidden: float) -> float:
        """What is left, LEAST..1, where the boldest strokes hide so much of it."""
        return LEAST + (self.known - LEAST) * (1 - hidden * self.boldness)
