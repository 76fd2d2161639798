"""Coarse to fine: a seamless blend painted anew, with the strokes of its painting.

Each level begins with the enlarged coarser one and the painting's next octave, without the photograph's detail: so
detail comes back as strokes. Only what is stronger in the object than the painting's strokes are stays as it was. Up to
the base the network goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from torch import Tensor

from ..budget import DEFAULT, Budget
from ..memory import give_back
from ..network.extractor import FeatureExtractor
from ..work import Picture
from .canvas import Canvas
from .level import Level, Style
from .strength import Strength

_FADING = 2.0
"""A level of half as many pixels more than the budget's has no evaluations left, and one in between some of them."""
OCTAVE_WORK = 0.5
"""What a pixel of a finer level costs, in evaluations; for the progress."""


class Levels:
    """Repaints a seamless blend.

    Iterated, it tells the part that is done after each evaluation, and after each tile of a large one;
    :meth:`painted` is the best result so far.
    """

    def __init__(
        self,
        canvas: Canvas,
        style: Style | None,
        strength: Strength,
        extractor: FeatureExtractor,
        budget: Budget = DEFAULT,
    ) -> None:
        """
        Args:
            canvas: of the seamless blend.
            style: None takes strokes from the surroundings on every level.
        """
        self._canvas, self._style, self._extractor = canvas, style, extractor
        self._base = canvas.factors[0] // 4
        self._strength = strength
        area = canvas.box.w * canvas.box.h
        self._evaluations = [budget.evaluations[0]]
        for count, factor in zip(budget.evaluations[1:], canvas.factors[1:], strict=False):
            over = max(0.0, area / (budget.network_px * factor**2) - 1)
            count = int(count * (1 - _FADING * over))
            if count < 1:
                break
            self._evaluations.append(count)
        self.level: Level | None = None
        """The resolution that is worked on."""
        self.levels: list[dict[str, Any]] = []
        """size, evaluations, tiles (where there are several), seconds and last losses of each level, coarse to fine."""

    def __iter__(self) -> Iterator[float]:
        factors = self._canvas.factors
        evaluations = [*self._evaluations, *[0] * (len(factors) - len(self._evaluations))]
        work = [(count or OCTAVE_WORK) / factor**2 for count, factor in zip(evaluations, factors, strict=True)]
        last = factors[len(self._evaluations) - 1]
        for k, (factor, count) in enumerate(zip(factors, evaluations, strict=True)):
            started = time.perf_counter()
            give_back()
            level = Level(self._canvas, factor, self._base)
            coarser, before, share = self.level, sum(work[:k]) / sum(work), work[k] / sum(work)
            if coarser is not None:
                level.follow(coarser)
            self.level = level
            self.levels.append({})
            try:
                if count:
                    for _ in level.begin(self._canvas, self._style, coarser, self._extractor, self._strength):
                        yield before
                    del coarser
                    for done in level.optimise(count, self._strength):
                        if done == count:  # before it is told of: the last picture told is the result
                            self._finish(level, calm=factor == last, strengthen=factor == self._base)
                        yield before + share * done / count
                else:
                    assert coarser is not None
                    for part in level.lay_octave(self._canvas, self._style, coarser, self._strength):
                        yield before + share * part
                    del coarser
                    self._finish(level, calm=False, strengthen=factor == self._base)
                    yield before + share
            finally:  # also where the iteration is ended early
                self.levels[k] = level.report() | {"seconds": round(time.perf_counter() - started, 4)}
            del level

    def _finish(self, level: Level, calm: bool, strengthen: bool) -> None:
        if strengthen:
            level.hold_wide(self._strength)
            level.lay_patches(self._canvas, self._style, self._strength)
        if calm:
            level.calm(self._canvas, self._style)
        if strengthen:
            level.strengthen(self._canvas, self._style, self._strength)

    @property
    def begun(self) -> bool:
        """Whether there is anything painted yet."""
        return self.level is not None and (len(self.levels) > 1 or self.level.evaluations > 0)

    @property
    def losses(self) -> dict[str, Tensor]:
        """The weighted losses by name, at the last evaluation."""
        return self.level.last if self.level is not None else {}

    def picture(self) -> Picture:
        """The picture as it stands, at the level's resolution."""
        assert self.level is not None
        return self.level.picture()

    def painted(self) -> Tensor:
        """The painted layer's colours: (C, h, w), levels, over Omega's box."""
        level = self.level
        assert level is not None
        for factor in self._canvas.factors[len(self.levels) :]:
            finer = Level(self._canvas, factor, self._base)
            finer.painted = finer.enlarged(level)
            level = finer
        return level.picture()[0]
