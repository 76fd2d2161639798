"""Curves between quantiles."""

from __future__ import annotations

import torch
from torch import Tensor

_SAMPLES = 1 << 16


def interpolated(x: Tensor, y: Tensor, at: Tensor) -> Tensor:
    """Linear between points, (n,) each, constant beyond them; x ascends."""
    k = torch.searchsorted(x, at.contiguous()).clamp(1, len(x) - 1)
    part = ((at - x[k - 1]) / (x[k] - x[k - 1]).clamp(min=1e-9)).clamp(0, 1)
    return torch.lerp(y[k - 1], y[k], part)


def tabled(y: Tensor, at: Tensor) -> Tensor:
    """The same between points that lie evenly from 0 to 1: values (C, n) and places (m,) to (C, m)."""
    place = at.clamp(0, 1) * (y.shape[1] - 1)
    k = place.long().clamp(max=y.shape[1] - 2)
    return torch.lerp(y[:, k], y[:, k + 1], place - k)


def quantiles(values: Tensor, there: Tensor, places: Tensor) -> Tensor:
    """Of an array's values where another, bool, is true somewhere; of evenly spaced ones if they are many."""
    some = values[there]
    index = torch.linspace(0, len(some) - 1, min(len(some), _SAMPLES), device=some.device).long()
    return torch.quantile(some[index], places)


def weighted_quantiles(values: Tensor, weight: Tensor, places: Tensor) -> Tensor:
    """Of values (n,) with weights (n,): the first value up to which there is such a part of all weight."""
    order = values.argsort()
    total = weight[order].cumsum(0)
    return values[order][torch.searchsorted(total / total[-1], places).clamp(max=len(values) - 1)]
