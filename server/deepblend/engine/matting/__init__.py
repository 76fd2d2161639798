"""The object inside a rough selection: its matte and its own colours, and then the picture of it on the new ground.

Two stages. :class:`Matting` finds the alpha of the object and takes its old ground's colours out of its edge.
:class:`Compositing` lays it on the background. What follows blends that composite: where it is the background already
nothing is left to blend, and thin legs do not fade into what lies behind them. How far this goes is the matte's trust:
at 0 the blend is that of the selection as it is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from deepblend_protocol.settings import Settings
from torch import Tensor

from ..kept import Kept
from ..region import Region
from ..request import Rect
from ..stages import Stage, Update
from ..work import Matte, Picture, Work
from . import closed_form, foreground, outline, segmentation
from .fringe import Fringe

_MOST_PX = 2**20
"""Pixels that the matte is found on, at most; of a larger selection, a reduction has them."""
_SURROUNDINGS = 0.12
"""Of the selection's longer side: how much of the layer around it is looked at."""
_OPAQUE = 0.999
_ENDS = (0.03, 0.97)
"""Alpha below which nothing is the object's, and above which all is: the closed form is never quite at its ends."""
_TELLING = 20.0
"""Levels that object and ground differ by from which on a large picture's own colours tell its alpha."""
_KEEPING = 0.25
"""Of keep_colours and style together, from which on "automatic" finds the object."""
_SEEN = 1 / 1024
"""The alpha from which on paint beyond the object's outline is kept."""
_AS_NEARBY = 2.0
"""How many times as much of a hard outline's last pixels takes the colours nearby as becomes transparent."""
_TINY = 1e-6


@dataclass(frozen=True)
class _Found:
    """A matte on a reduction of the window around a selection."""

    alpha: Tensor
    """(h, w), 0..1."""
    object_: Tensor
    ground: Tensor
    """(C, h, w), levels: what either is coloured like nearby."""
    trust: float
    whole: bool = False
    """Whether the object is a cut-out, whose alpha is the layer's own."""


_LAST: Kept[_Found] = Kept(2)


class Matting(Stage[Picture]):
    """Finds the object: gives ``Work.matte``, and ``Work.region`` the object's own colours."""

    name = "edges"

    def __init__(self, work: Work) -> None:
        self._work = work
        self._trust = 0.0

    @staticmethod
    def applies(settings: Settings) -> bool:
        """Whether settings ask for it."""
        return _asked(settings) > 0

    def __iter__(self) -> Generator[Update[Picture], None, None]:
        work = self._work
        window = _window(work.region)
        found = _found(work.region, window)
        if bool((found.alpha > 0).any()):  # else the selection stays: an empty layer helps nobody
            settings = work.request.settings
            self._trust = _asked(settings) * (1.0 if settings.edges == "object" else found.trust)
        if self._trust > 0:
            work.region, alpha = _own_colours(work.region, window, found, self._trust)
            work.matte = Matte(alpha, self._trust)
        yield Update(1.0, work.boxed(work.region.pasted))

    def result(self) -> Tensor:
        return self._work.region.in_box(self._work.region.pasted())

    def report(self) -> dict[str, Any]:
        return {"edges": {"trust": round(self._trust, 3)}}


class Compositing(Stage[Picture]):
    """Lays the object on the background, as far as ``Work.matte`` is trusted; without one it does nothing."""

    name = "edges"

    def __init__(self, work: Work) -> None:
        self._work = work

    def __iter__(self) -> Generator[Update[Picture], None, None]:
        work = self._work
        if work.matte is not None:
            work.region = _on_background(work.region, work.matte)
            work.mask = work.region.in_box(work.region.mask).clone()
        yield from ()

    def result(self) -> Tensor:
        return self._work.region.in_box(self._work.region.pasted())


