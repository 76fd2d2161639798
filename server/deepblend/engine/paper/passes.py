"""The published two-pass algorithm (Zhang, Wen, Shi: Deep Image Blending, WACV 2020) as its public code runs.

Pass 1 starts from noise and makes the object seamless: gradient, style, content and
total variation losses. Pass 2 starts from its result in 8 bits and refines the texture
of the whole picture: style, and a content loss that as published is always 0. Both run
torch's L-BFGS with its defaults until more than ``num_steps`` evaluations of the loss. What is odd in
that is a switch of ``deepblend_protocol.settings.PaperSettings``.

Two traits of that code are left out, since they change nothing at its own settings: it
multiplies the content loss by its weight twice (the weight is 1), and its second pass
resizes everything to 512 x 512 (it has that size already).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

import torch
import torch.nn.functional as F
from deepblend_protocol.errors import MaskEmpty
from deepblend_protocol.settings import PaperSettings
from torch import Tensor

from ..network.vgg import STRIDES, VGG
from ..request import Rect
from ..stages import Driver, Stage, Update
from .lbfgs import EVALUATIONS_A_STEP, PublishedLBFGS
from .losses import (
    content_loss,
    gradient_loss,
    gram,
    histogram_loss,
    laplacian,
    quantiles,
    style_loss,
    total_variation,
)

FIRST, SECOND = "first pass", "second pass"
Losses = dict[str, Tensor]
"""Weighted losses by name (grad, style, content, tv, hist), one value each, on the device."""
Tell = Callable[[float, str, Update[Tensor]], "bool | None"]
"""Told of each evaluation: the progress of both passes, the pass's name, and its update; returns True to stop."""
_T = TypeVar("_T")


@dataclass(frozen=True)
class PaperResult:
    """What the passes came to; pictures are whole, (3, H, W) in levels 0..255, not rounded."""

    first: Tensor
    second: Tensor | None
    """None where there was no second pass."""
    history: dict[str, dict[str, list[float]]] = field(repr=False)
    """By pass and name, the weighted loss at every evaluation."""
    evaluations: int
    """In both passes together."""
    stopped: bool
    """True where ``tell`` ended the run; the picture is then the one of that pass's lowest loss."""
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
    network: VGG,
    tell: Tell | None = None,
    square: Rect | None = None,
) -> PaperResult:
    """Blend ``source`` into ``target`` by the published algorithm.

    Same input, settings and thread count: same output, bit for bit on the CPU.

    Args:
        source: (3, H, W), the source in its place on the target's canvas, 0 beyond it; levels 0..255.
        mask: (H, W), 0..1; above 0 counts as 1 unless ``settings.soft_mask``.
        target: (3, H, W), levels 0..255. All arrays and the network lie on its device.
        network: from ``vgg.load`` with ``normalised=settings.normalised_input``.
        square: the part of the canvas that the source covers, where the content loss is
            taken; None is the whole canvas.

    Raises MaskEmpty.
    """
    begun: list[Pass] = []

    def first() -> Pass:
        begun.append(FirstPass(source, mask, target, settings, network, square))
        return begun[-1]

    def second() -> Pass:
        begun.append(SecondPass(begun[0].result(), mask, target, settings, network))
        return begun[-1]

    driver = Driver[Tensor](str(target.device), tell)
    driver.run([(0.5, first), (0.5, second)] if settings.second_pass else [(1.0, first)])
    return PaperResult(
        first=begun[0].result(),
        second=begun[1].result() if len(begun) > 1 else None,
        history={one.name: one.history() for one in begun},
        evaluations=sum(one.evaluations for one in begun),
        stopped=driver.stopped,
        restarted=tuple(one.name for one in begun if one.restarted),
    )


def eight_bit(picture: Tensor) -> Tensor:
    """The picture in whole levels 0..255: cut off, not rounded, as published."""
    return picture.clamp(0, 255).floor()


