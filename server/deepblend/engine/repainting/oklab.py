"""Oklab (Björn Ottosson 2020): a space where lightness and hue can be moved apart."""

from __future__ import annotations

import torch
from torch import Tensor

from ..colour import to_linear, to_perceptual

_TO_LMS = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def to_oklab(image: Tensor) -> Tensor:
    """Levels of sRGB, (3, ...), cut off at 0..255, to Oklab: lightness 0..1, and two axes of chroma about 0."""
    linear = to_linear((image / 255).clamp(0, 1)).flatten(1)
    lms = (image.new_tensor(_TO_LMS) @ linear).clamp(min=0) ** (1 / 3)
    return (image.new_tensor(_TO_LAB) @ lms).view_as(image)


def from_oklab(lab: Tensor) -> Tensor:
    """The inverse, cut off where sRGB ends."""
    lms = (torch.linalg.inv(lab.new_tensor(_TO_LAB)) @ lab.flatten(1)) ** 3
    linear = torch.linalg.inv(lab.new_tensor(_TO_LMS)) @ lms
    return (to_perceptual(linear).clamp(0, 1) * 255).view_as(lab)
