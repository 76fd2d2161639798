"""The perceptual loss of a repainting, and its exact gradient, in the memory of one tile.

Two terms. Each place inside the mask has the painting's feature that is nearest to its own to come to (Kolkin and
others, Neural Neighbor Style Transfer, 2022). And the covariance of all features comes to the painting's: neighbours
alone average the picture to a blur.

A covariance is made of sums over pixels. So the tiles' sums are added up first, without a graph; the loss of the whole
gives its gradient in the sums; and a second pass takes that back to the pixels, tile by tile. A picture that is a
single tile passes through the network once.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ..colour import luma
from ..network.extractor import Examined, FeatureExtractor, own, plus, pyramid, tile_sums, unit
from ..network.moments import Moments, Sums
from ..network.vgg import STRIDES
from . import losses
from .octaves import gauss
from .strokes import Found

MATCHED = (1, 2, 3)
"""The layers among LAYERS whose places are matched, of those that are looked at: relu2_2, relu3_3, relu4_3."""
QUERY = 0.75
"""What is matched is this part of the reference; the rest is the picture that the level begins with."""
FOUND = 0.3
"""The part of the covariance to come to that is of the neighbours found; the rest is of all the painting. Else flat
things are given the strokes of what is not."""
_COLOURED_BY = 3
"""Of LAYERS, relu4_3, whose neighbours are things of a kind, a face's a face: their colours are those to come to."""
_STROKES = 1
"""Of LAYERS, relu2_2, whose neighbours are strokes of a kind: an edge's an edge."""
_LIKE_LIGHT, _LIKE_CHROMA = 60.0, 20.0
"""Levels, standard deviations: places count as of like colour by a Gaussian of these."""
_COVERED = 0.02
"""The mask's value from which on a place is matched."""
_BLOCK = 2048
"""Places that are matched, or pixels that are compared, at once."""


def _compared(colours: Tensor) -> Tensor:
    """Colours, (n, C), levels, in units of the standard deviations above: (n, C + 1), luma first."""
    light = luma(colours.T[None, :, :, None])[0, 0]
    return torch.cat([light / _LIKE_LIGHT, (colours - light) / _LIKE_CHROMA], 1)


class _Match(NamedTuple):
    """Of a tile's places on one layer."""

    places: Tensor  # (n,), flat indices into the tile's own features
    keys: Tensor  # (n,), indices of the nearest of the painting's
    weight: Tensor  # (n, 1)


