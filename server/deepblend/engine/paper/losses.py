"""The losses of "Deep Image Blending" (Zhang, Wen, Shi, WACV 2020), one function each, unweighted.

Pictures are (1, 3, H, W) in levels 0..255, features (1, C, h, w). Every result is a
tensor with one value, differentiable in the first argument.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def laplacian(picture: Tensor) -> Tensor:
    """4 p minus the four neighbours of p, in each channel; beyond the border is 0, as published.

    Shape:
        picture, result: (1, C, H, W)
    """
    p = F.pad(picture, (1, 1, 1, 1))
    return 4 * picture - p[..., :-2, 1:-1] - p[..., 2:, 1:-1] - p[..., 1:-1, :-2] - p[..., 1:-1, 2:]


def gradient_loss(blend: Tensor, guidance: Tensor) -> Tensor:
    """The Poisson gradient loss: mean squared difference of the Laplacian to the guidance.

    ``guidance`` (1, 3, H, W) is the source's Laplacian inside the mask and the target's
    outside; it has its minimum where Perez et al. 2003 solve the Poisson equation.
    """
    return F.mse_loss(laplacian(blend), guidance)


def gram(features: Tensor) -> Tensor:
    """Gram matrix (C, C) of features (1, C, h, w), divided by C h w as published."""
    _, channels, height, width = features.shape
    cells = features.permute(0, 2, 3, 1).reshape(-1, channels)  # (h w, C), a view where the memory is channels_last
    return cells.T @ cells / (channels * height * width)


def style_loss(features: Sequence[Tensor], target_grams: Sequence[Tensor]) -> Tensor:
    """The style loss of Gatys et al. 2016: squared differences of Gram matrices, averaged over entries and layers."""
    pairs = zip(features, target_grams, strict=True)
    return torch.stack([F.mse_loss(gram(layer), wanted) for layer, wanted in pairs]).mean()


def content_loss(features: Tensor, wanted: Tensor) -> Tensor:
    """The content loss of Gatys et al. 2016: mean squared difference of one layer's features."""
    return F.mse_loss(features, wanted)


def total_variation(picture: Tensor) -> Tensor:
    """Sum of absolute differences between horizontal and vertical neighbours (Mahendran and Vedaldi 2015)."""
    across = picture[..., 1:] - picture[..., :-1]
    down = picture[..., 1:, :] - picture[..., :-1, :]
    return across.abs().sum() + down.abs().sum()


def quantiles(values: Tensor, count: int) -> Tensor:
    """``count`` evenly spaced quantiles, lowest first: what ``count`` samples of that distribution would be.

    Shape:
        values: (C, N); result: (C, count), with N, count >= 1
    """
    ordered = values.sort(dim=1).values
    last = ordered.shape[1] - 1
    # In float64 on the host, once: float32 cannot tell the ranks of some ten million values apart.
    place = ((torch.arange(count, dtype=torch.float64) + 0.5) * ordered.shape[1] / count - 0.5).clamp(0, last)
    below = place.floor()
    share = (place - below).to(ordered)
    index = below.long().to(ordered.device)
    return torch.lerp(ordered[:, index], ordered[:, (index + 1).clamp(max=last)], share)


def match_histogram(values: Tensor, table: Tensor) -> Tensor:
    """Each channel's values carried to the distribution of ``table``, in the order they have.

    Equal values stay equal (most features after a ReLU are 0): each takes the middle of
    the quantiles that belong to it.

    Shape:
        values: (C, n); table: (C, n), ascending, from :func:`quantiles`; result: (C, n)
    """
    ordered = values.sort(dim=1).values
    fewer = torch.searchsorted(ordered, values)
    up_to = torch.searchsorted(ordered, values, right=True)
    last = values.shape[1] - 1  # a NaN has no rank; it must not index beyond the table
    low, high = ((fewer + up_to - 1) // 2).clamp(0, last), ((fewer + up_to) // 2).clamp(0, last)
    return (table.gather(1, low) + table.gather(1, high)) / 2


def histogram_loss(features: Sequence[Tensor], inside: Sequence[Tensor], tables: Sequence[Tensor]) -> Tensor:
    """The histogram loss of Risser, Wilmot and Barnes 2017, on the features inside the mask.

    Mean squared difference of the features to themselves remapped to the target's
    histogram, channel by channel, averaged over entries and layers. The remapped features
    are held constant, as there.

    Shape:
        features: layers (1, C, h, w); inside: per layer the indices (n,) of the cells
        in the mask; tables: per layer (C, n), the target's quantiles
    """
    losses = []
    for layer, cells, table in zip(features, inside, tables, strict=True):
        values = layer.flatten(2)[0][:, cells]  # (C, n)
        losses.append(F.mse_loss(values, match_histogram(values.detach().contiguous(), table)))
    return torch.stack(losses).mean()
