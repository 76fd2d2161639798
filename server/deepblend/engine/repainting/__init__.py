"""Repainting: the object in the palette and in the strokes of the painting that it lies on.

Two stages. :class:`Recolouring` moves the object's colours towards the painting's before it is blended.
:class:`Repainting` paints the seamless blend anew, coarse to fine, and is told "optimise".
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import replace
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from deepblend_protocol.settings import Settings
from torch import Tensor

from .. import colour, masks
from ..kept import Kept
from ..network.as_srgb import as_srgb
from ..network.extractor import FeatureExtractor
from ..network.tiles import limit_for
from ..request import Rect
from ..seamless.screening import ramp
from ..stages import Stage, Update
from ..work import Picture, Work
from . import palette
from .canvas import Canvas, filled
from .level import Style
from .levels import Levels
from .octaves import gauss
from .strength import Strength, calmness
from .strokes import boldness

_NEAR = 0.5
"""The part of the palette's weight that lies near the object; the rest is all of the painting's alike."""
_NEARNESS = 0.5
"""How near: of the square root of the object's area."""
_BORDER = 2.0
"""Pixels of the base over which palette and painting come in from Omega's border."""
_GROUND, _OBJECT = 24.0, 72.0
"""Levels: what differs from the background by less on the border is ground, by more is object."""
_PALETTES: Kept[palette.Palette] = Kept(2)


class Recolouring(Stage[Picture]):
    """The object in the painting's palette: gives ``Work.region`` another source."""

    name = "palette"

    def __init__(self, work: Work) -> None:
        self._work = work

    @staticmethod
    def applies(settings: Settings) -> bool:
        """Whether settings ask for any of it."""
        return palette.strength(settings.style, settings.keep_colours) > 0

    def __iter__(self) -> Generator[Update[Picture], None, None]:
        work, settings = self._work, self._work.request.settings
        region = work.region
        painting = _painting(work)
        weight = _weight(work, painting)
        chosen = (region.placed(work.alpha) > 0.5) & (region.source_alpha > 0)
        if not bool(chosen.any()):
            chosen = region.omega & (region.source_alpha > 0)
        if bool(chosen.any()) and bool((weight > 0).any()):
            coloured = region.source.expand(3, -1, -1)
            ours, own = palette.sampled(coloured.flatten(1), chosen.flatten().float(), palette.OWN_SAMPLES)
            theirs, near = palette.sampled(painting.image.flatten(1), weight.flatten(), palette.THEIR_SAMPLES)
            limits = palette.Limits.of(settings.keep_colours, calmness(_boldness(work, painting)))
            inputs = (ours, own, theirs, near, limits)
            found = _PALETTES.get(lambda: palette.Palette(*inputs), *inputs)
            moved = found.moved(coloured, palette.strength(settings.style, settings.keep_colours))
            part = _share(work, region.source, _base(work))
            moved = torch.lerp(coloured, moved, region.placed(part))
            work.region = replace(region, source=colour.luma(moved) if len(region.source) == 1 else moved)
        yield from ()

    def result(self) -> Tensor:
        return self._work.region.in_box(self._work.region.source)


class Repainting(Stage[Picture]):
    """The seamless blend, painted by the same hand as its painting; takes ``Work.solution`` and ``Work.network``."""

    name = "optimise"

    def __init__(self, work: Work) -> None:
        assert work.solution is not None
        assert work.network is not None
        request, device = work.request, work.device
        self._work = work
        self._mask = work.mask
        self._start = work.region.in_box(work.solution).clone()
        base = _base(work)
        # Below the default the seamless blend, and with it its own detail, comes back continuously.
        towards = min(2 * request.settings.style, 1.0)
        self._share = towards**2 * (3 - 2 * towards) * _share(work, work.solution, base)
        strength = Strength.of(request.settings.style, request.settings.keep_colours).among(_boldness(work))
        canvas = Canvas.around(work.region, work.solution, base)
        del work.region, work.solution  # as large as what follows
        extractor = FeatureExtractor(
            work.network, as_srgb(request.background, device), limit_for(device, request.memory_limit)
        )
        self._levels = Levels(canvas, _style(work, canvas.box), strength, extractor, work.budget)

    def __iter__(self) -> Generator[Update[Picture], None, None]:
        yield Update(0.0, lambda: (self._start, self._mask))
        for part in self._levels:
            yield Update(part, self._picture, self._levels.losses)

    def _picture(self) -> Picture:
        image, alpha = self._levels.picture()
        return self._mixed(image), alpha

    def _mixed(self, painted: Tensor) -> Tensor:
        """The seamless blend and the painted picture, each by its share.

        What the seamless blend has beyond 0..255 the network cannot see: it is kept as it is.
        """
        both = torch.cat([self._start, self._share[None]])
        if both.shape[-2:] != painted.shape[-2:]:
            size = painted.shape[-2:]
            both = F.interpolate(both[None], size, mode="bilinear", antialias=True, align_corners=False)[0]
        seamless = both[:-1]
        return torch.lerp(seamless, painted + seamless - seamless.clamp(0, 255), both[-1:])

    def result(self) -> Tensor:
        return self._mixed(self._levels.painted()) if self._levels.begun else self._start

    def hand_over(self) -> None:
        self._work.picture = self.result()

    def report(self) -> dict[str, Any]:
        return {"levels": self._levels.levels}


