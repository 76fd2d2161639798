"""Masks: growing, shrinking, feathering, and distances to a mask's border. All lengths in pixels."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_AT_A_TIME = 1 << 20
"""Pixels that are worked on at once, on the CPU: what its caches hold."""


def box_mean(array: Tensor, width: int) -> Tensor:
    """Means over width x width pixels, an odd number, of (..., H, W); beyond the array lies 0."""
    rows = F.avg_pool2d(array, (width, 1), 1, (width // 2, 0))  # a box is separable
    return F.avg_pool2d(rows, (1, width), 1, (0, width // 2))


def distance_inside(inside: Tensor, limit: float) -> Tensor:
    """The Euclidean distance from each inside pixel to the nearest outside pixel, at most ``limit``.

    What lies beyond the array is neither inside nor outside. Exact: the vertical distances
    first, then for each row the lower envelope of parabolas (Felzenszwalb and Huttenlocher
    2012), by plain search, since only offsets below the limit count.

    Shape:
        inside: (H, W), bool; result: (H, W), float32, 0 outside.
    """
    height, width = inside.shape
    reach = max(1, math.ceil(limit))
    rows = torch.arange(height, device=inside.device, dtype=torch.float32)[:, None]
    outside_row = torch.where(inside, torch.full_like(rows, -math.inf), rows)
    above = rows - outside_row.cummax(0).values
    below = torch.where(inside, torch.full_like(rows, math.inf), rows).flip(0).cummin(0).values.flip(0) - rows
    vertical = torch.minimum(above, below).clamp(max=reach + 1) ** 2  # (H, W)
    square = vertical.clone()
    at_once = height if inside.is_cuda else max(1, _AT_A_TIME // width)
    for near, best in zip(vertical.split(at_once), square.split(at_once), strict=True):
        for offset in range(1, min(reach, width - 1) + 1):
            cost = float(offset * offset)
            torch.minimum(best[:, offset:], near[:, :-offset] + cost, out=best[:, offset:])
            torch.minimum(best[:, :-offset], near[:, offset:] + cost, out=best[:, :-offset])
    return square.sqrt().clamp(max=limit)


def grow(mask: Tensor, radius: float) -> Tensor:
    """Grow a soft mask by a radius, or shrink it by a negative one: the largest (smallest) value within a disc.

    Beyond the array lies nothing: 0 when growing; when shrinking, the border of the array does not eat in.

    Shape:
        mask: (H, W), 0..1; result alike.
    """
    return _largest_in_disc(mask, radius) if radius >= 0 else 1 - _largest_in_disc(1 - mask, -radius)


def _largest_in_disc(mask: Tensor, radius: float) -> Tensor:
    result = mask.clone()
    height, width = mask.shape
    wide = [
        mask
    ]  # wide[k][i] is the largest of the 2^k values from column i - 2^k + 1 on, zero-padded; built as needed
    for half in _half_widths(radius, width):
        length = 2 * half[1] + 1
        k = int(math.log2(length))
        while len(wide) <= k:
            step = 1 << (len(wide) - 1)
            wide.append(torch.maximum(F.pad(wide[-1], (0, step)), F.pad(wide[-1], (step, 0))))
        # Two windows of 2^k side by side, overlapping, cover the length; column i of the run is centred on i.
        run = wide[k]  # (H, W + 2^k - 1)
        run = torch.maximum(F.pad(run, (0, length - (1 << k))), F.pad(run, (length - (1 << k), 0)))
        run = run[:, half[1] : half[1] + width]
        dy = half[0]
        if dy < height:
            result[dy:] = torch.maximum(result[dy:], run[: height - dy])
            result[: height - dy] = torch.maximum(result[: height - dy], run[dy:])
    return result


def _half_widths(radius: float, width: int) -> list[tuple[int, int]]:
    """(dy, half the width) of a disc's rows from the middle down."""
    return [(dy, min(int(math.sqrt(max(radius * radius - dy * dy, 0))), width)) for dy in range(math.floor(radius) + 1)]


def feather(mask: Tensor, length: float) -> Tensor:
    """Soften a mask's edge inward: the mask times a ramp from its border, 0 to 1 within ``length``.

    Every pixel that was above 0 stays so.

    Shape:
        mask: (H, W), 0..1; result alike.
    """
    if length <= 0:
        return mask
    distance = distance_inside(mask > 0, length + 1)
    return mask * ((distance - 0.5) / length).clamp(0, 1)
