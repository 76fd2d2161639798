"""The contact shadow: what an object that stands on something would darken of it, from its silhouette alone.

Nothing is known of the object's depth, so it is taken as a cut-out that stands upright on a ground line, and two things
are made of that. Its *cast*: each point of it at a height h over the line falls h pixels away along the direction, the
fainter and the softer the higher it is, up to the shadow's length. And its *contact*: the ground is dark close to where
the object touches it, whatever the direction. So a shadow hangs together with the feet, however long it is, and a belly
or a chin high above the ground throws none beside itself, as the offset copy of a drop shadow does.

The ground line goes through the points on which the object could rest: those of its lower border below which nothing of
it lies, seen within SLOPE; between them it is straight, and beyond the outermost it rises by SLOPE, up to RISE.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from deepblend_protocol.geometry import Rect, shadow_reach
from deepblend_protocol.settings import Settings
from torch import Tensor

from . import colour
from .region import Region

SLOPE = 0.6
"""The ground may rise so much to either side of a point on which the object rests, in pixels of height per pixel: a
foot farther back stands on it, a muzzle or a tail does not, and of a ball the lowest sixth of its outline touches."""
RISE = 0.1
"""How far the ground rises beyond the outermost such points, of the object's width: a cup stands on the near half of a
ring, and its handle hangs over ground that is no farther back."""
SHARPEST = 1 / 40
"""The standard deviation of the blur at the contact, of the shadow's length,"""
SOFTER = 0.2
"""and how much it grows for each pixel of height."""
DEPTH = 1 / 8
"""Of the length: how deep the cut-out is along the ground, so that a shadow to the side is no line."""
FADE = 1.5
"""The cast is (1 - h / length)^FADE dark."""
CONTACTS = ((1 / 16, 1 / 12, 0.6), (1 / 4, 1 / 4, 0.35))
"""A narrow and a wide contact: the standard deviation of its blur and the gap at which it is 1/e, both of the length;
and how dark it is."""
GROUND = 0.4
"""The shadow's colour is the darkest of the ground's, times this: black alone looks like soot."""
_DARKEST = 0.05
"""The part of the ground's pixels that counts as its darkest."""
_SAMPLES = 2**16
"""Pixels of the ground that are looked at, about."""
_LAYERS = 5
"""Blurs of the cast, from SHARPEST to its softest."""
_SOLID = 0.3
"""Alpha from which on something is there to touch the ground."""
_SPECK = 0.02
"""Of the object's height: what is not as tall as that carries nothing, such as dust that a matte has left."""
_LEAST = 1 / 512
"""Less shadow than this is none."""


@dataclass(frozen=True)
class Shadow:
    """A shadow's alpha."""

    rect: Rect
    """What it covers, in document pixels."""
    alpha: Tensor
    """(h, w), 0..1."""


def cast(alpha: Tensor, box: Rect, frame: Rect, settings: Settings, scale: float = 1.0) -> Shadow | None:
    """The shadow of an object, also where the object hides it; None where there is none.

    Args:
        alpha: of the object, over its box, (h, w), 0..1.
        frame: what the shadow is cut off at.
        settings: ``shadow``, ``shadow_angle``, ``shadow_px``.
        scale: pixels of ``box`` and ``frame`` per pixel of the settings' length.
    """
    length = settings.shadow_length * scale
    outer = box.grown(shadow_reach(length)).intersection(frame)
    if length == 0 or outer is None:
        return None
    factor = 1
    while 2 * factor <= SHARPEST * length:
        factor *= 2
    at = box.relative_to(outer)
    beyond = ((-outer.w) % factor, (-outer.h) % factor)  # pixels more, for whole ones of the reduction
    whole = F.pad(alpha, (at.x, outer.w - at.x - at.w + beyond[0], at.y, outer.h - at.y - at.h + beyond[1]))
    small = F.avg_pool2d(whole[None], factor)[0] if factor > 1 else whole
    ground = _ground(small)
    if ground is None:
        return None
    strength, top = _of_cut_out(small, ground, length / factor, math.radians(settings.shadow_angle))
    strength = settings.shadow * strength
    if factor > 1:
        strength = F.interpolate(strength[None, None], scale_factor=factor, mode="bilinear", align_corners=False)[0, 0]
    strength = strength[: outer.h - top * factor, : outer.w]
    strength = (strength - _LEAST).clamp(min=0) * (1 / (1 - _LEAST))
    return _trimmed(strength, outer.moved(0, top * factor))


