"""Noise: how strong it is, octave by octave, in a picture's calm places; noise of such a strength; and less of it.

Grain is not white: a camera's developer, JPEG and resampling colour it. So it is measured in three octaves of luma and
of chroma, and made in the same octaves. A texture is no noise: the calmest blocks alone are looked at, by a robust
deviation (Donoho and Johnstone 1994: the median of absolute values over 0.6745), and what grows with the octave is not
taken for noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from ..colour import LUMA, luma
from ..repainting.octaves import gauss

OCTAVES = (0.7, 1.4, 2.8)
"""Standard deviations of the Gaussians, pixels: an octave is what one takes away from the one before."""
HALO = 16
"""Pixels around a place that its octaves look at."""
BLOCK = 8
_CALM = 0.15
"""Of all blocks, those whose luma has the least detail: what they have is taken for noise."""
_FEWEST = 12
"""Blocks: from fewer nothing is concluded."""
_DARKEST, _LIGHTEST = 12.0, 243.0
"""Mean luma of blocks that count: beyond, noise is cut off."""
_CALMEST = (1.23, 1.25, 1.1)
"""By octave of luma: what all blocks of nothing but noise have over the calmest of them."""
_MEDIAN = 0.6745
"""The median of a normal variable's absolute value, in deviations."""
_TEXTURE, _NOISE = 0.7, 1.2
"""The finest octave over the next: white noise has 2, JPEG and resampling leave 1.3 of it, fur and grass have less than
1. Up to the first all is texture, from the second on all is noise."""
_LEAST_GAIN = 0.4
"""What is left, at least, of detail that is as weak as the noise to be taken away."""


def octaves(array: Tensor, count: int = len(OCTAVES)) -> list[Tensor]:
    """The finest octaves of (1, C, H, W), finest first, so many of the three."""
    found = []
    for sigma in OCTAVES[:count]:
        coarser = gauss(array, sigma)
        found.append(array - coarser)
        array = coarser
    return found


def planes_of(image: Tensor) -> Tensor:
    """(C, H, W) as luma, red less luma and blue less luma; luma alone of a gray one."""
    light = luma(image)
    return light if len(image) == 1 else torch.cat([light, image[:1] - light, image[2:] - light])


def image_of(planes: Tensor) -> Tensor:
    """The inverse of :func:`planes_of`."""
    if len(planes) == 1:
        return planes
    red, green, blue = LUMA
    light, more_red, more_blue = planes
    return torch.stack([light + more_red, light - (red * more_red + blue * more_blue) / green, light + more_blue])


class Calmest:
    """Blocks of a picture, given piece by piece, and the noise of the calmest of them."""

    def __init__(self) -> None:
        self._found: list[Tensor] = []

    def add(self, image: Tensor, there: Tensor) -> None:
        """
        Shape:
            image: (C, H, W), levels; there: (H, W), bool: what counts.
        """
        if min(there.shape) < BLOCK:
            return
        planes = planes_of(image)
        chosen = F.avg_pool2d(there[None].float(), BLOCK)[0] == 1
        light = F.avg_pool2d(planes[:1], BLOCK)[0]
        chosen &= (light > _DARKEST) & (light < _LIGHTEST)
        self._found.append(torch.stack([_deviations(band, chosen) for band in octaves(planes[None])]))

    def levels(self) -> Tensor | None:
        """How strong the noise is, by octave and for luma and chroma: (3, 2), levels.

        None where there are too few blocks to tell.
        """
        if sum(one.shape[2] for one in self._found) < _FEWEST:
            return None
        found = torch.cat(self._found, 2)  # (3, planes, blocks)
        calm = (found[0, 0] + found[1, 0]).argsort()
        found = found[:, :, calm[: max(_FEWEST, int(_CALM * len(calm)))]].median(2).values
        found[:, 0] *= found.new_tensor(_CALMEST)
        chroma = found[:, 1:].mean(1) if found.shape[1] > 1 else torch.zeros_like(found[:, 0])
        surely = ((found[0, 0] / found[1, 0].clamp(min=1e-3) - _TEXTURE) / (_NOISE - _TEXTURE)).clamp(0, 1)
        return surely * torch.stack([found[:, 0], chroma], 1)


