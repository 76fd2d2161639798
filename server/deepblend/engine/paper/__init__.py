"""The published algorithm (Zhang, Wen, Shi: Deep Image Blending, WACV 2020), for reproduction: two passes."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import torch
from torch import Tensor

from .. import colour
from ..stages import Stage, Update
from ..work import Picture, Work
from .passes import FirstPass, Pass, SecondPass


class _InBox(Stage[Picture]):
    """A pass as a stage of a blend: of its whole picture what lies inside the mask."""

    def __init__(self, work: Work, one: Pass) -> None:
        self._work, self._pass, self.name = work, one, one.name

    def __iter__(self) -> Generator[Update[Picture], None, None]:
        for update in self._pass:
            yield Update(update.part, self._work.boxed(self._gray_or_colour(update.picture)), update.losses)

    def _gray_or_colour(self, picture: Callable[[], Tensor]) -> Callable[[], Tensor]:
        gray = len(self._work.region.background) == 1
        return (lambda: colour.luma(picture())) if gray else picture

    def result(self) -> Tensor:
        region = self._work.region
        inside = self._gray_or_colour(self._pass.result)()
        return region.in_box(torch.where(region.omega, inside, region.background))

    def hand_over(self) -> None:
        self._work.solution = self._pass.result()

    def report(self) -> dict[str, Any]:
        if self._pass.restarted:
            self._work.notes.append(f"L-BFGS diverged in the {self.name} and was begun anew.")
        return {self.name: {"evaluations": self._pass.evaluations}}


def first_pass(work: Work) -> Stage[Picture]:
    """From noise to a seamless composite."""
    region, network = work.region, work.network
    assert network is not None
    on_canvas = work.request.layer.rect.intersection(region.rect)
    assert on_canvas is not None  # the mask is not empty
    square = on_canvas.relative_to(region.rect)
    source, target = region.source.expand(3, -1, -1), region.background.expand(3, -1, -1)
    return _InBox(work, FirstPass(source, region.mask, target, work.request.settings.paper, network, square))


def second_pass(work: Work) -> Stage[Picture]:
    """From the first pass's picture towards the texture of the background."""
    region = work.region
    assert work.network is not None
    assert work.solution is not None
    target = region.background.expand(3, -1, -1)
    return _InBox(work, SecondPass(work.solution, region.mask, target, work.request.settings.paper, work.network))
