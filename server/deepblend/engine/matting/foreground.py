"""The object's own colours on an edge, without what shone through of its old ground."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from .. import masks

_REDUCTION = 4
_FAR, _NEAR = 11, 5
"""Pixels: the widths of the two means, of the wide one on a reduction."""
_TINY = 1e-5


def means(image: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
    """What object and ground are coloured like near each pixel: F and B of I = alpha F + (1 - alpha) B.

    Means of either over what is surely its own, then corrected so that together they make the image (Forte,
    Approximate Fast Foreground Colour Estimation, 2021, equations 4 to 7): over a wide neighbourhood, and again over a
    narrow one.

    Shape:
        image, results: (C, h, w), levels. alpha: (h, w), 0..1.
    """
    far = _far(image, alpha), _far(image, 1 - alpha)
    return _mean(colours(image, alpha, *far), alpha, _NEAR), _mean(far[1], 1 - alpha, _NEAR)


def colours(image: Tensor, alpha: Tensor, foreground: Tensor, ground: Tensor) -> Tensor:
    """The object's own colours, (C, h, w): its means, corrected so that with the ground's they make the image."""
    return foreground + alpha * (image - alpha * foreground - (1 - alpha) * ground)


def _far(image: Tensor, weight: Tensor) -> Tensor:
    """Means over a wide window: smooth, so made on a reduction."""
    size = [max(1, side // _REDUCTION) for side in weight.shape]
    weighted, weights = (F.interpolate(each[None], size, mode="area")[0] for each in (image * weight, weight[None]))
    small = _mean(weighted / weights.clamp(min=_TINY), weights[0], _FAR)
    return F.interpolate(small[None], weight.shape, mode="bilinear", align_corners=False)[0]


def _mean(image: Tensor, weight: Tensor, width: int) -> Tensor:
    """A weighted mean over a window; of the whole image, where a window has no weight."""
    whole = (image * weight).sum((1, 2), keepdim=True) / weight.sum().clamp(min=_TINY)
    weights = masks.box_mean(weight[None], width)
    return (masks.box_mean(image * weight, width) + _TINY * whole) / (weights + _TINY)
