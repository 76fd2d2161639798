"""Light and colour: by how much the object's exposure, white balance, contrast and saturation are off.

What a thing's own colour is cannot be seen, and so no statistic tells for sure in what light it was taken. A small
network weighs those of the object against those of what is near it and around it, and says how a camera should have
been set. It was trained (benchmarks.light_training) on regions of photographs that a camera's change was made to, to
lower the logarithm of the mean squared error: the less sure it is, the less it does. Its answer is four numbers, all
within limits: one map of colours for all of the object.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import masks
from ..colour import to_linear, to_perceptual
from ..repainting.curves import weighted_quantiles
from ..repainting.oklab import to_oklab

LONGEST = 128
"""Pixels of the object's longer side, at most, where statistics are made."""
_NEAR = 0.1
"""Of that side: how near "near" is, a Gaussian's width."""
_SOME = 4096
"""Pixels of each kind that are looked at, at most."""
_FEWEST = 16
"""Pixels of object or surroundings: from fewer nothing is concluded."""
_OBJECT, _GROUND = 0.9, 0.02
"""Alpha from which on a pixel is the object's, and up to which it is its surroundings'."""
_LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Of linear sRGB."""
_DARK = 0.004
"""Of linear white, added before logarithms: darker differences are noise."""
_QUANTILES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
_GREY = 0.18
"""Of linear white: what contrast leaves as it is."""
_BLUER = (-0.32, 0.0, 0.40)
"""Stops by which red, green and blue change with white balance 1: some 1500 K. Green against magenta is left
alone: what the network told of it was of no use, and a green face is the worst of faults."""

_AT_ONCE = 1 << 20
"""Pixels whose colours are changed at once."""
_CHROMA, _COLOURED = 13, 0.01
"""Where the object's mean chroma stands among the statistics, and in Oklab how much of it a coloured picture has."""


