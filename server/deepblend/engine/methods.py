"""The methods of a blend, by name: the stages that each consists of. A new method is a new entry here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from deepblend_protocol.settings import Settings

from . import belonging, matting, paper, repainting, seamless
from .network.loading import LoadNetwork
from .stages import Plan, Stage
from .work import Picture, Work


@dataclass(frozen=True)
class Part:
    """A stage of a method."""

    share: float
    """Of the method's progress; relative to the other parts that apply."""
    make: Callable[[Work], Stage[Picture]]
    """Makes the stage, once those before have given ``Work`` what it takes."""
    applies: Callable[[Settings], bool] = lambda settings: True
    """Whether the settings ask for it."""


_OBJECT = (
    Part(0.02, matting.Matting, matting.Matting.applies),
    Part(0.0, belonging.Matching, belonging.Matching.applies),
    Part(0.0, matting.Compositing, matting.Matting.applies),
)
"""What is put on the background."""
_RELIGHTING = Part(0.025, seamless.Relighting, lambda settings: settings.keep_colours > 0)
_SEAM = Part(0.025, seamless.Seam)
_SURVEYING = Part(0.0, belonging.Surveying, belonging.Graining.applies)
_GRAINING = Part(0.02, belonging.Graining, belonging.Graining.applies)


def _styled(settings: Settings) -> bool:
    return settings.style > 0  # at 0 deep is by definition poisson


METHODS: dict[str, Sequence[Part]] = {
    "poisson": (*_OBJECT, _RELIGHTING, _SEAM, _SURVEYING, _GRAINING),
    "deep": (
        *_OBJECT,
        _RELIGHTING,
        Part(0.0, repainting.Recolouring, repainting.Recolouring.applies),
        _SEAM,
        _SURVEYING,
        Part(0.0, lambda work: LoadNetwork(work, fast=True), _styled),
        Part(0.95, repainting.Repainting, _styled),
        _GRAINING,
    ),
    "paper": (
        Part(0.0, lambda work: LoadNetwork(work, False, work.request.settings.paper.normalised_input)),
        Part(0.5, paper.first_pass),
        Part(0.5, paper.second_pass, lambda settings: settings.paper.second_pass),
    ),
}
"""Each ends with a stage whose result is the blend. (Which part of the document a method is sent: see
``deepblend_protocol.geometry`` and ``pictures.placing``.)"""


def plan(work: Work) -> Plan[Picture]:
    """The stages of the method that a blend's settings name, and their shares of the progress."""
    settings = work.request.settings
    parts = [part for part in METHODS[settings.method] if part.applies(settings)]
    whole = sum(part.share for part in parts)
    return [(part.share / whole, lambda part=part: part.make(work)) for part in parts]
