"""What the stages of one blend share: they take it from one another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor

from .budget import Budget
from .network.vgg import VGG
from .region import Region
from .request import Request

if TYPE_CHECKING:
    from .belonging.grain import Survey

Picture = tuple[Tensor, Tensor]
"""Colours (C, h, w), levels, and alpha (h, w), 0..1, over Omega's box; perhaps reduced."""


@dataclass(frozen=True)
class Matte:
    """The object's alpha."""

    alpha: Tensor
    """(h, w), 0..1, over Omega's box: the object's, as far as it is trusted, else the mask's."""
    trust: float
    """0..1."""


@dataclass
class Work:
    """One blend on one device."""

    request: Request
    device: str
    budget: Budget
    region: Region
    """Its source becomes the relit object."""
    solution: Tensor | None = None
    """(C, H, W), levels, on the region's arrays: the seamless blend."""
    network: VGG | None = None
    matte: Matte | None = None
    """Of the object that was found inside the selection, if any was."""
    survey: Survey | None = None
    """Of the surroundings' grain, where it is to be matched."""
    boldness: float | None = None
    """Of the painting's strokes, 0..1, once it is measured."""
    picture: Tensor | None = None
    """(C, h, w), levels, over Omega's box: the blend so far, for a stage at its end."""
    notes: list[str] = field(default_factory=list)
    """For the user, about this blend."""
    mask: Tensor = field(init=False)
    """(h, w), 0..1, over Omega's box: the result's alpha."""

    def __post_init__(self) -> None:
        self.mask = self.region.in_box(self.region.mask).clone()  # not a view: the region's arrays are freed before it

    @property
    def alpha(self) -> Tensor:
        """(h, w), 0..1, over Omega's box: the object's own, as far as it is known, else the mask."""
        return self.mask if self.matte is None else self.matte.alpha

    def boxed(self, image: Callable[[], Tensor]) -> Callable[[], Picture]:
        """A picture over Omega's box of an image on the region's arrays, made when it is asked for."""
        region, mask = self.region, self.mask
        return lambda: (region.in_box(image()), mask)
