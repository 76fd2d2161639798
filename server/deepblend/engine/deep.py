"""The deep method: from the Poisson solution, coarse to fine, towards the background's texture.

The paper's losses (Zhang, Wen, Shi, WACV 2020: Poisson gradient, style, content) in a form that is normalised
by the mask, with the style taken as a covariance of features and a loss that holds the object's own tones and
colours; see docs/method.md. What is optimised is the change to the Poisson solution, inside the mask only.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from deepblend_protocol.settings import Settings
from torch import Tensor

from . import losses
from .lbfgs import LBFGS
from .memory import give_back
from .perception import GRID, Eye, Perception, Tick, View
from .region import Region

CLOSURES_COARSEST, CLOSURES_BASE, CLOSURES_DETAIL = 8, 4, 4
"""Evaluations of the loss on the level below the base, on the base, and on each finer one. These add detail alone: what
the base has decided stays as it is, in the mean of every 2 x 2 pixels. So an object looks the same at every size."""
DETAIL_LAYERS = 2
"""How many of the network's layers look at the detail: the deeper ones see what is decided."""
CONTEXT = 16
"""Pixels around Omega's box on each level that pass through the network with it. Twice as many change no figure."""

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

Watch = Callable[[float, dict[str, Tensor], Callable[[], tuple[Tensor, Tensor]]], bool]
"""Called after each evaluation, and after each tile of a large one, with progress 0..1, the weighted losses of the last
evaluation, and a function that gives the picture as it stands, reduced: colours (C, h, w) and alpha (h, w) over Omega's
box; returns True to stop."""


@dataclass(frozen=True)
class Refined:
    change: Tensor
    """(C, h, w), levels, over Omega's box: what is to be added to the reference; 0 outside Omega."""
    levels: list[dict[str, Any]]
    """size, closures, tiles (where there are several), seconds and last losses of each level, coarse to fine."""
    stopped: bool


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


class _Stopped(Exception):
    """The watcher wants no more."""


def refine(canvas: Canvas, style: Style | None, settings: Settings, eye: Eye, watch: Watch) -> Refined:
    """Bring the background's texture into a Poisson solution.

    Args:
        canvas: of the Poisson solution; of no use afterwards.
        style: None takes texture from the surroundings on every level.
    """
    factors = canvas.factors
    closures_of = [CLOSURES_COARSEST, CLOSURES_BASE, *[CLOSURES_DETAIL] * (len(factors) - 2)]
    work = [closures / factor**2 for closures, factor in zip(closures_of, factors, strict=True)]
    change: Tensor | None = None
    report: list[dict[str, Any]] = []
    stopped = False
    for k, factor in enumerate(factors):
        started = time.perf_counter()
        closures = closures_of[k]
        give_back()
        level = _Level(canvas, factor, factors[0], k > 1, settings)
        if change is not None:
            level.best = level.cut(_finer(change)) * level.omega
        done, share = sum(work[:k]) / sum(work), work[k] / sum(work)

        def tell(closure: float) -> None:
            progress = done + share * closure / closures  # noqa: B023
            if watch(progress, level.last, lambda: level.picture(level.best)):  # noqa: B023
                raise _Stopped

        try:
            level.begin(canvas, style, eye, lambda part: tell(0))
            if factor == 1:
                canvas.forget()
            level.optimise(closures, tell)
        except _Stopped:
            stopped = True
        change = level.whole(level.best)
        report.append(
            {
                "size": [level.reference.shape[-1], level.reference.shape[-2]],
                "closures": level.closures,
                "tiles": level.tiles(),
                "seconds": round(time.perf_counter() - started, 4),
                "losses": {name: float(value) for name, value in level.last.items()},
            }
        )
        if stopped:
            for _ in factors[k + 1 :]:
                change = _finer(change)
            break
    assert change is not None
    return Refined(canvas.inside(change), report, stopped)


def _factors(base: int) -> list[int]:
    """Reductions of the levels, coarse to fine: powers of two, from twice the base's down to 1."""
    return [2 * base >> k for k in range((2 * base).bit_length())]


def _finer(change: Tensor) -> Tensor:
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


def _filled(image: Tensor, alpha: Tensor) -> Tensor:
    """An image (C, H, W) with its mean colour where its alpha (H, W) is 0: what lies there must not leak in."""
    mean = (image * alpha).sum((1, 2), keepdim=True) / alpha.sum().clamp(min=1e-6)
    return torch.where(alpha > 0, image, mean)


