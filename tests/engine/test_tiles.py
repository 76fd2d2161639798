"""Tiles: that they cover a picture once, and that what is computed in them is what the whole would have given."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import networks
import numpy as np
import pytest
import torch
from deepblend.engine.blend import blend
from deepblend.engine.budget import Budget
from deepblend.engine.network import tiles
from deepblend.engine.network.extractor import GRID
from deepblend.engine.request import Rect
from perceptual_cases import ended, extractor, mask, picture

FEW = Budget(evaluations=(2, 2, 2))


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


def test_what_is_found_in_tiles_is_what_the_whole_gives():
    weight = mask()
    whole, in_tiles = (ended(extractor(side).examine(picture(4), weight, 200)) for side in (None, 128))
    for one, other in zip(whole, in_tiles, strict=True):
        for a, b in zip(one.moments, other.moments, strict=True):
            assert (a - b).norm() <= 1e-5 * a.norm()
        # The same features, tile by tile.
        assert one.keys.shape == other.keys.shape == (200, one.moments.mean.shape[0])
        apart = torch.cdist(one.keys, other.keys, compute_mode="donot_use_mm_for_euclid_dist")
        nearest = apart.argmin(1)
        assert len(set(nearest.tolist())) == 200
        assert apart.amin(1).max() <= 1e-4 * one.keys.norm(dim=1).mean()


def test_keys_are_features_of_what_has_weight():
    weight = mask()
    looked = extractor(None)
    (tile,) = looked.tiles(weight)
    features = looked.features(picture(4), tile)
    few = torch.zeros_like(weight)
    few[..., 80:88, 160:176] = 1
    for layer, (found, every) in enumerate(zip(ended(looked.examine(picture(4), few, 10**6)), features, strict=True)):
        step = 2**layer
        inside = every[0, :, 80 // step : 88 // step, 160 // step : 176 // step].flatten(1).T
        torch.testing.assert_close(found.keys, inside)


def test_where_nothing_has_much_weight_there_are_keys_all_the_same():
    faint = torch.zeros_like(mask())
    faint[..., 90, 100] = 0.2
    for found in ended(extractor(None).examine(picture(4), faint, 50)):
        assert len(found.keys) == 1
        assert torch.isfinite(found.keys).all()


def test_what_is_found_is_kept_for_the_next_time_once_it_is_whole():
    made, weight = extractor(128, 2), mask()
    work = made.examine(picture(4), weight, 10)
    parts = [next(work), next(work)]
    work.close()
    assert not made.network.cache
    every = list(made.examine(picture(4), weight, 10))
    assert every[:2] == parts
    assert len(every) == len(made.tiles(weight)) - 1
    assert len(made.network.cache) == 1
    assert list(made.examine(picture(4), weight, 10)) == []  # nothing to do
    assert len(list(made.examine(picture(5), weight, 10))) == len(every)
    assert len(list(made.examine(picture(4), weight, 11))) == len(every)


def test_only_the_last_few_pictures_are_kept():
    made, weight = extractor(None, 2), torch.ones(1, 1, 16, 16)
    for level in range(20):
        ended(made.examine(torch.full((1, 3, 16, 16), float(level)), weight, 10))
    assert len(made.network.cache) == 12
    first, last = (made.examine(torch.full((1, 3, 16, 16), float(level)), weight, 10) for level in (0, 19))
    before = list(made.network.cache)
    ended(last)
    assert list(made.network.cache) == before
    ended(first)
    assert list(made.network.cache) != before


def test_a_blend_in_tiles_is_the_blend_at_once(scenes, monkeypatch):
    """To a level or two, where rounding has been through all evaluations; and the report says where the tiles lie."""
    request = scenes.request(np.float32, canvas=Rect(0, 0, 260, 220), object=Rect(40, 40, 150, 110))
    monkeypatch.setattr("deepblend.engine.network.vgg.fast_type", lambda device: torch.float32)
    whole, tiled = blend(request, budget=FEW), blend(replace(request, memory_limit=2**26), budget=FEW)
    assert [level["tiles"] for level in whole.report["levels"]] == [[], [], []]
    box, laid = whole.plane.rect, tiled.report["levels"][2]["tiles"]
    assert len(laid) > 3
    assert min(x for x, *_ in laid) <= box.x
    assert max(x + w for x, _, w, _ in laid) >= box.x + box.w
    inside = whole.plane.samples[..., 3] > 0
    apart = 255 * np.abs(whole.plane.samples - tiled.plane.samples)[inside]
    assert apart.mean() < 0.2
    assert apart.max() < 6


def test_a_blend_in_tiles_is_told_of_and_stopped_between_them(scenes):
    request = scenes.request(canvas=Rect(0, 0, 260, 220), object=Rect(40, 40, 150, 110))
    request = replace(request, memory_limit=2**26)
    progress: list[float] = []
    blend(request, lambda step: progress.append(step.progress), FEW)
    assert progress == sorted(progress)
    assert max(b - a for a, b in pairwise(progress)) < 0.2
    networks.forget()
    seen: list[float] = []

    def stop(step) -> bool:
        seen.append(step.progress)
        return len(seen) == 2 * len(progress) // 3

    layer = blend(request, stop, FEW)
    assert layer.stopped
    assert len(seen) == 2 * len(progress) // 3
    assert np.isfinite(layer.plane.samples).all()
