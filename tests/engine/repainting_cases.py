"""A repainting of a small region, level by level as it was seen."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import torch
from deepblend.engine.budget import Budget
from deepblend.engine.network.extractor import FeatureExtractor
from deepblend.engine.region import Region, prepare
from deepblend.engine.repainting.canvas import Canvas
from deepblend.engine.repainting.level import Style
from deepblend.engine.repainting.levels import Levels
from deepblend.engine.repainting.strength import Strength
from deepblend.engine.request import Rect
from deepblend.engine.seamless.poisson import Equation, solve

SMALL = Rect(24, 40, 26, 24)
"""A place for the object where an evaluation costs little."""
COUNTS = (5, 4, 3)
"""Evaluations on the three levels that the network paints, for tests of everything but the result's quality."""
FEW = Budget(evaluations=COUNTS)


@dataclass(frozen=True)
class Seen:
    """What there was to see after an evaluation, or after an octave was laid."""

    part: float
    losses: dict[str, float]
    picture: torch.Tensor
    alpha: torch.Tensor

    @property
    def loss(self) -> float:
        return sum(self.losses.values())


@dataclass(frozen=True)
class Result:
    image: torch.Tensor
    """On the region's arrays."""
    levels: list[dict[str, Any]]


def shown(image: torch.Tensor) -> torch.Tensor:
    return image.clamp(0, 255).expand(-1, 3, -1, -1)


def painted(scenes, seed: int = 5, side: int = 48) -> Style:
    image = torch.from_numpy(scenes.painting(side, side, seed)).permute(2, 0, 1).float() * 255
    return Style(image.contiguous(), torch.ones(side, side), 1.0, shown)


class Case:
    """One repainting: a region with its Poisson solution."""

    def __init__(self, scenes, network, budget: Budget = FEW, base: int = 1, **request: Any) -> None:
        """
        Args:
            base: the base's reduction.
        """
        self.request = scenes.request(**{"object": SMALL, **request})
        self.network = network
        self.budget = budget
        self.base = base
        self.region: Region = prepare(self.request, "cpu")
        self.reference = solve(Equation.of(self.region)).image()
        self.seen: list[Seen] = []

    def canvas(self) -> Canvas:
        return Canvas.around(self.region, self.reference, self.base)

    def repainted(
        self, stop: Callable[[int], bool] = lambda count: False, style: Style | None = None, strength: float = 0.5
    ) -> Result:
        """What is reached, also where the iteration is ended: ``stop`` is asked with the number of updates so far."""
        self.seen = []
        extractor = FeatureExtractor(self.network, shown, 10**10)
        levels = Levels(self.canvas(), style, Strength.of(strength, 0.5), extractor, self.budget)
        with closing(iter(levels)) as parts:
            for part in parts:
                assert levels.level is not None
                losses = {name: float(value) for name, value in levels.losses.items()}
                self.seen.append(Seen(part, losses, *(array.clone() for array in levels.picture())))
                if stop(len(self.seen)):
                    break
        image = self.reference.clone()
        box = self.region.in_box(image)
        box.copy_(torch.where(self.region.in_box(self.region.omega), levels.painted(), box))
        return Result(image, levels.levels)

    def composite(self, image: torch.Tensor) -> torch.Tensor:
        """Over the background, in Omega's box: (C, h, w)."""
        r = self.region
        return r.in_box(r.background + r.mask * (image - r.background))