def lifted(image: Tensor, mask: Tensor, matte: Tensor, background: Tensor, exists: Tensor) -> Picture:
    """The layer of a blend that was made of a composite: over the background it looks the same, and its alpha is the
    matte's wherever that can be (paint beyond the object's outline needs more).

    Shape:
        image, background: (C, h, w), levels. mask, matte, exists: (h, w), 0..1: how far the image covers the
        background, the object's alpha, and the background's own.
    """
    whole = mask + (1 - mask) * exists
    seen = (mask * image + (1 - mask) * exists * background) / whole.clamp(min=_TINY)
    apart = torch.where(exists > 0, seen - background, 0.0)
    room = torch.where(apart > 0, seen.amax().clamp(min=255) - background, background - seen.amin().clamp(max=0))
    least = (apart.abs() / room.clamp(min=_TINY)).amax(0)
    alpha = torch.maximum(matte, torch.where(least > _SEEN, least * exists, 0.0)).clamp(max=1)
    covered = alpha + (1 - alpha) * exists
    colours = (covered * seen - (1 - alpha) * exists * background) / alpha.clamp(min=_TINY)
    return torch.where(alpha > 0, colours, seen), alpha


def _asked(settings: Settings) -> float:
    """How far the object is to be found, 0..1: "automatic" leaves a plain Poisson blend the border that it meets."""
    if settings.edges == "automatic":
        return min(1.0, (settings.keep_colours + settings.style) / _KEEPING)
    return float(settings.edges == "object")


def _window(region: Region) -> Rect:
    """Omega's box and what is looked at around it, on the region's arrays."""
    box = region.box.relative_to(region.rect)
    around = box.grown(max(segmentation.RIM + 1, round(_SURROUNDINGS * max(box.size))))
    window = around.intersection(Rect(0, 0, *region.rect.size))
    assert window is not None
    return window


def _found(region: Region, window: Rect) -> _Found:
    every = (region.source, region.source_alpha, region.background, region.mask)
    inputs = (array[(..., *window.slices)] for array in every)
    return _LAST.get(lambda: _find(region, window), region.box.size, *inputs)


def _find(region: Region, window: Rect) -> _Found:
    source, mask = region.source[(..., *window.slices)], region.mask[window.slices]
    exists = (region.source_alpha[window.slices] > 0).to(mask)
    reduction = max(1.0, math.sqrt(mask.numel() / _MOST_PX))
    size = [max(1, round(side / reduction)) for side in mask.shape]
    image = _reduced(source * exists, size) / _reduced(exists[None], size).clamp(min=_TINY)
    selected = _reduced((mask > (0.5 if bool((mask > 0.5).any()) else 0)).to(mask)[None], size)[0]
    opaque = _reduced((region.source_alpha[window.slices] > _OPAQUE).to(mask)[None], size)[0]
    coarse = max(1.0, max(region.box.size) / reduction / segmentation.SIDE)
    small = [max(1, round(side / coarse)) for side in size]
    segments = segmentation.find(
        _reduced(image.expand(3, -1, -1), small),
        _reduced(selected[None], small)[0] > 0.5,
        _reduced(opaque[None], small)[0] > 0.9,
        _reduced(region.background[(..., *window.slices)].expand(3, -1, -1), small),
    )
    if segments.whole:
        return _Found(torch.ones_like(selected), image, image, segments.trust, whole=True)
    guess = F.interpolate(segments.object_[None, None].to(mask), size, mode="bilinear", align_corners=False)[0, 0]
    reach = round(coarse + 1)
    object_, ground = outline.core(guess > 0.5, reach), ~outline.grown(guess > 0.5, reach)
    alpha = closed_form.alpha(image, object_, ground, guess)
    alpha = ((alpha - _ENDS[0]) / (_ENDS[1] - _ENDS[0])).clamp(0, 1)
    return _Found(alpha, *foreground.means(image, alpha), segments.trust)


