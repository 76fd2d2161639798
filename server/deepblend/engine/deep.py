"""The deep method: from the Poisson solution, coarse to fine, towards the background's texture.

The paper's losses (Zhang, Wen, Shi, WACV 2020: Poisson gradient, style, content) in a form that is normalised
by the mask, with the style taken as a covariance of features and a loss that holds the object's own tones and
colours; see docs/method.md. What is optimised is the change to the Poisson solution, inside the mask only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from deepblend_protocol.settings import Settings
from torch import Tensor

from . import losses
from .features import STRIDES, Features
from .lbfgs import LBFGS
from .region import Region

COARSEST = 240
"""Pixels: the coarsest level is the first on which the longer side of Omega's box is no longer than this."""
CLOSURES_COARSEST, CLOSURES_FINER = 14, 4
"""Evaluations of the loss on the coarsest level, and on each finer one."""
CONTEXT = 16
"""Pixels around Omega's box on each level that pass through the network with it. Twice as many change no figure."""
_GRID = STRIDES[-1]

# Found on a dozen pairs of object and ground, by figures and by eye; see docs/method.md.
WEIGHT_STYLE = 2.5
WEIGHT_CONTENT = 0.5
WEIGHT_GRADIENT = 21.0
WEIGHT_TONE = 7.0
WEIGHT_CHROMA = 20.0
TONE_BLUR, CHROMA_BLUR = 4, 8
"""Pixels of the coarsest level: changes of light and of colour that are wider than this are held."""

Watch = Callable[[float, dict[str, Tensor], Callable[[], tuple[Tensor, Tensor]]], bool]
"""Called after each evaluation with progress 0..1, the weighted losses, and a function that gives the picture as it
stands, reduced: colours (C, h, w) and alpha (h, w) over Omega's box; returns True to stop."""


@dataclass(frozen=True)
class Refined:
    image: Tensor
    """(C, H, W), levels: the reference with its change."""
    levels: list[dict[str, Any]]
    """size, closures, seconds and last losses of each level, coarse to fine."""
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


def refine(
    reference: Tensor, region: Region, style: Style | None, settings: Settings, network: Features, watch: Watch
) -> Refined:
    """Bring the background's texture into a Poisson solution.

    Args:
        reference: (C, H, W), levels; the Poisson solution on the region's arrays.
        style: None takes texture from the surroundings on every level.
    """
    factors = _factors(max(region.box.w, region.box.h))
    canvas = _Canvas.around(region, reference, factors[0])
    work = [(CLOSURES_FINER if k else CLOSURES_COARSEST) / factor**2 for k, factor in enumerate(factors)]
    change: Tensor | None = None
    report: list[dict[str, Any]] = []
    stopped = False
    for k, factor in enumerate(factors):
        started = time.perf_counter()
        level = _Level(canvas, factor, factors[0], style, settings, network)
        start = torch.zeros_like(level.reference) if change is None else level.cut(_finer(change)) * level.omega
        closures = CLOSURES_FINER if k else CLOSURES_COARSEST
        done, share = sum(work[:k]) / sum(work), work[k] / sum(work)
        optimiser = LBFGS(start, level.evaluate)
        for closure in range(1, closures + 1):
            if closure > 1:
                optimiser.step()
            picture = lambda: level.picture(optimiser.x)  # noqa: B023, E731
            if watch(done + share * closure / closures, level.last, picture):
                stopped = True
                break
        change = level.whole(optimiser.x)
        report.append(
            {
                "size": [level.reference.shape[-1], level.reference.shape[-2]],
                "closures": level.closures,
                "seconds": round(time.perf_counter() - started, 4),
                "losses": {name: float(value) for name, value in level.last.items()},
            }
        )
        if stopped:
            for _ in factors[k + 1 :]:
                change = _finer(change)
            break
    assert change is not None
    return Refined(canvas.add(reference, change, region), report, stopped)


def _factors(longer_side: int) -> list[int]:
    """Reductions of the levels, coarse to fine: powers of two down to 1."""
    factor = 1
    while longer_side / factor > COARSEST:
        factor *= 2
    return [factor >> k for k in range(factor.bit_length())]


def _finer(change: Tensor) -> Tensor:
    return F.interpolate(change, scale_factor=2, mode="bilinear", align_corners=False)


def _filled(image: Tensor, alpha: Tensor) -> Tensor:
    """An image (C, H, W) with its mean colour where its alpha (H, W) is 0: what lies there must not leak in."""
    mean = (image * alpha).sum((1, 2), keepdim=True) / alpha.sum().clamp(min=1e-6)
    return torch.where(alpha > 0, image, mean)


