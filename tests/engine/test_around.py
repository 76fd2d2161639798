"""What of a large painting the network looks at: what is around the object."""

from __future__ import annotations

import torch
from deepblend.engine.network.extractor import GRID
from deepblend.engine.repainting import level
from deepblend.engine.repainting.level import around
from deepblend.engine.request import Rect

HEIGHT, WIDTH = 12 * GRID, 20 * GRID
PLACE = Rect(80, 40, 16, 8)


def painting() -> tuple[torch.Tensor, torch.Tensor]:
    """Each pixel's colours are its place: column and row."""
    rows, columns = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    return torch.stack([columns, rows, rows])[None].float(), torch.ones(1, 1, HEIGHT, WIDTH)


def seen(place: Rect, image: torch.Tensor, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The part of a painting that is seen, and its weight."""
    rows, columns = around(place, weight)
    return image[..., rows, columns], weight[..., rows, columns]


def extent(image: torch.Tensor) -> tuple[int, int, int, int]:
    """Left, top, right, bottom."""
    columns, rows = image[0, 0].int(), image[0, 1].int()
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


def test_it_reaches_alike_to_every_side_of_the_object(monkeypatch):
    monkeypatch.setattr(level, "NEAR_PX", 48 * 40)
    image, weight = seen(PLACE, *painting())
    assert extent(image) == (64, 24, 112, 64)
    assert weight.shape[-2:] == image.shape[-2:] == (40, 48)


def test_what_has_no_weight_does_not_count(monkeypatch):
    monkeypatch.setattr(level, "NEAR_PX", 48 * 40)
    image, weight = painting()
    weight[..., 24:64, 64:112] = 0.5
    _, part = seen(PLACE, image, weight)
    assert float(part.sum()) >= 48 * 40
    assert part.numel() > 48 * 40


def test_a_small_painting_is_seen_whole_wherever_the_object_lies(monkeypatch):
    for place in (PLACE, Rect(-400, 900, 30, 30)):
        image, weight = seen(place, *painting())
        assert extent(image) == (0, 0, WIDTH, HEIGHT)
        assert weight.shape[-2:] == (HEIGHT, WIDTH)
    monkeypatch.setattr(level, "NEAR_PX", 100)
    image, _ = seen(Rect(-30, -30, 8, 8), *painting())
    assert extent(image)[:2] == (0, 0)
    assert all(side % GRID == 0 for side in image.shape[-2:])