@dataclass
class Canvas:
    """A Poisson solution and what is around it, on a grid that every level divides, replicated where the document ends.

    The grid is the document's: its lines lie at multiples of the coarsest level's step wherever Omega's box begins, so
    that a document twice as large has the same pixels on its coarse levels. Else the same object looks another.

    Shape:
        (1, C or 1, H, W) each.
    """

    picture: Tensor  # the reference, composited over the background
    background: Tensor
    known: Tensor  # the background's alpha, 0 beyond the document
    mask: Tensor
    box: tuple[int, int, int, int]  # Omega's on the canvas: top, bottom, left, right
    origin: tuple[int, int]  # x and y of the canvas in the document
    factors: list[int]  # the levels' reductions, coarse to fine

    @classmethod
    def around(cls, region: Region, reference: Tensor) -> Canvas:
        """The canvas of a blend.

        Args:
            reference: (C, H, W), levels; the Poisson solution on the region's arrays.
        """
        factors = _factors(region.reduction)
        step, context = factors[0] * GRID, factors[0] * CONTEXT
        lines: list[Tensor] = []
        for start, length in ((region.box.y, region.box.h), (region.box.x, region.box.w)):
            first, last = (start - context) // step * step, -(-(start + length + context) // step) * step
            lines.append(torch.arange(first, last, device=reference.device))
        y, x = (int(line[0]) for line in lines)
        top, left = region.box.y - y, region.box.x - x
        rows, columns = (line - start for line, start in zip(lines, (region.rect.y, region.rect.x), strict=True))
        height, width = region.mask.shape
        within = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))

        def spread(array: Tensor) -> Tensor:
            cut = array[..., rows.clamp(0, height - 1), :][..., columns.clamp(0, width - 1)]
            return cut.reshape(1, -1, *cut.shape[-2:])

        alpha = region.background_alpha
        background = _filled(region.background, alpha)
        return cls(
            picture=spread(background + region.mask * (reference - background)),
            background=spread(background),
            known=spread(alpha) * within,
            mask=spread(region.mask) * within,
            box=(top, top + region.box.h, left, left + region.box.w),
            origin=(x, y),
            factors=factors,
        )

    def forget(self) -> None:
        """Free what no further level needs: the finest one's own arrays are as large, and want the room."""
        del self.picture, self.background, self.known

    def inside(self, change: Tensor) -> Tensor:
        """A change on the canvas, (1, C, H, W), over Omega's box, 0 outside Omega: (C, h, w)."""
        top, bottom, left, right = self.box
        cut = (..., slice(top, bottom), slice(left, right))
        return (change[cut] * (self.mask[cut] > 0))[0]


class _Level:
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
        self.closures = 0
        self.last: dict[str, Tensor] = {}
        self.reference = self._reduced(canvas.picture)
        self.mask = self._reduced(canvas.mask)
        self.omega = (self.mask > 0).to(self.mask)
        self.best = torch.zeros_like(self.reference)
        """The change of the lowest loss so far."""
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

    def begin(self, canvas: Canvas, style: Style | None, eye: Eye, tick: Tick) -> None:
        """Have the network look at the reference and at the style."""
        if self._detail:
            eye = replace(eye, deepest=DETAIL_LAYERS)
        self._perception = Perception(eye, self.reference, self.mask, self._weights, tick)
        self._perception.target = self._target(canvas, style, eye, tick)

    def optimise(self, closures: int, tell: Callable[[float], None]) -> None:
        """So many evaluations of the loss; ``tell`` is told how many are done."""

        def evaluate(change: Tensor) -> tuple[Tensor, Tensor]:
            if self._detail:
                give_back()
            return self._evaluate(change, lambda part: tell(self.closures + part))

        optimiser = LBFGS(self.best, evaluate, precondition=self._smoother())
        tell(self.closures)
        while self.closures < closures:
            optimiser.step()
            self.best = optimiser.x
            tell(self.closures)

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

    def tiles(self) -> list[list[int]]:
        """x, y, width and height of the level's tiles in document pixels; none where it is in one piece."""
        if len(self._perception.tiles) == 1:
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
            for tile in self._perception.tiles
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

    def _target(self, canvas: Canvas, style: Style | None, eye: Eye, tick: Tick) -> list[losses.Moments]:
        if style is not None and style.scale * self._factor >= 0.999 and bool((style.alpha > 0).any()):
            image, alpha = _filled(style.image, style.alpha)[None], style.alpha[None, None]
            wanted = 1 / (self._factor * style.scale)
            size = [max(2 * GRID, round(side * wanted)) for side in image.shape[-2:]]
            if size != list(image.shape[-2:]):
                image, alpha = (
                    F.interpolate(a, size, mode="bilinear", antialias=True, align_corners=False) for a in (image, alpha)
                )
            below, right = (-side % GRID for side in size)
            image, alpha = F.pad(image, (0, right, 0, below), "replicate"), F.pad(alpha, (0, right, 0, below))
            return replace(eye, view=style.view).moments(image, alpha, tick)
        image = self._reduced(canvas.background)
        around = self._reduced(canvas.known * (canvas.mask == 0))
        if float(around.sum()) < GRID**2:  # nothing around it: what lies under the object must do
            around = self._reduced(canvas.known)
        if not bool((around > 0).any()):  # nor anything there: the object keeps its own texture
            return self._perception.start
        return eye.moments(image, around, tick)

    def _evaluate(self, change: Tensor, tick: Tick) -> tuple[Tensor, Tensor]:
        """The loss and its gradient in the change, (1, C, h, w), 0 outside Omega."""
        terms, gradient = self._perception.evaluate(self.reference + self.mask * change, tick)
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
        self.closures += 1
        self.last = {name: term.detach() for name, term in terms.items()}
        return torch.stack(list(self.last.values())).sum(), gradient.mul_(self.omega)

    def picture(self, change: Tensor) -> tuple[Tensor, Tensor]:
        """Colours (C, h, w) and alpha (h, w) over Omega's box."""
        rows, columns = self._box
        image, alpha = (
            _between(_between(array, -2, *rows), -1, *columns) for array in (self.reference + change, self.mask)
        )
        return image[0], alpha[0, 0]
