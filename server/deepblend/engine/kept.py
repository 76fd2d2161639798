"""What was found for the last few blends: the next move of a slider asks for most of it again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")

_MOST_BYTES = 1 << 26
"""Of arrays that something depends on: more would take longer to compare, and what is found in them more memory."""


_EVERY: list[Kept[Any]] = []


class Kept(Generic[T]):
    """Results by what they depend on, the last few of them. Nobody may change one."""

    def __init__(self, count: int) -> None:
        """
        Args:
            count: results that are kept, at most.
        """
        _EVERY.append(self)
        self._count = count
        self._results: OrderedDict[tuple[object, ...], T] = OrderedDict()

    def get(self, make: Callable[[], T], *inputs: object) -> T:
        """What was made of the same inputs, or is made now.

        Args:
            inputs: arrays, compared by all of their values, and whatever else can be hashed. They have to be all that
                the result depends on.
        """
        if sum(one.nbytes for one in inputs if isinstance(one, Tensor)) > _MOST_BYTES:
            return make()
        key = (torch.get_num_threads(), *(digest(one) if isinstance(one, Tensor) else one for one in inputs))
        if key in self._results:
            self._results.move_to_end(key)
            return self._results[key]
        found = make()
        self._results[key] = found
        if len(self._results) > self._count:
            self._results.popitem(last=False)
        return found

    def clear(self) -> None:
        """Forget all."""
        self._results.clear()


def forget() -> None:
    """Have the next blend find everything anew."""
    for one in _EVERY:
        one.clear()


def digest(array: Tensor) -> bytes:
    """An array's values, shape, type and device, in a few bytes."""
    taken = blake2b(f"{array.dtype} {tuple(array.shape)} {array.device}".encode(), digest_size=16)
    taken.update(array.detach().cpu().contiguous().numpy().data)
    return taken.digest()
