"""The canvas of a repainting: a seamless blend and what is around it, on a grid that every level divides."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..network.extractor import GRID
from ..region import Region

CONTEXT = 16
"""Pixels around Omega's box on each level that pass through the network with it. Twice as many change no figure."""


@dataclass
class Canvas:
    """A seamless blend and what is around it, on a grid that every level divides, replicated where the document ends.

    The grid is the document's: its lines lie at multiples of the coarsest level's step wherever Omega's box begins, so
    that a document twice as large has the same pixels on its coarse levels. Else the same object looks another.

    Shape:
        (1, C or 1, H, W) each.
    """

    layer: Tensor  # the seamless blend's own colours, within 0..255; outside Omega the background's
    background: Tensor
    background_alpha: Tensor  # 0 beyond the document
    mask: Tensor
    box: tuple[int, int, int, int]  # Omega's on the canvas: top, bottom, left, right
    origin: tuple[int, int]  # x and y of the canvas in the document
    factors: list[int]  # the levels' reductions, coarse to fine: powers of two, from four times the base's down to 1

    @classmethod
    def around(cls, region: Region, reference: Tensor, base: int) -> Canvas:
        """The canvas of a blend.

        Args:
            reference: (C, H, W), levels; the seamless blend on the region's arrays.
            base: the base's reduction, see ``Region.reduction``.
        """
        factors = [4 * base >> k for k in range((4 * base).bit_length())]
        step, context = factors[0] * GRID, factors[0] * CONTEXT
        lines: list[Tensor] = []
        for start, length in ((region.box.y, region.box.h), (region.box.x, region.box.w)):
            first, last = (start - context) // step * step, -(-(start + length + context) // step) * step
            lines.append(torch.arange(first, last, device=reference.device))
        y, x = (int(line[0]) for line in lines)
        top, left = region.box.y - y, region.box.x - x
        rows, columns = (line - start for line, start in zip(lines, (region.rect.y, region.rect.x), strict=True))
        height, width = region.mask.shape
        within = ((rows >= 0) & (rows < height))[:, None] & ((columns >= 0) & (columns < width))

        def spread(array: Tensor) -> Tensor:
            cut = array[..., rows.clamp(0, height - 1), :][..., columns.clamp(0, width - 1)]
            return cut.reshape(1, -1, *cut.shape[-2:])

        alpha = region.background_alpha
        background = filled(region.background, alpha)
        return cls(
            layer=spread(torch.where(region.omega, reference.clamp(0, 255), background)),
            background=spread(background),
            background_alpha=spread(alpha) * within,
            mask=spread(region.mask) * within,
            box=(top, top + region.box.h, left, left + region.box.w),
            origin=(x, y),
            factors=factors,
        )

    def inside(self, change: Tensor) -> Tensor:
        """A change on the canvas, (1, C, H, W), over Omega's box, 0 outside Omega: (C, h, w)."""
        top, bottom, left, right = self.box
        cut = (..., slice(top, bottom), slice(left, right))
        return (change[cut] * (self.mask[cut] > 0))[0]


def filled(image: Tensor, alpha: Tensor) -> Tensor:
    """An image (C, H, W) with its mean colour where its alpha (H, W) is 0: what lies there must not leak in."""
    mean = (image * alpha).sum((1, 2), keepdim=True) / alpha.sum().clamp(min=1e-6)
    return torch.where(alpha > 0, image, mean)
