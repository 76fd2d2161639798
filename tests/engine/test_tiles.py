"""Tiles: that they cover a picture once, and that what is computed in them is what the whole would have given."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from deepblend.engine import deep, losses, tiles
from deepblend.engine.blend import blend
from deepblend.engine.features import PIXEL_BYTES, REACH, fast_type, load
from deepblend.engine.perception import GRID, Eye, Perception, pyramid
from deepblend.engine.request import Rect

HEIGHT, WIDTH = 264, 328
WEIGHTS = {"style": 2.5, "content": 0.5}


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


def eye(side: int | None, deepest: int = 4, dtype: torch.dtype = torch.float32) -> Eye:
    """With tiles of a side of the ladder; None is the whole picture at once."""
    halo = -(-REACH[deepest - 1] // GRID) * GRID
    limit = 10**12 if side is None else ((side + 2 * halo) ** 2 * PIXEL_BYTES[dtype]) / tiles.SHARE
    return Eye(load("shipped", "cpu", dtype=dtype), lambda image: image.clamp(0, 255), int(limit) + 1, deepest)


def perception(side: int | None, deepest: int = 4) -> Perception:
    made = Perception(eye(side, deepest), picture(1), mask(), WEIGHTS)
    made.target = eye(None, deepest).moments(picture(2), torch.ones_like(mask()), lambda part: None)
    return made


@pytest.mark.parametrize("deepest", [2, 3, 4])
def test_tiles_give_the_gradient_of_the_whole(deepest):
    whole, tiled = perception(None, deepest), perception(128, deepest)
    assert len(whole.tiles) == 1
    assert len(tiled.tiles) > 4
    image = picture(1) + 20 * (picture(3) - 128) / 128
    (one, at_once), (other, in_tiles) = whole.evaluate(image), tiled.evaluate(image)
    for name, value in one.items():
        assert float(other[name]) == pytest.approx(float(value), rel=1e-4)
    scale = at_once.abs().max()
    assert scale > 0
    assert (in_tiles - at_once).abs().max() <= 2e-4 * scale
    assert (in_tiles - at_once).norm() <= 5e-5 * at_once.norm()


def test_a_halo_too_narrow_would_be_seen(monkeypatch):
    """The comparison above can tell."""
    whole = perception(None)
    monkeypatch.setattr("deepblend.engine.perception.REACH", (2, 7, 20, 24))
    narrow = perception(128)
    image = picture(1)
    at_once, in_tiles = whole.evaluate(image)[1], narrow.evaluate(image)[1]
    assert (in_tiles - at_once).norm() > 5e-4 * at_once.norm()


def test_the_gradient_is_that_of_the_losses():
    """Against autograd through the losses as they are defined, in float64."""
    network = load("shipped", "cpu")
    made = perception(128)
    image = (picture(1) + 10).double().requires_grad_(True)
    masks = pyramid(mask().double(), 4)

    def features(x: torch.Tensor) -> list[torch.Tensor]:
        found, x = [], x - network.mean.double()
        for module in network.convolutions:
            if isinstance(module, torch.nn.Conv2d):
                assert module.bias is not None
                x = torch.nn.functional.conv2d(x, module.weight.double(), module.bias.double(), padding=1)
            else:
                x = module(x)
                if isinstance(module, torch.nn.ReLU):
                    found.append(x)
        return [found[k] for k in (1, 3, 6, 9)]

    def moments(maps: list[torch.Tensor], weights: list[torch.Tensor]) -> list[torch.Tensor]:
        result = []
        for f, m in zip(maps, weights, strict=True):
            share = (m / m.sum()).flatten()
            flat = f[0].flatten(1)
            centred = flat - (flat * share).sum(1, keepdim=True)
            result.append((centred * share) @ centred.T)
        return result

    with torch.no_grad():
        start = features(picture(1).double())
        target = moments(features(picture(2).double()), [torch.ones_like(m) for m in masks])
    now = features(image.clamp(0, 255))
    style = sum(
        (c - t).square().sum() / (t.square().sum() + (s - t).square().sum())
        for c, t, s in zip(moments(now, masks), target, moments(start, masks), strict=True)
    )
    content = ((now[1] - start[1]).square() * masks[1]).sum() / (start[1].square() * masks[1]).sum()
    expected = WEIGHTS["style"] * style / 4 + WEIGHTS["content"] * content
    (wanted,) = torch.autograd.grad(expected, image)
    terms, found = made.evaluate(image.detach().float())
    assert float(sum(terms.values())) == pytest.approx(expected.item(), rel=1e-4)
    assert (found - wanted).norm() <= 1e-3 * wanted.norm()


def test_bfloat16_points_the_same_way():
    one, other = (Perception(eye(None, dtype=t), picture(1), mask(), WEIGHTS) for t in (torch.float32, torch.bfloat16))
    target = eye(None).moments(picture(2), torch.ones_like(mask()), lambda part: None)
    one.target = other.target = target
    image = picture(1) + 5
    exact, rough = one.evaluate(image)[1].flatten(), other.evaluate(image)[1].flatten()
    assert float(exact @ rough / (exact.norm() * rough.norm())) > 0.995


def test_moments_of_tiles_are_those_of_the_whole():
    weight = mask()
    for one, other in zip(
        *(eye(side).moments(picture(4), weight, lambda part: None) for side in (None, 128)), strict=True
    ):
        for a, b in zip(one, other, strict=True):
            assert (a - b).norm() <= 1e-5 * a.norm()


def test_each_tile_is_told_of_and_an_exception_there_ends_it():
    told: list[float] = []
    made = perception(128)
    made.evaluate(picture(1), told.append)
    assert told == sorted(told)
    assert len(told) == 2 * (len(made.tiles) - 1)
    assert 0 < told[0] < told[-1] < 1

    def stop(part: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made.evaluate(picture(1), stop)


@pytest.mark.parametrize(
    ("height", "width", "side", "halo"),
    [(264, 328, 128, 48), (2008, 1000, 256, 8), (8, 4096, 128, 24), (640, 640, 384, 48)],
)
def test_every_pixel_is_in_one_tile(height, width, side, halo):
    count = np.zeros((height, width), int)
    for tile in tiles.cover(height, width, side, halo, GRID):
        count[tile.rows, tile.columns] += 1
        for own, outer, length in ((tile.rows, tile.outer_rows, height), (tile.columns, tile.outer_columns, width)):
            assert own.start % GRID == outer.start % GRID == 0
            assert own.stop - own.start <= side
            assert outer.start == max(own.start - halo, 0)
            assert outer.stop == min(own.stop + halo, length)
    assert (count == 1).all()


def test_less_memory_makes_smaller_tiles_and_steps_are_few():
    sides = [tiles.side_for(limit, 1500, 48) for limit in (10**8, 10**9, 4 * 10**9, 10**11)]
    assert sides == sorted(set(sides))
    assert set(sides) <= set(tiles.SIDES)
    assert tiles.side_for(1, 1500, 48) == tiles.SIDES[0]
    for limit in (10**9, 4 * 10**9):
        assert (tiles.side_for(limit, 1500, 48) + 96) ** 2 * 1500 <= tiles.SHARE * limit


def test_the_limit_is_what_is_asked_or_some_of_the_memory(monkeypatch):
    assert tiles.limit_for("cpu", 123) == 123
    for whole, limit in ((64 * 10**9, tiles.DEFAULT_LIMIT), (4 * 10**9, 2 * 10**9), (None, tiles.DEFAULT_LIMIT)):
        monkeypatch.setattr(tiles, "memory", lambda device, whole=whole: whole)
        assert tiles.limit_for("cpu", None) == limit


def test_sums_in_parts_are_those_of_the_whole(monkeypatch):
    features, weight = picture(5)[..., :40], mask()[..., :40] + 0.1
    whole = losses.sums(features, weight)
    monkeypatch.setattr(losses, "_AT_A_TIME", 1000)
    for one, other in zip(losses.sums(features, weight), whole, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-2)


@pytest.fixture
def few(monkeypatch):
    for closures in ("CLOSURES_COARSEST", "CLOSURES_BASE"):
        monkeypatch.setattr(deep, closures, 2)


def test_a_blend_in_tiles_is_the_blend_at_once(scenes, few, monkeypatch):
    """To a level or two, where rounding has been through all evaluations; and the report says where the tiles lie."""
    request = scenes.request(np.float32, canvas=Rect(0, 0, 260, 220), object=Rect(40, 40, 150, 110))
    monkeypatch.setattr("deepblend.engine.features.fast_type", lambda device: torch.float32)
    whole, tiled = blend(request), blend(replace(request, memory_limit=1))
    assert [level["tiles"] for level in whole.report["levels"]] == [[], []]
    box, laid = whole.plane.rect, tiled.report["levels"][1]["tiles"]
    assert len(laid) > 3
    assert min(x for x, *_ in laid) <= box.x
    assert max(x + w for x, _, w, _ in laid) >= box.x + box.w
    inside = whole.plane.samples[..., 3] > 0
    apart = 255 * np.abs(whole.plane.samples - tiled.plane.samples)[inside]
    assert apart.mean() < 0.2
    assert apart.max() < 6


def test_a_blend_in_tiles_is_told_of_and_stopped_between_them(scenes, few):
    request = scenes.request(canvas=Rect(0, 0, 260, 220), object=Rect(40, 40, 150, 110))
    request = replace(request, memory_limit=1)
    progress: list[float] = []
    blend(request, lambda step: progress.append(step.progress))
    assert progress == sorted(progress)
    assert max(b - a for a, b in pairwise(progress)) < 0.2
    load("shipped", "cpu", False, fast_type("cpu")).known_moments.clear()
    seen: list[float] = []

    def stop(step) -> bool:
        seen.append(step.progress)
        return len(seen) == 2 * len(progress) // 3

    layer = blend(request, stop)
    assert layer.stopped
    assert len(seen) == 2 * len(progress) // 3
    assert np.isfinite(layer.plane.samples).all()
