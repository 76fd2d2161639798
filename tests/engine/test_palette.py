"""The palette: how an object's colours move to a painting's, and what must leave them as they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from deepblend.engine.budget import DEFAULT
from deepblend.engine.region import prepare
from deepblend.engine.repainting import Recolouring, palette
from deepblend.engine.repainting.oklab import from_oklab, to_oklab
from deepblend.engine.repainting.palette import Limits, Palette
from deepblend.engine.work import Work
from small_requests import blended, same


def picture(values: np.ndarray) -> torch.Tensor:
    """(h, w, 3), 0..1, to (3, h, w), levels."""
    return torch.from_numpy(255 * values).permute(2, 0, 1).float().contiguous()


def even(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    flat = image.flatten(1)
    return flat, torch.full_like(flat[0], 1 / flat.shape[1])


def moved(image: torch.Tensor, painting: torch.Tensor, keep: float = 0.5, strength: float = 1.0) -> torch.Tensor:
    return Palette(*even(image), *even(painting), Limits.of(keep, 0.0)).moved(image, strength)


def of_colour(lightness: float, a: float, b: float, spread: float = 0.0, seed: int = 1) -> torch.Tensor:
    """(3, 40, 48), levels: noise about a colour of Oklab."""
    noise = torch.randn(3, 40, 48, generator=torch.Generator().manual_seed(seed))
    return from_oklab(torch.tensor([lightness, a, b]).view(3, 1, 1) + spread * noise)


@pytest.fixture(scope="module")
def ball(scenes) -> torch.Tensor:
    return picture(scenes.thing(44, 50))


@pytest.fixture(scope="module")
def ground(scenes) -> torch.Tensor:
    return picture(scenes.painting(96, 112))


# The map


def test_colours_that_are_the_paintings_already_hardly_move(ground):
    change = (moved(ground, ground) - ground).abs()
    assert change.mean() < 6  # levels
    lightness = (to_oklab(moved(ground, ground))[0] - to_oklab(ground)[0]).abs()
    assert lightness.mean() < 0.005


def test_strength_is_the_part_of_the_way(ball, ground):
    none, half, whole = (to_oklab(moved(ball, ground, strength=s)) for s in (0.0, 0.5, 1.0))
    torch.testing.assert_close(none, to_oklab(ball), rtol=0, atol=1e-3)
    torch.testing.assert_close(half, (none + whole) / 2, rtol=0, atol=2e-3)
    assert (whole - none).abs().mean() > 0.02


def test_keeping_no_colours_brings_mean_and_spread_nearer_than_keeping_half(ball, ground):
    theirs = to_oklab(ground).flatten(1)

    def apart(keep: float) -> tuple[float, float]:
        found = to_oklab(moved(ball, ground, keep)).flatten(1)
        return float((found.mean(1) - theirs.mean(1)).norm()), float((found.std(1) - theirs.std(1)).norm())

    own = to_oklab(ball).flatten(1)
    half, none = apart(0.5), apart(0.0)
    assert none[0] < half[0] < float((own.mean(1) - theirs.mean(1)).norm())
    assert none[1] < half[1]


def test_lightness_keeps_its_order(ball, ground):
    """The curve of lightness rises: what was darker stays darker."""
    gray = torch.linspace(0, 255, 256).expand(3, 1, -1).contiguous()
    made = Palette(*even(ball), *even(ground), Limits.of(0.5, 0.0))
    lightness = to_oklab(made.moved(gray, 1.0))[0, 0]
    assert bool((lightness.diff() > -1e-4).all())


@pytest.mark.parametrize("dark", [True, False])
def test_what_is_black_or_white_stays_so_where_the_painting_has_it_and_all_of_the_object_moves(dark):
    """Spectacles on a face: their frame is as black as the sitter's eyes, not brown."""
    ends = (0.1, 0.65) if dark else (0.95, 0.4)
    object_ = torch.cat([of_colour(ends[0], 0, 0, 0.005, 1), of_colour(ends[1], 0, 0, 0.02, 2)], 1)
    there = 0.95 if dark else 0.1

    def extreme(painting: torch.Tensor) -> tuple[float, float]:
        """The lightness of the object's extreme half, and of the other."""
        first, rest = to_oklab(moved(object_, painting))[0].chunk(2)
        return float(first.mean()), float(rest.mean())

    with_it = torch.cat([of_colour(there, 0, 0, 0.02, 3)] * 9 + [of_colour(ends[0], 0, 0, 0.005, 4)], 1)
    first, rest = extreme(with_it)
    assert abs(first - ends[0]) < 0.12 < 0.15 < abs(rest - ends[1])
    without, _ = extreme(of_colour(there, 0, 0, 0.02, 3))
    assert abs(without - ends[0]) > 0.15


