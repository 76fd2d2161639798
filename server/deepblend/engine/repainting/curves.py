"""Curves between quantiles."""

from __future__ import annotations

import torch
from torch import Tensor

_SAMPLES = 1 << 16


def interpolated(x: Tensor, y: Tensor, at: Tensor) -> Tensor:
    """Linear interpolation between points (x, y), (n,) each, x ascending; constant beyond the ends."""
    k = torch.searchsorted(x, at.contiguous()).clamp(1, len(x) - 1)
    part = ((at - x[k - 1]) / (x[k] - x[k - 1]).clamp(min=1e-9)).clamp(0, 1)
    return torch.lerp(y[k - 1], y[k], part)


def tabled(y: Tensor, at: Tensor) -> Tensor:
    """Linear interpolation in tables (C, n), whose points lie evenly from 0 to 1, at places (m,): (C, m)."""
    place = at.clamp(0, 1) * (y.shape[1] - 1)
    k = place.long().clamp(max=y.shape[1] - 2)
    return torch.lerp(y[:, k], y[:, k + 1], place - k)


def quantiles(values: Tensor, there: Tensor, places: Tensor) -> Tensor:
    """Quantiles, at ``places`` 0..1, of the values where ``there`` is true; of many, an even sample is taken."""
    some = values[there]
    index = torch.linspace(0, len(some) - 1, min(len(some), _SAMPLES), device=some.device).long()
    return torch.quantile(some[index], places)


def weighted_quantiles(values: Tensor, weight: Tensor, places: Tensor) -> Tensor:
    """Weighted quantiles, at ``places`` 0..1, of values (n,): the least value that so much of the weight lies up to."""
    order = values.argsort()
    total = weight[order].cumsum(0)
    return values[order][torch.searchsorted(total / total[-1], places).clamp(max=len(values) - 1)]
