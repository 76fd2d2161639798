"""The seamless blend: the object takes the light of its surroundings, then its border is met exactly.

Two stages. :class:`Relighting` makes the smooth light on a reduction (illumination, for keep_colours above 0).
:class:`Seam` solves Poisson's equation at full size (Pérez, Gangnet and Blake 2003), screened so that the relit object
keeps its light (Bhat, Curless, Cohen and Zitnick 2008).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

from torch import Tensor

from ..stages import Stage, Update
from ..work import Picture, Work
from . import screening
from .illumination import Illumination
from .poisson import Equation, PoissonSolver


class Relighting(Stage[Picture]):
    """The object in the light of its surroundings."""

    name = "poisson"

    def __init__(self, work: Work) -> None:
        self._work = work
        self._illumination = Illumination(work.region, work.request.settings.keep_colours, work.budget)

    def __iter__(self) -> Generator[Update[Picture], None, None]:
        for part in self._illumination:
            yield Update(part, self._work.boxed(self._pasted))

    def _pasted(self) -> Tensor:
        return replace(self._work.region, source=self._illumination.relit()).pasted()

    def result(self) -> Tensor:
        return self._work.region.in_box(self._pasted())

    def hand_over(self) -> None:
        self._work.region = replace(self._work.region, source=self._illumination.relit())


class Seam(Stage[Picture]):
    """The object with its border exactly the background's."""

    name = "poisson"

    def __init__(self, work: Work) -> None:
        self._work = work
        region, settings = work.region, work.request.settings
        mixed, keep, weights = settings.gradients == "mixed", settings.keep_colours, None
        if keep > 0 and mixed:
            weights = screening.setting_weights(region, keep)
        elif keep > 0:
            weights = screening.border_weights(region, keep, region.reduction(work.budget.base_px))
        self._solver = PoissonSolver(Equation.of(region, mixed, weights), work.budget)

    def __iter__(self) -> Generator[Update[Picture], None, None]:
        for part in self._solver:
            yield Update(part, self._work.boxed(self._solver.image))

    def result(self) -> Tensor:
        return self._work.region.in_box(self._solver.image())

    def hand_over(self) -> None:
        self._work.solution = self._solver.image()

    def report(self) -> dict[str, Any]:
        return {"poisson": {"cycles": self._solver.cycles, "residual": self._solver.error}}