@pytest.mark.parametrize("lightness", [0.3, 0.8])
def test_what_has_neither_black_nor_white_moves_as_a_whole_and_its_grain_grows_no_more_than_contrast_may(lightness):
    object_ = of_colour(lightness, 0, 0, 0.01, 1)
    other = torch.cat([of_colour(1.1 - lightness, 0, 0, 0.02, 3)] * 9 + [of_colour(lightness, 0, 0, 0.02, 4)], 1)
    result = to_oklab(moved(object_, other))[0]
    assert abs(float(result.mean()) - lightness) > 0.1
    assert float(result.std()) < 0.018


def test_gray_on_blue_does_not_become_vivid():
    """It takes a tinge of the blue at most."""
    gray, blue = of_colour(0.6, 0, 0, 0.01), of_colour(0.5, -0.03, -0.14, 0.02, seed=2)
    found = to_oklab(moved(gray, blue))[1:].norm(dim=0)
    theirs = to_oklab(blue)[1:].norm(dim=0)
    assert found.max() < theirs.max() * 1.1
    assert found.mean() < 1.02 * theirs.mean()


def test_gray_stays_gray_where_the_painting_has_gray_of_its_own():
    gray, blue = of_colour(0.6, 0, 0, 0.01), of_colour(0.5, -0.03, -0.14, 0.02, seed=2)
    both = torch.cat([blue, of_colour(0.55, 0, 0, 0.01, seed=3)], 2)
    alone, found = (to_oklab(moved(gray, painting))[1:].norm(dim=0).mean() for painting in (blue, both))
    assert found < 0.6 * alone
    assert found < 0.08


def test_a_rare_colour_is_not_thrown_to_its_complement():
    """A few red pixels of a gray object, on a painting of blues and greens."""
    image = of_colour(0.55, 0, 0, 0.01)
    red = torch.tensor([0.55, 0.2, 0.1]).view(3, 1, 1)
    image[:, :3, :4] = from_oklab(red.expand(-1, 3, 4).contiguous())
    painting = torch.cat([of_colour(0.5, -0.03, -0.12, 0.02), of_colour(0.6, -0.1, 0.08, 0.02)], 2)
    found = to_oklab(moved(image, painting))[1:, :3, :4].flatten(1)
    theirs = to_oklab(painting)[1:].flatten(1)
    assert found.norm(dim=0).max() < 1.2 * theirs.norm(dim=0).max()
    rest = to_oklab(moved(image, painting))[1:, 10:].flatten(1).mean(1, keepdim=True)
    assert ((found - rest).T @ red[1:, 0]).min() > -0.03  # still on red's side, or no further from it than the gray


def test_a_brown_thing_takes_the_little_brown_of_a_gray_painting():
    """However much gray there is, and though the brown is darker."""
    painting = of_colour(0.75, 0.0, 0.01, 0.01)
    painting[:, :2] = of_colour(0.5, 0.04, 0.06, 0.01, seed=2)[:, :2]
    own = of_colour(0.7, 0.035, 0.055, 0.01, seed=3)
    found = to_oklab(moved(own, painting))[1:].norm(dim=0).mean()
    assert found > 0.7 * to_oklab(painting)[1:, :2].norm(dim=0).mean()


def test_a_vivid_thing_keeps_some_of_its_colour_and_a_dull_one_little():
    green = of_colour(0.8, -0.04, 0.03, 0.01)
    vivid, dull = of_colour(0.6, 0.15, 0.1, 0.01, seed=2), of_colour(0.6, 0.03, 0.02, 0.01, seed=2)

    def kept(image: torch.Tensor, keep: float) -> float:
        """Of the way from what it would be without to its own colour, along a."""
        limits = Limits.of(keep, 0.0)
        inputs = (*even(image), *even(green))
        without, found = (
            float(to_oklab(Palette(*inputs, given).moved(image, 1.0))[1].mean())
            for given in (replace(limits, vivid=0.0), limits)
        )
        return (found - without) / (float(to_oklab(image)[1].mean()) - without)

    assert kept(vivid, 0.5) > 0.25 > 3 * kept(dull, 0.5) > 0
    assert 0.4 * kept(vivid, 0.5) < kept(vivid, 0.25) < 0.6 * kept(vivid, 0.5)
    assert kept(vivid, 0.0) == 0


