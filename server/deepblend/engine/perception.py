"""The network's part of the loss, style and content, and its exact gradient, in the memory of one tile.

A Gram matrix is a sum over pixels. So the tiles' sums are added up first, without a graph; the loss of the whole gives
its gradient in the sums; and a second pass takes that back to the pixels, tile by tile. A picture that is a single tile
passes through the network once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import torch
import torch.nn.functional as F
from torch import Tensor

from . import losses, tiles
from .features import PIXEL_BYTES, REACH, STRIDES, Features
from .losses import Moments, Sums
from .tiles import Tile

GRID = STRIDES[-1]
"""Pixels: sizes of pictures and tiles are its multiples."""
_KEPT = 16
"""Pictures whose moments are kept: a slider's next move, or the next blend into this background, finds the target's."""
_CONTENT = 1
"""The layer of the content loss among LAYERS: relu2_2, as published."""

View = Callable[[Tensor], Tensor]
"""From levels as the document has them, (1, C, H, W), to what the network is shown, (1, 3, H, W), 0..255."""
Tick = Callable[[float], None]
"""Told of the part that is done, 0..1, of what is being computed in tiles; raises to end it."""


@dataclass(frozen=True)
class Eye:
    """The network, what it is shown, and how much at once."""

    network: Features
    view: View
    memory_limit: int
    """Bytes."""
    deepest: int = len(STRIDES)
    """How many of LAYERS are looked at, 2 to 4."""

    def tiles(self, weight: Tensor) -> list[Tile]:
        """Tiles that cover what has any weight, (1, 1, H, W) with sides that are multiples of GRID."""
        halo = -(-REACH[self.deepest - 1] // GRID) * GRID
        side = tiles.side_for(self.memory_limit, PIXEL_BYTES[self.network.dtype], halo)
        every = tiles.cover(weight.shape[-2], weight.shape[-1], side, halo, GRID)
        return every if len(every) == 1 else [tile for tile in every if bool((_own(weight, tile) > 0).any())]

    def features(self, image: Tensor, tile: Tile) -> list[Tensor]:
        """Features of a tile's own pixels."""
        outer = image[..., tile.outer_rows, tile.outer_columns]
        every = self.network(self.view(outer), self.deepest)
        if (tile.rows, tile.columns) == (tile.outer_rows, tile.outer_columns):
            return every
        own = [layer[(..., *tile.own(stride))] for layer, stride in zip(every, STRIDES, strict=False)]
        return [layer.contiguous(memory_format=torch.channels_last) for layer in own]

    def moments(self, image: Tensor, weight: Tensor, tick: Tick) -> list[Moments]:
        """The moments of each layer's features under a weight; those of the last few pictures are kept for next time.

        Shape:
            image: (1, C, H, W), levels; weight: (1, 1, H, W), 0..1, somewhere above 0.
        """
        known = self.network.known_moments
        key = (_digest(self.view(image)), _digest(weight), self.deepest, len(self.tiles(weight)))
        if key not in known:
            while len(known) >= _KEPT:
                del known[next(iter(known))]
            known[key] = self._moments(image, weight, tick)
        return known[key]

    @torch.no_grad()
    def _moments(self, image: Tensor, weight: Tensor, tick: Tick) -> list[Moments]:
        masks = pyramid(weight, self.deepest)
        total: list[Sums] = []
        for tile in ticking(self.tiles(weight), tick):
            total = _plus(total, _tile_sums(self.features(image, tile), masks, tile))
        return [s.moments(m.sum()) for s, m in zip(total, masks, strict=True)]


