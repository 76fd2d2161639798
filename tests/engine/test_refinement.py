"""The texture stage with the real network: what it changes, its levels, and what there is where it is ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import networks
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from deepblend.engine.budget import Budget
from deepblend.engine.network.vgg import load
from deepblend.engine.region import prepare
from deepblend.engine.request import Rect
from deepblend.engine.seamless.poisson import Equation, solve
from deepblend.engine.texture import level
from deepblend.engine.texture.level import Style
from refinement_cases import COARSE, FEW, FINE, THREE_LEVELS, Case, Result, painted, shown


@pytest.fixture(scope="module")
def network():
    return load("shipped", "cpu")


@pytest.fixture
def case(scenes, network):
    def make(budget: Budget = FEW, **request: Any) -> Case:
        return Case(scenes, network, budget, **request)

    return make


@dataclass(frozen=True)
class Run:
    case: Case
    result: Result
    passed: int
    """Pictures that passed through the network."""


@pytest.fixture(scope="module")
def run(scenes, network) -> Run:
    """A run through three levels, to be looked at only."""
    with networks.counted() as passed:
        case = Case(scenes, network, THREE_LEVELS)
        return Run(case, case.refined(), passed())


def test_only_the_inside_of_omega_changes(run):
    image, reference, omega = run.result.image, run.case.reference, run.case.region.omega
    assert image.shape == reference.shape
    assert torch.equal(image[:, ~omega], reference[:, ~omega])
    assert (image - reference)[:, omega].abs().mean() > 1  # levels: and there it does
    assert torch.isfinite(image).all()


def test_what_it_is_given_is_left_as_it_was(run, case):
    fresh = case()
    assert torch.equal(run.case.reference, fresh.reference)
    assert torch.equal(run.case.region.background, fresh.region.background)
    assert torch.equal(run.case.region.mask, fresh.region.mask)


def test_the_loss_falls_on_every_level(run):
    assert len(run.result.levels) == 3
    first = 0
    for one in run.result.levels:
        losses = [seen.loss for seen in run.case.seen[first : first + one["evaluations"]]]
        assert min(losses[1:]) < losses[0]
        first += one["evaluations"]
    assert first == len(run.case.seen)


def test_each_level_halves_the_one_before_and_costs_what_it_reports(run):
    levels, seen = run.result.levels, run.case.seen
    assert [level["evaluations"] for level in levels] == [COARSE, FINE, FINE]
    assert len(seen) == COARSE + 2 * FINE
    assert run.passed == len(seen) + 2 * 3  # and on each level the start's features and the style's
    for one in levels:
        width, height = one["size"]
        assert width % 8 == height % 8 == 0  # what the network's poolings divide
        assert set(one["losses"]) == {"style", "content", "grad", "tone", "chroma"}
    assert [seen[k].picture.shape[-1] for k in (0, COARSE, COARSE + FINE)] == [6, 12, 24]
    assert json.loads(json.dumps(levels)) == levels


def test_the_finest_level_is_at_full_size(run):
    box = run.case.region.box
    assert run.case.seen[-1].picture.shape == (3, box.h, box.w)
    assert run.case.seen[-1].alpha.shape == (box.h, box.w)


def test_the_part_that_is_done_rises_to_1_and_not_further(run):
    parts = [seen.part for seen in run.case.seen]
    assert parts == sorted(set(parts))
    assert parts[0] > 0
    assert parts[-1] == pytest.approx(1)


def test_the_last_picture_seen_is_the_result(run):
    region, seen = run.case.region, run.case.seen[-1]
    inside = region.in_box(region.omega)
    assert seen.alpha.equal(region.in_box(region.mask))
    assert torch.allclose(seen.picture[:, inside], region.in_box(run.result.image)[:, inside], atol=1e-3)


@pytest.mark.parametrize("factor", [2, 4])
def test_levels_lie_on_one_another(case, factor):
    """The first picture seen is the composite, reduced; ended there, the change comes back to the same place."""
    alpha = np.zeros((24, 26))
    alpha[3:, 3:-1] = 1  # a box of 22 x 21, which no level divides
    place = Rect(25, 41, 26, 24)  # its box begins where a pixel of each level does
    one = case(replace(FEW, base_px=64 // factor), object=place, alpha=alpha)
    result = one.refined(stop=lambda count: count == COARSE)
    begun, box = one.seen[0].picture, one.region.box
    assert box == Rect(28, 44, 22, 21)
    whole = (slice(None), slice(box.h // factor * factor), slice(box.w // factor * factor))
    expected = F.avg_pool2d(one.composite(one.reference)[whole], factor)
    height, width = expected.shape[1:]
    assert torch.allclose(begun[:, :height, :width], expected, atol=0.01)
    change = (one.seen[-1].picture - begun)[:, 2 : height - 2, 2 : width - 2]
    came = F.avg_pool2d(one.region.in_box(result.image - one.reference)[whole], factor)[:, 2:-2, 2:-2]
    assert change.abs().mean() > 0.1  # levels
    assert (came - change).abs().mean() <= (0.5 if factor > 1 else 1e-4) * change.abs().mean()


@pytest.mark.parametrize("start", [2.0, 2.25, 2.5])
def test_a_picture_of_a_level_begins_where_omegas_box_does(start):
    """Also where that is between two of the level's pixels."""
    rising = torch.arange(8.0).expand(1, 1, 5, 8)
    assert torch.equal(level._between(rising, -1, start, 3), torch.arange(3.0).expand(1, 1, 5, 3) + start)


