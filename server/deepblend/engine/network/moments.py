"""First and second moments of a network's features over a region: the Gram matrix of Gatys et al. 2016, centred."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

_AT_A_TIME = 1 << 16
"""Pixels whose features are held in float32 at once."""


class Moments(NamedTuple):
    """First and second moments of a layer's features over a region."""

    mean: Tensor  # (C, 1)
    covariance: Tensor  # (C, C)


class Sums(NamedTuple):
    """What moments are made of; those of a picture's parts add up to the picture's."""

    first: Tensor  # (C, 1): sum of w f
    second: Tensor  # (C, C): sum of w f f'

    def moments(self, area: Tensor) -> Moments:
        """``area``: the sum of the weights, 0-dimensional."""
        mean = self.first / area
        return Moments(mean, self.second / area - mean @ mean.T)

    def plus(self, other: Sums) -> Sums:
        """The sums of two parts of a picture together."""
        return Sums(self.first + other.first, self.second + other.second)


class _Summed(torch.autograd.Function):
    """Keeps the features alone for the way back, and sums in float32 what may be bfloat16."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(features, weight)
        first = weight.new_zeros(features.shape[1], 1)
        second = weight.new_zeros(features.shape[1], features.shape[1])
        for x, w in _rows(features, weight):
            root = w.sqrt()
            y = x * root
            first.addmm_(y.T, root)
            second.addmm_(y.T, y)
        return first, second

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        features, weight = ctx.saved_tensors
        first, second = gradients
        result = torch.empty_like(features)  # in the same memory format
        rows = result[0].flatten(1).T  # a view, (H * W, C)
        twice = second + second.T
        start = 0
        for x, w in _rows(features, weight):
            rows[start : start + len(x)] = torch.addmm(first.T, x, twice).mul_(w)
            start += len(x)
        return result, None


def _rows(features: Tensor, weight: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Pixels as rows, (n, C) and (n, 1), float32 or better; a bounded number at a time."""
    flat, weights = features[0].flatten(1).T, weight.flatten()[:, None]  # views where channels lie last
    for start in range(0, len(flat), _AT_A_TIME):
        part = slice(start, start + _AT_A_TIME)
        yield flat[part].to(weight.dtype), weights[part]


def sums(features: Tensor, weight: Tensor) -> Sums:
    """Sums of features and of their products under a weight; differentiable in the features.

    Shape:
        features: (1, C, H, W), float32 or bfloat16; weight: (1, 1, H, W), 0..1, float32.
    """
    return Sums(*_Summed.apply(features, weight))


def moments(features: Tensor, weight: Tensor) -> Moments:
    """Mean and covariance of features under a weight.

    The covariance is the Gram matrix of Gatys et al. 2016 with each feature's mean taken
    off first: texture without the mean colour, normalised by the region and not by the
    picture.

    Shape:
        features: (1, C, H, W); weight: (1, 1, H, W), 0..1.
    """
    return sums(features, weight).moments(weight.sum())
