"""Coarse to fine: from the seamless blend towards the background's texture.

The paper's losses (Zhang, Wen, Shi, WACV 2020: Poisson gradient, style, content) in a form that is normalised
by the mask, with the style taken as a covariance of features and a loss that holds the object's own tones and
colours; see docs/method.md. What is optimised is the change to the seamless blend, inside the mask only.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from deepblend_protocol.settings import Settings
from torch import Tensor

from ..budget import DEFAULT, Budget
from ..memory import give_back
from ..network.extractor import FeatureExtractor
from ..work import Picture
from .canvas import Canvas
from .level import Level, Style, enlarged


class Refinement:
    """Brings the background's texture into a seamless blend.

    Iterated, it tells the part that is done after each evaluation, and after each tile of a large one;
    :meth:`change` holds the best result so far. The last level that has the
    whole network decides on light and colour; those after it add detail alone, and what was decided stays as it is in
    the mean of every 2 x 2 pixels: an object looks the same at every size.
    """

    def __init__(
        self,
        canvas: Canvas,
        style: Style | None,
        settings: Settings,
        extractor: FeatureExtractor,
        budget: Budget = DEFAULT,
    ) -> None:
        """
        Args:
            canvas: of the seamless blend; of no use afterwards.
            style: None takes texture from the surroundings on every level.
        """
        self._canvas, self._style, self._settings, self._extractor = canvas, style, settings, extractor
        finer = len(canvas.factors) - 2
        self._evaluations = [
            budget.coarsest_evaluations,
            budget.base_evaluations,
            *[budget.detail_evaluations] * finer,
        ]
        self.level: Level | None = None
        """The resolution that is worked on."""
        self.levels: list[dict[str, Any]] = []
        """size, evaluations, tiles (where there are several), seconds and last losses of each level, coarse to fine."""

    def __iter__(self) -> Iterator[float]:
        canvas, factors = self._canvas, self._canvas.factors
        work = [evaluations / factor**2 for evaluations, factor in zip(self._evaluations, factors, strict=True)]
        for k, (factor, evaluations) in enumerate(zip(factors, self._evaluations, strict=True)):
            started = time.perf_counter()
            give_back()
            change = None if self.level is None else self.level.whole(self.level.best)
            self.level = None  # frees the coarser one
            level = Level(canvas, factor, factors[0], k > 1, self._settings)
            if change is not None:
                level.best = level.cut(enlarged(change)) * level.omega
                del change
            self.level = level
            self.levels.append({})
            before, share = sum(work[:k]) / sum(work), work[k] / sum(work)
            try:
                for _ in level.begin(canvas, self._style, self._extractor):
                    yield before
                if factor == 1:
                    canvas.forget()
                for done in level.optimise(evaluations):
                    yield before + share * done / evaluations
            finally:  # also where the iteration is ended early
                self.levels[k] = level.report() | {"seconds": round(time.perf_counter() - started, 4)}
            del level

    @property
    def losses(self) -> dict[str, Tensor]:
        """The weighted losses by name, at the last evaluation."""
        return self.level.last if self.level is not None else {}

    def picture(self) -> Picture:
        """The picture as it stands, at the level's resolution."""
        assert self.level is not None
        return self.level.picture(self.level.best)

    def change(self) -> Tensor:
        """What is to be added to the seamless blend: (C, h, w), levels, over Omega's box; 0 outside Omega."""
        assert self.level is not None
        change = self.level.whole(self.level.best)
        for _ in self._canvas.factors[len(self.levels) :]:
            change = enlarged(change)
        return self._canvas.inside(change)
