"""The published two-pass algorithm (Zhang, Wen, Shi: Deep Image Blending, WACV 2020) as its public code runs.

Pass 1 starts from noise and makes the object seamless: gradient, style, content and
total variation losses. Pass 2 starts from its result in 8 bits and refines the texture
of the whole picture: style, and a content loss that as published is always 0. Both run
torch's L-BFGS with its defaults until more than ``num_steps`` closures. What is odd in
that is a switch of ``deepblend_protocol.settings.PaperSettings``.

Two traits of that code are left out, since they change nothing at its own settings: it
multiplies the content loss by its weight twice (the weight is 1), and its second pass
resizes everything to 512 x 512 (it has that size already).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

import torch
import torch.nn.functional as F
from deepblend_protocol.errors import MaskEmpty
from deepblend_protocol.settings import PaperSettings
from torch import Tensor

from .features import STRIDES, Features
from .paper_losses import (
    content_loss,
    gradient_loss,
    gram,
    histogram_loss,
    laplacian,
    quantiles,
    style_loss,
    total_variation,
)
from .request import Rect

FIRST, SECOND = "first pass", "second pass"
_CLOSURES_A_STEP = 20  # torch.optim.LBFGS: max_iter, each with one evaluation

Losses = dict[str, Tensor]
"""Weighted losses by name (grad, style, content, tv, hist), one value each, on the device."""
OnClosure = Callable[[float, str, Losses, Callable[[], Tensor]], bool | None]
"""Called after each closure with progress 0..1 (1 is never reached), the pass, its losses, and
a function that gives the picture (3, H, W) as it stands; returns True to stop."""
_Picture = Callable[[Tensor], Tensor]
_T = TypeVar("_T")


@dataclass(frozen=True)
class PaperResult:
    """What the passes came to; pictures are whole, (3, H, W) in levels 0..255, not rounded."""

    first: Tensor
    second: Tensor | None
    """None where there was no second pass."""
    history: dict[str, dict[str, list[float]]] = field(repr=False)
    """By pass and name, the weighted loss at every closure."""
    closures: int
    """In both passes together."""
    stopped: bool
    """True where ``on_closure`` ended the run; the picture is then the one of that pass's lowest loss."""
    restarted: tuple[str, ...]
    """The passes in which L-BFGS, which searches no line here, ran off to infinity (the published code
    then gives a picture of NaN) and was begun anew from the picture of the lowest loss."""

    @property
    def last(self) -> Tensor:
        """The second pass's picture, or the first's where there is no other."""
        return self.first if self.second is None else self.second


def run(
    source: Tensor,
    mask: Tensor,
    target: Tensor,
    settings: PaperSettings,
    network: Features,
    on_closure: OnClosure | None = None,
    square: Rect | None = None,
) -> PaperResult:
    """Blend ``source`` into ``target`` by the published algorithm.

    Same input, settings and thread count: same output, bit for bit on the CPU.

    Args:
        source: (3, H, W), the source in its place on the target's canvas, 0 beyond it; levels 0..255.
        mask: (H, W), 0..1; above 0 counts as 1 unless ``settings.soft_mask``.
        target: (3, H, W), levels 0..255. All arrays and the network lie on its device.
        network: from ``features.load`` with ``normalised=settings.normalised_input``.
        on_closure: see :data:`OnClosure`.
        square: the part of the canvas that the source covers, where the content loss is
            taken; None is the whole canvas.

    Raises MaskEmpty.
    """
    if not (mask > 0).any():
        raise MaskEmpty()
    # In one memory layout, (1, C, H, W): torch's L-BFGS flattens its image by view.
    source, mask, target = (
        source[None].contiguous(),
        mask[None, None].to(target).contiguous(),
        target[None].contiguous(),
    )
    inside = mask if settings.soft_mask else (mask > 0).to(target)
    reference = _Reference(target, inside, network, settings.recompute_constants)
    watch = _Watch(1 + settings.second_pass, settings.num_steps, on_closure)

    losses, picture = _first_pass(source, inside, target, settings, network, reference, square)
    noise = torch.randn(target.shape, generator=torch.Generator().manual_seed(settings.seed)).to(target)
    image = watch.minimise(FIRST, noise, losses, picture)
    first = picture(image.clamp(0, 255))
    if watch.stopped or not settings.second_pass:
        return watch.result(first[0], None)

    start = eight_bit(first)
    losses, picture = _second_pass(start, inside, target, settings, network, reference)
    image = watch.minimise(SECOND, start.clone(), losses, picture)
    second = picture(image.clamp(0, 255))
    return watch.result(first[0], second[0])


