"""Belonging: the object in the light, and with the grain, of the photograph that it is put into.

Three thin stages. :class:`Matching` moves light and colour of the object before anything else does. The grain of the
surroundings is measured by :class:`Surveying` before they are given up, and given to the blend, at its end, by
:class:`Graining`.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

from deepblend_protocol.settings import Settings
from torch import Tensor

from ..stages import Stage, Update
from ..work import Picture, Work
from . import grain, light


class Matching(Stage[Picture]):
    """The object in its surroundings' light: gives ``Work.region`` another source."""

    name = "match"

    def __init__(self, work: Work) -> None:
        self._work = work
        self._change: light.Change | None = None

    @staticmethod
    def applies(settings: Settings) -> bool:
        """Whether settings ask for any of it."""
        return settings.match > 0

    def __iter__(self) -> Generator[Update[Picture], None, None]:
        region, settings = self._work.region, self._work.request.settings
        alpha = region.placed(self._work.alpha) * (region.source_alpha > 0)
        found = light.found(region.source, alpha, region.background, region.background_alpha)
        if found is not None:
            self._change = found.part(settings.match)
            self._work.region = replace(region, source=self._change.made(region.source))
        yield from ()

    def result(self) -> Tensor:
        return self._work.region.in_box(self._work.region.source)

    def report(self) -> dict[str, Any]:
        return {"match": self._change.told()} if self._change is not None else {}


class Surveying(Stage[Picture]):
    """Measures the grain of the surroundings for :class:`Graining`, before later stages free their arrays."""

    name = "grain"

    def __init__(self, work: Work) -> None:
        self._work = work

    def __iter__(self) -> Generator[Update[Picture], None, None]:
        region = self._work.region
        assert self._work.solution is not None
        self._work.picture = region.in_box(self._work.solution).clone()  # the blend, where no other stage makes one
        self._work.survey = grain.Survey(
            grain.Grain.of(region.background, (region.background_alpha > 0) & ~region.omega), region.box[:2]
        )
        yield from ()

    def result(self) -> Tensor:
        assert self._work.picture is not None
        return self._work.picture


class Graining(Stage[Picture]):
    """The blend with the grain and the sharpness of its surroundings; takes ``Work.survey`` and ``Work.picture``."""

    name = "grain"

    def __init__(self, work: Work) -> None:
        assert work.picture is not None
        assert work.survey is not None
        self._mask, self._survey, self._picture = work.mask, work.survey, work.picture
        self._object = work.alpha > 0
        self._part = work.request.settings.grain

    @staticmethod
    def applies(settings: Settings) -> bool:
        """Whether settings ask for any of it."""
        return settings.grain > 0

    def __iter__(self) -> Generator[Update[Picture], None, None]:
        survey = self._survey
        self._picture = grain.matched(self._picture, self._object, survey.grain, survey.corner, self._part)
        yield Update(1.0, lambda: (self._picture, self._mask))

    def result(self) -> Tensor:
        return self._picture

    def report(self) -> dict[str, Any]:
        return {"grain": self._survey.grain.told()}
