"""A refinement of a small region, stage by stage as it was seen."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import torch
from deepblend.engine.budget import Budget
from deepblend.engine.network.extractor import FeatureExtractor
from deepblend.engine.region import Region, prepare
from deepblend.engine.request import Rect
from deepblend.engine.seamless.poisson import Equation, solve
from deepblend.engine.texture.canvas import Canvas
from deepblend.engine.texture.level import Style
from deepblend.engine.texture.refinement import Refinement
from deepblend_protocol.settings import Settings

SMALL = Rect(24, 40, 26, 24)
"""A place for the object where an evaluation costs little."""
COARSE, FINE = 5, 4
"""Evaluations on the coarsest level and on each finer one, for tests of everything but the result's quality."""
FEW = Budget(coarsest_evaluations=COARSE, base_evaluations=FINE, detail_evaluations=FINE)
THREE_LEVELS = replace(FEW, base_px=18)
"""The small object's box, some 24 pixels wide, goes through factors 4, 2 and 1."""


@dataclass(frozen=True)
class Seen:
    """What there was to see after an evaluation."""

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
    """One refinement: a region with its Poisson solution."""

    def __init__(self, scenes, network, budget: Budget = FEW, **request: Any) -> None:
        self.request = scenes.request(**{"object": SMALL, **request})
        self.network = network
        self.budget = budget
        self.region: Region = prepare(self.request, "cpu")
        self.reference = solve(Equation.of(self.region)).image()
        self.seen: list[Seen] = []

    def refined(
        self, stop: Callable[[int], bool] = lambda count: False, style: Style | None = None, **changes: Any
    ) -> Result:
        """What is reached, also where the iteration is ended: ``stop`` is asked with the number of updates so far."""
        self.seen = []
        settings: Settings = replace(self.request.settings, **changes)
        canvas = Canvas.around(self.region, self.reference, self.region.reduction(self.budget.base_px))
        extractor = FeatureExtractor(self.network, shown, 10**10)
        refinement = Refinement(canvas, style, settings, extractor, self.budget)
        with closing(iter(refinement)) as parts:
            for part in parts:
                level = refinement.level
                assert level is not None
                losses = {name: float(value) for name, value in level.last.items()}
                self.seen.append(Seen(part, losses, *(array.clone() for array in level.picture(level.best))))
                if stop(len(self.seen)):
                    break
        image = self.reference.clone()
        self.region.in_box(image).add_(refinement.change())
        return Result(image, refinement.levels)

    def composite(self, image: torch.Tensor) -> torch.Tensor:
        """Over the background, in Omega's box: (C, h, w)."""
        r = self.region
        return r.in_box(r.background + r.mask * (image - r.background))
