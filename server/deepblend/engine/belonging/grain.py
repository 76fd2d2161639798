"""Grain and sharpness: how a photograph was taken and stored, measured of the surroundings and given to the object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import masks
from . import noise, sharpness

_AT_ONCE = 1 << 20
"""Pixels that are worked on at once."""
_LOOKED_AT = 1 << 22
"""Pixels that are looked at, at most: strips evenly spread over the picture."""
_FADE = 2
"""Pixels over which all comes in from the border of what is changed."""
_ALIKE, _UNSEEN = 1.15, 0.1
"""Noise that is stronger by this factor and these levels is alike: it cannot be measured better."""

_MOST = (4.0, 2.0, 1.0)
"""Levels, by octave: no more noise is added. A fine texture, like gravel's, cannot be told from noise."""


@dataclass(frozen=True)
class Grain:
    """What is known of a picture's grain."""

    noise: Tensor | None
    """(3, 2), levels, see ``noise.Calmest``; None where it cannot be told."""
    edges: float | None
    """Pixels, see ``sharpness.Widths``; None where it cannot be told."""

    @classmethod
    def of(cls, image: Tensor, there: Tensor) -> Grain:
        """
        Shape:
            image: (C, H, W), levels; there: (H, W), bool: what counts.
        """
        calmest, widths = noise.Calmest(), sharpness.Widths()
        height, width = there.shape
        rows = max(noise.BLOCK * (_AT_ONCE // width // noise.BLOCK), noise.BLOCK)
        strips = -(-height // rows)
        looked_at = torch.linspace(0, strips - 1, min(strips, max(1, _LOOKED_AT // (rows * width)))).long().tolist()
        for top in (rows * strip for strip in looked_at):
            part, inside = image[:, top : top + rows], there[top : top + rows]
            calmest.add(part, inside)
            widths.add(part, inside)
        return cls(calmest.levels(), widths.width())

    def told(self) -> dict[str, Any]:
        """For a report."""
        luma = None if self.noise is None else [round(level, 3) for level in self.noise[:, 0].tolist()]
        return {"luma noise": luma, "edges px": self.edges}


@dataclass(frozen=True)
class Survey:
    """What is known of an object's surroundings."""

    grain: Grain
    corner: tuple[int, int]
    """Column and row of Omega's box in the document: noise follows from places."""


def matched(image: Tensor, omega: Tensor, wanted: Grain, corner: tuple[int, int], part: float) -> Tensor:
    """An object with the grain and the sharpness of its surroundings, as far as both can be told.

    First the sharpness; then, measured anew, the noise: what lacks is added, of what is too much some is taken away.

    Args:
        corner: column and row of the first pixel in the document: noise follows from places.
        part: of the way, 0..1.

    Shape:
        image, result: (C, H, W), levels; omega: (H, W), bool: outside nothing is changed.
    """
    if part == 0:
        return image
    share = part * masks.distance_inside(F.pad(omega, (1, 1, 1, 1)), _FADE)[1:-1, 1:-1] / _FADE
    own = Grain.of(image, omega)
    if own.edges is not None and wanted.edges is not None:
        edges = own.edges, wanted.edges
        image = _in_strips(image, share, sharpness.HALO, lambda strip, top: sharpness.changed(strip[None], *edges)[0])
        own = Grain.of(image, omega)
    if own.noise is None or wanted.noise is None:
        return image
    lacking, more = _beyond(wanted.noise, own.noise), _beyond(own.noise, wanted.noise)
    lacking = torch.minimum(lacking, lacking.new_tensor(_MOST)[:, None])

    def as_noisy(strip: Tensor, top: int) -> Tensor:
        if bool((more > 0).any()):
            strip = noise.weakened(strip, more)
        x, y = corner
        return strip + noise.made(lacking, x, y + top, *strip.shape[1:], channels=len(strip))

    return _in_strips(image, share, noise.HALO, as_noisy)


def _beyond(one: Tensor, other: Tensor) -> Tensor:
    """What one noise has beyond what is alike to another: powers are taken from powers."""
    return (one.square() - (_ALIKE * other + _UNSEEN).square()).clamp(min=0).sqrt()


def _in_strips(image: Tensor, share: Tensor, halo: int, change: Callable[[Tensor, int], Tensor]) -> Tensor:
    """A picture changed by a share of the way, (H, W), some rows at a time: ``change`` takes them and their top."""
    out = image.clone()
    height, width = share.shape
    rows = max(_AT_ONCE // width, halo)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        first, last = max(top - halo, 0), min(bottom + halo, height)
        new = change(image[:, first:last], first)[:, top - first : bottom - first]
        out[:, top:bottom].lerp_(new, share[top:bottom].expand_as(new))
    return out
