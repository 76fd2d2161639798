"""The feature extractor: the network, what it is shown, and how much of a large picture at once."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..kept import digest
from . import moments, tiles
from .as_srgb import View
from .moments import Moments, Sums
from .tiles import Tile
from .vgg import PIXEL_BYTES, REACH, STRIDES, VGG

GRID = STRIDES[-1]
"""Pixels: sizes of pictures and tiles are its multiples."""
_CACHED = 12
"""Pictures of which what was found is kept: a slider's next move, or the next blend into this background, has it."""
_SPREAD = 0.05
"""Of the mean standard deviation: what a feature that hardly varies is divided by, at least."""
_COMPONENTS = 64
"""Principal components of the features that are compared, of 128 to 512: they find as good neighbours."""


class Compared(NamedTuple):
    """A picture's features, each divided by its deviation, on their principal components."""

    least: Tensor
    """Added to each deviation: what a feature that hardly varies is divided by at least."""
    components: Tensor
    """(C, m)."""
    keys: Tensor
    """(n, m): what ``Examined.keys`` are there, of length 1, of their type."""


@dataclass(frozen=True)
class Examined:
    """What is known of one layer's features of a picture."""

    moments: Moments
    keys: Tensor
    """(n, C): some of the features, of the network's type."""
    colours: Tensor
    """(n, channels), levels: the mean of the pixels where each of these lies."""
    places: Tensor
    """(n, 2): row and column of each, at the layer's stride."""

    @cached_property
    def compared(self) -> Compared:
        """The keys as others' features are compared with them. Kept: the eigenvectors take a tenth of a second."""
        deviation = self.moments.covariance.diagonal().clamp(min=0).sqrt()
        least = _SPREAD * deviation.mean().clamp(min=1e-6)
        scale = deviation + least
        components = _principal(self.moments.covariance / scale[:, None] / scale).to(scale)
        keys = unit((self.keys.float() - self.moments.mean.T) / scale @ components, self.keys.dtype)
        return Compared(least, components, keys)


@dataclass(frozen=True)
class FeatureExtractor:
    """Features of pictures, tile by tile."""

    network: VGG
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
        return every if len(every) == 1 else [tile for tile in every if bool((own(weight, tile) > 0).any())]

    def features(self, image: Tensor, tile: Tile) -> list[Tensor]:
        """Features of a tile's own pixels."""
        outer = image[..., tile.outer_rows, tile.outer_columns]
        every = self.network(self.view(outer), self.deepest)
        if (tile.rows, tile.columns) == (tile.outer_rows, tile.outer_columns):
            return every
        inner = [layer[(..., *tile.own(stride))] for layer, stride in zip(every, STRIDES, strict=False)]
        return [layer.contiguous(memory_format=torch.channels_last) for layer in inner]

    def examine(self, image: Tensor, weight: Tensor, keys: int) -> Generator[float, None, list[Examined]]:
        """What the features of a picture are under a weight, by layer; that of the last few pictures is kept.

        Yields the part that is done, 0..1, between tiles.

        Args:
            keys: features that are kept, at most.

        Shape:
            image: (1, C, H, W), levels; weight: (1, 1, H, W), 0..1, somewhere above 0.
        """
        cache = self.network.cache
        key = (digest(self.view(image)), digest(weight), self.deepest, len(self.tiles(weight)), keys)
        if key not in cache:
            found = yield from self._examine(image, weight, keys)
            while len(cache) >= _CACHED:
                del cache[next(iter(cache))]
            cache[key] = found
        return cache[key]

    def _examine(self, image: Tensor, weight: Tensor, keys: int) -> Generator[float, None, list[Examined]]:
        masks = pyramid(weight, self.deepest)
        chosen = [_chosen(mask, keys) for mask in masks]
        every = self.tiles(weight)
        total: list[Sums] = []
        kept: list[list[Tensor]] = [[] for _ in masks]
        colours: list[list[Tensor]] = [[] for _ in masks]
        where: list[list[Tensor]] = [[] for _ in masks]
        means = pyramid(image, self.deepest)
        for k, tile in enumerate(every):
            if k:
                yield k / len(every)
            with torch.no_grad():  # not around the yield: it would hold for whoever iterates
                features = self.features(image, tile)
                total = plus(total, tile_sums(features, masks, tile))
                for layer, (f, places) in enumerate(zip(features, chosen, strict=True)):
                    here = own(places, tile, layer)
                    kept[layer].append(f[0].flatten(1).T[here.flatten()])
                    colours[layer].append(own(means[layer], tile, layer)[0].flatten(1).T[here.flatten()])
                    corner = [side.start // STRIDES[layer] for side in (tile.rows, tile.columns)]
                    where[layer].append(here[0, 0].nonzero() + torch.tensor(corner, device=here.device))
        return [
            Examined(s.moments(m.sum()), torch.cat(keys), torch.cat(seen), torch.cat(places))
            for s, m, keys, seen, places in zip(total, masks, kept, colours, where, strict=True)
        ]


def _principal(correlation: Tensor) -> Tensor:
    """The first principal components, (C, n), of features with a correlation (C, C).

    In double precision: of few pixels or of one colour most eigenvalues are 0 but for rounding.
    """
    return torch.linalg.eigh(correlation.double().clamp(-1, 1)).eigenvectors[:, -_COMPONENTS:]


def unit(rows: Tensor, dtype: torch.dtype) -> Tensor:
    """Rows (n, m) of length 1, in a type."""
    return (rows / rows.norm(dim=1, keepdim=True).clamp(min=1e-6)).to(dtype)


def _chosen(mask: Tensor, count: int) -> Tensor:
    """(1, 1, H, W) bool: at most so many of the places that have weight, at random, the same ones each time."""
    places = (mask > 0.5).flatten().nonzero().flatten()
    if not len(places):
        places = (mask > 0).flatten().nonzero().flatten()
    if len(places) > count:
        order = torch.randperm(len(places), generator=torch.Generator().manual_seed(0))[:count]
        places = places[order.to(places.device)]
    chosen = torch.zeros(mask.numel(), dtype=torch.bool, device=mask.device)
    chosen[places] = True
    return chosen.view_as(mask)


def pyramid(array: Tensor, deepest: int) -> list[Tensor]:
    """A mask or an image at the strides of LAYERS[:deepest]."""
    levels = [array]
    for _ in STRIDES[1:deepest]:
        levels.append(F.avg_pool2d(levels[-1], 2))
    return levels


def own(array: Tensor, tile: Tile, layer: int = 0) -> Tensor:
    """The part of a mask or an image at a layer's stride that a tile's own pixels are."""
    stride = STRIDES[layer]
    rows, columns = (slice(side.start // stride, side.stop // stride) for side in (tile.rows, tile.columns))
    return array[..., rows, columns]


def tile_sums(features: Sequence[Tensor], masks: Sequence[Tensor], tile: Tile) -> list[Sums]:
    """By layer, the sums over a tile's own pixels under the masks of :func:`pyramid`."""
    return [moments.sums(f, own(m, tile, k)) for k, (f, m) in enumerate(zip(features, masks, strict=True))]


def plus(total: list[Sums], more: list[Sums]) -> list[Sums]:
    """By layer, the sums of two parts of a picture together; ``total`` may be empty."""
    return [a.plus(b) for a, b in zip(total, more, strict=True)] if total else more