def test_a_painting_of_more_colours_than_can_be_counted_has_all_of_them():
    """None of them is there often enough."""
    generator = torch.Generator().manual_seed(5)
    colourful = 255 * torch.rand(3, 128, 128, generator=generator)
    found = moved(of_colour(0.6, 0.1, 0.05, 0.02), colourful)
    assert torch.isfinite(found).all()
    assert to_oklab(found)[1].mean() > 0.05  # red is among them


def test_values_beyond_black_and_white_survive(ball, ground):
    beyond = ball.clone()
    beyond[:, 0] = 320
    beyond[:, 1] = -70
    found = moved(beyond, ground)
    within = moved(beyond.clamp(0, 255), ground)
    # Of float rounding alone the maps differ, since both are made of what is cut off.
    torch.testing.assert_close(found - within, beyond - beyond.clamp(0, 255), rtol=0, atol=0.01)


def test_it_is_moved_the_same_whether_in_one_piece_or_in_many(ball, ground, monkeypatch):
    whole = moved(ball, ground)
    monkeypatch.setattr(palette, "_AT_A_TIME", 170)
    torch.testing.assert_close(moved(ball, ground), whole, rtol=0, atol=0.01)


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.9])
@pytest.mark.parametrize(
    ("image", "painting"),
    [
        (of_colour(0.5, 0.1, 0), of_colour(0.7, -0.05, 0.1, 0.05)),
        (of_colour(0.5, 0.1, 0, 0.05), of_colour(0.7, -0.05, 0.1)),
        (of_colour(0.5, 0.1, 0), of_colour(0.7, -0.05, 0.1)),
        (torch.zeros(3, 4, 4), torch.full((3, 4, 4), 255.0)),
        (torch.full((3, 1, 1), 255.0), torch.zeros(3, 1, 1)),
    ],
    ids=["object", "painting", "both", "black on white", "a pixel on a pixel"],
)
def test_one_colour_alone_gives_finite_colours(image, painting, keep):
    found = moved(image, painting, keep)
    assert torch.isfinite(found).all()
    assert found.min() >= -1
    assert found.max() <= 256


def test_samples_are_evenly_spaced_among_what_has_weight():
    values = torch.arange(300.0).view(3, 100)
    weight = (torch.arange(100) % 2).float()
    some, share = palette.sampled(values, weight, 10)
    assert some.shape == (3, 10)
    assert bool((some[0] % 2 == 1).all())
    assert share.tolist() == pytest.approx([0.1] * 10)
    every, share = palette.sampled(values, weight * torch.arange(100), 1000)
    assert every.shape == (3, 50)
    assert float(share.sum()) == pytest.approx(1)
    assert float(share[-1] / share[0]) == pytest.approx(99)


def test_the_part_of_the_way_falls_to_nothing_at_either_end():
    assert palette.strength(0.5, 0.5) == palette.strength(1, 0) == palette.strength(0.7, 0.2) == 1
    assert palette.strength(0, 0.5) == palette.strength(0.5, 1) == 0
    assert palette.strength(0.25, 0.5) == palette.strength(0.5, 0.75) == 0.5
    assert 0 < palette.strength(1e-3, 0.5) < 0.01 > palette.strength(0.5, 0.999) > 0


def test_before_a_calm_painting_a_dark_thing_stays_darker():
    dark, light = of_colour(0.3, 0.0, 0.0, 0.03), of_colour(0.9, 0.0, 0.02, 0.03, seed=2)
    lightness = [
        float(to_oklab(Palette(*even(dark), *even(light), Limits.of(0.5, calm)).moved(dark, 1.0))[0].mean())
        for calm in (0.0, 0.5, 1.0)
    ]
    own = float(to_oklab(dark)[0].mean())
    assert own < lightness[2] < lightness[1] < lightness[0]
    assert lightness[2] - own < 0.7 * (lightness[0] - own)


# The stage


def work_for(request) -> Work:
    return Work(request, "cpu", DEFAULT, prepare(request, "cpu"))


def recoloured(request) -> torch.Tensor:
    work = work_for(request)
    list(Recolouring(work))
    return work.region.source


def test_only_the_objects_colours_change(small):
    work = work_for(small(np.float32))
    region = work.region
    before = {name: value.clone() for name, value in vars(region).items() if isinstance(value, torch.Tensor)}
    stage = Recolouring(work)
    list(stage)
    for name, value in before.items():
        assert torch.equal(getattr(region, name), value)  # nothing in place
        assert torch.equal(getattr(work.region, name), value) == (name != "source")
    assert torch.equal(stage.result(), work.region.in_box(work.region.source))