def colour_of(region: Region) -> Tensor:
    """A shadow's colour, (C,), levels: GROUND of the mean of the darkest ground around the object and under it."""
    some = math.isqrt(max(1, region.background_alpha.numel() // _SAMPLES))
    picture, exists = (array[..., ::some, ::some] for array in (region.background, region.background_alpha))
    ground = picture[:, exists > 0]  # (C, n)
    if ground.shape[1] == 0:
        return picture.new_zeros(len(picture))
    count = max(1, round(_DARKEST * ground.shape[1]))
    darkest = colour.luma(ground[:, None])[0, 0].argsort(stable=True)[:count]
    return (GROUND * ground[:, darkest].mean(1)).clamp(0, 255)


def under(image: Tensor, alpha: Tensor, shadow: Tensor, tint: Tensor) -> tuple[Tensor, Tensor]:
    """An object with its shadow below it, as one picture with straight alpha.

    Shape:
        image: (C, h, w). alpha, shadow: (h, w), 0..1. tint: (C,).
    """
    below = shadow * (1 - alpha)
    both = alpha + below
    mixed = (image * alpha + tint[:, None, None] * below) / both.clamp(min=1e-6)
    return torch.where(both > 0, mixed, image), both


def _ground(alpha: Tensor) -> Tensor | None:
    """The ground line's row for each column, (w,), whole numbers; None where the object is nowhere solid."""
    height, width = alpha.shape
    solid = (alpha >= _SOLID).to(alpha)
    tall = round(_SPECK * int(solid.any(1).sum()))
    if tall > 1:  # nothing stands on a speck: of a run of rows, each is solid
        solid = 1 - F.max_pool2d(F.pad(1 - solid, (0, 0, tall - 1, 0), value=1.0)[None], (tall, 1), 1)[0]
    rows = torch.arange(height, device=alpha.device, dtype=torch.float32)[:, None]
    lowest = torch.where(solid > 0, rows, -math.inf).amax(0).cpu().numpy()  # (w,)
    columns = np.arange(width, dtype=np.float32)
    from_left = np.maximum.accumulate(lowest + SLOPE * columns) - SLOPE * columns
    from_right = (np.maximum.accumulate((lowest - SLOPE * columns)[::-1]) + SLOPE * columns[::-1])[::-1]
    ground = np.maximum(from_left, from_right)
    resting = np.flatnonzero(np.isfinite(lowest) & (lowest >= ground - 0.25))
    if len(resting) == 0:
        return None
    between = slice(resting[0], resting[-1] + 1)
    ground[between] = np.interp(columns[between], columns[resting], lowest[resting])
    highest = RISE * float(np.isfinite(lowest).sum())
    ground[: between.start] = ground[: between.start].clip(lowest[resting[0]] - highest)
    ground[between.stop :] = ground[between.stop :].clip(lowest[resting[-1]] - highest)
    return torch.from_numpy(np.rint(ground).astype(np.int64).clip(0)).to(alpha.device)


def _of_cut_out(alpha: Tensor, ground: Tensor, length: float, angle: float) -> tuple[Tensor, int]:
    """How dark it is, 0..1, from the row that is returned as well down; see the module.

    Args:
        alpha: (H, W). ground: (W,), rows of it.
    """
    height = alpha.shape[0]
    pad = shadow_reach(length)
    top, bottom = max(0, int(ground.min()) - pad), min(height, int(ground.max()) + pad + 1)
    # What stands at a height over each column's ground, (heights, W); the last row is the topmost.
    heights = torch.arange(math.ceil(length) + 1, device=alpha.device)
    row = ground - heights[:, None]
    standing = torch.where(row >= 0, alpha.gather(0, row.clamp(min=0)), 0)
    rows = torch.arange(top, bottom, device=alpha.device, dtype=torch.float32)[:, None]
    off = (rows - ground.to(rows)).abs()  # (H', W)
    depth = max(1.0, DEPTH * length / 2)
    footprint = (depth + 0.5 - off).clamp(0, 1)  # the ground that the cut-out stands on
    light = 1 - _cast(standing, footprint, length, angle)
    gap = torch.where(standing >= _SOLID, heights[:, None], math.inf).amin(0)  # (W,)
    for soft, far, dark in CONTACTS:
        near = torch.exp(-gap / max(1.0, far * length))
        light = light * (1 - dark * _blurred(footprint * near, max(0.7, soft * length)))
    return 1 - light, top


def _cast(standing: Tensor, footprint: Tensor, length: float, angle: float) -> Tensor:
    """The cast of what stands over each column, (heights, W), on ground on which it leaves a print (H, W)."""
    covered = torch.zeros_like(footprint)
    sharpest, softest = SHARPEST * length, (SHARPEST + SOFTER) * length
    ratio = softest / sharpest
    blurs = [max(0.7, sharpest * ratio ** (k / (_LAYERS - 1))) for k in range(_LAYERS)]
    layers = torch.zeros((_LAYERS, *footprint.shape), device=footprint.device)
    h = 0.0
    while h < length:
        # What falls where nothing lower has fallen is as soft as its height makes it: a part of two of the blurs.
        fallen = footprint * standing[round(h)]
        seen = (_moved(fallen, round(h * math.cos(angle)), round(h * math.sin(angle))) - covered).clamp(min=0)
        place = (_LAYERS - 1) * math.log((SHARPEST * length + SOFTER * h) / sharpest) / math.log(ratio)
        k = min(int(place), _LAYERS - 2)
        faint = (1 - h / length) ** FADE
        layers[k] += (1 - (place - k)) * faint * seen
        layers[k + 1] += (place - k) * faint * seen
        covered += seen
        h += max(1.0, min(DEPTH * length / 2, SOFTER * h))
    dark = torch.stack([_blurred(layer, blur) for layer, blur in zip(layers, blurs, strict=True)]).sum(0)
    return dark.clamp(max=1)  # where two blurs meet, they may be a little more together


def _moved(array: Tensor, dx: int, dy: int) -> Tensor:
    """(H, W) moved to the right and down, 0 where nothing comes."""
    height, width = array.shape
    result = torch.zeros_like(array)
    if abs(dx) < width and abs(dy) < height:
        result[max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)] = array[
            max(0, -dy) : height + min(0, -dy), max(0, -dx) : width + min(0, -dx)
        ]
    return result


def _blurred(array: Tensor, sigma: float) -> Tensor:
    """(H, W) blurred by a Gaussian; beyond the array lies nothing. A wide one is made on a reduction."""
    factor = 1
    while sigma / factor >= 2:
        factor *= 2
    height, width = array.shape
    small = F.pad(array, (0, -width % factor, 0, -height % factor))[None, None]
    small = F.avg_pool2d(small, factor) if factor > 1 else small
    sigma /= factor
    radius = math.ceil(3 * sigma)
    taps = [math.exp(-0.5 * (at / sigma) ** 2) for at in range(-radius, radius + 1)]
    for axis, padding in ((2, (0, 0, radius, radius)), (3, (radius, radius, 0, 0))):
        length, padded = small.shape[axis], F.pad(small, padding)
        small = torch.zeros_like(small)
        for at, tap in enumerate(taps):  # several times as fast as a convolution of one channel
            small.add_(padded.narrow(axis, at, length), alpha=tap / sum(taps))
    if factor > 1:
        small = F.interpolate(small, scale_factor=factor, mode="bilinear", align_corners=False)
    return small[0, 0, :height, :width]


def _trimmed(alpha: Tensor, rect: Rect) -> Shadow | None:
    """A shadow without the empty rows and columns around it; None where all is empty."""
    rows, columns = (torch.nonzero((alpha > 0).any(axis)).flatten() for axis in (1, 0))
    if len(rows) == 0:
        return None
    left, y, right, bottom = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    return Shadow(Rect(rect.x + left, rect.y + y, right - left, bottom - y), alpha[y:bottom, left:right].contiguous())
