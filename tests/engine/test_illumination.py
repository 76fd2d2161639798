"""The illumination that a seamless blend gives an object: smooth, the same at every size and for every cut."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from deepblend.engine.blend import blend
from deepblend.engine.budget import DEFAULT, Budget
from deepblend.engine.region import Region, prepare
from deepblend.engine.request import Layer, Plane, Rect, Request
from deepblend.engine.seamless.illumination import Illumination
from deepblend_protocol.settings import resolve

GROUND, OBJECT, NEW_GROUND = 170.0, 40.0, 230.0
"""Levels: a dark disc was photographed on one bright ground and is put on another."""


def disc(side: int, radius: float) -> np.ndarray:
    """Coverage of a disc, (side, side), its edge a pixel wide."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return np.clip(radius + 0.5 - np.hypot(x, y), 0, 1)


def of_disc(
    side: int, cut: float, background: np.ndarray | float = NEW_GROUND, opaque: bool = True, **settings
) -> Request:
    """A disc of a quarter of a document's side in radius, cut out so many pixels further out, with or without what is
    around it."""
    inside = disc(side, side / 4)
    grain = (
        np.random.default_rng(1)
        .normal(0, 1, (32, 32))
        .repeat(side // 32 + 1, 0)
        .repeat(side // 32 + 1, 1)[:side, :side]
    )
    picture = GROUND + inside * (OBJECT + 8 * grain[:side, :side] - GROUND)
    mask = disc(side, side / 4 + cut)
    alpha = np.ones_like(mask) if opaque else mask
    rect = Rect(0, 0, side, side)
    pixels = np.dstack([picture / 255, alpha]).astype(np.float32)
    below = np.broadcast_to(np.float32(np.asarray(background) / 255), (side, side))
    return Request(
        Plane(pixels, rect, "YA"),
        Plane(mask.astype(np.float32), rect, "Y"),
        Plane(np.ascontiguousarray(below), rect, "Y"),
        settings=resolve({"method": "poisson", "preset": "painting", "edges": "selected", **settings}),
        device="cpu",
    )


def levels(layer: Layer, side: int) -> np.ndarray:
    """The object's colours on the document, nan outside."""
    found = np.full((side, side), np.nan)
    x, y, w, h = layer.plane.rect
    samples = layer.plane.samples
    found[y : y + h, x : x + w] = np.where(samples[..., 1] > 0, 255 * samples[..., 0], np.nan)
    return found


def reduced(array: np.ndarray, factor: int) -> np.ndarray:
    height, width = (side // factor for side in array.shape[:2])
    return array.reshape(height, factor, width, factor, *array.shape[2:]).mean((1, 3))


def core(side: int) -> np.ndarray:
    """What every cut contains, some way in."""
    return disc(side, side / 4 - 4) == 1


def relit(region: Region, keep_colours: float, budget: Budget = DEFAULT) -> torch.Tensor:
    illumination = Illumination(region, keep_colours, budget)
    for _ in illumination:
        pass
    return illumination.relit()


def test_a_cut_some_pixels_tighter_gives_the_same_light():
    """Just outside the disc its own ground is known, and differs from the new one by 60 levels; at the disc's own edge
    they differ by up to 190, and the plain solution carries that through the whole object."""
    side = 192
    loose, tight = (levels(blend(of_disc(side, cut)), side)[core(side)] for cut in (1.5, -1.0))
    plain = [levels(blend(of_disc(side, cut, keep_colours=0)), side)[core(side)] for cut in (1.5, -1.0)]
    apart, apart_plain = (np.abs(one - other).mean() for one, other in ((loose, tight), plain))
    assert apart_plain > 20
    assert apart < 0.1 * apart_plain


@pytest.mark.parametrize("opaque", [True, False], ids=["on its ground", "cut out"])
def test_the_same_object_four_times_as_large_looks_the_same(opaque):
    budget = Budget(base_px=256)
    small, large = 256, 1024
    request = of_disc(large, 0, opaque=opaque)
    assert request.mask is not None
    (layer, mask, below) = (
        replace(plane, samples=reduced(plane.samples, 4), rect=Rect(0, 0, small, small))
        for plane in (request.layer, request.mask, request.background)
    )
    quarter = replace(request, layer=layer, mask=mask, background=below)
    assert [prepare(one, "cpu").reduction(budget.base_px) for one in (quarter, request)] == [1, 4]
    colours, alpha = np.split(request.layer.samples, [1], axis=2)
    layer.samples[..., :1] = reduced(colours * alpha, 4) / np.maximum(reduced(alpha, 4), 1e-6)
    one, other = levels(blend(quarter, budget=budget), small), reduced(levels(blend(request, budget=budget), large), 4)
    both = core(small)
    difference = np.abs(one - other)[both]
    assert difference.mean() < 3
    assert np.percentile(difference, 99) < 12


@pytest.mark.parametrize("base", [512, 64, 16])
def test_the_border_is_met_however_coarse_the_light_is(base):
    side = 160
    slope = np.linspace(140, 240, side)[None] + 20 * np.sin(np.arange(side) / 5)[:, None]
    found = levels(blend(of_disc(side, 2, slope), budget=Budget(base_px=base)), side)
    rim = np.isfinite(found) & (disc(side, side / 4 + 1.4) == 0)
    assert rim.sum() > 100
    assert np.abs(found - slope)[rim].mean() < 3


@pytest.mark.parametrize("base", [512, 48])
def test_lighter_ground_by_so_much_is_so_much_light(base):
    region = prepare(of_disc(160, 0), "cpu")
    before = relit(region, 0.1, Budget(base_px=base))
    region = prepare(of_disc(160, 0, background=NEW_GROUND - 50), "cpu")
    after = relit(region, 0.1, Budget(base_px=base))
    rim = region.omega & (torch.from_numpy(disc(160, 38)) < 1)
    assert torch.allclose((before - after)[:, rim], torch.tensor(50.0), atol=10)
    assert (before - after)[:, region.omega].min() > 0
    assert (before - after)[:, region.omega].max() < 51


def test_what_is_too_thin_for_the_reduction_takes_the_light_around_it():
    request = of_disc(160, 0)
    hair = np.zeros((160, 160), np.float32)
    hair[80, 20:140] = 1
    assert request.mask is not None
    request = replace(request, mask=Plane(hair, request.mask.rect, "Y"))
    layer = blend(request, budget=Budget(base_px=24))
    row = levels(layer, 160)[80, 20:140]
    assert np.isfinite(row).all()
    assert np.abs(row[:15] - NEW_GROUND).max() < 3  # its own ground becomes the new one


def test_the_best_light_so_far_is_there_wherever_the_iteration_ends():
    region = prepare(of_disc(200, 0), "cpu")
    illumination = Illumination(region, 0.5)
    assert illumination.relit().shape == region.source.shape
    parts = []
    for part in illumination:
        parts.append(part)
        assert illumination.relit().shape == region.source.shape
        if len(parts) == 2:
            break
    assert 0 <= parts[0] <= parts[1] < 1
    finished = relit(region, 0.5)
    near = (illumination.relit() - finished)[:, region.omega].abs().mean()
    assert near < 0.5 * (region.source - finished)[:, region.omega].abs().mean()


def test_what_leaves_the_range_of_levels_is_solved_for_again():
    """Dark ground would take the disc below black: the parts go on, never falling, and its detail comes back."""
    region = prepare(of_disc(160, 0, background=20), "cpu")
    parts = list(Illumination(region, 0.1))
    assert parts == sorted(parts)
    assert parts[-1] == 1
    assert list(Illumination(prepare(of_disc(160, 0), "cpu"), 0.1))[-1] < 1  # here one solution is enough