@dataclass(frozen=True)
class _Canvas:
    """The region on a grid that every level divides, replicated where the document ends. Arrays (1, C or 1, H, W)."""

    picture: Tensor  # the reference, composited over the background
    background: Tensor
    known: Tensor  # the background's alpha, 0 beyond the document
    mask: Tensor
    box: tuple[int, int, int, int]  # Omega's on the canvas: top, bottom, left, right

    @classmethod
    def around(cls, region: Region, reference: Tensor, coarsest: int) -> _Canvas:
        step, context = coarsest * _GRID, CONTEXT * coarsest
        y, x = region.box.y - region.rect.y, region.box.x - region.rect.x
        rows, columns = (
            torch.arange(start - context, start - context + -(-(length + 2 * context) // step) * step)
            for start, length in ((y, region.box.h), (x, region.box.w))
        )
        top, left = y - int(rows[0]), x - int(columns[0])
        rows, columns = rows.to(reference.device), columns.to(reference.device)
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
        )

    def add(self, reference: Tensor, change: Tensor, region: Region) -> Tensor:
        """The reference (C, H, W), on the region, with a change (1, C, H, W), on the canvas, inside Omega."""
        image = reference.clone()
        top, bottom, left, right = self.box
        inside = (change * (self.mask > 0))[0, :, top:bottom, left:right]
        region.in_box(image).add_(inside)
        return image


class _Level:
    """One resolution: its constants, and the loss with its gradient."""

    def __init__(
        self, canvas: _Canvas, factor: int, coarsest: int, style: Style | None, settings: Settings, network: Features
    ) -> None:
        self._network = network
        self._factor = factor
        self._finer = coarsest // factor
        step, context = _GRID * factor, CONTEXT * factor
        top, bottom, left, right = canvas.box
        self._size = tuple(side // factor for side in canvas.mask.shape[-2:])
        self._cut = tuple(
            slice((first - context) // step * _GRID, -(-(last + context) // step) * _GRID)
            for first, last in ((top, bottom), (left, right))
        )
        self._box = tuple(
            slice(int(first / factor) - cut.start, max(int(first / factor) + 1, round(last / factor)) - cut.start)
            for (first, last), cut in zip(((top, bottom), (left, right)), self._cut, strict=True)
        )
        self.closures = 0
        self.last: dict[str, Tensor] = {}
        self.reference = self._reduced(canvas.picture)
        self.mask = self._reduced(canvas.mask)
        self.omega = (self.mask > 0).to(self.mask)
        self._area = self.mask.sum()
        self._masks = _pyramid(self.mask)
        strength = 8 * settings.style**3  # 1 at the default
        hold = 4 * settings.keep_colours**2  # likewise
        self._weights = {
            "style": WEIGHT_STYLE * strength,
            "content": WEIGHT_CONTENT,
            "grad": WEIGHT_GRADIENT,
            "tone": WEIGHT_TONE * hold,
            "chroma": WEIGHT_CHROMA * hold,
        }
        with torch.no_grad():
            self._start = self._features(self.reference)
            self._first = [losses.moments(f, m) for f, m in zip(self._start, self._masks, strict=True)]
            self._target = self._style_moments(canvas, style)

    def _reduced(self, array: Tensor) -> Tensor:
        return self.cut(F.avg_pool2d(array, self._factor))

    def cut(self, array: Tensor) -> Tensor:
        """An array of the whole canvas at this level's resolution, cut to what the level works on."""
        return array[..., self._cut[0], self._cut[1]]

    def whole(self, array: Tensor) -> Tensor:
        """The reverse of :meth:`cut`; zeros around."""
        result = array.new_zeros((*array.shape[:-2], *self._size))
        self.cut(result).copy_(array)
        return result

    def _style_moments(self, canvas: _Canvas, style: Style | None) -> list[losses.Moments]:
        if style is not None and style.scale * self._factor >= 0.999 and bool((style.alpha > 0).any()):
            image, alpha = _filled(style.image, style.alpha)[None], style.alpha[None, None]
            wanted = 1 / (self._factor * style.scale)
            size = [max(2 * _GRID, round(side * wanted)) for side in image.shape[-2:]]
            if size != list(image.shape[-2:]):
                image, alpha = (
                    F.interpolate(a, size, mode="bilinear", antialias=True, align_corners=False) for a in (image, alpha)
                )
            return [losses.moments(f, m) for f, m in zip(self._features(image), _pyramid(alpha), strict=True)]
        image = self._reduced(canvas.background)
        around = self._reduced(canvas.known * (canvas.mask == 0))
        if float(around.sum()) < _GRID**2:  # nothing around it: what lies under the object must do
            around = self._reduced(canvas.known)
        if not bool((around > 0).any()):  # nor anything there: the object keeps its own texture
            return self._first
        return [losses.moments(f, m) for f, m in zip(self._features(image), _pyramid(around), strict=True)]

    def _features(self, image: Tensor) -> list[Tensor]:
        return self._network(image.clamp(0, 255).expand(-1, 3, -1, -1))

    def evaluate(self, change: Tensor) -> tuple[Tensor, Tensor]:
        """The loss and its gradient in the change, (1, C, h, w), 0 outside Omega."""
        self.closures += 1
        change = change.detach().requires_grad_(True)
        terms = self._terms(change)
        loss = torch.stack(list(terms.values())).sum()
        (gradient,) = torch.autograd.grad(loss, change)
        self.last = {name: term.detach() for name, term in terms.items()}
        return loss.detach(), gradient * self.omega

    def _terms(self, change: Tensor) -> dict[str, Tensor]:
        features = self._features(self.reference + self.mask * change)
        moments = [losses.moments(f, m) for f, m in zip(features, self._masks, strict=True)]
        by_layer = [losses.style(*three) for three in zip(moments, self._target, self._first, strict=True)]
        terms = {
            "style": torch.stack(by_layer).mean(),
            "content": losses.content(features[1], self._start[1], self._masks[1]),
            "grad": losses.gradient(change, self._area),
            "tone": losses.tone(change, self.mask, self._area, TONE_BLUR * self._finer + 1),
            "chroma": losses.chroma(change, self.mask, self._area, CHROMA_BLUR * self._finer + 1),
        }
        return {name: self._weights[name] * term for name, term in terms.items()}

    def picture(self, change: Tensor) -> tuple[Tensor, Tensor]:
        """Colours (C, h, w) and alpha (h, w) over Omega's box."""
        rows, columns = self._box
        return (self.reference + change)[0, :, rows, columns], self.mask[0, 0, rows, columns]


def _pyramid(mask: Tensor) -> list[Tensor]:
    """A mask at the network's strides."""
    levels = [mask]
    for _ in STRIDES[1:]:
        levels.append(F.avg_pool2d(levels[-1], 2))
    return levels
