"""The levels of a repainting with the real network: what they change, how they follow one another, where they end."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import networks
import pytest
import torch
from deepblend.engine.budget import Budget
from deepblend.engine.network.extractor import FeatureExtractor
from deepblend.engine.network.vgg import LAYERS, load
from deepblend.engine.region import prepare
from deepblend.engine.repainting import level, octaves
from deepblend.engine.repainting.canvas import Canvas
from deepblend.engine.repainting.level import Level
from deepblend.engine.repainting.levels import Levels
from deepblend.engine.repainting.strength import Strength
from deepblend.engine.request import Rect
from repainting_cases import COUNTS, FEW, Case, Result, painted, shown

COARSE, MIDDLE, _ = COUNTS


@pytest.fixture(scope="module")
def network():
    return load("shipped", "cpu")


@pytest.fixture
def case(scenes, network):
    def make(budget: Budget = FEW, base: int = 1, **request) -> Case:
        return Case(scenes, network, budget, base, **request)

    return make


@dataclass(frozen=True)
class Run:
    case: Case
    result: Result
    passed: int
    """Pictures that passed through the network."""


@pytest.fixture(scope="module")
def run(scenes, network) -> Run:
    """A run through three levels of the network's and one beyond, to be looked at only."""
    with networks.counted() as passed:
        case = Case(scenes, network, base=2)
        return Run(case, case.repainted(), passed())


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


def test_the_loss_falls_on_every_level_that_the_network_paints(run):
    assert len(run.result.levels) == 4
    first = 0
    for one in run.result.levels[:3]:
        losses = [seen.loss for seen in run.case.seen[first : first + one["evaluations"]]]
        assert min(losses[1:]) < losses[0]
        first += one["evaluations"]
    assert first == len(run.case.seen) - 1  # one more for the octave that is laid


def test_each_level_halves_the_one_before_and_costs_what_it_reports(run):
    levels, seen = run.result.levels, run.case.seen
    assert [level["evaluations"] for level in levels] == [*COUNTS, 0]
    assert len(seen) == sum(COUNTS) + 1
    # On each level the painting, what was there and what it begins with pass once besides.
    assert run.passed == sum(COUNTS) + 3 * 3
    for one in levels:
        width, height = one["size"]
        assert width % 8 == height % 8 == 0  # what the network's poolings divide
    assert all(set(one["losses"]) == {"style", "neighbours"} for one in levels[:3])
    assert levels[3]["losses"] == {}
    ends = [sum(COUNTS[: k + 1]) - 1 for k in range(3)]
    assert [seen[k].picture.shape[-1] for k in (*ends, -1)] == [3, 6, 12, 24]
    assert json.loads(json.dumps(levels)) == levels


def test_on_the_base_the_deepest_layer_is_not_looked_at(case, monkeypatch):
    seen: list[int] = []
    examine = FeatureExtractor.examine

    def noted(own: FeatureExtractor, *given):
        seen.append(own.deepest)
        return examine(own, *given)

    monkeypatch.setattr(FeatureExtractor, "examine", noted)
    case().repainted()
    assert seen == [len(LAYERS), len(LAYERS), len(LAYERS) - 1]


@pytest.mark.parametrize("evaluations", [(1, 1, 1), (1, 1)])
@pytest.mark.parametrize("of_its_own", [True, False])
def test_the_strength_of_strokes_knows_where_in_the_painting_the_object_was_found(
    case, scenes, monkeypatch, evaluations, of_its_own
):
    """Also where the network has looked at coarser levels alone, and of a painting at a part of it."""
    one = case(budget=Budget(evaluations=evaluations), object=Rect(41, 41, 30, 26))
    region, box = one.region, one.region.box
    style, painting = None, region.background
    if of_its_own:
        style = replace(painted(scenes, side=160), place=Rect(60, 70, box.w, box.h))
        painting = style.image
        monkeypatch.setattr(level, "NEAR_PX", 72 * 72)
    # The object is a copy of a part of the painting: of the surroundings, what lies above it, outside Omega.
    rows, columns = (slice(first, first + side) for first, side in ((44, box.h), (36, box.w)))
    if not of_its_own:
        top, left = box.y - region.rect.y - box.h, box.x - region.rect.x - 4
        rows, columns = slice(top, top + box.h), slice(left, left + box.w)
    reference = region.background.clone()
    region.in_box(reference).copy_(painting[:, rows, columns])
    asked = []
    strong = level.as_strong
    monkeypatch.setattr(level, "as_strong", lambda *given: asked.append(given) or strong(*given))
    levels = Levels(
        Canvas.around(region, reference, 1),
        style,
        Strength.of(0.5, 1.0),
        FeatureExtractor(one.network, shown, 10**10),
        one.budget,
    )
    for _ in levels:
        pass
    ((_, own, theirs, _, omega, _, found),) = asked
    stride = 2 ** (4 - len(evaluations))  # of relu2_2, on the finest level that the network has looked at
    (top, left), (first, second) = (mask.nonzero().amin(0).tolist() for mask in (omega[0, 0], found.there))
    found = found.within(*theirs.shape[-2:])
    there, here = [], []
    for i, j in found.there.nonzero().tolist():
        # The grid's lines are the document's: its first row with anything of the object holds the box's first.
        row, column = (
            line * stride + start // stride * stride - start + edge
            for line, start, edge in ((i - first, box.y, top), (j - second, box.x, left))
        )
        here.append(own[0, :, max(row, 0), max(column, 0)])
        y, x = found.places[i, j]
        there.append(theirs[0, :, y, x])
    assert len(there) > 20
    like, unlike = torch.stack(there) - torch.stack(here), torch.stack(there) - torch.stack(here[::-1])
    assert like.abs().mean() < 0.7 * unlike.abs().mean()


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


