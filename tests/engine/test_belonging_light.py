"""Light and colour of an object: what is told of it, what is done to it, and what must leave it as it is."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from deepblend.engine.belonging import light
from deepblend.engine.belonging.light import Change, found, seen
from deepblend.engine.colour import luma
from deepblend.engine.repainting.oklab import to_oklab
from scipy import ndimage
from small_requests import blended, same


def scene(seed: int = 4, height: int = 120, width: int = 140) -> torch.Tensor:
    """Clouds of brown, green and blue, from dark to light: (3, height, width), levels."""
    rng = np.random.default_rng(seed)
    light_, hue = (ndimage.gaussian_filter(rng.normal(size=(height, width)), 5, mode="wrap") for _ in range(2))
    value = 115 + 55 * light_ / light_.std()
    tone = hue / hue.std()
    planes = [value * (1 + 0.12 * tone), value * (1 + 0.02 * tone), value * (0.9 - 0.15 * tone)]
    return torch.from_numpy(np.stack(planes).clip(4, 250)).float()


def disc(height: int = 120, width: int = 140, radius: float = 34) -> torch.Tensor:
    rows, columns = np.mgrid[:height, :width]
    return torch.from_numpy((np.hypot(rows - height / 2, columns - width / 2) < radius).astype(np.float32))


def answered(image: torch.Tensor, alpha: torch.Tensor, ground: torch.Tensor) -> Change:
    change = found(image, alpha, ground, torch.ones_like(alpha))
    assert change is not None
    return change


NOTHING = Change(0.0, 0.0, 0.0, 0.0)

# The map


def test_nothing_changes_nothing():
    torch.testing.assert_close(NOTHING.made(scene()), scene(), rtol=0, atol=0.01)


def test_a_stop_doubles_linear_light():
    grey = torch.full((3, 4, 4), 100.0)
    linear = lambda levels: ((levels / 255 + 0.055) / 1.055) ** 2.4  # noqa: E731
    made = Change(1.0, 0.0, 0.0, 0.0).made(grey)
    torch.testing.assert_close(linear(made), 2 * linear(grey))


def test_contrast_leaves_middle_grey():
    grey = 255 * (1.055 * 0.18 ** (1 / 2.4) - 0.055)
    made = Change(0.0, 0.0, 0.3, 0.0).made(torch.tensor([grey - 40, grey, grey + 40]).expand(3, 1, 3).contiguous())[
        0, 0
    ]
    assert made[1] == pytest.approx(grey, abs=0.01)
    assert made[0] < grey - 40
    assert made[2] > grey + 40


def test_saturation_keeps_grey_grey_and_luminance():
    grey = torch.full((3, 4, 4), 90.0)
    torch.testing.assert_close(Change(0.0, 0.0, 0.0, 0.4).made(grey), grey, rtol=0, atol=0.01)
    made = to_oklab(Change(0.0, 0.0, 0.0, -0.4).made(scene()))
    assert made[1:].norm(dim=0).mean() < 0.75 * to_oklab(scene())[1:].norm(dim=0).mean()


def test_balance_goes_from_yellow_to_blue_and_never_to_green_or_magenta():
    """Of a grey: along Oklab's b, with little of a."""
    grey = torch.full((3, 4, 4), 128.0)
    for balance in (-1.0, 1.0):
        _, a, b = to_oklab(Change(0.0, balance, 0.0, 0.0).made(grey))[:, 0, 0]
        assert float(b) * balance < -0.02
        assert abs(float(a)) < 0.5 * abs(float(b))


def test_beyond_black_and_white_stays_beyond_and_in_order():
    ramp = torch.linspace(-120, 420, 541).expand(3, 1, -1).contiguous()
    for change in (Change(0.7, 0.5, 0.3, 0.2), Change(-1.2, -1.1, -0.4, -0.5)):
        made = change.made(ramp)
        assert bool(torch.isfinite(made).all())
        assert bool((made.diff(dim=2) > -1e-3).all())
        assert made[:, 0, 0].max() < 0


def test_a_gray_picture_changes_as_gray_colours_do():
    gray = scene()[:1]
    change = Change(0.5, 0.0, 0.2, 0.3)
    torch.testing.assert_close(change.made(gray), change.made(gray.expand(3, -1, -1))[:1], rtol=0, atol=1e-3)
    assert len(Change(0.5, 0.8, 0.2, 0.3).made(gray)) == 1


def test_one_piece_or_many(monkeypatch):
    change = Change(0.5, 0.4, 0.2, 0.3)
    whole = change.made(scene())
    monkeypatch.setattr(light, "_AT_ONCE", 700)
    torch.testing.assert_close(change.made(scene()), whole)


# The answer


