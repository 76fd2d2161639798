"""L-BFGS as the published code runs it: torch.optim.LBFGS with its defaults, but that it can be ended anywhere.

Torch's own step is one call of up to 20 evaluations. This is the same step as an iteration; tests hold the two to be
the same to the bit. (The engine's own, ``engine.lbfgs``, is another: it takes no step that does not lower the loss.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

EVALUATIONS_A_STEP = 20
HISTORY = 100
STILL = 1e-9
"""A step ends where the loss or every pixel moves by no more,"""
FLAT = 1e-7
"""or where every component of the gradient is no larger."""


class PublishedLBFGS:
    """Moves an image, in place, along quasi-Newton directions of length 1 (Nocedal and Wright 2006, algorithm 7.4)."""

    def __init__(self, image: Tensor) -> None:
        """
        Args:
            image: contiguous, without a gradient.
        """
        self._image = image
        self._pairs: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=HISTORY)  # y, s, 1 / (y s)
        self._scale: Tensor | float = 1.0
        self._last: tuple[Tensor, Tensor, Tensor | float] | None = (
            None  # gradient, direction and length of the last move
        )

    def step(self, evaluate: Callable[[], tuple[float, Tensor]]) -> Iterator[None]:
        """One step; yields after each evaluation, before the image is moved on.

        Args:
            evaluate: gives the loss and its gradient, of the image's shape, where the image is.
        """
        loss, gradient = _flat(evaluate())
        yield
        if gradient.abs().max() <= FLAT:
            return
        for done in range(1, EVALUATIONS_A_STEP + 1):
            direction, length = self._direction(gradient)
            self._last = gradient, direction, length
            if gradient.dot(direction) > -STILL:
                return
            self._image.add_(direction.view_as(self._image), alpha=float(length))
            if done == EVALUATIONS_A_STEP:
                return
            before = loss
            loss, gradient = _flat(evaluate())
            yield
            moved = direction.mul(length).abs().max()
            if gradient.abs().max() <= FLAT or moved <= STILL or abs(loss - before) < STILL:
                return

    def _direction(self, gradient: Tensor) -> tuple[Tensor, Tensor | float]:
        if self._last is None:
            return gradient.neg(), min(1.0, 1.0 / gradient.abs().sum())
        before, direction, length = self._last
        y, s = gradient.sub(before), direction.mul(length)
        ys = y.dot(s)
        if ys > 1e-10:
            self._pairs.append((y, s, 1.0 / ys))
            self._scale = ys / y.dot(y)
        q = gradient.neg()
        shares: list[Tensor] = []
        for y, s, inverse in reversed(self._pairs):
            shares.append(s.dot(q) * inverse)
            q.add_(y, alpha=-float(shares[-1]))
        d = torch.mul(q, self._scale)
        for (y, s, inverse), share in zip(self._pairs, reversed(shares), strict=True):
            d.add_(s, alpha=float(share - y.dot(d) * inverse))
        return d, 1.0


def _flat(evaluated: tuple[float, Tensor]) -> tuple[float, Tensor]:
    loss, gradient = evaluated
    return loss, gradient.flatten()