@dataclass(frozen=True)
class Change:
    """What is done to an object's colours, in linear light; all 0 does nothing."""

    exposure: float
    """Stops."""
    balance: float
    """Towards blue, see ``_BLUER``."""
    contrast: float
    """The logarithm of a power about middle grey."""
    saturation: float
    """The logarithm of a factor about luminance."""

    def told(self) -> dict[str, float]:
        """For a report."""
        return {name: round(value, 4) for name, value in vars(self).items()}

    def part(self, share: float) -> Change:
        """A share of the way, 0..1."""
        return Change(*(share * value for value in vars(self).values()))

    def made(self, image: Tensor) -> Tensor:
        """An image (C, H, W), levels, changed; of a gray one lightness alone. Values beyond 0..255 stay beyond."""
        values = image.new_tensor(list(vars(self).values())).view(4, 1, 1)
        rows = max(1, _AT_ONCE // image.shape[-1])
        return torch.cat([changed(part, values) for part in image.split(rows, 1)], 1)


def changed(image: Tensor, change: Tensor) -> Tensor:
    """Colours (C, ...), levels, by the values of ``Change``, (4, ...), in their order; with gradients.

    Not for values that are all 0: then it is the image but for rounding.
    """
    exposure, balance, contrast, saturation = change
    colours = to_linear(image / 255)
    bluer = (0.0,)
    if len(image) == 3:
        light = torch.tensordot(image.new_tensor(_LUMINANCE), colours, 1)
        colours = light + saturation.exp() * (colours - light)
        bluer = _BLUER
    colours = colours.sign() * _GREY * (colours.abs().clamp(min=1e-7) / _GREY) ** contrast.exp()
    stops = torch.stack([exposure + stop * balance for stop in bluer])
    return to_perceptual(colours * 2**stops) * 255


def found(object_: Tensor, alpha: Tensor, ground: Tensor, known: Tensor) -> Change | None:
    """What makes an object fit, or None where there is too little of object or surroundings to tell.

    Args, shape: see :func:`seen`.
    """
    told = seen(object_, alpha, ground, known)
    if told is None:
        return None
    change = answer(told)
    # What is grey throughout, a photograph in black and white, stays grey.
    coloured = min(float(told[_CHROMA]) / _COLOURED, 1.0)
    return replace(change, balance=change.balance * coloured)


def seen(object_: Tensor, alpha: Tensor, ground: Tensor, known: Tensor) -> Tensor | None:
    """What the network is told: (66,), 22 statistics each of the object, of what is near it and of all around it.

    None where there is too little of object or surroundings.

    Shape:
        object_, ground: (C, H, W), levels; alpha: (H, W), 0..1, the object's part of the result; known: (H, W), 0..1,
        where there is ground.
    """
    rows, columns = (torch.nonzero((alpha > 0.5).any(axis)).flatten() for axis in (1, 0))
    if not len(rows):
        return None
    longer = float(max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1)
    scale = min(1.0, LONGEST / longer)
    size = [max(1, round(side * scale)) for side in alpha.shape]
    object_, there, ground, known = _reduced(object_, (alpha > 0).to(alpha), ground, known, size)
    alpha = F.interpolate(alpha[None, None], size, mode="area")[0, 0]
    own = (alpha > _OBJECT) & (there > _OBJECT)
    free = (alpha < _GROUND) & (known > _OBJECT)
    if min(int(own.sum()), int(free.sum())) < _FEWEST:
        return None
    reach = 4 * _NEAR * longer * scale
    distance = masks.distance_inside(alpha < 0.5, reach)
    near = free * torch.exp(-((distance / (reach / 4)) ** 2))
    # Where nothing lies near, what is around stands in for it.
    near = torch.where(near.sum() > 1, near, free.to(near))
    return torch.cat(
        [_statistics(object_, own.to(near)), _statistics(ground, near), _statistics(ground, free.to(near))]
    )


def _reduced(object_: Tensor, there: Tensor, ground: Tensor, known: Tensor, size: list[int]) -> list[Tensor]:
    """Both pictures and where they are, by the means of what is there."""
    found = []
    for image, exists in ((object_, there), (ground, (known > 0).to(known))):
        image = image.clamp(0, 255).expand(3, -1, -1)
        both = F.interpolate(torch.cat([image * exists, exists[None]])[None], size, mode="area")[0]
        found += [both[:3] / both[3].clamp(min=1e-6), both[3]]
    return found


def _statistics(image: Tensor, weight: Tensor) -> Tensor:
    """(22,) of an image (3, h, w), levels, weighted: see the code; logarithms are of 2."""
    detail = _detail(image, weight > 0)
    chosen = (weight > 1e-3).flatten().nonzero().flatten()
    chosen = chosen[torch.linspace(0, len(chosen) - 1, min(len(chosen), _SOME), device=image.device).long()]
    weight, detail, levels = weight.flatten()[chosen], detail.flatten()[chosen], image.flatten(1)[:, chosen]
    weight = weight / weight.sum()
    linear = to_linear(levels / 255)
    lab = to_oklab(levels)
    chroma = lab[1:].norm(dim=0)
    light = torch.log2((linear * linear.new_tensor(_LUMINANCE)[:, None]).sum(0) + _DARK)
    red, blue = (torch.log2((linear[k] + _DARK) / (linear[1] + _DARK)).clamp(-2.5, 2.5) for k in (0, 2))
    at = light.new_tensor

    def mean(values: Tensor, by: Tensor) -> Tensor:
        return (values * by).sum() / by.sum()

    quantiles = weighted_quantiles(light, weight, at(_QUANTILES))
    neutral = weight * torch.exp(-((chroma / 0.05) ** 2)) + 1e-5 * weight
    bright = weight * (light >= quantiles[5] - 1e-4)
    statistics = [
        *quantiles,
        *(mean(values, by) for by in (weight, neutral, bright) for values in (red, blue)),
        mean(chroma, weight),
        *weighted_quantiles(chroma, weight, at([0.5, 0.9])),
        *(lab[1:] * weight).sum(1),
        torch.log2((weight * detail).sum() + 0.02),
        torch.log2(neutral.sum() + 0.01),
        (weight * (levels.amax(0) >= 251)).sum().sqrt(),
        (weight * (levels.amin(0) <= 4)).sum().sqrt(),
    ]
    return torch.stack(statistics)


def _detail(image: Tensor, there: Tensor) -> Tensor:
    """How steep the logarithm of luminance is between pixels that are there: (3, h, w), levels, to (h, w)."""
    weights = image.new_tensor(_LUMINANCE).view(3, 1, 1)
    light = torch.log2((to_linear(image / 255) * weights).sum(0) + _DARK)
    across = (light[:, 1:] - light[:, :-1]).abs() * (there[:, 1:] & there[:, :-1])
    down = (light[1:] - light[:-1]).abs() * (there[1:] & there[:-1])
    return (F.pad(across, (0, 1)) + F.pad(down, (0, 0, 0, 1))) / 2


@cache
def _network() -> dict[str, Tensor]:
    told = json.loads((Path(__file__).parent / "light.json").read_text("utf-8"))
    return {name: torch.tensor(value) for name, value in told.items() if name != "about"}


def answer(features: Tensor) -> Change:
    """The network's answer to :func:`seen`."""
    known = {name: value.to(features) for name, value in _network().items()}
    z = ((features - known["mean"]) / known["deviation"]).clamp(-3, 3)
    hidden = F.silu(known["first"] @ z + known["first_bias"])
    found = torch.tanh(known["second"] @ hidden + known["second_bias"]) * known["limits"]
    return Change(*found.tolist())