def _own_colours(region: Region, window: Rect, found: _Found, trust: float) -> tuple[Region, Tensor]:
    """The region with the object's own colours as its source, and the matte over Omega's box, never beyond the mask."""
    if found.whole:
        return _without_fringe(region, window, trust)
    matte, source = torch.zeros_like(region.mask), region.source.clone()
    size, inside = list(window.size)[::-1], window.slices
    near = torch.cat([found.object_, found.ground])
    alpha = _enlarged(found.alpha[None], size)[0]
    if size != list(found.alpha.shape):
        alpha = _sharpened(region.source[(..., *inside)], alpha, _enlarged(near, size))
    smooth = outline.smoothed(region.mask[inside])
    matte[inside] = torch.minimum(alpha, region.mask[inside] * smooth)
    edge = (alpha > 0) & (alpha < 1)
    if bool(edge.any()):
        own, ground = (_enlarged(part, size)[:, edge] for part in (found.object_, found.ground))
        image = region.source[(..., *inside)]
        colours = foreground.colours(image[:, edge], alpha[edge], own, ground)
        image = image.clone()
        image[:, edge] = torch.lerp(image[:, edge], colours, trust)
        source[(..., *inside)] = image
    stairs = smooth < 1
    if bool(stairs.any()):  # the last pixels of a hard cut are as often its fringe as the object
        image = source[(..., *inside)].clone()
        own = _enlarged(found.object_, size)[:, stairs]
        image[:, stairs] = torch.lerp(image[:, stairs], own, trust * (_AS_NEARBY * (1 - smooth[stairs])).clamp(max=1))
        source[(..., *inside)] = image
    target = torch.lerp(region.mask, matte, trust)
    return replace(region, source=source), region.in_box(target).clone()


def _without_fringe(region: Region, window: Rect, trust: float) -> tuple[Region, Tensor]:
    """The same of a cut-out: its own colours and alpha, less what its edge has of the ground that it was cut from."""
    inside = window.slices
    image, alpha = region.source[(..., *inside)], region.source_alpha[inside]
    matte = region.mask.clone()
    matte[inside] *= torch.lerp(torch.ones_like(alpha), outline.smoothed(region.mask[inside]), trust)
    fringe = Fringe.of(image, alpha)
    if fringe is None:
        return region, region.in_box(matte).clone()
    colours, cover = fringe.removed(image, alpha)
    source = region.source.clone()
    source[(..., *inside)] = torch.lerp(image, colours, trust)
    matte[inside] *= torch.lerp(torch.ones_like(cover), cover / alpha.clamp(min=_TINY), trust)
    return replace(region, source=source), region.in_box(matte).clone()


def _sharpened(image: Tensor, alpha: Tensor, near: Tensor) -> Tensor:
    """An enlarged alpha that follows the large picture: how far that is from what the ground looks like there."""
    own, ground = near.chunk(2)
    between = own - ground
    length = between.square().sum(0)
    along = ((image - ground) * between).sum(0) / length.clamp(min=_TINY)
    sure = length / (length + _TELLING**2)
    edge = (alpha > 0) & (alpha < 1)
    return torch.where(edge, torch.lerp(alpha, along.clamp(0, 1), sure), alpha)


def _on_background(region: Region, matte: Matte) -> Region:
    """The region with the composite as its source, as far as the matte is trusted; so far its mask is 1 in Omega, but
    where the background is transparent."""
    alpha, trust = region.placed(matte.alpha), matte.trust
    source = region.source.clone()
    through = (1 - alpha) * region.background_alpha
    covered = alpha + through
    for channel, below in zip(source, region.background, strict=True):
        composite = (alpha * channel + through * below) / covered.clamp(min=_TINY)
        channel.copy_(torch.where(region.source_alpha > 0, torch.lerp(channel, composite, trust), composite))
    exists = torch.where(region.source_alpha > 0, region.source_alpha, trust * (covered > 0))
    there = torch.where(region.mask > 0, 1 - (1 - alpha) * (1 - region.background_alpha), 0.0)
    mask = torch.lerp(region.mask, there, trust)
    return replace(region, source=source, source_alpha=exists, mask=mask)


def _reduced(array: Tensor, size: list[int]) -> Tensor:
    if list(array.shape[-2:]) == size:
        return array
    return F.interpolate(array[None], size, mode="area")[0]


def _enlarged(array: Tensor, size: list[int]) -> Tensor:
    if list(array.shape[-2:]) == size:
        return array
    return F.interpolate(array[None], size, mode="bilinear", align_corners=False)[0]