@pytest.mark.parametrize("settings", [{"style": 0}, {"keep_colours": 1}])
def test_no_style_or_all_its_colours_asks_for_no_palette(small, settings):
    assert not Recolouring.applies(small(**settings).settings)


def test_the_same_to_the_bit_twice(small):
    assert torch.equal(recoloured(small()), recoloured(small()))


def test_a_gray_document_stays_gray_and_takes_the_paintings_light(small):
    request = small(np.float32, gray=True)
    source, region = recoloured(request), work_for(request).region
    assert source.shape == region.source.shape
    light = region.background[~region.omega.expand_as(region.background)].mean()
    inside = region.omega[None]
    assert (source[inside].mean() - light).abs() < (region.source[inside].mean() - light).abs()


@pytest.mark.parametrize("style_from", ["background", "surroundings", "picture"])
def test_style_from_chooses_whose_colours_are_taken(small, scenes, style_from):
    """The style picture is green, what is around blue and yellow."""
    request = small(np.float32, style_from=style_from)
    green = np.array([0.1, 0.5, 0.1]) + 0.05 * scenes.painting(54, 60, seed=4)
    request = replace(request, style=scenes.plane(green, request.style.rect, np.float32))
    inside = work_for(request).region.omega
    colour = to_oklab(recoloured(request)[:, inside]).mean(1)
    own = to_oklab(work_for(request).region.source[:, inside]).mean(1)
    moved_to_green = float(own[1] - colour[1])  # a: green is below 0
    others = small(np.float32, style_from="surroundings")
    to_surroundings = float(own[1] - to_oklab(recoloured(others)[:, inside]).mean(1)[1])
    if style_from == "surroundings":
        assert moved_to_green == to_surroundings
    else:
        assert moved_to_green > to_surroundings + 0.02


def test_what_is_near_the_object_counts_more(small, scenes):
    """Of a painting red at the left and blue at the right the object takes the side on which it lies."""
    values = np.zeros((54, 200, 3)) + np.array([0.8, 0.2, 0.15])
    values[:, 100:] = (0.1, 0.25, 0.8)
    canvas = small().background.rect._replace(w=200)
    gray = np.full((24, 26, 3), 0.5) + 0.02 * scenes.painting(24, 26)
    reds = []
    for x in (20, 150):
        place = small().layer.rect._replace(x=canvas.x + x)
        request = small(np.float32, canvas=canvas, object=place)
        ground = scenes.plane(values, canvas, np.float32)
        layer = scenes.plane(np.dstack([gray, scenes.ellipse(24, 26)]), place, np.float32)
        request = replace(request, background=ground, style=ground, layer=layer)
        inside = work_for(request).region.omega
        reds.append(float((recoloured(request)[0] - recoloured(request)[2])[inside].mean()))
    assert reds[0] > reds[1] + 20


def test_a_painting_that_is_nowhere_leaves_the_object_as_it_is(small):
    request = small(np.float32)
    clear = np.dstack([request.background.samples, np.zeros((54, 60, 1), np.float32)])
    nothing = replace(request.background, samples=clear, channels="RGBA")
    request = replace(request, background=nothing, style=nothing)
    assert torch.equal(recoloured(request), work_for(request).region.source)


def test_a_blend_with_no_style_has_no_palette_either(small):
    assert same(blended(small(style=0, keep_colours=0.2)), blended(small(method="poisson", keep_colours=0.2)))


def test_how_bold_the_painting_is_is_told_to_those_who_come_after(small, scenes):
    """Noise of 40 levels is bolder than of 2, of the style picture or of what is around."""
    found = {}
    for name, spread in (("bold", 0.16), ("calm", 0.008)):
        for style_from in ("picture", "surroundings"):
            request = small(np.float32, style_from=style_from)
            sides = request.style.rect if style_from == "picture" else request.background.rect
            noise = np.random.default_rng(1).normal(0.5, spread, (sides.h, sides.w, 3)).clip(0, 1)
            plane = scenes.plane(noise, sides, np.float32)
            request = replace(request, **{"style" if style_from == "picture" else "background": plane})
            work = work_for(request)
            assert work.boldness is None
            list(Recolouring(work))
            assert work.boldness is not None
            found[name, style_from] = work.boldness
    assert min(found["bold", f] for f in ("picture", "surroundings")) > 0.8
    assert max(found["calm", f] for f in ("picture", "surroundings")) < 0.2
