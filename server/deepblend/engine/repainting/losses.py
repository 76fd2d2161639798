"""The style of a repainting: how far its texture is from its painting's."""

from __future__ import annotations

from torch import Tensor

KEPT_CONTRAST = 0.25
"""The power of the contrast that an object has more than its painting, that it keeps."""


def style_target(painting: Tensor, start: Tensor) -> Tensor:
    """The covariance to aim at, (C, C): the painting's, with some of the contrast that the object has more.

    Else an object on a quiet ground turns to a veil. A quarter of it, as a power.
    """
    more = (start.trace() / painting.trace().clamp(min=1e-6)).clamp(min=1)
    return painting * more**KEPT_CONTRAST


def style(now: Tensor, target: Tensor, start: Tensor) -> Tensor:
    """One layer's distance to the painting's texture, relative to the painting's and to what there was to change.

    |C - C_t|^2 / (|C_t|^2 + |C_0 - C_t|^2) of covariances (C, C): 0 where the texture is the painting's, below 1 at
    the start.
    """
    scale = target.square().sum() + (start - target).square().sum()
    return (now - target).square().sum() / scale.clamp(min=1e-12)
