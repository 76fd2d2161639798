"""The losses of the texture stage, each without dimension: neither the picture's size nor the mask's area matters.

They are written for the change d = x - r that is made to a reference r, the seamless
blend, inside a mask m (0..1); what they are weighted with is in ``level``.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..colour import luma
from ..masks import box_mean
from ..network.moments import Moments

CONTRAST = 100.0
"""Levels: a change this large counts as 1 in the pixel losses."""


def style(now: Moments, target: Moments, start: Moments) -> Tensor:
    """One layer's distance to the target's texture, relative to the target's and to what there was to change.

    |C - C_t|^2 / (|C_t|^2 + |C_0 - C_t|^2): 0 where the texture is the target's, below 1 at the start.
    """
    scale = target.covariance.square().sum() + (start.covariance - target.covariance).square().sum()
    return (now.covariance - target.covariance).square().sum() / scale.clamp(min=1e-12)


def weighted_square(array: Tensor, weight: Tensor) -> Tensor:
    """Sum of an array's squares under a weight, in the weight's type.

    The content loss is that of the features' distance to the reference's, relative to that of the reference's own.

    Shape:
        array: (1, C, H, W); weight: (1, 1, H, W), 0..1.
    """
    return (array.to(weight.dtype).square() * weight).sum()


def gradient(change: Tensor, area: Tensor) -> Tensor:
    """The paper's Poisson gradient loss: the squared Laplacian of the change, per masked pixel.

    For source gradients the reference's own Laplacian is the guidance, so that the change's
    Laplacian is the difference of the paper's equation; it holds the border to the background too.

    Shape:
        change: (1, C, H, W), levels, 0 outside the blended region.
    """
    return _SquaredLaplacian.apply(change) / (CONTRAST**2 * change.shape[1] * area)


class _SquaredLaplacian(torch.autograd.Function):
    """Sum of squares; takes three arrays, where autograd's own way takes a dozen."""

    @staticmethod
    def forward(ctx: Any, change: Tensor) -> Tensor:
        laplacian = _laplacian(change)
        ctx.save_for_backward(laplacian)
        return laplacian.square().sum()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        (laplacian,) = ctx.saved_tensors
        return _laplacian(laplacian).mul_(2 * gradient)  # it is its own transpose


def _laplacian(array: Tensor) -> Tensor:
    """With zeros around the array."""
    result = 4 * array
    result[..., 1:, :] -= array[..., :-1, :]
    result[..., :-1, :] -= array[..., 1:, :]
    result[..., 1:] -= array[..., :-1]
    result[..., :-1] -= array[..., 1:]
    return result


def tone(change: Tensor, mask: Tensor, area: Tensor, width: int, step: int = 1) -> Tensor:
    """The change of luma that is left when texture is blurred away.

    Args:
        width: of the blur in steps, odd.
        step: pixels; the blur is computed on means of step x step pixels.

    Shape:
        change: (1, C, H, W), levels; mask: (1, 1, H, W).
    """
    return _blurred(luma(change) * mask, width, step).square().sum() * step**2 / area


def chroma(change: Tensor, mask: Tensor, area: Tensor, width: int, step: int = 1) -> Tensor:
    """The same of what is not luma, see :func:`tone`."""
    return _blurred((change - luma(change)) * mask, width, step).square().sum() * step**2 / area


def _blurred(change: Tensor, width: int, step: int) -> Tensor:
    if step > 1:
        below, right = (-side % step for side in change.shape[-2:])
        change = F.avg_pool2d(F.pad(change, (0, right, 0, below)), step)
    return box_mean(change, width) / CONTRAST
