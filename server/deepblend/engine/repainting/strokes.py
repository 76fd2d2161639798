"""How strong strokes are, place by place: as strong in one part of a painting and as calm in another as its own are.

A covariance over all of an object says how strong its strokes are together, not that some of it is calm.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..colour import luma
from .curves import interpolated, quantiles
from .octaves import STRONG, gauss

_BANDS = 3
"""Of luma, an octave each, the finest of them of what a Gaussian of 0.8 pixels takes away."""
_GAIN = (0.3, 1.5)
"""By what a band is multiplied, at least and at most."""
_QUANTILES = 99


def as_strong(painted: Tensor, own: Tensor, painting: Tensor, weight: Tensor, omega: Tensor, detail: float) -> Tensor:
    """A picture whose strokes have the painting's distribution of local strength, band by band.

    By the curve between the quantiles of both (as Heeger and Bergen 1995 match whole bands). What is strong in the
    object itself is not made weaker.

    Args:
        detail: how much of that holds, 0..1.

    Shape:
        painted, own, result: (1, C, H, W), levels; omega: (1, 1, H, W), 0 or 1; painting: (1, C, h, w), with its
        weight (1, 1, h, w).
    """
    here, there = omega > 0, weight > 0.5
    if not bool(here.any()) or not bool(there.any()):
        return painted
    places = torch.linspace(0.01, 0.99, _QUANTILES, device=painted.device)
    pictures = [luma(picture) for picture in (painted, own, painting)]
    change = torch.zeros_like(pictures[0])
    for k in range(_BANDS):
        coarser = [gauss(picture, 0.8 * 2**k) for picture in pictures]
        bands = [picture - blurred for picture, blurred in zip(pictures, coarser, strict=True)]
        ours, objects, theirs = (gauss(band.square(), 2.0 ** (k + 1)).sqrt() for band in bands)
        wanted = interpolated(quantiles(ours, here, places), quantiles(theirs, there, places), ours)
        typical = quantiles(theirs, there, places.new_tensor([STRONG])).clamp(min=0.5)
        kept = detail * objects.square() / (objects.square() + typical.square())
        change += bands[0] * (torch.maximum((wanted / ours.clamp(min=1e-3)).clamp(*_GAIN), kept) - 1)
        pictures = coarser
    return painted + change * omega