def _deviations(band: Tensor, chosen: Tensor) -> Tensor:
    """By plane and block, robustly: (1, P, H, W) to (P, blocks)."""
    height, width = (side * BLOCK for side in chosen.shape)
    blocks = F.unfold(band.transpose(0, 1)[..., :height, :width], BLOCK, stride=BLOCK)  # (P, 64, all blocks)
    return blocks[..., chosen.flatten()].abs().median(1).values / _MEDIAN


def made(strength: Tensor, left: int, top: int, height: int, width: int, channels: int) -> Tensor:
    """Noise that measures as strong as asked for, by octave and for luma and chroma: (channels, height, width), levels.

    A place's noise follows from its place in the document alone: a part of a picture has the same as the whole.

    Args:
        strength: (3, 2), as ``Calmest.levels`` gives it.
        left, top: the place of the first pixel.
    """
    y = torch.arange(top - HALO, top + height + HALO, device=strength.device)
    x = torch.arange(left - HALO, left + width + HALO, device=strength.device)
    # Powers add up, since each octave's noise is another one.
    weights = (torch.linalg.inv(_powers().to(strength)) @ strength.square()).clamp(min=0).sqrt()
    planes = []
    for plane in range(3 if channels == 3 else 1):
        total = strength.new_zeros(height, width)
        for k, weight in enumerate(weights[:, min(plane, 1)].tolist()):
            if weight > 0:
                band = octaves(_white(x, y, 3 * plane + k)[None, None], k + 1)[k]
                total += weight * band[0, 0, HALO:-HALO, HALO:-HALO]
        planes.append(total)
    return image_of(torch.stack(planes))


def weakened(image: Tensor, noise: Tensor) -> Tensor:
    """A picture with less noise: detail as weak as that is made weaker, stronger detail is not (Wiener's gain).

    Shape:
        image, result: (C, H, W), levels; noise: (3, 2), levels: what is to go.
    """
    planes = planes_of(image)[None]
    change = torch.zeros_like(planes)
    for k, band in enumerate(octaves(planes)):
        power = noise[k, [0, 1, 1][: len(image)]].square().view(1, -1, 1, 1)
        share = power / torch.maximum(gauss(band.square(), 2.0), power).clamp(min=1e-6)
        change -= (1 - _LEAST_GAIN) * share * band
    return image + image_of(change[0])


def _white(x: Tensor, y: Tensor, seed: int) -> Tensor:
    """Normal noise, deviation 1, that follows from a pixel's place: (rows, columns)."""
    first = _hashed(x[None] + _hashed(y[:, None] + _hashed(torch.full_like(x[:1], seed + 1))))
    uniform = [(whole.float() + 0.5) / 2**32 for whole in (first, _hashed(first))]
    radius = (-2 * uniform[0].clamp(1e-9, 1 - 1e-7).log()).sqrt()  # Box and Muller 1958
    return radius * torch.cos(2 * torch.pi * uniform[1])


def _hashed(whole: Tensor) -> Tensor:
    """Whole numbers of 32 bits mixed, in 64, which may overflow (Wellons 2018, lowbias32)."""
    whole = whole & 0xFFFFFFFF
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        whole = ((whole ^ (whole >> shift)) * factor) & 0xFFFFFFFF
    return whole ^ (whole >> 16)


@cache
def _powers() -> Tensor:
    """(3, 3): what power an octave measures, by row, of white noise's octave, by column."""
    point = torch.zeros(1, 1, 4 * HALO + 1, 4 * HALO + 1)
    point[..., 2 * HALO, 2 * HALO] = 1

    def rows() -> Iterator[Tensor]:
        for made_band in octaves(point):
            yield torch.stack([band.square().sum() for band in octaves(made_band)])

    return torch.stack(list(rows()), 1)
