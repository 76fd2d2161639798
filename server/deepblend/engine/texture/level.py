"""One resolution of the texture stage: its constants, and the loss with its gradient."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from deepblend_protocol.settings import Settings
from torch import Tensor

from ..lbfgs import LBFGS
from ..memory import give_back
from ..network.as_srgb import View
from ..network.extractor import GRID, FeatureExtractor
from ..network.moments import Moments
from ..stages import within
from ..work import Picture
from . import losses
from .canvas import CONTEXT, Canvas, filled
from .perceptual_loss import PerceptualLoss

DETAIL_LAYERS = 2
"""How many of the network's layers look at the detail: the deeper ones see what is decided."""

# Found on a dozen pairs of object and ground, by figures and by eye; see docs/method.md.
WEIGHT_STYLE = 2.6
WEIGHT_CONTENT = 0.5
WEIGHT_GRADIENT = 23.0
WEIGHT_TONE = 12.0
WEIGHT_CHROMA = 20.0
STIFFNESS = 0.5
"""Curvature of the gradient loss, per squared eigenvalue of the Laplacian, over that of the others: about; it only
decides how fast the optimiser is."""
TONE_BLUR, CHROMA_BLUR = 4, 6
"""Pixels of the coarsest level: changes of light and of colour that are wider than this are held."""


@dataclass(frozen=True)
class Style:
    """The picture that texture comes from."""

    image: Tensor
    """(3, h, w), levels."""
    alpha: Tensor
    """(h, w), 0..1."""
    scale: float
    """Its samples per document pixel; finer levels take texture from the surroundings."""
    view: View


