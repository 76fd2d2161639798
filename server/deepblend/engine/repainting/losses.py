"""What holds an object while it is repainted: its tones and its colours, where texture is blurred away."""

from __future__ import annotations

from torch import Tensor

from ..colour import luma
from .octaves import gauss

CONTRAST = 100.0
"""Levels: a change this large counts as 1."""
KEPT_CONTRAST = 0.25
"""The power of the contrast that an object has more than its painting, that it keeps."""


def tone(change: Tensor, area: Tensor, sigma: float) -> Tensor:
    """The change of luma that is left under a blur, squared, per masked pixel.

    Args:
        area: masked pixels.
        sigma: of the blur, in pixels.

    Shape:
        change: (1, C, H, W), levels, times the mask.
    """
    return (gauss(luma(change), sigma) / CONTRAST).square().sum() / area


def chroma(change: Tensor, area: Tensor, sigma: float) -> Tensor:
    """The same of what is not luma, see :func:`tone`."""
    return (gauss(change - luma(change), sigma) / CONTRAST).square().sum() / area


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
