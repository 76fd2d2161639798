"""The perceptual loss, style and content, and its exact gradient, in the memory of one tile.

A Gram matrix is a sum over pixels. So the tiles' sums are added up first, without a graph; the loss of the whole gives
its gradient in the sums; and a second pass takes that back to the pixels, tile by tile. A picture that is a single tile
passes through the network once.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

import torch
from torch import Tensor

from ..network.extractor import FeatureExtractor, own, plus, pyramid, tile_sums
from ..network.moments import Moments, Sums
from ..network.vgg import STRIDES
from . import losses

_CONTENT = 1
"""The layer of the content loss among LAYERS: relu2_2, as published."""


class PerceptualLoss:
    """Style and content of a picture that is near to a reference.

    First :meth:`look_at_reference`, then set ``target``, then :meth:`evaluate` as often as wanted.
    """

    def __init__(self, extractor: FeatureExtractor, reference: Tensor, mask: Tensor, weights: dict[str, float]) -> None:
        """
        Args:
            weights: of "style" and "content".

        Shape:
            reference: (1, C, H, W), levels, H and W multiples of GRID; mask: (1, 1, H, W), 0..1.
        """
        self.target: list[Moments] = []
        """The texture to aim at, by layer."""
        self.start: list[Moments] = []
        """The reference's own moments."""
        self._extractor = extractor
        self._reference = reference
        self._weights = weights
        self._masks = pyramid(mask, extractor.deepest)
        self._areas = [m.sum() for m in self._masks]
        self.tiles = extractor.tiles(mask)
        self._contents: list[Tensor] = []
        self._norm = mask.new_zeros(())

    def look_at_reference(self) -> Iterator[float]:
        """Take in the reference's features; yields the part that is done, 0..1, between tiles."""
        total: list[Sums] = []
        for k, tile in enumerate(self.tiles):
            if k:
                yield k / len(self.tiles)
            with torch.no_grad():
                features = self._extractor.features(self._reference, tile)
                total = plus(total, tile_sums(features, self._masks, tile))
                self._contents.append(features[_CONTENT])
                self._norm += losses.weighted_square(features[_CONTENT], own(self._masks[_CONTENT], tile, _CONTENT))
        self.start = self._moments(total)
        self._norm.clamp_(min=1e-12)

    def _moments(self, total: list[Sums]) -> list[Moments]:
        return [s.moments(area) for s, area in zip(total, self._areas, strict=True)]

    def evaluate(self, image: Tensor) -> Generator[float, None, tuple[dict[str, Tensor], Tensor]]:
        """The weighted losses by name, and their gradient in the image, (1, C, H, W).

        Yields the part that is done, 0..1, between tiles.
        """
        gradient = torch.zeros_like(image)
        if len(self.tiles) == 1:
            x, sums, content = self._seen(image, 0)
            style, pull = self._style(sums)
            gradient += self._back(x, sums, content, pull)
            return {"style": style, "content": content.detach()}, gradient
        total: list[Sums] = []
        for k, tile in enumerate(self.tiles):
            if k:
                yield k / len(self.tiles) / 3
            with torch.no_grad():
                total = plus(total, tile_sums(self._extractor.features(image, tile), self._masks, tile))
        style, pull = self._style(total)
        content = torch.zeros_like(style)
        for k, tile in enumerate(self.tiles):
            if k:
                yield (1 + 2 * k / len(self.tiles)) / 3
            content += self._add_gradient(image, k, pull, gradient[..., tile.outer_rows, tile.outer_columns])
        return {"style": style, "content": content}, gradient

    def _add_gradient(self, image: Tensor, k: int, pull: list[Tensor], gradient: Tensor) -> Tensor:
        """Add a tile's part of the gradient; its part of the content loss. (A frame of its own frees the graph.)"""
        x, sums, content = self._seen(image, k)
        gradient += self._back(x, sums, content, pull)
        return content.detach()

    def _seen(self, image: Tensor, k: int) -> tuple[Tensor, list[Sums], Tensor]:
        """A tile's pixels, halo included, and what depends on them: sums, and its part of the content loss."""
        tile = self.tiles[k]
        x = image[..., tile.outer_rows, tile.outer_columns].detach().requires_grad_(True)
        height, width = x.shape[-2:]
        within = tile._replace(outer_rows=slice(0, height), outer_columns=slice(0, width))
        rows, columns = tile.own(1)
        features = self._extractor.features(x, within._replace(rows=rows, columns=columns))
        weight = own(self._masks[_CONTENT], tile, _CONTENT)
        apart = losses.weighted_square(features[_CONTENT] - self._contents[k], weight)
        return x, tile_sums(features, self._masks, tile), self._weights["content"] * apart / self._norm

    def _style(self, total: list[Sums]) -> tuple[Tensor, list[Tensor]]:
        """The weighted style loss, and its gradient in all sums."""
        leaves = [part.detach().requires_grad_(True) for s in total for part in s]
        now = self._moments([Sums(*leaves[k : k + 2]) for k in range(0, len(leaves), 2)])
        by_layer = [losses.style(*three) for three in zip(now, self.target, self.start, strict=True)]
        # A quarter each, also where only the finest two are looked at; docs/method.md says why.
        style = self._weights["style"] * torch.stack(by_layer).sum() / len(STRIDES)
        return style.detach(), list(torch.autograd.grad(style, leaves))

    @staticmethod
    def _back(x: Tensor, sums: list[Sums], content: Tensor, pull: list[Tensor]) -> Tensor:
        outputs = [part for s in sums for part in s]
        (gradient,) = torch.autograd.grad([*outputs, content], x, [*pull, torch.ones_like(content)])
        return gradient
