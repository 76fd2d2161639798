"""Screening weights: how strongly the screened Poisson equation holds the object's own colours, pixel by pixel.

A plain Poisson solution carries the border's light through the object: a dark one on bright ground is bleached,
a vivid one greyed, and what was dark already falls below black. A weight on the object's own pixels (Bhat, Curless,
Cohen and Zitnick 2008) ends that some way inside. Weights are 1 / length^2, in pixels: over such a length the border's
light fades.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .. import masks
from ..region import Region

REACH = 1 / 28
"""Of the longer side of Omega's box: the length over which the border's light fades, near keep_colours 0.5. (With 1/16
a dark animal on bright sand was still bleached, its legs most.)"""
BORDER_FADE = 3.0
"""Pixels of the reduction, from the border inwards, over which the relit object comes to be held in full. (Held alike
everywhere, the seam's jump is larger for the same likeness at several sizes.)"""
BORDER_HOLD = 2.0
"""The weight there, for such pixels, from keep_colours 0.5 on; at 0 nothing is held. docs/method.md compares it
with others, by the likeness at several sizes and by the seam."""
RANGE_HOLD = 32.0
"""The weight at keep_colours 1, in 1 / length^2, where a solution lies RANGE_FULL beyond the range of levels. It lifted
the content figure of both published examples by 0.015, at a seam that rose by 1%."""
RANGE_FULL = 64.0
"""Levels beyond the range from which on the weight is full,"""
RANGE_NONE = 2.0
"""and up to which nothing is done: too little to see."""


def setting_weights(region: Region, keep_colours: float) -> Tensor:
    """The weights of a setting: 0 at Omega's border, full half a length inside.

    Shape:
        result: (H, W), on the region's arrays.
    """
    length = _length(region)
    return region.placed(2 * (keep_colours / length) ** 2 * ramp(region, length / 2).square())


def range_weights(region: Region, image: Tensor, keep_colours: float) -> Tensor | None:
    """What to add where a solution has left the range of levels, so that its detail would be cut off.

    It grows with how far the solution has left 0..255 and the object itself has not. None where that is nowhere.

    Args:
        image: (C, H, W), the solution with :func:`setting_weights` alone.
    """
    lost = (_beyond(region.in_box(image)) - _beyond(region.in_box(region.source))) * region.in_box(region.omega)
    if keep_colours == 0 or float(lost.amax()) < RANGE_NONE:
        return None
    length = _length(region)
    share = masks.box_mean((lost / RANGE_FULL).clamp(0, 1)[None], 2 * max(1, round(length / 4)) + 1)[0]
    return region.placed(RANGE_HOLD * keep_colours / length**2 * share * ramp(region, length / 2))


def border_weights(region: Region, keep_colours: float, reduction: int) -> Tensor:
    """The weights that hold the relit object: what the border still asks for fades within BORDER_FADE pixels.

    Args:
        reduction: at which the illumination was made, see ``Region.reduction``.

    Shape:
        result: (H, W), on the region's arrays.
    """
    strength = BORDER_HOLD * (min(2 * keep_colours, 1.0) / reduction) ** 2
    return region.placed(ramp(region, BORDER_FADE * reduction).square_().mul_(strength))


def ramp(region: Region, length: float) -> Tensor:
    """0 outside Omega, rising to 1 so many pixels inside: (h, w), over Omega's box."""
    (x, y, w, h), rect = region.box, region.rect
    x, y = x - rect.x, y - rect.y
    left, top = max(x - 1, 0), max(y - 1, 0)  # one pixel more than the box: Omega ends at its sides as well
    inside = masks.distance_inside(region.omega[top : y + h + 1, left : x + w + 1], length)
    return inside[y - top : y - top + h, x - left : x - left + w] / length


def _length(region: Region) -> float:
    """Pixels."""
    return max(max(region.box.w, region.box.h) * REACH, 1.0)


def _beyond(image: Tensor) -> Tensor:
    """By how many levels the worst channel lies beyond 0..255: (C, h, w) to (h, w)."""
    return torch.maximum(-image, image - 255).amax(0).clamp(min=0)