def test_the_same_to_the_bit_twice(run, case):
    assert torch.equal(case(THREE_LEVELS).refined().image, run.result.image)


def test_neither_the_documents_origin_nor_where_the_crop_ends_matters(case):
    """To the bit, as long as the crop holds the margin and the origin moves by whole pixels of every level."""
    canvas, place = Rect(-100, -50, 240, 230), Rect(0, 40, 26, 24)
    moved = [Rect(r.x - 23 * 32, r.y + 7 * 32, r.w, r.h) for r in (canvas, place)]
    one, two = case(canvas=canvas, object=place), case(canvas=moved[0], object=moved[1])
    here, there = one.refined().image, two.refined().image
    assert torch.equal(one.region.in_box(here), two.region.in_box(there))
    crop = replace(
        one.request.background,
        samples=one.request.background.samples[10:200, 20:220],
        rect=Rect(-80, -40, 200, 190),
    )
    three = case(canvas=canvas, object=place)
    three.region = prepare(replace(one.request, background=crop), "cpu")
    assert three.region.rect == one.region.rect
    assert torch.equal(three.refined().image, here)


def ended(one: Case, passed: Callable[[], int], after: int) -> Result:
    """Ended at an update; no picture goes through the network after that."""
    seen: list[int] = []

    def stop(count: int) -> bool:
        seen.append(passed())
        return count == after

    result = one.refined(stop)
    assert passed() == seen[-1]
    return result


@pytest.mark.parametrize("after", [1, 4], ids=["at the first update", "in the middle"])
def test_ended_in_the_coarse_level(case, passed, after):
    one = case(THREE_LEVELS)
    result = ended(one, passed, after)
    assert len(one.seen) == after == result.levels[0]["evaluations"]
    assert len(result.levels) == 1
    assert torch.isfinite(result.image).all()
    assert torch.equal(result.image, one.reference) == (after == 1)
    assert torch.equal(result.image[:, ~one.region.omega], one.reference[:, ~one.region.omega])


@pytest.mark.parametrize("after", [COARSE + 1, COARSE + 2, COARSE + FINE + 2])
def test_ended_in_a_finer_level(case, passed, after):
    one = case(THREE_LEVELS)
    result = ended(one, passed, after)
    assert len(one.seen) == after == sum(level["evaluations"] for level in result.levels)
    assert torch.isfinite(result.image).all()
    assert torch.equal(result.image[:, ~one.region.omega], one.reference[:, ~one.region.omega])


