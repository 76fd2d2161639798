"""L-BFGS on the device, one evaluation a step, without waiting for the device."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

HISTORY = 20
"""Pairs of steps and gradient changes that are kept: more than any level makes evaluations."""
FIRST_STEP = 20.0
"""Levels: the first step's largest component, about a brush stroke's contrast."""
LARGEST_STEP = 3.0
"""First steps that no component of a later one is larger than: where the loss hardly curves along a step, the next
would go anywhere, and be an evaluation lost."""


class LBFGS:
    """Limited-memory BFGS (Nocedal and Wright 2006, algorithms 7.4 and 7.5), asked for points and told their losses.

    A step goes the whole quasi-Newton way, within a bound, and is taken where it lowers the loss; else only
    its curvature is kept, and the next one is half as long. So ``x`` is always the best
    point told. All decisions are made on the device: a step never waits for it.
    """

    def __init__(
        self,
        x: Tensor,
        history: int = HISTORY,
        first_step: float = FIRST_STEP,
        precondition: Callable[[Tensor], Tensor] = lambda gradient: gradient,
    ) -> None:
        """
        Args:
            x: where to start; of any shape.
            history: pairs of steps and gradient changes that are kept.
            first_step: the first step's largest component, in x's unit.
            precondition: a linear map, symmetric and not negative, that is about proportional to the inverse
                Hessian; the two-loop recursion starts from it.
        """
        self.x = x
        self.loss = x.new_full((), torch.inf)
        """At ``x``."""
        self._precondition = precondition
        self._first_step = first_step
        self._pairs: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=history)  # s, y, 1 / (s y); 0 leaves it out
        self._last: tuple[Tensor, Tensor] | None = None  # s and y of the last step
        self._gradient: Tensor | None = None
        self._trial = x

    def ask(self) -> Tensor:
        """The next point to evaluate; the first is where it starts."""
        if self._gradient is not None:
            direction = self._direction(self._gradient)
            farthest = direction.abs().amax().clamp(min=1e-30)
            self._trial = self.x + self._length * (LARGEST_STEP * self._first_step / farthest).clamp(max=1) * direction
        return self._trial

    def tell(self, loss: Tensor, gradient: Tensor) -> None:
        """The loss (no dimensions) and its gradient (x's shape) at the point that was asked for."""
        trial = self._trial
        if self._gradient is None:
            self.loss, self._gradient = loss, gradient
            self._scale = self._first_step / self._precondition(gradient).abs().amax().clamp(min=1e-30)
            self._length = torch.ones_like(loss)
            return
        valid = torch.isfinite(loss) & torch.isfinite(gradient).all()
        self._last = trial - self.x, torch.where(valid, gradient - self._gradient, 0)
        better = valid & (loss < self.loss)
        self.x = torch.where(better, trial, self.x)
        self.loss = torch.where(better, loss, self.loss)
        self._gradient = torch.where(better, gradient, self._gradient)
        self._length = torch.where(better, 1.0, self._length * 0.5)
        self._trial = self.x  # frees what was refused

    def _direction(self, gradient: Tensor) -> Tensor:
        """Minus the inverse Hessian's estimate times the gradient: the two-loop recursion."""
        if self._last is not None:
            self._learn(*self._last)
        q = -gradient
        shares: list[Tensor] = []
        for s, y, inverse in reversed(self._pairs):
            share = inverse * _dot(s, q)
            shares.append(share)
            q = q - share * y
        q = self._precondition(q) * self._scale
        for (s, y, inverse), share in zip(self._pairs, reversed(shares), strict=True):
            q = q + (share - inverse * _dot(y, q)) * s
        return q

    def _learn(self, s: Tensor, y: Tensor) -> None:
        """Take in a step and what it did to the gradient. Put off until it is asked for: the last one never is."""
        sy, yy = _dot(s, y), _dot(y, self._precondition(y))
        curved = sy > 1e-10 * yy.clamp(min=1e-30)
        self._pairs.append((s, y, torch.where(curved, 1 / sy, 0)))
        self._scale = torch.where(curved, sy / yy, self._scale)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return torch.dot(a.flatten(), b.flatten())