class Level:
    """One resolution: its constants, and the loss with its gradient."""

    def __init__(self, canvas: Canvas, factor: int, coarsest: int, detail: bool, settings: Settings) -> None:
        self._factor = factor
        self._detail = detail
        self._origin = canvas.origin
        self._finer = coarsest // factor
        step, context = GRID * factor, CONTEXT * factor
        top, bottom, left, right = canvas.box
        self._size = tuple(side // factor for side in canvas.mask.shape[-2:])
        self._cut = tuple(
            slice((first - context) // step * GRID, -(-(last + context) // step) * GRID)
            for first, last in ((top, bottom), (left, right))
        )
        self._box = tuple(
            (first / factor - cut.start, max(1, round((last - first) / factor)))
            for (first, last), cut in zip(((top, bottom), (left, right)), self._cut, strict=True)
        )
        """Where Omega's box begins in what is cut, and how long it is: rows, columns."""
        self.evaluations = 0
        self.last: dict[str, Tensor] = {}
        self.reference = self._reduced(canvas.picture)
        self.mask = self._reduced(canvas.mask)
        self.omega = (self.mask > 0).to(self.mask)
        self.best = torch.zeros_like(self.reference)
        """The change of the lowest loss so far, (1, C, h, w), levels."""
        self._area = self.mask.sum()
        strength = 8 * settings.style**3  # 1 at the default
        if detail:
            strength = min(strength, 1.0)  # a stronger one weaves: every other pixel lighter
        hold = 4 * settings.keep_colours**2  # likewise
        self._weights = {
            "style": WEIGHT_STYLE * strength,
            "content": WEIGHT_CONTENT,
            "grad": WEIGHT_GRADIENT,
            "tone": WEIGHT_TONE * hold,
            "chroma": WEIGHT_CHROMA * hold,
        }

    def begin(self, canvas: Canvas, style: Style | None, extractor: FeatureExtractor) -> Iterator[float]:
        """Have the network look at the reference and at the style; yields between tiles."""
        if self._detail:
            extractor = replace(extractor, deepest=DETAIL_LAYERS)
        self._perceptual = PerceptualLoss(extractor, self.reference, self.mask, self._weights)
        yield from self._perceptual.look_at_reference()
        self._perceptual.target = yield from self._target(canvas, style, extractor)

    def optimise(self, evaluations: int) -> Iterator[float]:
        """So many evaluations of the loss; yields how many are done, also between tiles."""
        optimiser = LBFGS(self.best, precondition=self._smoother())
        while self.evaluations < evaluations:
            loss, gradient = yield from self._evaluate(optimiser.ask())
            optimiser.tell(loss, gradient)
            del gradient
            self.best = optimiser.x
            yield self.evaluations

    def _smoother(self) -> Callable[[Tensor], Tensor]:
        """The inverse Hessian of the gradient loss and of a constant curvature for all others, but for a factor.

        The gradient loss, a squared Laplacian, is what makes the problem badly conditioned. Its Hessian is diagonal in
        frequency; what Omega cuts off is set to 0 before and after, which keeps the map symmetric.
        """
        rows, columns = self.reference.shape[-2:]
        per_row = 2 - 2 * torch.cos(2 * math.pi * torch.fft.fftfreq(rows, device=self.omega.device))
        per_column = 2 - 2 * torch.cos(2 * math.pi * torch.fft.rfftfreq(columns, device=self.omega.device))
        share = 1 / (1 + STIFFNESS * (per_row[:, None] + per_column).square())

        def smooth(gradient: Tensor) -> Tensor:
            smoothed = gradient * self.omega
            for channel in smoothed[0]:  # one at a time: the spectra of all are as much again
                channel.copy_(torch.fft.irfft2(torch.fft.rfft2(channel).mul_(share), s=(rows, columns)))
            return smoothed.mul_(self.omega)

        if not self._detail:
            return smooth
        return lambda gradient: self._without_means(smooth(self._without_means(gradient)))

    def _without_means(self, array: Tensor) -> Tensor:
        """An array less its mean in every 2 x 2 pixels, as far as these are Omega's: an orthogonal projection."""
        share = F.avg_pool2d(self.omega, 2).clamp(min=0.25)
        means = F.avg_pool2d(array * self.omega, 2) / share
        return (array - F.interpolate(means, scale_factor=2)) * self.omega

    def report(self) -> dict[str, Any]:
        """Of what has been done so far, JSON-ready."""
        return {
            "size": [self.reference.shape[-1], self.reference.shape[-2]],
            "evaluations": self.evaluations,
            "tiles": self._tiles(),
            "losses": {name: float(value) for name, value in self.last.items()},
        }

    def _tiles(self) -> list[list[int]]:
        """x, y, width and height of the level's tiles in document pixels; none where it is in one piece."""
        if len(self._perceptual.tiles) == 1:
            return []
        top, left = (cut.start for cut in self._cut)
        x0, y0 = self._origin
        return [
            [
                x0 + (left + tile.columns.start) * self._factor,
                y0 + (top + tile.rows.start) * self._factor,
                (tile.columns.stop - tile.columns.start) * self._factor,
                (tile.rows.stop - tile.rows.start) * self._factor,
            ]
            for tile in self._perceptual.tiles
        ]

    def _reduced(self, array: Tensor) -> Tensor:
        return F.avg_pool2d(self._cut_at(array, self._factor), self._factor)

    def _cut_at(self, array: Tensor, factor: int) -> Tensor:
        rows, columns = (slice(cut.start * factor, cut.stop * factor) for cut in self._cut)
        return array[..., rows, columns]

    def cut(self, array: Tensor) -> Tensor:
        """An array of the whole canvas at this level's resolution, cut to what the level works on."""
        return self._cut_at(array, 1)

    def whole(self, array: Tensor) -> Tensor:
        """The reverse of :meth:`cut`; zeros around."""
        result = array.new_zeros((*array.shape[:-2], *self._size))
        self.cut(result).copy_(array)
        return result

    def _target(
        self, canvas: Canvas, style: Style | None, extractor: FeatureExtractor
    ) -> Generator[float, None, list[Moments]]:
        """The texture to aim at: the style picture's where it is fine enough, else that of what is around.

        Yields between tiles.
        """
        if style is not None and style.scale * self._factor >= 0.999 and bool((style.alpha > 0).any()):
            image, alpha = filled(style.image, style.alpha)[None], style.alpha[None, None]
            wanted = 1 / (self._factor * style.scale)
            size = [max(2 * GRID, round(side * wanted)) for side in image.shape[-2:]]
            if size != list(image.shape[-2:]):
                image, alpha = (
                    F.interpolate(a, size, mode="bilinear", antialias=True, align_corners=False) for a in (image, alpha)
                )
            below, right = (-side % GRID for side in size)
            image, alpha = F.pad(image, (0, right, 0, below), "replicate"), F.pad(alpha, (0, right, 0, below))
            return (yield from replace(extractor, view=style.view).moments(image, alpha))
        image = self._reduced(canvas.background)
        around = self._reduced(canvas.background_alpha * (canvas.mask == 0))
        if float(around.sum()) < GRID**2:  # nothing around it: what lies under the object must do
            around = self._reduced(canvas.background_alpha)
        if not bool((around > 0).any()):  # nor anything there: the object keeps its own texture
            return self._perceptual.start
        return (yield from extractor.moments(image, around))

    def _evaluate(self, change: Tensor) -> Generator[float, None, tuple[Tensor, Tensor]]:
        """The loss and its gradient in the change, (1, C, h, w), 0 outside Omega; yields as :meth:`optimise` does."""
        if self._detail:
            give_back()
        done = self.evaluations
        terms, gradient = yield from within(
            self._perceptual.evaluate(self.reference + self.mask * change), done, done + 1
        )
        gradient *= self.mask
        of_pixels = {
            "grad": lambda d: losses.gradient(d, self._area),
            "tone": lambda d: losses.tone(d, self.mask, self._area, TONE_BLUR + 1, self._finer),
            "chroma": lambda d: losses.chroma(d, self.mask, self._area, CHROMA_BLUR + 1, self._finer),
        }
        change = change.detach().requires_grad_(True)
        for name, loss in of_pixels.items():  # one after the other: each graph is several times the change
            terms[name] = self._weights[name] * loss(change)
            gradient += torch.autograd.grad(terms[name], change)[0]
        self.evaluations += 1
        self.last = {name: term.detach() for name, term in terms.items()}
        return torch.stack(list(self.last.values())).sum(), gradient.mul_(self.omega)

    def picture(self, change: Tensor) -> Picture:
        """Colours (C, h, w) and alpha (h, w) over Omega's box."""
        rows, columns = self._box
        image, alpha = (
            _between(_between(array, -2, *rows), -1, *columns) for array in (self.reference + change, self.mask)
        )
        return image[0], alpha[0, 0]


def enlarged(change: Tensor) -> Tensor:
    """A change at twice the resolution whose means over 2 x 2 pixels are nearly the change."""
    fine = torch.zeros_like(change).repeat(1, 1, 2, 2)
    for _ in range(3):  # what the first enlargement has smoothed is enlarged and added
        left = change - F.avg_pool2d(fine, 2)
        fine += F.interpolate(left, scale_factor=2, mode="bilinear", align_corners=False)
    return fine


def _between(array: Tensor, axis: int, start: float, length: int) -> Tensor:
    """So many samples of an array from anywhere on, also from between two of its own."""
    first, part = int(start), start % 1
    cut = array.narrow(axis, first, length)
    return torch.lerp(cut, array.narrow(axis, first + 1, length), part) if part else cut
