"""The light that an object takes from where it is put: the smooth part of what makes it fit.

A seamless blend is the object and a correction: what background and object differ by along Omega's border, carried
through the object. Along a tight cut that difference depends on the last pixel. A dark feather's edge before a bright
sky asks for other light than the sky beside it, and the same cut in a picture twice as large has other last pixels. So
the correction has two parts. The light, here, is made on a reduction of one size (Region.reduction), from means of the
difference over some pixels on the outer side of the border, and fades inside as the screen has it (screen.py). Then
the border itself is met exactly, by a screened Poisson solution of the lighted object, whose remainder fades within
FADE pixels of that reduction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from . import masks, poisson, screen
from .region import Region

FADE = 3.0
"""Pixels of the reduction, from the border inwards, over which the lighted object comes to be held in full. (Held alike
everywhere, the seam's jump is larger for the same likeness at several sizes.)"""
_HOLD = 2.0
"""The screen there, for such pixels, from keep_colours 0.5 on; at 0 nothing is held."""
_NEAR = 2
"""Pixels on each side of the means, which are taken twice."""
_GUESSED = 1e-6
"""The weight in them of a pixel where the object is not opaque: it counts where there is no other. (A cut-out's last
pixels are covered in part on a reduction: they would count there, and not in a picture that needs none.)"""
_TINY = 1e-12

Watch = Callable[[float, Callable[[], Tensor]], "bool | None"]
"""Called with progress 0..1 and a function that makes the lighted object as it stands; True stops."""


def lighted(region: Region, keep_colours: float, watch: Watch | None = None) -> tuple[Tensor, bool]:
    """The object in the light of its surroundings, and whether ``watch`` stopped it.

    Args:
        keep_colours: above 0.

    Shape:
        (C, H, W), on the region's arrays, levels.
    """
    factor = region.reduction
    small = region.reduced(factor)
    colours, known, wanted = _border(small, keep_colours)
    opaque = torch.ones_like(small.mask)
    small = replace(small, source=colours, source_alpha=opaque, background=wanted, background_alpha=known)
    nothing, stopped = torch.zeros_like(colours), False

    def seen(light: Tensor) -> Tensor:
        return torch.stack([one + region.enlarged(own, factor) for one, own in zip(region.source, light, strict=True)])

    def solve(weights: Tensor, start: float, end: float) -> Tensor:
        def on_cycle(progress: float, image: Callable[[], Tensor]) -> bool:
            nonlocal stopped
            assert watch is not None
            stopped = bool(watch(start + (end - start) * min(progress, 0.99), lambda: seen(image())))
            return stopped

        return poisson.solve(
            nothing, opaque, wanted, known, small.omega, screen=weights, on_cycle=on_cycle if watch else None
        ).image

    light = wanted  # where all is border
    if small.omega.any():
        weights = screen.keeping(small, keep_colours)
        light = solve(weights, 0.0, 0.6)
        more = None if stopped else screen.rescuing(small, colours + light, keep_colours)
        if more is not None:
            light = solve(more.add_(weights), 0.6, 1.0)
        light = _continued(light, small.omega)
    return seen(light), stopped


def fading(region: Region, keep_colours: float) -> Tensor:
    """The screen that holds the lighted object, (H, W): what the border still asks for fades within FADE pixels."""
    factor = region.reduction
    strength = _HOLD * (min(2 * keep_colours, 1.0) / factor) ** 2
    return region.placed(screen.ramp(region, FADE * factor).square_().mul_(strength))


def _border(region: Region, keep_colours: float) -> tuple[Tensor, Tensor, Tensor]:
    """What the border asks for.

    Returns the object's colours with those near it for where it is transparent, (C, H, W); where background and object
    are both known, (H, W), 0 or 1; and what they differ by outside Omega, averaged, (C, H, W).
    """
    opaque = (region.source_alpha > 0).to(region.mask)
    near = _mean(opaque)
    colours = torch.where(opaque > 0, region.source, _mean(region.source * opaque) / near.clamp(min=_TINY))
    known = ((region.background_alpha > 0) & (near > 0)).to(opaque)
    whole = (region.source_alpha > 0.999).to(opaque)
    trust = known * ~region.omega * whole.clamp(min=_GUESSED)
    found = region.background - colours
    smooth = _mean(found * trust) / _mean(trust).clamp(min=_TINY)
    return colours, known, torch.where(trust > 0, torch.lerp(found, smooth, min(2 * keep_colours, 1.0)), smooth)


def _continued(light: Tensor, omega: Tensor) -> Tensor:
    """The light (C, H, W) with Omega's own on two pixels around it.

    It must not end there: across the border the blend follows the lighted object's gradient.
    """
    reached = omega.to(light)
    for _ in range(2):
        near = masks.box_mean(reached[None], 3)[0]
        added = (near > 0) & (reached == 0)
        light = torch.where(added, masks.box_mean(light * reached, 3) / near.clamp(min=_TINY), light)
        reached = torch.where(added, 1.0, reached)
    return light


def _mean(array: Tensor) -> Tensor:
    """Means over some pixels around, of (C, H, W) or (H, W)."""
    whole = array if array.dim() == 3 else array[None]
    for _ in range(2):
        whole = masks.box_mean(whole, 2 * _NEAR + 1)
    return whole.view_as(array)
