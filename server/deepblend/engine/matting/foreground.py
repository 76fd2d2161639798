"""The object's own colours on an edge, without what shone through of its old ground."""

from __future__ import annotations

from torch import Tensor

from .. import masks

_FAR, _NEAR = 41, 5
"""Pixels: the widths of the two means."""
_TINY = 1e-5


def means(image: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
    """What object and ground are coloured like near each pixel: F and B of I = alpha F + (1 - alpha) B.

    Means of either over what is surely its own, then corrected so that together they make the image (Forte,
    Approximate Fast Foreground Colour Estimation, 2021, equations 4 to 7): over a wide neighbourhood, and again over a
    narrow one.

    Shape:
        image, results: (C, h, w), levels. alpha: (h, w), 0..1.
    """
    far = _mean(image, alpha, _FAR), _mean(image, 1 - alpha, _FAR)
    return _mean(colours(image, alpha, *far), alpha, _NEAR), _mean(far[1], 1 - alpha, _NEAR)


def colours(image: Tensor, alpha: Tensor, foreground: Tensor, ground: Tensor) -> Tensor:
    """The object's own colours, (C, h, w): its means, corrected so that with the ground's they make the image."""
    return foreground + alpha * (image - alpha * foreground - (1 - alpha) * ground)


def _mean(image: Tensor, weight: Tensor, width: int) -> Tensor:
    """A weighted mean over a window; of the whole image, where a window has no weight."""
    whole = (image * weight).sum((1, 2), keepdim=True) / weight.sum().clamp(min=_TINY)
    weights = masks.box_mean(weight[None], width)
    return (masks.box_mean(image * weight, width) + _TINY * whole) / (weights + _TINY)
