"""Grain and sharpness: measured as they were made, and given to an object as far as a setting says."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from deepblend.engine.belonging import grain, noise, sharpness
from deepblend.engine.belonging.grain import Grain, matched
from deepblend.engine.repainting.octaves import gauss
from scipy import ndimage
from small_requests import blended, same

ALL = torch.ones(160, 192, dtype=torch.bool)


def discs(channels: int = 3, blur: float = 0.0) -> torch.Tensor:
    """Smooth light and some hard-edged discs: (C, 160, 192), levels."""
    rows, columns = np.mgrid[:160, :192]
    picture = 100 + 0.2 * rows + 0.1 * columns
    for k in range(12):
        y, x = 20 + 40 * (k // 4), 24 + 48 * (k % 4)
        picture = np.where(np.hypot(rows - y, columns - x) < 11, (20, 230)[k % 2] + 4 * k - 20, picture)
    if blur:
        picture = ndimage.gaussian_filter(picture, blur, mode="nearest")
    return torch.from_numpy(picture).float().expand(channels, -1, -1).contiguous()


def grained(image: torch.Tensor, sigma: float, seed: int = 3) -> torch.Tensor:
    return image + sigma * torch.randn(image.shape, generator=torch.Generator().manual_seed(seed))


def measured(image: torch.Tensor, there: torch.Tensor = ALL) -> torch.Tensor:
    found = Grain.of(image, there).noise
    assert found is not None
    return found


# Noise


@pytest.mark.parametrize("sigma", [2.0, 5.0, 9.0])
def test_white_noise_measures_as_its_octaves_have_it(sigma):
    found = measured(grained(discs(), sigma))[:, 0]
    point = torch.zeros(1, 1, 65, 65)
    point[..., 32, 32] = 1
    luma = sigma * math.sqrt(0.299**2 + 0.587**2 + 0.114**2)
    wanted = [luma * float(band.square().sum().sqrt()) for band in noise.octaves(point)]
    np.testing.assert_allclose(found[:2], wanted[:2], rtol=0.2)


def test_a_calm_picture_has_no_noise():
    assert measured(discs()).max() < 0.05


def test_texture_that_grows_with_the_octave_is_no_noise():
    fur = 8 * gauss(torch.randn(1, 1, 160, 192, generator=torch.Generator().manual_seed(1)), 2.5)[0]
    assert measured(120 + 4 * fur.expand(3, -1, -1)).max() < 0.05


def test_noise_that_is_made_measures_as_asked_for():
    asked = torch.tensor([[3.0, 2.0], [1.2, 0.9], [0.4, 0.3]])
    found = measured(120 + noise.made(asked, 5, -9, 320, 384, 3), torch.ones(320, 384, dtype=torch.bool))
    torch.testing.assert_close(found, asked, rtol=0.15, atol=0.1)


def test_noise_follows_from_the_place_alone():
    asked = torch.tensor([[3.0, 2.0], [1.2, 0.9], [0.4, 0.3]])
    whole, part = noise.made(asked, -40, 7, 90, 100, 3), noise.made(asked, -20, 37, 30, 40, 3)
    torch.testing.assert_close(part, whole[:, 30:60, 20:60], rtol=0, atol=1e-4)
    neighbours = (whole[:, :, 1:] * whole[:, :, :-1]).mean() / whole.square().mean()
    assert neighbours.abs() < 0.3  # the octaves': no stripes


def test_gray_noise_has_one_plane():
    assert noise.made(torch.ones(3, 2), 0, 0, 20, 24, 1).shape == (1, 20, 24)


def test_weakened_noise_leaves_edges():
    image = grained(discs(), 5.0)
    less = noise.weakened(image, measured(image))
    assert measured(less)[0, 0] < 0.7 * measured(image)[0, 0]
    edge = (discs()[0] - gauss(discs()[None], 1.5)[0, 0]).abs() > 15
    assert (less - image)[:, edge].abs().mean() < 0.5 * (less - image)[:, ~edge].abs().mean() + 1.5


# Sharpness


@pytest.mark.parametrize("blur", [0.8, 1.2, 1.8])
def test_a_blur_measures_as_it_was_made(blur):
    found = Grain.of(discs(blur=blur), ALL).edges
    assert found == pytest.approx(blur, abs=0.25)


def test_too_few_edges_tell_nothing():
    assert Grain.of(torch.full((3, 160, 192), 90.0), ALL).edges is None


def test_sharpening_does_not_overshoot():
    image = discs(blur=1.5)[None]
    sharper = sharpness.changed(image, 1.5, 0.5)
    assert Grain.of(sharper[0], ALL).edges < Grain.of(image[0], ALL).edges - 0.1
    assert sharper.max() <= image.max() + 4 + 1e-3
    assert sharper.min() >= image.min() - 4 - 1e-3


def test_widths_that_hardly_differ_are_alike():
    image = discs()[None]
    assert sharpness.changed(image, 1.0, 1.15) is image


# Both


def inside() -> torch.Tensor:
    omega = torch.zeros_like(ALL)
    omega[8:-8, 8:-8] = True
    return omega


@pytest.mark.parametrize("channels", [1, 3])
def test_a_calm_object_takes_the_grain_of_its_surroundings(channels):
    wanted = Grain.of(grained(discs(channels), 6.0), ALL)
    found = matched(discs(channels), inside(), wanted, (0, 0), 1.0)
    assert wanted.noise is not None
    torch.testing.assert_close(measured(found, inside())[:2, 0], wanted.noise[:2, 0], rtol=0.2, atol=0.2)
    assert torch.equal(found[:, ~inside()], discs(channels)[:, ~inside()])


def test_a_noisy_object_loses_some_of_it():
    wanted, image = Grain.of(discs(), ALL), grained(discs(), 6.0)
    found = measured(matched(image, inside(), wanted, (0, 0), 1.0), inside())
    assert found[0, 0] < 0.7 * measured(image, inside())[0, 0]


def test_an_object_becomes_as_soft_as_its_surroundings():
    wanted = Grain.of(discs(blur=1.3), ALL)
    found = Grain.of(matched(discs(), inside(), wanted, (0, 0), 1.0), inside()).edges
    assert found == pytest.approx(1.3, abs=0.35)


def test_alike_stays_alike():
    image = grained(discs(), 4.0)
    changed = matched(image, inside(), Grain.of(grained(discs(), 4.0, seed=9), ALL), (0, 0), 1.0)
    assert (changed - image).square().mean().sqrt() < 1.0


def test_it_comes_in_continuously_from_nothing():
    wanted = Grain.of(grained(discs(blur=1.2), 5.0), ALL)
    image = discs()
    assert matched(image, inside(), wanted, (0, 0), 0.0) is image
    steps = [matched(image, inside(), wanted, (0, 0), part) for part in (0.001, 0.25, 0.26, 1.0)]
    assert (steps[0] - image).abs().max() < 0.3
    assert (steps[2] - steps[1]).abs().max() < 2
    assert (steps[3] - image).abs().mean() > 2


def test_strips_are_the_whole(monkeypatch):
    wanted, image = Grain.of(grained(discs(blur=1.0), 5.0), ALL), discs()
    whole = matched(image, inside(), wanted, (3, 4), 1.0)
    monkeypatch.setattr(grain, "_LOOKED_AT", 1 << 30)
    monkeypatch.setattr(noise, "HALO", noise.HALO)
    own = Grain.of(image, inside())
    monkeypatch.setattr(Grain, "of", lambda *_: own)
    again = matched(image, inside(), wanted, (3, 4), 1.0)
    monkeypatch.setattr(grain, "_AT_ONCE", 192 * 40)
    torch.testing.assert_close(matched(image, inside(), wanted, (3, 4), 1.0), again, rtol=0, atol=0.01)
    assert whole.shape == again.shape


def test_beyond_black_and_white_survives():
    image = discs()
    image[:, 60:80, 60:80] = 400
    image[:, 90:100, 60:80] = -90
    found = matched(image, inside(), Grain.of(grained(discs(), 5.0), ALL), (0, 0), 1.0)
    assert found[:, 65:75, 65:75].min() > 350
    assert found[:, 93:97, 65:75].max() < -40


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 40), (7, 9)])
def test_what_is_tiny_is_left_as_it_is(height, width):
    image = torch.rand(3, height, width) * 255
    omega = torch.ones(height, width, dtype=torch.bool)
    assert torch.equal(matched(image, omega, Grain.of(grained(discs(), 5.0), ALL), (0, 0), 1.0), image)


def test_nothing_around_tells_nothing():
    assert Grain.of(discs(), torch.zeros_like(ALL)) == Grain(None, None)


# In a blend


@pytest.mark.parametrize("style", [0.0, 0.2])
def test_a_blend_has_it_and_says_so(small, style):
    without = blended(small(style=style, grain=0.0))
    report = blended(small(style=style, grain=1.0)).report
    assert "grain" in report
    assert "grain" in report["seconds"]
    assert "grain" not in without.report


def test_poisson_has_the_same(small):
    assert same(blended(small(method="poisson", grain=1.0)), blended(small(style=0.0, grain=1.0)))