def test_an_object_of_its_place_is_left_nearly_alone():
    image = scene()
    made = answered(image, disc(), image).made(image)
    assert 10 * math.log10(255**2 / float((made - image)[:, disc() > 0].square().mean())) > 20


@pytest.mark.parametrize("stops", [-1.0, 1.0])
def test_exposure_goes_towards_the_surroundings(stops):
    image = scene()
    changed = Change(stops, 0.0, 0.0, 0.0).made(image).clamp(0, 255)
    made = answered(changed, disc(), image).made(changed)
    inside = disc() > 0
    assert (made - image)[:, inside].square().mean() < 0.6 * (changed - image)[:, inside].square().mean()


def test_a_warm_object_in_a_cool_place_becomes_cooler():
    image = scene()
    warm, cool = (answered(Change(0.0, b, 0.0, 0.0).made(image).clamp(0, 255), disc(), image) for b in (-1.0, 1.0))
    assert warm.balance > cool.balance


@pytest.mark.parametrize("seed", range(4))
def test_every_answer_is_within_limits(seed):
    generator = torch.Generator().manual_seed(seed)
    image, ground = (600 * torch.rand(3, 60, 64, generator=generator) - 200 for _ in range(2))
    change = answered(image, disc(60, 64, 14), ground)
    assert abs(change.exposure) <= 1.2
    assert abs(change.balance) <= 1.1
    assert abs(change.contrast) <= 0.4
    assert abs(change.saturation) <= 0.5


def test_black_and_white_stays_so():
    gray = luma(scene()).expand(3, -1, -1).contiguous()
    assert answered(gray, disc(), scene()).balance == pytest.approx(0, abs=0.02)
    made = answered(gray, disc(), scene()).made(gray)
    assert (made.amax(0) - made.amin(0)).max() < 1.5


def test_what_lies_under_a_transparent_object_does_not_matter():
    image, alpha = scene(), disc()
    hidden = torch.where(alpha > 0, image, 255.0)
    torch.testing.assert_close(
        seen(image, alpha, scene(5), torch.ones_like(alpha)), seen(hidden, alpha, scene(5), torch.ones_like(alpha))
    )
    covered = torch.where(alpha > 0, 255.0, scene(5))
    torch.testing.assert_close(
        seen(image, alpha, scene(5), torch.ones_like(alpha)),
        seen(image, alpha, covered, torch.ones_like(alpha)),
        rtol=0.02,
        atol=0.05,
    )


def test_a_picture_twice_as_large_gets_the_same_answer():
    image, ground, alpha = scene(4, 240, 280), scene(5, 240, 280), disc(240, 280, 70)
    large = [one.repeat_interleave(2, -1).repeat_interleave(2, -2) for one in (image, ground, alpha)]
    one, two = answered(image, alpha, ground), answered(large[0], large[2], large[1])
    for name, value in vars(one).items():
        assert vars(two)[name] == pytest.approx(value, abs=0.05)


@pytest.mark.parametrize("known", [0.0, 1.0])
def test_too_little_tells_nothing(known):
    alpha = disc(20, 20, 2.0) if known else disc(20, 20, 8.0)
    assert found(scene(4, 20, 20), alpha, scene(5, 20, 20), torch.full_like(alpha, known)) is None
    assert found(scene(4, 20, 20), torch.zeros_like(alpha), scene(5, 20, 20), torch.ones_like(alpha)) is None


def test_an_object_over_all_of_its_document_has_no_surroundings():
    assert found(scene(), torch.ones(120, 140), scene(5), torch.ones(120, 140)) is None


# In a blend


def test_at_0_a_blend_is_as_without(small):
    none = blended(small(method="poisson", match=0.0))
    assert "match" not in none.report


def test_it_comes_in_continuously(scenes):
    before, little, half, more = (
        scenes.colours(blended(scenes.request(method="poisson", match=match))) for match in (0.0, 0.002, 0.5, 0.502)
    )
    assert np.abs(little - before).max() <= 2 / 255
    assert np.abs(more - half).max() <= 2 / 255
    assert np.abs(half - before).mean() > 1 / 255


def test_a_blend_says_what_was_done(scenes):
    told = blended(scenes.request(method="poisson", match=1.0)).report["match"]
    assert set(told) == {"exposure", "balance", "contrast", "saturation"}
    again = blended(scenes.request(method="poisson", match=0.5)).report["match"]
    assert again["exposure"] == pytest.approx(told["exposure"] / 2, abs=2e-4)


@pytest.mark.parametrize("gray", [False, True])
def test_every_kind_of_picture_can_be_matched(small, gray):
    one, two = (blended(small(np.float32, method="poisson", match=match, gray=gray)) for match in (0.0, 1.0))
    assert np.isfinite(two.plane.samples).all()
    assert one.plane.samples.shape == two.plane.samples.shape
    assert not same(one, two)