class Pass(Stage[Tensor]):
    """One minimisation. Its pictures are whole, (3, H, W) in levels 0..255."""

    def __init__(self, start: Tensor, num_steps: int, weights: Sequence[float]) -> None:
        """
        Args:
            start: (1, 3, H, W), levels.
            weights: of the losses. Where all are 0 the image stays as it is.
        """
        self._weighted = any(weights)
        self._image = start
        """The image of the lowest loss; in the end the one that the optimiser has come to, as published."""
        self._num_steps = num_steps
        self._planned = EVALUATIONS_A_STEP * math.ceil((num_steps + 1) / EVALUATIONS_A_STEP)
        self._names: tuple[str, ...] = ()
        self._rows: list[Tensor] = []
        self.restarted = False

    @abstractmethod
    def losses(self, image: Tensor) -> Losses:
        """Of a free image, (1, 3, H, W)."""

    @abstractmethod
    def picture(self, image: Tensor) -> Tensor:
        """The picture that a free image makes, both (1, 3, H, W)."""

    @property
    def evaluations(self) -> int:
        """How many there were."""
        return len(self._rows)

    def history(self) -> dict[str, list[float]]:
        """By name, the weighted loss at every evaluation."""
        columns = torch.stack(self._rows).T.tolist() if self._rows else []
        return dict(zip(self._names, columns, strict=True))

    def result(self) -> Tensor:
        return self.picture(self._image.clamp(0, 255))[0]

    def __iter__(self) -> Generator[Update[Tensor], None, None]:
        if not self._weighted:
            return
        image = self._image.clone()
        optimiser = PublishedLBFGS(image)
        total, lowest, parts = math.inf, math.inf, Losses()

        def evaluate() -> tuple[float, Tensor]:
            nonlocal total, lowest, parts
            x = image.detach().requires_grad_()
            every = self.losses(x)
            loss = torch.stack(list(every.values())).sum()
            (gradient,) = torch.autograd.grad(loss, x)
            parts = {name: value.detach() for name, value in every.items()}
            self._names = tuple(parts)
            self._rows.append(torch.stack(list(parts.values())))
            total = float(loss.detach())
            if total < lowest:
                self._image, lowest = image.clone(), total
            return total, gradient

        while self.evaluations <= self._num_steps:
            for _ in optimiser.step(evaluate):
                now = image.clone()  # what was evaluated
                part = min(self.evaluations / self._planned, 1.0)
                yield Update(part, lambda now=now: self.picture(now).clamp(0, 255)[0], parts)
            if not (math.isfinite(total) and bool(image.isfinite().all())):
                self.restarted = True
                image = self._image.clone()
                optimiser = PublishedLBFGS(image)
        self._image = image


class FirstPass(Pass):
    """From noise to a composite whose border is seamless."""

    name = FIRST

    def __init__(
        self,
        source: Tensor,
        mask: Tensor,
        target: Tensor,
        settings: PaperSettings,
        network: VGG,
        square: Rect | None = None,
    ) -> None:
        """Args and errors as of :func:`run`."""
        s = settings
        super().__init__(
            torch.randn((1, *target.shape), generator=torch.Generator().manual_seed(s.seed)).to(target),
            s.num_steps,
            (s.grad_weight, s.style_weight, s.content_weight, s.tv_weight, s.hist_weight),
        )
        self._settings, self._network = s, network
        self._reference = _Reference(target, mask, network, s)
        source, target, inside = source[None].contiguous(), self._reference.target, self._reference.inside
        self._outside = target * (1 - inside)
        self._guidance = laplacian(source) * inside + laplacian(target) * (1 - inside)
        x, y, w, h = square or Rect(0, 0, target.shape[3], target.shape[2])
        self._square = cut = (..., slice(y, y + h), slice(x, x + w))
        self._content_depth = depth = _depth(h, w, 2)
        self._object_features = _constant(
            lambda: network(source[cut] * inside[cut], depth)[-1], settings.recompute_constants
        )

    def picture(self, image: Tensor) -> Tensor:
        return image * self._reference.inside + self._outside

    def losses(self, image: Tensor) -> Losses:
        s, network, reference = self._settings, self._network, self._reference
        blend = self.picture(image)
        parts: Losses = {}
        blend_features = cache(lambda: network(blend, reference.depth))
        if s.grad_weight:
            parts["grad"] = s.grad_weight * gradient_loss(blend, self._guidance)
        if s.style_weight:
            styled = blend_features() if s.style_of_composite else network(image, reference.depth)
            parts["style"] = s.style_weight * style_loss(styled, reference.grams())
        if s.content_weight:
            features = network(blend[self._square] * reference.inside[self._square], self._content_depth)[-1]
            parts["content"] = s.content_weight * content_loss(features, self._object_features())
        if s.tv_weight:
            parts["tv"] = s.tv_weight * total_variation(blend)
        if s.hist_weight:
            parts["hist"] = s.hist_weight * histogram_loss(blend_features(), reference.cells(), reference.tables())
        return parts


