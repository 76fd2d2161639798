"""Coloured grain: the network's own is taken from what has been painted, down to what the painting has of it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..colour import luma
from .oklab import from_oklab, to_oklab
from .tones import vivid

GUIDE_RADIUS, GUIDE_CONTRAST = 3, 0.03
"""Pixels; and Oklab lightness: steps of more are edges of colour as well."""
_GRAY = 0.5
"""Of the grain that vivid colours keep, what gray ones do: on these it is seen most."""


def guided_chroma(picture: Tensor) -> Tensor:
    """Chroma that follows lightness: a guided filter (He and others 2010) against the network's coloured grain.

    Shape:
        picture, result: (1, 3, H, W), levels; gray stays.
    """
    if picture.shape[1] == 1:
        return picture
    within = picture.clamp(0, 255)
    lab = to_oklab(within[0])[None]

    def mean(array: Tensor) -> Tensor:
        padded = F.pad(array, (GUIDE_RADIUS,) * 4, mode="replicate")
        return F.avg_pool2d(padded, 2 * GUIDE_RADIUS + 1, 1)

    light, chroma = lab[:, :1], lab[:, 1:]
    light_mean, chroma_mean = mean(light), mean(chroma)
    variance = mean(light.square()) - light_mean.square()
    slope = (mean(light * chroma) - light_mean * chroma_mean) / (variance + GUIDE_CONTRAST**2)
    smooth = mean(slope) * light + mean(chroma_mean - slope * light_mean)
    smooth = smooth * (light / light_mean.clamp(min=1e-3)).clamp(max=1)  # black has no colour to take from beside it
    return picture + from_oklab(torch.cat([light, smooth], 1)[0])[None] - within


def calmed(painted: Tensor, own: Tensor, painting: Tensor, weight: Tensor, omega: Tensor) -> Tensor:
    """A picture with no more coloured grain than its painting has.

    Grain is what :func:`guided_chroma` takes away. Red letters and coloured dots of paint are grain by that as well, so
    not all of it goes.

    Shape:
        painted, own, result: (1, C, H, W), levels; omega: (1, 1, H, W), 0 or 1; painting: (1, C, h, w), with its
        weight (1, 1, h, w).
    """
    if painted.shape[1] == 1:
        return painted
    grain = painted - guided_chroma(painted)
    ours, theirs = _power(grain, omega), _power(painting - guided_chroma(painting), weight)
    kept = (theirs / ours.clamp(min=1e-6)).sqrt().clamp(max=1)
    part = kept * torch.lerp(torch.full_like(omega, _GRAY), torch.ones_like(omega), vivid(own))
    return painted - (1 - part) * grain * omega


def _power(grain: Tensor, weight: Tensor) -> Tensor:
    """The mean square of chroma under a weight."""
    chroma = (grain - luma(grain)).square().sum(1, keepdim=True)
    return (chroma * weight).sum() / weight.sum().clamp(min=1e-6)