def eight_bit(picture: Tensor) -> Tensor:
    """The picture in whole levels 0..255: cut off, not rounded, as published."""
    return picture.clamp(0, 255).floor()


def _first_pass(
    source: Tensor,
    inside: Tensor,
    target: Tensor,
    s: PaperSettings,
    network: Features,
    reference: _Reference,
    square: Rect | None,
) -> tuple[Callable[[Tensor], Losses], _Picture]:
    """The losses of the free image, and the composite that it makes."""
    outside = target * (1 - inside)
    guidance = laplacian(source) * inside + laplacian(target) * (1 - inside)
    x, y, w, h = square or Rect(0, 0, target.shape[3], target.shape[2])
    cut = (..., slice(y, y + h), slice(x, x + w))
    depth = _depth(h, w, 2)
    object_features = _constant(lambda: network(source[cut] * inside[cut], depth)[-1], s.recompute_constants)

    def picture(image: Tensor) -> Tensor:
        return image * inside + outside

    def losses(image: Tensor) -> Losses:
        blend = picture(image)
        parts: Losses = {}
        blend_features = cache(lambda: network(blend, reference.depth))
        if s.grad_weight:
            parts["grad"] = s.grad_weight * gradient_loss(blend, guidance)
        if s.style_weight:
            styled = blend_features() if s.style_of_composite else network(image, reference.depth)
            parts["style"] = s.style_weight * style_loss(styled, reference.grams())
        if s.content_weight:
            features = network(blend[cut] * inside[cut], depth)[-1]
            parts["content"] = s.content_weight * content_loss(features, object_features())
        if s.tv_weight:
            parts["tv"] = s.tv_weight * total_variation(blend)
        if s.hist_weight:
            parts["hist"] = s.hist_weight * histogram_loss(blend_features(), reference.cells(), reference.tables())
        return parts

    return losses, picture


def _second_pass(
    start: Tensor, inside: Tensor, target: Tensor, s: PaperSettings, network: Features, reference: _Reference
) -> tuple[Callable[[Tensor], Losses], _Picture]:
    """The losses of the image, and the picture that it makes: itself, unless the background is fixed."""
    content_layer = min(2, reference.depth) - 1
    start_features = _constant(lambda: network(start, content_layer + 1)[-1], s.recompute_constants)

    def picture(image: Tensor) -> Tensor:
        return torch.where(inside > 0, image, target) if s.second_background_fixed else image

    def losses(image: Tensor) -> Losses:
        blend = picture(image)
        parts: Losses = {}
        features = cache(lambda: network(blend, reference.depth))
        if s.second_style_weight:
            parts["style"] = s.second_style_weight * style_loss(features(), reference.grams())
        if s.second_content_weight:
            own = features()[content_layer]
            wanted = start_features() if s.second_content_of_first else own  # as published: with itself
            parts["content"] = s.second_content_weight * content_loss(own, wanted)
        if s.second_tv_weight:
            parts["tv"] = s.second_tv_weight * total_variation(blend)
        if s.second_hist_weight:
            parts["hist"] = s.second_hist_weight * histogram_loss(features(), reference.cells(), reference.tables())
        return parts

    return losses, picture


