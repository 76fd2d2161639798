"""The levels of a repainting on any input: gray, no style picture, narrow ones, what is clear, values beyond white."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from deepblend.engine.network.vgg import load
from deepblend.engine.repainting.level import Level, Style
from deepblend.engine.seamless.poisson import Equation, solve
from repainting_cases import Case, painted, shown


@pytest.fixture(scope="module")
def network():
    return load("shipped", "cpu")


@pytest.fixture(params=[1, 2], ids=["the network alone", "with an octave laid"])
def case(scenes, network, request):
    def make(**options) -> Case:
        return Case(scenes, network, base=request.param, **options)

    return make


def test_gray_is_repainted_as_gray(case):
    one = case(gray=True)
    result = one.repainted()
    assert result.image.shape[0] == 1
    assert (result.image - one.reference).abs().max() > 1


def test_without_a_style_picture_the_surroundings_give_strokes(scenes, case):
    one = case()
    strokes = one.repainted().image
    assert not torch.equal(strokes, one.repainted(style=painted(scenes)).image)
    ground = one.region.background.flip(-1)
    one.region = replace(one.region, background=torch.where(one.region.omega, one.region.background, ground))
    assert not torch.equal(strokes, one.repainted().image)


def test_levels_finer_than_the_style_picture_take_the_surroundings(scenes, case):
    one = case()
    canvas = one.canvas()
    style = replace(painted(scenes), scale=0.25)
    for factor in canvas.factors:
        level = Level(canvas, factor, one.base)
        painting, weight, view = level.painting(canvas, style)
        around, around_weight, none = level.painting(canvas, None)
        assert none is None
        if factor >= 4:
            assert view is shown
            side = 48 // (factor // 4)
            assert painting.shape[-2:] == weight.shape[-2:] == (side, side)
        else:
            assert view is None
            assert torch.equal(painting, around)
            assert torch.equal(weight, around_weight)


def test_surroundings_are_what_is_around_the_object_and_nothing_of_it(case):
    one = case()
    canvas = one.canvas()
    for factor in canvas.factors:
        level = Level(canvas, factor, one.base)
        _, weight, _ = level.painting(canvas, None)
        assert weight.shape == level.mask.shape
        assert bool((weight[level.mask == 1] == 0).all())
        assert 0 <= float(weight.min()) < float(weight.max()) <= 1


@pytest.mark.parametrize("where", ["half", "all"])
def test_what_lies_under_the_style_pictures_transparent_pixels_does_not_matter(scenes, case, where):
    one = case()
    style = painted(scenes)
    alpha = torch.ones_like(style.alpha)
    alpha[:, 30:] = 0
    if where == "all":
        alpha[:] = 0
    hidden = [torch.where(alpha > 0, style.image, colour) for colour in (0.0, 255.0)]
    images = [one.repainted(style=replace(style, image=image, alpha=alpha)) for image in hidden]
    assert torch.isfinite(images[0].image).all()
    assert torch.equal(images[0].image, images[1].image)
    json.dumps(images[0].levels, allow_nan=False)


@pytest.mark.parametrize("size", [(3, 200), (200, 3), (1, 1), (9, 9)])
def test_tiny_and_narrow_style_pictures(scenes, case, size):
    one = case()
    height, width = size
    image = painted(scenes, side=200).image[:, :height, :width]
    result = one.repainted(style=Style(image, torch.ones(size), 1.0, shown))
    assert torch.isfinite(result.image).all()
    json.dumps(result.levels, allow_nan=False)


@pytest.mark.parametrize("background", ["clear around the object", "clear everywhere"])
def test_a_transparent_background_gives_a_finite_picture(case, background):
    one = case()
    region = one.region
    alpha = torch.zeros_like(region.mask)
    if background == "clear around the object":
        alpha[:, :20] = 1
    garbage = [torch.where(alpha > 0, region.background, colour) for colour in (0.0, 255.0)]
    images = []
    for under in garbage:
        one.region = replace(region, background=under, background_alpha=alpha)
        one.reference = solve(Equation.of(one.region)).image()
        result = one.repainted()
        images.append(result.image[:, region.omega])
        json.dumps(result.levels, allow_nan=False)
    assert torch.isfinite(images[0]).all()
    assert torch.equal(images[0], images[1])