class SecondPass(Pass):
    """From the first pass's picture to one of the target's texture, the whole of it unless the background is fixed."""

    name = SECOND

    def __init__(self, first: Tensor, mask: Tensor, target: Tensor, settings: PaperSettings, network: VGG) -> None:
        """
        Args:
            first: the first pass's picture, (3, H, W), levels. The others as of :func:`run`.
        """
        s = settings
        start = eight_bit(first)[None]
        weights = (s.second_style_weight, s.second_content_weight, s.second_tv_weight, s.second_hist_weight)
        super().__init__(start, s.num_steps, weights)
        self._settings, self._network = s, network
        self._reference = _Reference(target, mask, network, s)
        self._content_layer = min(2, self._reference.depth) - 1
        self._start_features = _constant(
            lambda: network(start, self._content_layer + 1)[-1], settings.recompute_constants
        )

    def picture(self, image: Tensor) -> Tensor:
        if self._settings.second_background_fixed:
            return torch.where(self._reference.inside > 0, image, self._reference.target)
        return image

    def losses(self, image: Tensor) -> Losses:
        s, reference = self._settings, self._reference
        blend = self.picture(image)
        parts: Losses = {}
        features = cache(lambda: self._network(blend, reference.depth))
        if s.second_style_weight:
            parts["style"] = s.second_style_weight * style_loss(features(), reference.grams())
        if s.second_content_weight:
            own = features()[self._content_layer]
            wanted = self._start_features() if s.second_content_of_first else own  # as published: with itself
            parts["content"] = s.second_content_weight * content_loss(own, wanted)
        if s.second_tv_weight:
            parts["tv"] = s.second_tv_weight * total_variation(blend)
        if s.second_hist_weight:
            parts["hist"] = s.second_hist_weight * histogram_loss(features(), reference.cells(), reference.tables())
        return parts


class _Reference:
    """What the style and histogram losses take from the target."""

    def __init__(self, target: Tensor, mask: Tensor, network: VGG, settings: PaperSettings) -> None:
        """
        Args:
            target: (3, H, W); mask: (H, W); see :func:`run`.

        Raises MaskEmpty.
        """
        if not (mask > 0).any():
            raise MaskEmpty()
        # In one memory layout, (1, C, H, W): torch's L-BFGS flattens its image by view.
        self.target, soft = target[None].contiguous(), mask[None, None].to(target).contiguous()
        self.inside = soft if settings.soft_mask else (soft > 0).to(target)
        anew = settings.recompute_constants
        self.depth = _depth(target.shape[1], target.shape[2], len(STRIDES))
        self._network = network
        self.grams = _constant(self._grams, anew)
        self.tables = _constant(self._tables, anew)
        self.cells = _constant(self._cells, False)

    def _grams(self) -> list[Tensor]:
        return [gram(layer) for layer in self._network(self.target, self.depth)]

    def _tables(self) -> list[Tensor]:
        layers = self._network(self.target, self.depth)
        return [quantiles(f.flatten(2)[0], len(cells)) for f, cells in zip(layers, self.cells(), strict=True)]

    def _cells(self) -> list[Tensor]:
        """Per layer the indices of the cells that hold a pixel of the mask; never none."""
        height, width = self.inside.shape[2:]
        sizes = [(height // stride, width // stride) for stride in STRIDES[: self.depth]]
        return [F.adaptive_max_pool2d(self.inside, size).flatten().nonzero().flatten() for size in sizes]


def _constant(compute: Callable[[], _T], anew: bool) -> Callable[[], _T]:
    """``compute`` without a graph, called each time or only when first asked for."""
    frozen = torch.no_grad()(compute)
    return frozen if anew else cache(frozen)


def _depth(height: int, width: int, wanted: int) -> int:
    """How many of the network's layers a picture is large enough for: 8 x 8 pixels for all four."""
    return min(wanted, sum(stride <= min(height, width) for stride in STRIDES))
