"""One resolution of a repainting: what it begins with, and the loss with its gradient."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..colour import luma
from ..lbfgs import LBFGS
from ..network.as_srgb import View
from ..network.extractor import GRID, FeatureExtractor
from ..request import Rect
from ..stages import within
from ..work import Picture
from .canvas import CONTEXT, Canvas, filled
from .coloured_grain import calmed
from .octaves import PaintedOctave, enlarged, gauss, strong_detail
from .patches import laid
from .perceptual_loss import PerceptualLoss
from .strength import Strength
from .strokes import Found, as_strong
from .tones import Tones, vivid

# Found on twelve paintings with an object each, by judges that are not the network, and by eye; see docs/method.md.
WEIGHT_STYLE = 8.0
WEIGHT_NEIGHBOURS = 0.5
KEYS = 8000
"""Of the painting's features on each layer, those that places are matched with."""
DEEPEST_ON_BASE = 3
"""Of LAYERS, those that are looked at on the base: what relu4_3 says of an object is settled on the coarser levels."""
NEAR_PX = 80_000
"""Of a larger painting the network sees so many pixels at least, those around where the object lies."""
FIRST_STEP = 15.0
"""Levels."""
CHROMA_GAIN = 1.5
"""What its chroma is multiplied by at most where it would be duller than before."""


@dataclass(frozen=True)
class Style:
    """The picture that strokes and colours come from."""

    image: Tensor
    """(C, h, w), levels."""
    alpha: Tensor
    """(h, w), 0..1."""
    scale: float
    """Its samples per document pixel; finer levels take the surroundings."""
    view: View
    place: Rect | None = None
    """Where Omega's box lies in its samples; None where it is another picture."""


