"""How strong strokes are, place by place: as strong in one part of a painting and as calm in another as its own are.

A covariance over all of an object says how strong its strokes are together, not that some of it is calm. What follows
the object's own lines is no stroke: it is told from the rest and weakened less, else faces and letters fade. Nor is
what is coarse in an object before a calm sky: weakened as well, it would look like a veil.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from ..colour import luma
from .curves import interpolated, quantiles
from .octaves import STRONG, gauss
from .strength import Strength, calmness

_LEAST, _MOST = (0.9, 0.9, 0.6, 0.7, 0.8), (2.0, 2.0, 1.3, 1.0, 1.0)
"""By what a band of luma is multiplied in a round, an octave each: what is coarse is the object itself, which weakened
looks faded and strengthened grows patches of light."""
_LEAST_CALM = (0.2, 0.2, 1.0, 1.0, 1.0)
"""The least before a calm painting: what is fine there is a photograph's sharpness, for it has no strokes."""
_OWN_LEAST = (0.3, 0.6, 1.0, 1.0, 1.0)
"""By what it is multiplied at least, after all rounds, where it follows strong lines of the object's own: an octave
each, the finest of them of what a Gaussian of 0.8 pixels takes away. What is finest is a photograph's sharpness and
grain."""
_LARGE = 250.0
"""Pixels of the base, the root of its area, from which on an object is large: a smaller one has its lines finer."""
_FINER_MOST = 1.5
"""Octaves that they are finer at most."""
_COARSE = 2
"""Octaves from this one on, the finest is 0, are coarse: chequers, a roof, the shadows of a face."""
_OWN_MOST = 1.2
"""How much stronger than in the object its lines may have been painted and still be its own."""
_ROUNDS = 2
"""A band's strength depends on its neighbours': once is not enough."""
_QUANTILES = 99
_FINE = 3.2
"""Pixels under whose Gaussian strokes vanish, as the boldness of a painting is taken."""
_BOLD = 6.3
"""Levels of luma that strokes of half of the greatest boldness have."""


class Found(NamedTuple):
    """What an object is like in its painting."""

    places: Tensor
    """(m, n, 2), on a grid over the object: row and column, pixels of the painting."""
    there: Tensor
    """(m, n), bool: where there is an object, and its like."""

    def within(self, height: int, width: int) -> Found:
        """What lies in a painting of so many pixels; the rest is not there."""
        last = torch.tensor([height, width], device=self.places.device) - 1
        places = self.places.clamp(min=0).minimum(last)
        return Found(places, self.there & (places == self.places).all(-1))


def boldness(painting: Tensor, weight: Tensor) -> float:
    """How bold a painting's strokes are, 0..1: the median of their local strength, s, as s^2 / (s^2 + 6.3^2).

    Shape:
        painting: (1, C, h, w), levels, on the base; weight: (1, 1, h, w).
    """
    there = weight > 0.5
    if not bool(there.any()):
        return 0.0
    light = luma(painting)
    strength = gauss((light - gauss(light, _FINE)).square(), 1.25 * _FINE).sqrt()
    usual = float(quantiles(strength, there, strength.new_tensor([0.5])))
    return usual**2 / (usual**2 + _BOLD**2)


def as_strong(
    painted: Tensor,
    own: Tensor,
    painting: Tensor,
    weight: Tensor,
    omega: Tensor,
    strength: Strength,
    found: Found | None = None,
) -> Tensor:
    """A picture whose strokes have the painting's distribution of local strength, band by band.

    By the curve between the quantiles of both (as Heeger and Bergen 1995 match whole bands). A band's part that follows
    the object's own, by the slope of a local regression, is weakened less where the object's is strong; and the coarse
    octaves less the calmer the painting is, the fine ones more. Of a calm painting the distribution is that of the
    places ``found``, as far as the object is as strong itself: most of it is sky, and edges and folds have little to do
    with that.

    Shape:
        painted, own, result: (1, C, H, W), levels; omega: (1, 1, H, W), 0 or 1; painting: (1, C, h, w), with its
        weight (1, 1, h, w).
    """
    here, there = omega > 0, weight > 0.5
    if not bool(here.any()) or not bool(there.any()):
        return painted
    if found is not None:
        found = found.within(*painting.shape[-2:])
    places = torch.linspace(0.01, 0.99, _QUANTILES, device=painted.device)
    finer = math.log2(_LARGE / math.sqrt(float(omega.sum())))
    bands = zip(_own_least(finer), _bands(luma(own)), _bands(luma(painting)), strict=True)
    wanted, spared, owns = [], [], []
    for least, (band, energy), (_, theirs) in bands:
        all_of_it = quantiles(theirs, there, places)
        wanted.append(all_of_it)
        if found is not None and strength.calm > 0 and bool(found.there.any()):
            like = _found_strength(theirs, found, places)
            like = torch.minimum(like, torch.maximum(all_of_it, quantiles(energy, here, places)))
            wanted[-1] = torch.lerp(all_of_it, like, strength.calm)
        usual = quantiles(theirs, there, places.new_tensor([STRONG])).clamp(min=0.5)
        spared.append((strength.lines * least * energy / (energy.square() + usual.square()).sqrt()) ** (1 / _ROUNDS))
        owns.append(band)
    for _ in range(_ROUNDS):
        change = torch.zeros_like(omega)
        for k, (band, energy) in enumerate(_bands(luma(painted))):
            gain = interpolated(quantiles(energy, here, places), wanted[k], energy) / energy.clamp(min=1e-3)
            calm = strength.calm if k >= _COARSE else calmness(strength.boldness)
            gain = gain.clamp(_LEAST[k] + (_LEAST_CALM[k] - _LEAST[k]) * calm, _MOST[k])
            lined = _following(band, owns[k], 2.0 ** (k + 1))
            change += (band - lined) * (gain - 1) + lined * (torch.maximum(gain, spared[k]) - 1)
        painted = painted + change * omega
    return painted


def _own_least(finer: float) -> list[float]:
    """By what each band is multiplied at least where it follows the object's own lines.

    Args:
        finer: by how many octaves the object's lines are finer than a large one's; less than 0 counts as 0.
    """
    first, part = divmod(min(max(finer, 0.0), _FINER_MOST), 1.0)
    least = (*_OWN_LEAST[int(first) :], 1.0, 1.0)
    return [a + part * (b - a) for a, b in pairwise(least)][: len(_OWN_LEAST)]


def _found_strength(theirs: Tensor, found: Found, places: Tensor) -> Tensor:
    """Quantiles of a band's strength where in the painting the object's places were found.

    Of a mean over the places beside each: one of them may have been found in a quiet spot between two strokes.
    """
    there = found.there[None, None].to(theirs)
    rows, columns = found.places.unbind(-1)
    mean = gauss(theirs[..., rows, columns] * there, 1.0) / gauss(there, 1.0).clamp(min=1e-6)
    return quantiles(mean[0, 0], found.there, places)


def _following(band: Tensor, own: Tensor, sigma: float) -> Tensor:
    """The part of a band that is in proportion to the object's own: a regression under a Gaussian of sigma pixels."""
    slope = gauss(band * own, sigma) / gauss(own.square(), sigma).clamp(min=0.05)
    return slope.clamp(0, _OWN_MOST) * own


def _bands(light: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Luma's bands, the finest first, each with its local strength, a standard deviation; all (1, 1, H, W)."""
    for k in range(len(_OWN_LEAST)):
        coarser = gauss(light, 0.8 * 2**k)
        band = light - coarser
        yield band, gauss(band.square(), 2.0 ** (k + 1)).sqrt()
        light = coarser
