"""How strong strokes are, place by place: as strong in one part of a painting and as calm in another as its own are.

A covariance over all of an object says how strong its strokes are together, not that some of it is calm.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..colour import luma
from .curves import interpolated, quantiles
from .octaves import STRONG, gauss

_LEAST = (0.3, 0.3, 0.35, 0.65, 0.85)
"""By what a band of luma is multiplied at least in a round, an octave each, the finest of them of what a Gaussian of
0.8 pixels takes away. What is coarse is more the object's than the strokes'."""
_MOST = 1.25
"""By what it is multiplied at most in a round."""
_ROUNDS = 2
"""A band's strength depends on its neighbours': once is not enough."""
_QUANTILES = 99


def as_strong(painted: Tensor, own: Tensor, painting: Tensor, weight: Tensor, omega: Tensor, detail: float) -> Tensor:
    """A picture whose strokes have the painting's distribution of local strength, band by band.

    By the curve between the quantiles of both (as Heeger and Bergen 1995 match whole bands). What is strong in the
    object itself is not made weaker.

    Args:
        detail: how much of it is left at least where it is strongest, after all rounds, 0..1.

    Shape:
        painted, own, result: (1, C, H, W), levels; omega: (1, 1, H, W), 0 or 1; painting: (1, C, h, w), with its
        weight (1, 1, h, w).
    """
    here, there = omega > 0, weight > 0.5
    if not bool(here.any()) or not bool(there.any()):
        return painted
    places = torch.linspace(0.01, 0.99, _QUANTILES, device=painted.device)
    wanted, typical = [], []
    for _, strength in _bands(luma(painting)):
        wanted.append(quantiles(strength, there, places))
        typical.append(quantiles(strength, there, places.new_tensor([STRONG])).clamp(min=0.5).square())
    kept = []
    for (_, strength), usual in zip(_bands(luma(own)), typical, strict=True):
        strong = strength.square() / (strength.square() + usual)
        kept.append((detail * strong) ** (1 / _ROUNDS))
    for _ in range(_ROUNDS):
        change = torch.zeros_like(omega)
        for k, (band, strength) in enumerate(_bands(luma(painted))):
            gain = interpolated(quantiles(strength, here, places), wanted[k], strength) / strength.clamp(min=1e-3)
            change += band * (torch.maximum(gain.clamp(_LEAST[k], _MOST), kept[k]) - 1)
        painted = painted + change * omega
    return painted


def _bands(light: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Luma's bands, the finest first, each with its local strength, a standard deviation; all (1, 1, H, W)."""
    for k in range(len(_LEAST)):
        coarser = gauss(light, 0.8 * 2**k)
        band = light - coarser
        yield band, gauss(band.square(), 2.0 ** (k + 1)).sqrt()
        light = coarser