class Level:
    """The painted colours of the layer at one resolution: ``painted`` is the best so far, (1, C, h, w), levels."""

    def __init__(self, canvas: Canvas, factor: int, base: int) -> None:
        """
        Args:
            factor: the level's reduction.
            base: the base's, whose pixels lengths are counted in.
        """
        self._factor = factor
        self._finer = base / factor
        step, context, box = GRID * factor, CONTEXT * factor, canvas.box
        sides = ((box.y, box.bottom), (box.x, box.right))
        self._cut = tuple(
            slice((first - context) // step * GRID, -(-(last + context) // step) * GRID) for first, last in sides
        )
        """Rows and columns of the level, counted from the document's corner."""
        self._box = tuple(
            (first / factor - cut.start, max(1, round((last - first) / factor)))
            for (first, last), cut in zip(sides, self._cut, strict=True)
        )
        """Where Omega's box begins in what is cut, and how long it is: rows, columns."""
        self.evaluations = 0
        self.last: dict[str, Tensor] = {}
        self.mask = self._reduced(canvas, canvas.mask, beyond=False)
        self._omega = (self.mask > 0).to(self.mask)
        self._seamless = self._reduced(canvas, canvas.layer)
        self._background = self._reduced(canvas, canvas.background)
        self.painted = self._seamless
        self._shifted: Tensor | None = None
        """How the seamless blend has been recoloured, (1, C, h, w), levels."""
        self._perceptual: PerceptualLoss | None = None
        self._seen: tuple[Any, slice, slice] = ..., slice(None), slice(None)
        """The part of the painting that the network has looked at."""
        self._found: tuple[Found, bool] | None = None
        """What the object is like, and whether in the style picture: else pixels count from the document's corner."""

    def begin(
        self,
        canvas: Canvas,
        style: Style | None,
        coarser: Level | None,
        extractor: FeatureExtractor,
        strength: Strength,
    ) -> Iterator[float]:
        """Begin with the enlarged coarser picture, which ``painted`` is, and find each place's neighbours.

        Yields between tiles, and between parts of the octave that is laid.
        """
        if self._finer == 1:
            extractor = replace(extractor, deepest=DEEPEST_ON_BASE)
        painting, weight, view = self.painting(canvas, style)
        seen_as = extractor if view is None else replace(extractor, view=view)
        rows, columns = (slice(0, side) for side in weight.shape[-2:])
        if view is not None and style is not None and style.place is not None:
            rows, columns = around(style.place.scaled(1 / (self._factor * style.scale)), weight)
        self._seen = ..., rows, columns
        examined = yield from seen_as.examine(painting[self._seen], weight[self._seen], KEYS)
        begun = gauss(self._seamless, 1.0) if coarser is None else self.painted
        weights = {"style": WEIGHT_STYLE, "neighbours": WEIGHT_NEIGHBOURS}
        self._perceptual = PerceptualLoss(extractor, self.mask, examined, weights)
        yield from self._perceptual.match(self._composite(self._seamless), self._composite(begun))
        found = self._perceptual.strokes_found()
        seen_from = torch.tensor([rows.start, columns.start], device=found.places.device)
        self._found = found._replace(places=found.places + seen_from + self._corner(view)), view is not None
        if coarser is None and strength.towards > 0:
            self._recolour(strength)
            begun = gauss(self._seamless, 1.0)
        self.painted = begun
        yield from self._lay(painting, weight, coarser, strength)

    def _recolour(self, strength: Strength) -> None:
        """Move the seamless blend's lightness, and its chroma where that is not vivid, towards the neighbours'."""
        assert self._perceptual is not None
        apart = self._perceptual.neighbours_apart(self._composite(self._seamless))
        lighter = luma(apart)
        chroma = (1 - vivid(self._seamless)) * (apart - lighter)
        self._shift(strength.lightness * lighter + strength.chroma * chroma)

    def _shift(self, colours: Tensor) -> None:
        """Add a change of colours to the seamless blend, which gets no duller: a mean of chroma is greyer than it."""
        self._shifted = colours
        lighter, light = luma(colours), luma(self._seamless)
        own = self._seamless - light
        moved = own + (colours - lighter) * self._omega
        before, after = (chroma.square().sum(1, keepdim=True).sqrt() for chroma in (own, moved))
        chroma = moved * (before / after.clamp(min=1.0)).clamp(1.0, CHROMA_GAIN)
        self._seamless = (light + lighter * self._omega + chroma).clamp(0, 255)

    def follow(self, coarser: Level) -> None:
        """Take over a coarser level's picture, how it has recoloured the seamless blend, and what it found."""
        self.painted = self.enlarged(coarser)
        if coarser._found is not None:
            found, in_style = coarser._found
            self._found = found._replace(places=2 * found.places), in_style
        if coarser._shifted is not None:
            self._shift(self._own(enlarged(coarser._shifted), coarser))

    def enlarged(self, coarser: Level) -> Tensor:
        """A coarser level's picture on this one's pixels."""
        return self._own(enlarged(coarser.painted), coarser)

    def optimise(self, evaluations: int, strength: Strength) -> Iterator[float]:
        """So many evaluations of the loss; yields how many are done, also between tiles."""
        begun = self.painted
        tones = self._tones(strength)
        optimiser = LBFGS(torch.zeros_like(begun), first_step=FIRST_STEP)
        while self.evaluations < evaluations:
            loss, gradient = yield from self._evaluate(begun, optimiser.ask())
            optimiser.tell(loss, gradient)
            self.painted = tones.given_back(begun + optimiser.x)
            yield self.evaluations

    def _tones(self, strength: Strength) -> Tones:
        return Tones(self._seamless, self._omega, strength.tones, strength.known, self._finer)

    def hold_wide(self, strength: Strength) -> None:
        """Make what is wide and no stroke less, see :meth:`Tones.wide_held`."""
        self.painted = self._tones(strength).wide_held(self.painted)

    def lay_patches(self, canvas: Canvas, style: Style | None, strength: Strength) -> None:
        """Lay the picture anew with patches of its painting, see :func:`laid`; the less the calmer that is."""
        if strength.calm < 1:
            painting, weight, _ = self.painting(canvas, style)
            new = laid(self.painted, painting, weight, self._omega)
            self.painted = torch.lerp(new, self.painted, strength.calm)

    def calm(self, canvas: Canvas, style: Style | None) -> None:
        """Take coloured grain away, down to what the painting has of it, see :func:`calmed`."""
        painting, weight, _ = self.painting(canvas, style)
        theirs = painting[self._seen], weight[self._seen]
        self.painted = calmed(self.painted, self._seamless, *theirs, self._omega)

    def strengthen(self, canvas: Canvas, style: Style | None, strength: Strength) -> None:
        """Give strokes the strength that the painting's have, see :func:`as_strong`."""
        painting, weight, view = self.painting(canvas, style)
        found = None
        if self._found is not None and self._found[1] == (view is not None):
            found = self._found[0]
            found = found._replace(places=found.places - self._corner(view))
        self.painted = as_strong(self.painted, self._seamless, painting, weight, self._omega, strength, found)

    def _corner(self, view: View | None) -> Tensor:
        """Row and column, (2,), of where a painting begins: the style picture's own, or of the document."""
        start = [0, 0] if view is not None else [cut.start for cut in self._cut]
        return torch.tensor(start, device=self.mask.device)

    def lay_octave(self, canvas: Canvas, style: Style | None, coarser: Level, strength: Strength) -> Iterator[float]:
        """Give the enlarged coarser picture, which ``painted`` is, its finest octave without the network.

        Yields the part that is done, 0..1, where it takes a while.
        """
        painting, weight, _ = self.painting(canvas, style)
        yield from self._lay(painting, weight, coarser, strength)

    def _lay(self, painting: Tensor, weight: Tensor, coarser: Level | None, strength: Strength) -> Iterator[float]:
        """The finest octave: the painting's, where there is a coarser level, and the object's where it is strong.

        Nothing else of the photograph's detail comes back.
        """
        laid = strength.detail * strong_detail(self._seamless, painting, weight)
        if coarser is not None:
            coarse, thin = (F.avg_pool2d(array, 2) for array in (painting, weight))
            octave = yield from PaintedOctave(coarse, painting, thin).of(coarser.painted, self._under_omega(coarser))
            laid = laid + self._own(octave, coarser)
        self.painted = self.painted + laid * self._omega

    def _under_omega(self, coarser: Level) -> Tensor:
        """(1, 1, h, w): where a coarser level's pixels lie under this one's Omega."""
        under = torch.zeros_like(coarser.mask)
        small = F.max_pool2d(self._omega, 2)  # the sides are multiples of GRID, as the corners are
        rows, columns = (
            slice(own.start // 2 - wide.start, own.stop // 2 - wide.start)
            for own, wide in zip(self._cut, coarser._cut, strict=True)
        )
        under[..., rows, columns] = small
        return under

    def _composite(self, layer: Tensor) -> Tensor:
        return torch.lerp(self._background, layer, self.mask)

    def _evaluate(self, begun: Tensor, change: Tensor) -> Generator[float, None, tuple[Tensor, Tensor]]:
        """The loss and its gradient in the change, (1, C, h, w), 0 outside Omega; yields as :meth:`optimise` does."""
        assert self._perceptual is not None
        done = self.evaluations
        image = self._composite(begun + change)
        terms, gradient = yield from within(self._perceptual.evaluate(image), done, done + 1)
        self.evaluations += 1
        self.last = {name: term.detach() for name, term in terms.items()}
        return torch.stack(list(self.last.values())).sum(), gradient.mul_(self.mask)

    def painting(self, canvas: Canvas, style: Style | None) -> tuple[Tensor, Tensor, View | None]:
        """The picture that strokes come from at this resolution, its weight, and how the network sees it.

        The style picture where it is fine enough, else what is around; None sees it as the background is seen.

        Shape:
            (1, C, h, w), levels; (1, 1, h, w), 0..1, somewhere above 0.
        """
        factor = self._factor
        if style is not None and style.scale * factor >= 0.999 and bool((style.alpha > 0).any()):
            image, alpha = filled(style.image, style.alpha)[None], style.alpha[None, None]
            size = [max(2 * GRID, round(side / (factor * style.scale))) for side in image.shape[-2:]]
            if size != list(image.shape[-2:]):
                image, alpha = (
                    F.interpolate(a, size, mode="bilinear", antialias=True, align_corners=False) for a in (image, alpha)
                )
            below, right = (-side % GRID for side in size)
            return F.pad(image, (0, right, 0, below), "replicate"), F.pad(alpha, (0, right, 0, below)), style.view
        around = self._reduced(canvas, canvas.background_alpha * (canvas.mask == 0), beyond=False)
        if float(around.sum()) < GRID**2:  # nothing around it: what lies under the object must do
            around = self._reduced(canvas, canvas.background_alpha, beyond=False)
        if not bool((around > 0).any()):  # nor anything there: the object is its own painting
            return self._seamless, self._omega, None
        return self._background, around, None

    def report(self) -> dict[str, Any]:
        """Of what has been done so far, JSON-ready."""
        return {
            "size": [self.mask.shape[-1], self.mask.shape[-2]],
            "evaluations": self.evaluations,
            "tiles": self._tiles(),
            "losses": {name: float(value) for name, value in self.last.items()},
        }

    def _tiles(self) -> list[list[int]]:
        """x, y, width and height of the level's tiles in document pixels; none where it is in one piece."""
        if self._perceptual is None or len(self._perceptual.tiles) == 1:
            return []
        top, left = (cut.start for cut in self._cut)
        return [
            [
                (left + tile.columns.start) * self._factor,
                (top + tile.rows.start) * self._factor,
                (tile.columns.stop - tile.columns.start) * self._factor,
                (tile.rows.stop - tile.rows.start) * self._factor,
            ]
            for tile in self._perceptual.tiles
        ]

    def _reduced(self, canvas: Canvas, array: Tensor, beyond: bool = True) -> Tensor:
        rows, columns = self._cut
        return canvas.reduced(array, self._factor, rows, columns, beyond)

    def _own(self, finer: Tensor, coarser: Level) -> Tensor:
        """This level's part of what has been made of a coarser level at twice its resolution.

        The coarser one reaches farther on every side, by more than a cubic looks at.
        """
        rows, columns = (
            slice(own.start - 2 * wide.start, own.stop - 2 * wide.start)
            for own, wide in zip(self._cut, coarser._cut, strict=True)
        )
        return finer[..., rows, columns]

    def picture(self) -> Picture:
        """Colours (C, h, w) and alpha (h, w) over Omega's box."""
        rows, columns = self._box
        image, alpha = (_between(_between(array, -2, *rows), -1, *columns) for array in (self.painted, self.mask))
        return image[0], alpha[0, 0]


def _between(array: Tensor, axis: int, start: float, length: int) -> Tensor:
    """So many samples of an array from anywhere on, also from between two of its own."""
    first, part = int(start), start % 1
    cut = array.narrow(axis, first, length)
    return torch.lerp(cut, array.narrow(axis, first + 1, length), part) if part else cut


def around(place: Rect, weight: Tensor) -> tuple[slice, slice]:
    """Rows and columns of the part of a painting around a place in it that has a weight of NEAR_PX, or of all of it.

    Shape:
        weight: (1, 1, h, w); both sides, and the result's, are multiples of GRID.
    """
    height, width = weight.shape[-2:]
    for margin in range(2 * GRID, max(height, width), 2 * GRID):
        seen = place.grown(margin)
        rows, columns = (
            slice(max(0, first // GRID * GRID), max(0, min(side, -(-last // GRID) * GRID)))
            for first, last, side in ((seen.y, seen.bottom, height), (seen.x, seen.right, width))
        )
        if float(weight[..., rows, columns].sum()) >= NEAR_PX:
            return rows, columns
    return slice(0, height), slice(0, width)