class _Reference:
    """What the style and histogram losses take from the target."""

    def __init__(self, target: Tensor, inside: Tensor, network: Features, anew: bool) -> None:
        height, width = target.shape[2:]
        self.depth = _depth(height, width, len(STRIDES))
        self._target, self._inside, self._network = target, inside, network
        self.grams = _constant(self._grams, anew)
        self.tables = _constant(self._tables, anew)
        self.cells = _constant(self._cells, False)

    def _grams(self) -> list[Tensor]:
        return [gram(layer) for layer in self._network(self._target, self.depth)]

    def _tables(self) -> list[Tensor]:
        layers = self._network(self._target, self.depth)
        return [quantiles(f.flatten(2)[0], len(cells)) for f, cells in zip(layers, self.cells(), strict=True)]

    def _cells(self) -> list[Tensor]:
        """Per layer the indices of the cells that hold a pixel of the mask; never none."""
        height, width = self._inside.shape[2:]
        sizes = [(height // stride, width // stride) for stride in STRIDES[: self.depth]]
        return [F.adaptive_max_pool2d(self._inside, size).flatten().nonzero().flatten() for size in sizes]


class _EndedError(Exception):
    """Leaves torch.optim.LBFGS, which has no other way out between two closures."""


class _Watch:
    """Runs the passes, keeps their losses and tells the observer."""

    def __init__(self, passes: int, num_steps: int, on_closure: OnClosure | None) -> None:
        self.stopped = False
        self._num_steps = num_steps
        self._on_closure = on_closure
        self._a_pass = _CLOSURES_A_STEP * math.ceil((num_steps + 1) / _CLOSURES_A_STEP)
        self._planned = passes * self._a_pass
        self._names: dict[str, tuple[str, ...]] = {}
        self._rows: dict[str, list[Tensor]] = {}
        self._restarted: list[str] = []

    def minimise(self, stage: str, image: Tensor, losses: Callable[[Tensor], Losses], picture: _Picture) -> Tensor:
        """The image after more than ``num_steps`` closures; once stopped, the one of the lowest loss."""
        image.requires_grad_()
        optimiser = torch.optim.LBFGS([image])
        before = len(self._rows) * self._a_pass
        rows = self._rows.setdefault(stage, [])
        best, lowest = image.detach().clone(), torch.tensor(math.inf, device=image.device)
        total = lowest

        def closure() -> Tensor:
            nonlocal best, lowest, total
            optimiser.zero_grad()
            parts = losses(image)
            if not parts:  # every weight is 0: the image stays as it is
                raise _EndedError
            total = torch.stack(list(parts.values())).sum()
            total.backward()
            weighted = {name: value.detach() for name, value in parts.items()}
            self._names[stage] = tuple(weighted)
            rows.append(torch.stack(list(weighted.values())))
            better = total.detach() < lowest  # stays on the device: reading it would wait
            best, lowest = torch.where(better, image.detach(), best), torch.where(better, total.detach(), lowest)
            if self._on_closure is not None:
                progress = (before + min(len(rows), self._a_pass)) / (self._planned + 1)
                if self._on_closure(progress, stage, weighted, lambda: picture(image.detach()).clamp(0, 255)[0]):
                    self.stopped = True
                    raise _EndedError
            return total

        try:
            while len(rows) <= self._num_steps:
                optimiser.step(closure)
                if not (total.isfinite() & image.isfinite().all()):
                    self._restarted.append(stage)
                    image = best.clone().requires_grad_()
                    optimiser = torch.optim.LBFGS([image])
        except _EndedError:
            return best
        return image.detach()

    def result(self, first: Tensor, second: Tensor | None) -> PaperResult:
        history: dict[str, dict[str, list[float]]] = {}
        for stage, rows in self._rows.items():
            columns = torch.stack(rows).T.tolist() if rows else []
            history[stage] = dict(zip(self._names.get(stage, ()), columns, strict=True))
        closures = sum(map(len, self._rows.values()))
        return PaperResult(first, second, history, closures, self.stopped, tuple(dict.fromkeys(self._restarted)))


def _constant(compute: Callable[[], _T], anew: bool) -> Callable[[], _T]:
    """``compute`` without a graph, called each time or only when first asked for."""
    frozen = torch.no_grad()(compute)
    return frozen if anew else cache(frozen)


def _depth(height: int, width: int, wanted: int) -> int:
    """How many of the network's layers a picture is large enough for: 8 x 8 pixels for all four."""
    return min(wanted, sum(stride <= min(height, width) for stride in STRIDES))