def test_what_is_ended_is_nearer_to_the_style_than_the_start(scenes, case, texture_distance):
    """By a measure of the test's own: the earlier levels' work is in the picture when a later one is ended."""
    one, style = case(THREE_LEVELS), painted(scenes)
    inside = one.region.in_box(one.region.mask)

    def distance(image: torch.Tensor) -> float:
        return texture_distance(one.composite(image), inside, style.image)

    for after in (COARSE, COARSE + FINE + 1, COARSE + FINE + FINE):
        ended = one.refined(lambda count, after=after: count == after, style).image
        assert distance(ended) < distance(one.reference)


def test_gray_is_refined_as_gray(case):
    one = case(gray=True)
    result = one.refined()
    assert result.image.shape[0] == 1
    assert (result.image - one.reference).abs().max() > 1
    assert result.levels[0]["losses"]["chroma"] == 0


def test_without_a_style_picture_the_surroundings_give_texture(scenes, case):
    one = case()
    texture = one.refined().image
    assert not torch.equal(texture, one.refined(style=painted(scenes)).image)
    ground = one.region.background.flip(-1)
    one.region = replace(one.region, background=torch.where(one.region.omega, one.region.background, ground))
    assert not torch.equal(texture, one.refined().image)


def test_levels_finer_than_the_style_picture_take_the_surroundings(scenes, case):
    """At a scale of 1/4 only the coarsest of three levels can tell two style pictures apart."""
    one = case(Budget(18, coarsest_evaluations=1, base_evaluations=2, detail_evaluations=2))  # 1 leaves it as it is
    two_pictures = [replace(painted(scenes, seed), scale=0.25) for seed in (5, 6)]
    first, second = (one.refined(style=style) for style in two_pictures)
    assert first.levels[0]["losses"]["style"] != second.levels[0]["losses"]["style"]
    assert [level["losses"] for level in first.levels[1:]] == [level["losses"] for level in second.levels[1:]]
    full, other = (one.refined(style=replace(style, scale=1.0)) for style in two_pictures)
    assert full.levels[2]["losses"]["style"] != other.levels[2]["losses"]["style"]


@pytest.mark.parametrize("where", ["half", "all"])
def test_what_lies_under_the_style_pictures_transparent_pixels_does_not_matter(scenes, case, where):
    one = case()
    style = painted(scenes)
    alpha = torch.ones_like(style.alpha)
    alpha[:, 30:] = 0
    if where == "all":
        alpha[:] = 0
    hidden = [torch.where(alpha > 0, style.image, colour) for colour in (0.0, 255.0)]
    images = [one.refined(style=replace(style, image=image, alpha=alpha)) for image in hidden]
    assert torch.isfinite(images[0].image).all()
    assert torch.equal(images[0].image, images[1].image)
    json.dumps(images[0].levels, allow_nan=False)


@pytest.mark.parametrize("size", [(3, 200), (200, 3), (1, 1), (9, 9)])
def test_tiny_and_narrow_style_pictures(scenes, case, size):
    one = case()
    height, width = size
    image = painted(scenes, side=200).image[:, :height, :width]
    result = one.refined(style=Style(image, torch.ones(size), 1.0, shown))
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
        result = one.refined()
        images.append(result.image[:, region.omega])
        json.dumps(result.levels, allow_nan=False)
    assert torch.isfinite(images[0]).all()
    assert torch.equal(images[0], images[1])


def test_values_beyond_black_and_white_survive(case):
    """The network sees what it can; the picture keeps its range."""
    one = case()
    one.reference = torch.where(one.region.omega, one.reference * 3 - 500, one.reference)
    inside = one.region.omega
    assert one.reference[:, inside].min() < -100
    image = one.refined().image
    assert image[:, inside].min() < -80
    assert (image - one.reference)[:, inside].abs().mean() < 60
