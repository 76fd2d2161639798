"""The nearest of many keys, by the Euclidean distance, and which places of a picture become keys."""

from __future__ import annotations

import torch
from torch import Tensor

_BLOCK = 1024
"""Queries that are looked for at once."""


def some_of(places: Tensor, count: int) -> Tensor:
    """At most so many of places, (n,), spread over all of them in no order: the same ones each time."""
    if len(places) <= count:
        return places
    order = torch.randperm(len(places), generator=torch.Generator().manual_seed(1))[:count]
    return places[order.to(places.device)]


class Keys:
    """Vectors that others are compared with."""

    def __init__(self, keys: Tensor) -> None:
        """
        Shape:
            keys: (D, n).
        """
        # The nearest has the greatest product less half its own square: that, too, is one product with a 1.
        self._keys = torch.cat([keys, -keys.square().sum(0, keepdim=True) / 2])

    def nearest(self, query: Tensor) -> Tensor:
        """Of each query, a column, the index of the key that is nearest: (D, n) to (n,)."""
        rows = torch.cat([query, torch.ones_like(query[:1])]).T.contiguous()
        found = torch.empty(len(rows), dtype=torch.long, device=query.device)
        products = query.new_empty(min(_BLOCK, len(rows)), self._keys.shape[1])
        for k in range(0, len(rows), _BLOCK):
            some = torch.mm(rows[k : k + _BLOCK], self._keys, out=products[: len(rows) - k])
            if some.device.type == "cpu":  # NumPy's is six times as fast
                found[k : k + _BLOCK] = torch.from_numpy(some.numpy().argmax(1))
            else:
                found[k : k + _BLOCK] = some.argmax(1)
        return found
