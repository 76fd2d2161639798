"""The losses of the deep method, each without dimension: neither the picture's size nor the mask's area matters.

They are written for the change d = x - r that is made to a reference r, the Poisson
solution, inside a mask m (0..1); what they are weighted with is in ``deep``.
"""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from .colour import luma

CONTRAST = 100.0
"""Levels: a change this large counts as 1 in the pixel losses."""


class Moments(NamedTuple):
    """First and second moments of a layer's features over a region."""

    mean: Tensor  # (C, 1)
    covariance: Tensor  # (C, C)


def moments(features: Tensor, weight: Tensor) -> Moments:
    """Mean and covariance of features under a weight.

    The covariance is the Gram matrix of Gatys et al. 2016 with each feature's mean taken
    off first: texture without the mean colour, normalised by the region and not by the
    picture.

    Shape:
        features: (1, C, H, W); weight: (1, 1, H, W), 0..1.
    """
    root = weight.sqrt()
    flat = (features * root).flatten(2)[0]  # (C, N)
    area = weight.sum()
    mean = flat @ root.flatten()[:, None] / area
    return Moments(mean, flat @ flat.T / area - mean @ mean.T)


def style(now: Moments, target: Moments, start: Moments) -> Tensor:
    """One layer's distance to the target's texture, relative to the target's and to what there was to change.

    |C - C_t|^2 / (|C_t|^2 + |C_0 - C_t|^2): 0 where the texture is the target's, below 1 at the start.
    """
    scale = target.covariance.square().sum() + (start.covariance - target.covariance).square().sum()
    return (now.covariance - target.covariance).square().sum() / scale.clamp(min=1e-12)


def content(now: Tensor, start: Tensor, weight: Tensor) -> Tensor:
    """How far features have left the reference's, relative to these, inside the mask.

    Shape:
        now, start: (1, C, H, W); weight: (1, 1, H, W).
    """
    return ((now - start).square() * weight).sum() / (start.square() * weight).sum().clamp(min=1e-12)


def gradient(change: Tensor, area: Tensor) -> Tensor:
    """The paper's Poisson gradient loss: the squared Laplacian of the change, per masked pixel.

    For source gradients the reference's own Laplacian is the guidance, so that the change's
    Laplacian is the difference of the paper's equation; it holds the border to the background too.

    Shape:
        change: (1, C, H, W), levels, 0 outside the blended region.
    """
    d = F.pad(change, (1, 1, 1, 1))
    inner = d[..., 1:-1, 1:-1]
    laplacian = 4 * inner - d[..., :-2, 1:-1] - d[..., 2:, 1:-1] - d[..., 1:-1, :-2] - d[..., 1:-1, 2:]
    return (laplacian / CONTRAST).square().sum() / (change.shape[1] * area)


def tone(change: Tensor, mask: Tensor, area: Tensor, width: int) -> Tensor:
    """The change of luma that is left when texture is blurred away.

    Args:
        width: of the blur in pixels, odd.

    Shape:
        change: (1, C, H, W), levels; mask: (1, 1, H, W).
    """
    return _blurred(luma(change) * mask, width).square().sum() / area


def chroma(change: Tensor, mask: Tensor, area: Tensor, width: int) -> Tensor:
    """The same of what is not luma, see :func:`tone`."""
    return _blurred((change - luma(change)) * mask, width).square().sum() / area


def _blurred(change: Tensor, width: int) -> Tensor:
    rows = F.avg_pool2d(change, (width, 1), 1, (width // 2, 0))  # a box is separable
    return F.avg_pool2d(rows, (1, width), 1, (0, width // 2)) / CONTRAST