@pytest.mark.parametrize("base", [1, 2])
def test_the_last_picture_seen_is_the_result_whether_the_network_or_an_octave_comes_last(case, base):
    one = case(base=base)
    result = one.repainted()
    inside = one.region.in_box(one.region.omega)
    assert torch.allclose(one.seen[-1].picture[:, inside], one.region.in_box(result.image)[:, inside], atol=1e-3)


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_levels_lie_on_one_another(case, factor):
    """A picture that rises evenly is the same on a coarse level, and enlarged from there to each finer one."""
    one = case(base=2, object=Rect(25, 41, 27, 23))
    region, rect = one.region, one.region.rect
    x = torch.arange(rect.w) + rect.x + 0.5
    y = torch.arange(rect.h) + rect.y + 0.5
    rising = (2 * x + 0.5 * y[:, None]).expand(3, -1, -1)
    region = replace(region, background=rising)
    canvas = Canvas.around(region, rising, 2)
    box = region.box
    coarse = Level(canvas, factor, 2)
    height, width = coarse.picture()[1].shape
    assert (height, width) == tuple(round(side / factor) for side in (box.h, box.w))
    x = box.x + (torch.arange(width) + 0.5) * factor
    y = box.y + (torch.arange(height) + 0.5) * factor
    torch.testing.assert_close(coarse.picture()[0], (2 * x + 0.5 * y[:, None]).expand(3, -1, -1))
    while factor > 1:
        factor //= 2
        fine = Level(canvas, factor, 2)
        before = fine.picture()[0]
        fine.painted = fine.enlarged(coarse)
        apart = fine.picture()[0] - before  # a cubic does not rise quite evenly, but about the right places
        assert apart.mean().abs() < 0.1 * factor  # levels; a pixel beside is 2 * factor
        assert apart.abs().max() < factor
        coarse = fine


def test_a_document_twice_as_large_is_painted_alike(case):
    """The network sees the same pixels, and so what it paints is the same."""

    def doubled(array: torch.Tensor) -> torch.Tensor:
        return array.repeat_interleave(2, -1).repeat_interleave(2, -2)

    one, other = case(), case(base=2)
    region = one.region
    other.region = replace(
        region,
        rect=Rect(*(2 * side for side in region.rect)),
        box=Rect(*(2 * side for side in region.box)),
        **{
            name: doubled(getattr(region, name))
            for name in ("source", "source_alpha", "background", "background_alpha", "mask")
        },
    )
    other.reference = doubled(one.reference)
    one.repainted()
    other.repainted(stop=lambda count: count == sum(COUNTS))
    for here, there in zip(one.seen, other.seen, strict=True):
        # Of two neighbours as near as each other either is found, as rounding has it: a place here and there differs.
        assert there.loss == pytest.approx(here.loss, rel=1e-2)
        apart = (there.picture - here.picture).abs()
        assert apart.mean() < 0.2 and apart.max() < 2  # strokes that lie elsewhere differ by tens of levels


@pytest.mark.parametrize("start", [2.0, 2.25, 2.5])
def test_a_picture_of_a_level_begins_where_omegas_box_does(start):
    """Also where that is between two of the level's pixels."""
    rising = torch.arange(8.0).expand(1, 1, 5, 8)
    assert torch.equal(level._between(rising, -1, start, 3), torch.arange(3.0).expand(1, 1, 5, 3) + start)


