"""Tones and colours: an object's own, given back to what has been painted of it, where strokes are blurred away.

A loss that holds them trades them for texture; giving them back keeps both, and takes no evaluations.
"""

from __future__ import annotations

from torch import Tensor

from ..colour import luma
from .octaves import gauss

TONE_BLUR, CHROMA_BLUR = 6.0, 8.0
"""Standard deviations, in pixels of the base: what of the object is wider is given back, what is finer is painted."""
_LEAST = 0.05
"""Of Omega under a blur: by less nothing is divided."""


def given_back(painted: Tensor, own: Tensor, omega: Tensor, part: float, pixel: float) -> Tensor:
    """A painted picture, lighter and more coloured by what it has lost of the object under a blur.

    Args:
        part: of it that is given back, 0..1.
        pixel: of the base, in pixels of these arrays.

    Shape:
        painted, own, result: (1, C, H, W), levels; omega: (1, 1, H, W), 0 or 1: outside nothing is changed.
    """
    lost = (own - painted) * omega
    light = luma(lost)
    blurred = _within(light, omega, TONE_BLUR * pixel)
    if lost.shape[1] > 1:
        blurred = blurred + _within(lost - light, omega, CHROMA_BLUR * pixel)
    return painted + part * blurred * omega


def _within(array: Tensor, omega: Tensor, sigma: float) -> Tensor:
    """A mean under a Gaussian of what lies in Omega."""
    return gauss(array, sigma) / gauss(omega, sigma).clamp(min=_LEAST)