class PerceptualLoss:
    """Style and neighbours of a picture that is repainted.

    First :meth:`match`, then :meth:`evaluate` as often as wanted.
    """

    def __init__(
        self, extractor: FeatureExtractor, mask: Tensor, painting: list[Examined], weights: dict[str, float]
    ) -> None:
        """
        Args:
            painting: what was found in it, by layer.
            weights: of "style" and "neighbours".

        Shape:
            mask: (1, 1, H, W), 0..1, H and W multiples of GRID.
        """
        self._extractor, self._painting, self._weights = extractor, painting, weights
        self._matched_on = [layer for layer in MATCHED if layer < extractor.deepest]
        self._masks = pyramid(mask, extractor.deepest)
        self._areas = [m.sum() for m in self._masks]
        self.tiles = extractor.tiles(mask)
        self._start: list[Moments] = []
        self._matches: list[list[_Match]] = []  # by tile, by layer of _matched_on
        self._norms: list[Tensor] = []  # by layer of _matched_on: variance of the painting's times the matched area

    def match(self, reference: Tensor, current: Tensor) -> Iterator[float]:
        """Find each place's neighbour in the painting; yields the part that is done, 0..1, between tiles.

        Shape:
            reference, current: (1, C, H, W), levels: the seamless composite, and what the level begins with.
        """
        self._matches, self._norms = [], []
        self._targets = [layer.moments.covariance for layer in self._painting]
        query = torch.lerp(current, reference, QUERY)
        start: list[Sums] = []
        asked: list[Sums] = []
        features: list[Tensor] = []
        count = len(self.tiles)
        for k, tile in enumerate(self.tiles):
            if k:
                yield k / count / 2
            with torch.no_grad():
                start = plus(start, tile_sums(self._extractor.features(reference, tile), self._masks, tile))
                features = self._extractor.features(query, tile)
                asked = plus(asked, tile_sums(features, self._masks, tile))
        self._start = self._moments(start)
        moments = self._moments(asked)
        for k, tile in enumerate(self.tiles):
            if k:
                yield (1 + k / count) / 2
            with torch.no_grad():
                if count > 1:
                    features = self._extractor.features(query, tile)
                masks = [own(self._masks[layer], tile, layer).flatten() for layer in self._matched_on]
                self._matches.append(
                    [
                        self._matched(features[layer], mask, moments[layer], self._painting[layer])
                        for layer, mask in zip(self._matched_on, masks, strict=True)
                    ]
                )
        for index, layer in enumerate(self._matched_on):
            area = sum((tile[index].weight.sum() for tile in self._matches), torch.zeros_like(self._areas[layer]))
            variance = self._painting[layer].moments.covariance.diagonal().sum()
            self._norms.append((area * variance).clamp(min=1e-6))
            self._targets[layer] = torch.lerp(self._targets[layer], self._found(index).covariance, FOUND)

    def neighbours_apart(self, image: Tensor) -> Tensor:
        """How the neighbours' colours differ from an image's, (1, C, H, W), levels; call match before.

        A mean over the places of like colour, wherever they are: what is alike stays alike.

        Shape:
            image: (1, C, H, W), levels.
        """
        here = pyramid(image, self._extractor.deepest)[_COLOURED_BY]
        ours, theirs = [], []
        for tile, matches in zip(self.tiles, self._matches, strict=True):
            match = matches[self._matched_on.index(_COLOURED_BY)]
            ours.append(own(here, tile, _COLOURED_BY)[0].flatten(1).T[match.places])
            theirs.append(self._painting[_COLOURED_BY].colours[match.keys])
        colours = torch.cat(ours)
        if not len(colours):
            return torch.zeros_like(image)
        apart, keys = torch.cat(theirs) - colours, _compared(colours)
        asked = gauss(image, 1.0)[0].flatten(1).T
        found = [
            torch.softmax(-0.5 * torch.cdist(_compared(some), keys).square_(), 1) @ apart
            for some in asked.split(_BLOCK)
        ]
        return torch.cat(found).T.reshape_as(image)

    def strokes_found(self) -> Found:
        """Where in the painting each place's neighbour on relu2_2 lies; call match before."""
        places = torch.zeros(*self._masks[_STROKES].shape[-2:], 2, dtype=torch.long, device=self._masks[0].device)
        there = torch.zeros_like(places[..., 0], dtype=torch.bool)
        for tile, matches in zip(self.tiles, self._matches, strict=True):
            match = matches[self._matched_on.index(_STROKES)]
            width = (tile.columns.stop - tile.columns.start) // STRIDES[_STROKES]
            rows = match.places // width + tile.rows.start // STRIDES[_STROKES]
            columns = match.places % width + tile.columns.start // STRIDES[_STROKES]
            places[rows, columns] = self._painting[_STROKES].places[match.keys] * STRIDES[_STROKES]
            there[rows, columns] = True
        return Found(places, there)

    def _matched(self, features: Tensor, mask: Tensor, moments: Moments, painting: Examined) -> _Match:
        """Nearest by the cosine of features that are centred and divided by their deviation, each side by its own.

        Of their principal components, which are the painting's.
        """
        places = (mask > _COVERED).nonzero().flatten()
        rows = features[0].flatten(1).T[places]
        compared = painting.compared
        scale = moments.covariance.diagonal().clamp(min=0).sqrt() + compared.least
        found = [
            (unit((some.float() - moments.mean.T) / scale @ compared.components, rows.dtype) @ compared.keys.T)
            .max(1)
            .indices
            for some in rows.split(_BLOCK)
        ]
        return _Match(places, torch.cat(found), mask[places][:, None])

    def _found(self, index: int) -> Moments:
        """Of the painting's features that were found, by an index of _matched_on."""
        weight = torch.cat([tile[index].weight for tile in self._matches])
        every = self._painting[self._matched_on[index]].keys
        keys = torch.cat([every[tile[index].keys] for tile in self._matches]).float()
        share = weight / weight.sum().clamp(min=1e-6)
        mean = (keys * share).sum(0, keepdim=True)
        return Moments(mean.T, ((keys - mean) * share).T @ (keys - mean))

    def _moments(self, total: list[Sums]) -> list[Moments]:
        return [s.moments(area) for s, area in zip(total, self._areas, strict=True)]

    def evaluate(self, image: Tensor) -> Generator[float, None, tuple[dict[str, Tensor], Tensor]]:
        """The weighted losses by name, and their gradient in the image, (1, C, H, W).

        Yields the part that is done, 0..1, between tiles.
        """
        gradient = torch.zeros_like(image)
        if len(self.tiles) == 1:
            x, sums, apart = self._seen(image, 0)
            style, pull = self._style(sums)
            gradient += self._back(x, sums, apart, pull)
            return {"style": style, "neighbours": apart.detach()}, gradient
        total: list[Sums] = []
        for k, tile in enumerate(self.tiles):
            if k:
                yield k / len(self.tiles) / 3
            with torch.no_grad():
                total = plus(total, tile_sums(self._extractor.features(image, tile), self._masks, tile))
        style, pull = self._style(total)
        apart = torch.zeros_like(style)
        for k, tile in enumerate(self.tiles):
            if k:
                yield (1 + 2 * k / len(self.tiles)) / 3
            apart += self._add_gradient(image, k, pull, gradient[..., tile.outer_rows, tile.outer_columns])
        return {"style": style, "neighbours": apart}, gradient

    def _add_gradient(self, image: Tensor, k: int, pull: list[Tensor], gradient: Tensor) -> Tensor:
        """Add a tile's part of the gradient; its part of the second loss. (A frame of its own frees the graph.)"""
        x, sums, apart = self._seen(image, k)
        gradient += self._back(x, sums, apart, pull)
        return apart.detach()

    def _seen(self, image: Tensor, k: int) -> tuple[Tensor, list[Sums], Tensor]:
        """A tile's pixels, halo included, and what depends on them: sums, and its part of the neighbours' loss."""
        tile = self.tiles[k]
        x = image[..., tile.outer_rows, tile.outer_columns].detach().requires_grad_(True)
        height, width = x.shape[-2:]
        within = tile._replace(outer_rows=slice(0, height), outer_columns=slice(0, width))
        rows, columns = tile.own(1)
        features = self._extractor.features(x, within._replace(rows=rows, columns=columns))
        apart = x.new_zeros(())
        for layer, match, norm in zip(self._matched_on, self._matches[k], self._norms, strict=True):
            here = features[layer][0].flatten(1).T[match.places].float()
            far = (here - self._painting[layer].keys[match.keys].float()).square().sum(1, keepdim=True)
            apart = apart + (far * match.weight).sum() / norm
        return x, tile_sums(features, self._masks, tile), self._weights["neighbours"] * apart / len(self._matched_on)

    def _style(self, total: list[Sums]) -> tuple[Tensor, list[Tensor]]:
        """The weighted style loss, and its gradient in all sums."""
        leaves = [part.detach().requires_grad_(True) for s in total for part in s]
        now = self._moments([Sums(*leaves[k : k + 2]) for k in range(0, len(leaves), 2)])
        by_layer = [
            losses.style(n.covariance, losses.style_target(t, s.covariance), s.covariance)
            for n, t, s in zip(now, self._targets, self._start, strict=True)
        ]
        style = self._weights["style"] * torch.stack(by_layer).mean()
        return style.detach(), list(torch.autograd.grad(style, leaves))

    @staticmethod
    def _back(x: Tensor, sums: list[Sums], apart: Tensor, pull: list[Tensor]) -> Tensor:
        # One number with the gradients that are wanted: given to ``grad`` as such, they import sympy, half a second.
        parts = [part for s in sums for part in s]
        whole = apart + torch.stack([(part * one).sum() for part, one in zip(parts, pull, strict=True)]).sum()
        (gradient,) = torch.autograd.grad(whole, x)
        return gradient
