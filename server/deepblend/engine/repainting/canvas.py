"""The canvas of a repainting: a seamless blend and what is around it, on a grid that every level divides."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..network.extractor import GRID
from ..region import Region
from ..request import Rect

CONTEXT = 16
"""Pixels around Omega's box on each level that pass through the network with it. Twice as many change no figure."""


@dataclass
class Canvas:
    """A seamless blend and what is around it, on a grid that every level divides, replicated where the document ends.

    The grid is the document's: its lines lie at multiples of the coarsest level's step wherever Omega's box begins, so
    that a document twice as large has the same pixels on its coarse levels. Else the same object looks another.

    The arrays end where the document does, and a level's part of the grid is made from them when it is asked for:
    around a box a pixel high, what is replicated can be thousands of times as large as what there is.

    Shape:
        (1, C or 1, H, W) each.
    """

    layer: Tensor  # the seamless blend's own colours, within 0..255; outside Omega the background's
    background: Tensor
    background_alpha: Tensor
    mask: Tensor
    rect: Rect  # what the arrays cover, in document pixels
    box: Rect  # Omega's
    factors: list[int]  # the levels' reductions, coarse to fine: powers of two, from four times the base's down to 1

    @classmethod
    def around(cls, region: Region, reference: Tensor, base: int) -> Canvas:
        """The canvas of a blend.

        Args:
            reference: (C, H, W), levels; the seamless blend on the region's arrays.
            base: the base's reduction, see ``Region.reduction``.
        """
        factors = [4 * base >> k for k in range((4 * base).bit_length())]
        rect = region.box.grown((CONTEXT + GRID + 1) * factors[0]).intersection(region.rect)
        assert rect is not None  # the box lies in the region
        cut = (..., *rect.relative_to(region.rect).slices)

        def spread(array: Tensor) -> Tensor:
            return array[cut].reshape(1, -1, rect.h, rect.w).contiguous()

        background = filled(region.background, region.background_alpha)
        return cls(
            layer=spread(torch.where(region.omega, reference.clamp(0, 255), background)),
            background=spread(background),
            background_alpha=spread(region.background_alpha),
            mask=spread(region.mask),
            rect=rect,
            box=region.box,
            factors=factors,
        )

    def reduced(self, array: Tensor, factor: int, rows: slice, columns: slice, beyond: bool = True) -> Tensor:
        """Rows and columns of one of the arrays, or of one like them, on a level: means of factor x factor pixels.

        Args:
            rows, columns: pixels of the level, counted from the document's corner; some of them lie in the arrays.
            beyond: whether beyond the arrays lies what lies at their ends; else 0.

        Shape:
            array: (1, C, H, W); result: (1, C, rows, columns).
        """
        for axis, part, start in sorted(
            ((2, rows, self.rect.y), (3, columns, self.rect.x)), key=lambda one: -array.shape[one[0]]
        ):  # along the longer side first: less is left for the other
            array = _reduced(array, axis, factor, part, start, beyond)
        return array


def filled(image: Tensor, alpha: Tensor) -> Tensor:
    """An image (C, H, W) with its mean colour where its alpha (H, W) is 0: what lies there must not leak in."""
    mean = (image * alpha).sum((1, 2), keepdim=True) / alpha.sum().clamp(min=1e-6)
    return torch.where(alpha > 0, image, mean)


def _reduced(array: Tensor, axis: int, factor: int, part: slice, start: int, beyond: bool) -> Tensor:
    """:meth:`Canvas.reduced` along one axis, on which the array begins at ``start``."""
    length = array.shape[axis]
    # One pixel more than the array has on either side lies wholly beyond it: all further ones are like it.
    first = max(part.start, start // factor - 1)
    last = min(part.stop, -(-(start + length) // factor) + 1)
    before, after = max(start - first * factor, 0), max(last * factor - start - length, 0)
    begin = first * factor - start + before
    cut = array.narrow(axis, begin, (last - first) * factor - before - after)
    if before or after:
        sides = (0, 0, before, after) if axis == 2 else (before, after, 0, 0)
        cut = F.pad(cut, sides, "replicate" if beyond else "constant")
    cut = F.avg_pool2d(cut, (factor, 1) if axis == 2 else (1, factor)) if factor > 1 else cut.contiguous()
    if (first, last) == (part.start, part.stop):
        return cut
    every = torch.arange(part.start, part.stop, device=array.device).clamp(first, last - 1) - first
    return cut.index_select(axis, every)