def test_the_same_to_the_bit_twice(run, case):
    assert torch.equal(case(base=2).repainted().image, run.result.image)


def test_neither_the_documents_origin_nor_where_the_crop_ends_matters(case):
    """To the bit, as long as the crop holds the margin and the origin moves by whole pixels of every level."""
    canvas, place = Rect(-100, -50, 240, 230), Rect(0, 40, 26, 24)
    moved = [Rect(r.x - 23 * 32, r.y + 7 * 32, r.w, r.h) for r in (canvas, place)]
    one, two = case(canvas=canvas, object=place), case(canvas=moved[0], object=moved[1])
    here, there = one.repainted().image, two.repainted().image
    assert torch.equal(one.region.in_box(here), two.region.in_box(there))
    crop = replace(
        one.request.background,
        samples=one.request.background.samples[10:200, 20:220],
        rect=Rect(-80, -40, 200, 190),
    )
    three = case(canvas=canvas, object=place)
    three.region = prepare(replace(one.request, background=crop), "cpu")
    assert three.region.rect == one.region.rect
    assert torch.equal(three.repainted().image, here)


@pytest.mark.parametrize(
    "after", [1, COARSE - 1, COARSE, COARSE + 1, COARSE + MIDDLE + 2, sum(COUNTS), sum(COUNTS) + 1]
)
def test_ended_at_any_update_there_is_what_there_is(case, passed, after):
    one = case(base=2)
    seen: list[int] = []

    def stop(count: int) -> bool:
        seen.append(passed())
        return count == after

    result = one.repainted(stop)
    assert len(one.seen) == after
    assert sum(level["evaluations"] for level in result.levels) == min(after, sum(COUNTS))
    assert len(result.levels) == sum(after > sum(COUNTS[:k]) for k in range(4))
    assert passed() == seen[-1]  # no picture went through the network after that
    assert torch.isfinite(result.image).all()
    assert torch.equal(result.image[:, ~one.region.omega], one.reference[:, ~one.region.omega])
    json.dumps(result.levels, allow_nan=False)


def test_where_an_octave_takes_long_it_can_be_ended_within(case, monkeypatch):
    """As a slider's next move does: else a large picture's last level answers nobody."""
    plain = case(base=2)
    usual = plain.repainted()
    monkeypatch.setattr(octaves, "_ROWS", 1)  # a few rows at a time
    one, ended = case(base=2), case(base=2)
    assert torch.allclose(one.repainted().image, usual.image, atol=1.0)
    told = len(one.seen)
    assert told > len(plain.seen)
    parts = [seen.part for seen in one.seen]
    assert parts == sorted(parts)
    result = ended.repainted(lambda count: count == told - 1)
    assert len(ended.seen) == told - 1 and len(result.levels) == 4
    assert torch.isfinite(result.image).all()
    assert torch.equal(result.image[:, ~ended.region.omega], ended.reference[:, ~ended.region.omega])
    assert not torch.equal(result.image, usual.image)


@pytest.mark.parametrize("strength", [0.01, 0.2, 1.0])
def test_every_strength_gives_a_finite_picture(case, strength):
    one = case()
    result = one.repainted(strength=strength)
    assert torch.isfinite(result.image).all()
    assert (result.image - one.reference).abs().max() < 400


def test_more_strength_brings_the_texture_nearer(scenes, case, texture_distance):
    """Below the default the levels paint the same, and less of it is laid down."""
    one, style = case(Budget(), object=scenes.object), painted(scenes)
    inside = one.region.in_box(one.region.mask)
    near = [
        texture_distance(one.composite(one.repainted(style=style, strength=s).image), inside, style.image)
        for s in (0.5, 0.75, 1.0)
    ]
    assert near == sorted(near, reverse=True)
    assert near[-1] < 0.95 * near[0]


def test_what_is_ended_is_nearer_to_the_style_than_the_start(scenes, case, texture_distance):
    """By a measure of the test's own: the earlier levels' work is in the picture when a later one is ended."""
    one, style = case(), painted(scenes)
    inside = one.region.in_box(one.region.mask)

    def distance(image: torch.Tensor) -> float:
        return texture_distance(one.composite(image), inside, style.image)

    for after in (COARSE + 1, COARSE + MIDDLE + 1, sum(COUNTS)):
        ended = one.repainted(lambda count, after=after: count == after, style).image
        assert distance(ended) < distance(one.reference)
