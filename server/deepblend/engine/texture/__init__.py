"""Texture: from the seamless blend towards the background's texture, by the paper's losses, coarse to fine."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from torch import Tensor

from .. import colour
from ..network.as_srgb import as_srgb
from ..network.extractor import FeatureExtractor
from ..network.tiles import limit_for
from ..stages import Stage, Update
from ..work import Picture, Work
from .canvas import Canvas
from .level import Style
from .refinement import Refinement


class Texture(Stage[Picture]):
    """The seamless blend in the texture, light and colour of its background; takes ``Work.solution``."""

    name = "optimise"

    def __init__(self, work: Work) -> None:
        assert work.solution is not None
        assert work.network is not None
        request, device = work.request, work.device
        self._mask = work.mask
        self._start = work.region.in_box(work.solution).clone()
        canvas = Canvas.around(work.region, work.solution, work.region.reduction(work.budget.base_px))
        del work.region, work.solution  # as large as what follows
        extractor = FeatureExtractor(
            work.network, as_srgb(request.background, device), limit_for(device, request.memory_limit)
        )
        self._refinement = Refinement(canvas, _style(work), request.settings, extractor, work.budget)

    def __iter__(self) -> Generator[Update[Picture], None, None]:
        yield Update(0.0, lambda: (self._start, self._mask))
        for part in self._refinement:
            yield Update(part, self._refinement.picture, self._refinement.losses)

    def result(self) -> Tensor:
        return self._start if self._refinement.level is None else self._start + self._refinement.change()

    def report(self) -> dict[str, Any]:
        return {"levels": self._refinement.levels}


def _style(work: Work) -> Style | None:
    """The style picture, or None where texture comes from the surroundings."""
    plane = work.request.style
    if plane is None or work.request.settings.style_from == "surroundings":
        return None
    image, alpha = colour.decode(plane, 3, work.device)
    return Style(image, alpha, plane.scale, as_srgb(plane, work.device))
