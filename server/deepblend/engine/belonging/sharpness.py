"""Sharpness: how wide a picture's steepest edges are, and a picture made a little softer or sharper.

An edge that a camera has blurred by a Gaussian of deviation s is 1 / s steep. Blurred once more, by a known Gaussian,
it tells s by the ratio of both slopes (Zhuo and Sim 2011, *Defocus map estimation from a single image*, section 3). The
steepest edges are those in focus, and tell of the camera, the developer and of resampling.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..colour import luma
from ..repainting.octaves import gauss

_FIRST, _SECOND = 0.6, 1.0
"""Deviations of the Gaussian against noise, and of the one more."""
_STRONG = 10.0
"""Levels a pixel: slopes of less are no edges."""
_RIDGE = 0.9
"""Of the steepest slope beside it: less is an edge's foot."""
_FEWEST = 60
"""Edge pixels: from fewer nothing is concluded."""
_COUNTED = 1 << 18
"""Edge pixels that are counted, at most."""
_SHARPEST = 0.15
"""The part of all edge pixels that are sharper than the width that is told."""
_TOLD = (0.3, 3.0)
"""Pixels: less is as sharp as pixels are, more is no matter of the camera."""
_UNSEEN = 0.2
"""Pixels: widths that differ by less are alike."""
_SOFTER, _SHARPER = 1.2, 0.8
"""At most: the deviation of the blur, in pixels, and the weight of the unsharp mask. A ground out of focus must not
take an object in focus with it."""
_OVERSHOOT = 4.0
"""Levels by which sharpening may leave what lies around a pixel."""
HALO = 5
"""Pixels around a place that :func:`changed` looks at."""


class Widths:
    """Edges of a picture, given piece by piece, and how wide its sharpest ones are."""

    def __init__(self) -> None:
        self._found: list[Tensor] = []

    def add(self, image: Tensor, there: Tensor) -> None:
        """
        Shape:
            image: (C, H, W), levels; there: (H, W), bool: what counts, with two pixels around it.
        """
        once = gauss(luma(image)[None].clamp(0, 255), _FIRST)
        slope, softer = _slope(once), _slope(gauss(once, _SECOND))
        inside = F.max_pool2d((~there)[None, None].float(), 5, 1, 2) == 0  # with what the slopes look at
        edge = (slope > _STRONG) & (slope >= _RIDGE * F.max_pool2d(slope, 3, 1, 1)) & inside
        ratio = (slope[edge] / softer[edge].clamp(min=1e-3)).clamp(min=1.001).square()
        self._found.append(_SECOND**2 / (ratio - 1) - _FIRST**2)

    def width(self) -> float | None:
        """The deviation of the Gaussian that the sharpest edges are blurred by, in pixels.

        None where there are too few edges to tell.
        """
        found = torch.cat(self._found)
        if len(found) < _FEWEST:
            return None
        square = float(torch.quantile(found[:: len(found) // _COUNTED + 1], _SHARPEST))
        return min(max(math.sqrt(max(square, 0.0)), _TOLD[0]), _TOLD[1])


def _slope(light: Tensor) -> Tensor:
    """(1, 1, H, W), levels a pixel."""
    x = F.pad(light[..., 2:] - light[..., :-2], (1, 1)) / 2
    y = F.pad(light[..., 2:, :] - light[..., :-2, :], (0, 0, 1, 1)) / 2
    return torch.hypot(x, y)


def changed(image: Tensor, own: float, wanted: float) -> Tensor:
    """A picture whose edges are as wide as is wanted, within limits: (1, C, H, W), levels.

    Args:
        own, wanted: deviations in pixels, see :class:`Widths`.
    """
    if wanted > own + _UNSEEN:
        return gauss(image, min(math.sqrt((wanted - _UNSEEN) ** 2 - own**2), _SOFTER))
    if wanted < own - _UNSEEN:
        # To first order a Gaussian of variance v adds v / 2 of the Laplacian, and so does 1 - G for v = 1.
        weight = min(own**2 - (wanted + _UNSEEN) ** 2, _SHARPER)
        sharper = image + weight * (image - gauss(image, 1.0))
        highest, lowest = F.max_pool2d(image, 3, 1, 1), -F.max_pool2d(-image, 3, 1, 1)
        return torch.minimum(torch.maximum(sharper, lowest - _OVERSHOOT), highest + _OVERSHOOT)
    return image
