"""Outlines: whether a selection's runs along an edge of the picture, and what differs across a cut."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..repainting.octaves import gauss

_ON = 1.6
"""Pixels on either side of the selection's border within which an edge is the border's own,"""
_BESIDE = (3.0, 8.0)
"""and between which it is another's."""
_FADE = 9.0
"""Pixels along the border over which edges are averaged."""
_EDGE = (1.6, 3.2)
"""How many times as strong as beside it an edge on the border is: to be none of its own, and to be surely one."""
_FAINT = 4.0
"""Levels of a gradient that is no edge."""
_TIGHT = 0.38
"""The part of the border that must have an edge. Of tight selections of photographed objects 0.50 to 0.89 had one, of
those that were 5 pixels too wide, or more, 0.27 at most."""
_SIDE = 3
"""Pixels on each side of a cut whose colours are compared."""
_NEAR = 4.0
"""Pixels along a cut over which they are averaged."""
_WIDE = 8
"""Pixels that a region is grown by from which on distances are measured once: a square of more costs its side."""
_STEP = 1.0
"""Pixels over which a hard outline is smoothed."""
_HARD = (0.75, 1.0)
"""What a selection falls by within one pixel: of none that is smooth, and of one that is hard."""
_COVERED = (0.3, 0.85)
"""The part of the most nearby that is selected around a pixel: of one that stands out, and of one inside."""
_TINY = 1e-6


def follows_edges(image: Tensor, from_border: Tensor, opaque: Tensor) -> bool:
    """Whether a selection is tight: its border runs along edges that are stronger than those beside it.

    Args:
        from_border: pixels from the border, positive inside.

    Shape:
        image: (C, h, w), levels. from_border, opaque: (h, w).
    """
    distance = from_border.abs()
    on = opaque & (distance <= 1)
    steep = _gradient(gauss(image[None], 0.8)[0])
    highest = F.max_pool2d((steep * (opaque & (distance <= _ON)))[None], 5, 1, 2)[0]
    own, _ = _mean(highest[None], on, _FADE)
    other, there = _mean(steep[None], opaque & (distance > _BESIDE[0]) & (distance <= _BESIDE[1]), _FADE)
    sure = ramp(own[0] / (other[0] + _FAINT), _EDGE) * (there > 1e-4)
    return float((sure * on).sum()) > _TIGHT * float(on.sum())


def length(inside: Tensor) -> int:
    """Pixels of a region (h, w) that lie on its outline."""
    return int((inside & grown(~inside, 1)).sum())


def roundness(inside: Tensor) -> float:
    """4 pi area / outline^2, in steps of pixels: 0.65 for a disc, 0.8 for a square, 0.1 for an animal with its legs."""
    return 4 * math.pi * float(inside.sum()) / max(length(inside), 1) ** 2


@dataclass(frozen=True)
class Cut:
    """Where an object ends within a selection."""

    length: int
    """Pixels of the object along it."""
    contrast: float
    """Levels, a Euclidean distance of colours: what the two sides differ by."""
    unevenness: float
    """Levels: what the colours of the other side differ by from their means nearby."""

    @classmethod
    def between(cls, image: Tensor, object_: Tensor, rest: Tensor) -> Cut:
        """
        Shape:
            image: (C, h, w), levels. object_, rest: (h, w), bool.
        """
        along = object_ & grown(rest, 1)
        if not bool(along.any()):
            return cls(0, 0.0, 0.0)
        this, _ = _mean(image, object_ & grown(rest, _SIDE), _NEAR)
        other, _ = _mean(image, rest & grown(object_, _SIDE), _NEAR)
        smooth, _ = _mean(image, rest, _NEAR)
        uneven = (image - smooth).square().sum(0)[rest].mean().sqrt()
        return cls(int(along.sum()), float((this - other).norm(dim=0)[along].mean()), float(uneven))


def smoothed(mask: Tensor) -> Tensor:
    """What a hard selection's last pixels are to be multiplied by, so that its outline has no steps, (h, w), 0..1.

    Where the selection ends within one pixel, how much of a small neighbourhood is selected says how far the pixel
    stands out; over the most of that nearby, so that a line one or two pixels wide stays whole. Inwards alone:
    nothing outside of it is ever selected.

    Shape:
        mask: (h, w), 0..1.
    """
    around = gauss(mask[None, None], _STEP)
    most = F.max_pool2d(around, 5, 1, 2).clamp(min=_TINY)
    least = -F.max_pool2d(F.pad(-mask[None, None], (1, 1, 1, 1), mode="replicate"), 3, 1)
    hard = ramp(mask - least[0, 0], _HARD)
    return 1 - hard * (1 - ramp((around / most)[0, 0], _COVERED))


def ramp(value: Tensor, ends: tuple[float, float]) -> Tensor:
    """0 up to the first end, 1 from the second on."""
    return ((value - ends[0]) / (ends[1] - ends[0])).clamp(0, 1)


def _mean(image: Tensor, where: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    """Means (C, h, w) of the pixels that are meant, and how many there are nearby, (h, w)."""
    weight = where.to(image)
    there = gauss(weight[None, None], sigma)[0, 0]
    return gauss((image * weight)[None], sigma)[0] / there.clamp(min=_TINY), there


def _gradient(image: Tensor) -> Tensor:
    """Its length over all channels, levels in two pixels: (C, h, w) to (h, w)."""
    across, down = torch.zeros_like(image), torch.zeros_like(image)
    across[:, :, 1:-1] = image[:, :, 2:] - image[:, :, :-2]
    down[:, 1:-1] = image[:, 2:] - image[:, :-2]
    return (across.square() + down.square()).sum(0).sqrt()


def grown(inside: Tensor, pixels: int) -> Tensor:
    """A region (h, w) grown by a square."""
    if inside.device.type == "cpu" and pixels > _WIDE:
        return _apart(~inside) <= pixels
    if inside.device.type == "cpu":  # ten times as fast
        square = np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
        return torch.from_numpy(cv2.dilate(inside.to(torch.uint8).numpy(), square)) > 0
    wide = F.max_pool2d(inside[None].float(), (1, 2 * pixels + 1), 1, (0, pixels))  # a square is separable
    return F.max_pool2d(wide, (2 * pixels + 1, 1), 1, (pixels, 0))[0] > 0


def _apart(away: Tensor) -> Tensor:
    """How many pixels, by the longer of both ways, the nearest one is where ``away`` is not: (h, w), on the CPU."""
    return torch.from_numpy(cv2.distanceTransform(away.to(torch.uint8).numpy(), cv2.DIST_C, 3))


def core(inside: Tensor, pixels: int) -> Tensor:
    """A region (h, w) shrunk by a square; of parts that are too thin for it, the middle."""
    result = ~grown(~inside, pixels)
    step = max(1, pixels // _WIDE)  # the box of a selection thousands of pixels long and a few high asks for hundreds
    for fewer in [*range(pixels - step, 0, -step), 0]:
        result = result | (~grown(~inside, fewer) & ~grown(result, 2 * pixels))
    return result
