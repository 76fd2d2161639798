"""Painting or photograph: what a background looks like.

A painting's texture differs from a photograph's in what VGG16 finds at relu3_3 and relu4_3: how much each feature
varies over the picture, and against its mean, whatever is shown. A linear rule on the logarithms of both (the moments
that the style loss compares) tells them apart. Its numbers lie in weights/kind.safetensors, two each for 768 channels,
fitted by ``python -m benchmarks.kinds`` on the pictures that docs/method.md tells of. The threshold errs towards the
photograph: one that is taken for a painting is spoilt, a painting taken for a photograph keeps the object a photograph.
"""

from __future__ import annotations

import math
from functools import lru_cache
from importlib.resources import as_file, files

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from .network import vgg

WEIGHTS = "kind.safetensors"
SIDE = 192
"""Pixels: the square root of the area that a picture is reduced to."""
_SAMPLES = 4
"""Of a large picture, so many pixels along either side of each reduced one are looked at; others are passed over."""
_SMALLEST = 64
"""Pixels: a shorter side below this shows too little."""
_LEAST_VISIBLE = 0.1
"""The part of a picture, by area, that must not be transparent."""
_LEAST_CHROMA = 2.5
"""Levels, the mean of the greatest difference of two channels: below it a picture is grey, and none such was fitted."""
_FLOOR = 1.0
"""Added to means and deviations of features before the logarithm: a picture without texture has no great logarithms."""
_GRID = vgg.STRIDES[-1]
_LAYERS = slice(2, 4)
"""relu3_3 and relu4_3 among vgg.LAYERS."""


@torch.no_grad()
def looks_like(image: Tensor, alpha: Tensor) -> str:
    """``"photograph"`` or ``"painting"``; in doubt, of graphics, and of grey or tiny pictures, the first.

    Shape:
        image: (3, H, W), levels of sRGB, any size; alpha: (H, W), 0..1.
    """
    small = reduced(image, alpha)
    return "painting" if small is not None and float(margin(*small)) > 0 else "photograph"


def reduced(image: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor] | None:
    """A picture at the fixed size, and its alpha; None where there is too little to judge by.

    What is transparent takes the mean colour of what is not.

    Shape:
        image: (3, H, W), levels; alpha: (H, W). The results: (3, h, w) and (h, w), h w at most SIDE squared.
    """
    if min(alpha.shape) < _SMALLEST:
        return None
    factor = math.sqrt(alpha.numel()) / SIDE
    size = [max(1, round(side / max(1.0, factor))) for side in alpha.shape]
    step = max(1, int(factor / _SAMPLES))
    image, alpha = image[:, ::step, ::step].clamp(0, 255), alpha[::step, ::step]
    both = torch.cat([image * alpha, alpha[None]])[None]
    both = F.interpolate(both, size, mode="bilinear", antialias=True, align_corners=False)[0]
    premultiplied, covered = both[:3], both[3].clamp(0, 1)
    visible = covered.mean()
    if min(size) < _GRID * 4 or float(visible) < _LEAST_VISIBLE:
        return None
    mean = premultiplied.mean((1, 2), keepdim=True) / visible
    picture = premultiplied + (1 - covered) * mean
    chroma = ((picture.amax(0) - picture.amin(0)) * covered).mean() / visible
    return None if float(chroma) < _LEAST_CHROMA else (picture, covered)


def description(picture: Tensor, covered: Tensor) -> Tensor:
    """What the rule looks at: (1536,), logarithms of the deviations and means of the features, relu3_3's first.

    Shape:
        picture: (3, h, w), levels; covered: (h, w), 0..1, the weight of each place.
    """
    height, width = (side // _GRID * _GRID for side in covered.shape)
    picture, covered = picture[:, :height, :width], covered[:height, :width]
    device = str(picture.device)
    network = vgg.load("shipped", device, dtype=vgg.fast_type(device))
    found = []
    for features, stride in list(zip(network(picture[None]), vgg.STRIDES, strict=True))[_LAYERS]:
        weight = F.avg_pool2d(covered[None, None], stride).flatten()
        weight = weight / weight.sum()
        rows = features[0].float().flatten(1)
        mean = rows @ weight
        deviation = ((rows - mean[:, None]).square() @ weight).sqrt()
        found += [(deviation + _FLOOR).log(), (mean + _FLOOR).log()]
    return torch.cat(found)


def margin(picture: Tensor, covered: Tensor) -> Tensor:
    """How far a reduced picture lies on the paintings' side, a number: above 0 it is taken for one.

    Shape:
        as :func:`description` takes them.
    """
    weight, threshold = _rule(str(picture.device))
    return description(picture, covered) @ weight - threshold


@lru_cache(maxsize=4)
def _rule(device: str) -> tuple[Tensor, Tensor]:
    with as_file(files("deepblend") / "weights" / WEIGHTS) as path:
        tensors = load_file(path, device=device)
    return tensors["weight"].float(), tensors["threshold"].float()
