"""A picture of several tiles, and the perceptual loss of it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

import torch
from deepblend.engine.network import tiles
from deepblend.engine.network.extractor import GRID, Examined, FeatureExtractor
from deepblend.engine.network.vgg import PIXEL_BYTES, REACH, load
from deepblend.engine.repainting.perceptual_loss import PerceptualLoss

T = TypeVar("T")

HEIGHT, WIDTH = 264, 328
WEIGHTS = {"style": 2.5, "neighbours": 0.5}
KEYS = 60
"""So few that rounding hardly ever decides between two."""


def ended(work: Generator[Any, None, T]) -> T:
    """What some work returns."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def picture(seed: int) -> torch.Tensor:
    """Noise of several grains, (1, 3, HEIGHT, WIDTH), levels."""
    generator = torch.Generator().manual_seed(seed)
    layers = [torch.rand(1, 3, HEIGHT // k, WIDTH // k, generator=generator) for k in (1, 4, 8)]
    layers = [torch.nn.functional.interpolate(layer, (HEIGHT, WIDTH), mode="nearest") for layer in layers]
    return 255 * sum(layers) / 3


def mask() -> torch.Tensor:
    """A soft disc that leaves the corners without weight, (1, 1, HEIGHT, WIDTH)."""
    y, x = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    radius = torch.hypot(y - HEIGHT / 2 + 0.0, x - WIDTH / 2 + 0.0)
    return ((120 - radius) / 6).clamp(0, 1)[None, None]


def extractor(side: int | None, deepest: int = 4, dtype: torch.dtype = torch.float32) -> FeatureExtractor:
    """With tiles of a side of the ladder; None is the whole picture at once."""
    halo = -(-REACH[deepest - 1] // GRID) * GRID
    limit = 10**12 if side is None else ((side + 2 * halo) ** 2 * PIXEL_BYTES[dtype]) / tiles.SHARE
    network = load("shipped", "cpu", False, dtype=dtype)
    return FeatureExtractor(network, lambda image: image.clamp(0, 255), int(limit) + 1, deepest)


def painting(dtype: torch.dtype = torch.float32) -> list[Examined]:
    """What is found in another picture."""
    return ended(extractor(None, dtype=dtype).examine(picture(2), torch.ones_like(mask()), KEYS))


def perceptual_loss(side: int | None, dtype: torch.dtype = torch.float32) -> PerceptualLoss:
    """Of the first picture as reference and start."""
    made = PerceptualLoss(extractor(side, dtype=dtype), mask(), painting(dtype), WEIGHTS)
    ended(made.match(picture(1), picture(1)))
    return made