def _share(work: Work, object_: Tensor, base: int) -> Tensor:
    """The painting's part, (h, w), over Omega's box: 1, and 0 on Omega's border where the object's old ground meets it.

    There the seamless blend has made it the background, and it stays so. Where the object itself touches the border,
    its edge is painted like the rest: else a rim of its old colours remains.

    Shape:
        object_: (C, H, W), levels, on the region's arrays, relit.
    """
    region = work.region
    length = _BORDER * base + 1
    inside = ((ramp(region, length) * length - 1) / (length - 1)).clamp(0, 1)
    apart = (object_ - region.background).abs().amax(0)
    apart = torch.where((region.background_alpha > 0) & (region.source_alpha > 0), apart, 0.0)
    apart = region.in_box(gauss(apart[None, None], float(base))[0, 0])
    another = ((apart - _GROUND) / (_OBJECT - _GROUND)).clamp(0, 1)
    share = torch.maximum(inside, another * region.in_box(region.omega))
    if work.matte is None:
        return share
    # Around the object that was found lies the painting itself, which stays as it is.
    near = 2 * masks.box_mean(work.matte.alpha[None], 4 * base + 1)[0]
    return share * torch.lerp(torch.ones_like(share), near.clamp(max=1), work.matte.trust)


def _base(work: Work) -> int:
    """The reduction that strokes are looked at on, a power of two: the painting is as large there as any, about.

    So strokes are as wide as the painting's, and a document twice as large gives the same picture.
    """
    budget, plane = work.budget, work.request.style
    whole = work.region.rect
    if plane is not None and work.request.settings.style_from == "background":
        whole = plane.rect
    factor = 1
    while max(whole.size) > budget.painting_px * factor and max(work.region.box.size) >= 2 * budget.object_px * factor:
        factor *= 2
    return factor


def _style(work: Work, box: Rect) -> Style | None:
    """The style picture, or None where strokes come from the surroundings; ``box`` is Omega's."""
    plane = work.request.style
    if plane is None or work.request.settings.style_from == "surroundings":
        return None
    channels = colour.colours(work.request.background)
    image, alpha = colour.decode(plane, channels, work.device)
    place = None
    if work.request.settings.style_from == "background":
        place = box.relative_to(plane.rect).scaled(plane.scale)
    return Style(image, alpha, plane.scale, as_srgb(plane, work.device), place)


class _Painting(NamedTuple):
    """The picture that the palette is taken from."""

    image: Tensor
    """(3, h, w), levels."""
    there: Tensor
    """(h, w), 1 where there is any of it, else 0."""
    rect: Rect
    """Where it lies in the document."""
    scale: float
    """Its samples per document pixel."""


def _painting(work: Work) -> _Painting:
    region, plane = work.region, work.request.style
    if plane is not None and work.request.settings.style_from != "surroundings":
        image, alpha = colour.decode(plane, 3, work.device)
        return _Painting(image, (alpha > 0).to(image), plane.rect, plane.scale)
    image = region.background.expand(3, -1, -1)
    there = (region.background_alpha > 0) & ~region.omega
    if not bool(there.any()):
        there = region.background_alpha > 0
    return _Painting(image, there.to(image), region.rect, 1.0)


def _weight(work: Work, painting: _Painting) -> Tensor:
    """What its places count in the palette, (h, w): half all alike, half near where the object lies."""
    there = painting.there
    whole = there / there.sum().clamp(min=1e-6)
    if work.request.settings.style_from == "picture":
        return whole
    area = float(work.region.mask.sum()) * painting.scale**2
    box = work.region.box.relative_to(painting.rect).scaled(painting.scale)
    near = there * _nearness(box, there, _NEARNESS * math.sqrt(area))
    return _NEAR * near / near.sum().clamp(min=1e-6) + (1 - _NEAR) * whole


def _boldness(work: Work, painting: _Painting | None = None) -> float:
    """How bold the painting's strokes are on the base, 0..1; it is measured once."""
    if work.boldness is None:
        image, there, _, scale = painting or _painting(work)
        sides = [max(1, round(side / max(1.0, _base(work) * scale))) for side in there.shape]
        reduced, weight = (
            F.interpolate(array[None], sides, mode="area") if sides != list(there.shape) else array[None]
            for array in (filled(image, there), there[None])
        )
        work.boldness = boldness(reduced, weight)
    return work.boldness


def _nearness(box: Rect, like: Tensor, width: float) -> Tensor:
    """A Gaussian of the distance to a box, (h, w)."""
    y, x = (torch.arange(side, device=like.device) for side in like.shape)
    dy = (box.y - y).clamp(min=0) + (y - (box.bottom - 1)).clamp(min=0)
    dx = (box.x - x).clamp(min=0) + (x - (box.right - 1)).clamp(min=0)
    return torch.exp(-(dy[:, None] ** 2 + dx**2) / (2 * max(width, 1.0) ** 2))