class Perception:
    """Style and content of a picture that is near to a reference."""

    def __init__(
        self, eye: Eye, reference: Tensor, mask: Tensor, weights: dict[str, float], tick: Tick = lambda done: None
    ) -> None:
        """
        Args:
            weights: of "style" and "content".

        Shape:
            reference: (1, C, H, W), levels, H and W multiples of GRID; mask: (1, 1, H, W), 0..1.
        """
        self.target: list[Moments] = []
        """Texture to aim at, by layer; to be set before :meth:`evaluate`."""
        self._eye = eye
        self._weights = weights
        self._masks = pyramid(mask, eye.deepest)
        self._areas = [m.sum() for m in self._masks]
        self.tiles = eye.tiles(mask)
        self._contents: list[Tensor] = []
        total: list[Sums] = []
        norm = mask.new_zeros(())
        with torch.no_grad():
            for tile in ticking(self.tiles, tick):
                features = eye.features(reference, tile)
                total = _plus(total, _tile_sums(features, self._masks, tile))
                self._contents.append(features[_CONTENT])
                norm += losses.weighted_square(features[_CONTENT], _own(self._masks[_CONTENT], tile, _CONTENT))
        self.start = self._moments(total)
        """The reference's own moments."""
        self._norm = norm.clamp(min=1e-12)

    def _moments(self, total: list[Sums]) -> list[Moments]:
        return [s.moments(area) for s, area in zip(total, self._areas, strict=True)]

    def evaluate(self, image: Tensor, tick: Tick = lambda done: None) -> tuple[dict[str, Tensor], Tensor]:
        """The weighted losses by name, and their gradient in the image, (1, C, H, W)."""
        gradient = torch.zeros_like(image)
        if len(self.tiles) == 1:
            x, sums, content = self._seen(image, 0)
            style, pull = self._style(sums)
            gradient += self._back(x, sums, content, pull)
            return {"style": style, "content": content.detach()}, gradient
        total: list[Sums] = []
        with torch.no_grad():
            for tile in ticking(self.tiles, lambda done: tick(done / 3)):
                total = _plus(total, _tile_sums(self._eye.features(image, tile), self._masks, tile))
        style, pull = self._style(total)
        loss = torch.zeros_like(style)
        for k, tile in enumerate(ticking(self.tiles, lambda done: tick((1 + 2 * done) / 3))):
            x, sums, content = self._seen(image, k)
            gradient[..., tile.outer_rows, tile.outer_columns] += self._back(x, sums, content, pull)
            loss += content.detach()
        return {"style": style, "content": loss}, gradient

    def _seen(self, image: Tensor, k: int) -> tuple[Tensor, list[Sums], Tensor]:
        """A tile's pixels, halo included, and what depends on them: sums, and its part of the content loss."""
        tile = self.tiles[k]
        x = image[..., tile.outer_rows, tile.outer_columns].detach().requires_grad_(True)
        height, width = x.shape[-2:]
        within = tile._replace(outer_rows=slice(0, height), outer_columns=slice(0, width))
        rows, columns = tile.own(1)
        features = self._eye.features(x, within._replace(rows=rows, columns=columns))
        weight = _own(self._masks[_CONTENT], tile, _CONTENT)
        apart = losses.weighted_square(features[_CONTENT] - self._contents[k], weight)
        return x, _tile_sums(features, self._masks, tile), self._weights["content"] * apart / self._norm

    def _style(self, total: list[Sums]) -> tuple[Tensor, list[Tensor]]:
        """The weighted style loss, and its gradient in all sums."""
        leaves = [part.detach().requires_grad_(True) for s in total for part in s]
        now = self._moments([Sums(*leaves[k : k + 2]) for k in range(0, len(leaves), 2)])
        by_layer = [losses.style(*three) for three in zip(now, self.target, self.start, strict=True)]
        style = self._weights["style"] * torch.stack(by_layer).sum() / len(STRIDES)
        return style.detach(), list(torch.autograd.grad(style, leaves))

    @staticmethod
    def _back(x: Tensor, sums: list[Sums], content: Tensor, pull: list[Tensor]) -> Tensor:
        outputs = [part for s in sums for part in s]
        (gradient,) = torch.autograd.grad([*outputs, content], x, [*pull, torch.ones_like(content)])
        return gradient


def _digest(array: Tensor) -> bytes:
    return blake2b(array.detach().cpu().numpy().tobytes(), digest_size=16).digest()


def pyramid(mask: Tensor, deepest: int) -> list[Tensor]:
    """A mask at the strides of LAYERS[:deepest]."""
    levels = [mask]
    for _ in STRIDES[1:deepest]:
        levels.append(F.avg_pool2d(levels[-1], 2))
    return levels


def ticking(every: Sequence[Tile], tick: Tick) -> Iterator[Tile]:
    """The tiles; told after each but the last, since what follows that has its own word."""
    for k, tile in enumerate(every, 1):
        yield tile
        if k < len(every):
            tick(k / len(every))


def _own(mask: Tensor, tile: Tile, layer: int = 0) -> Tensor:
    """The part of a mask at a layer's stride that a tile's own pixels are."""
    stride = STRIDES[layer]
    rows, columns = (slice(own.start // stride, own.stop // stride) for own in (tile.rows, tile.columns))
    return mask[..., rows, columns]


def _tile_sums(features: list[Tensor], masks: list[Tensor], tile: Tile) -> list[Sums]:
    return [losses.sums(f, _own(m, tile, k)) for k, (f, m) in enumerate(zip(features, masks, strict=True))]


def _plus(total: list[Sums], more: list[Sums]) -> list[Sums]:
    return (
        [Sums(*(a + b for a, b in zip(*two, strict=True))) for two in zip(total, more, strict=True)] if total else more
    )
