"""The losses of a repainting against plain NumPy, their gradients, and what must leave them as they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from deepblend.engine.network.moments import moments
from deepblend.engine.repainting import losses
from loss_cases import AREA, HEIGHT, MASK, WIDTH, random
from scipy import ndimage


def change(channels: int = 3, seed: int = 2) -> torch.Tensor:
    """(1, C, HEIGHT, WIDTH), levels, times the mask."""
    return 30 * random(1, channels, HEIGHT, WIDTH, seed=seed) * MASK


def covariance(seed: int) -> torch.Tensor:
    return moments(random(1, 4, HEIGHT, WIDTH, seed=seed) + seed, MASK).covariance


def test_style_is_the_distance_of_covariances_relative_to_what_there_was_to_change():
    now, target, start = (covariance(seed) for seed in (3, 4, 5))
    c, t, s = (m.numpy() for m in (now, target, start))
    expected = ((c - t) ** 2).sum() / ((t**2).sum() + ((s - t) ** 2).sum())
    assert float(losses.style(now, target, start)) == pytest.approx(expected)


def test_style_is_0_at_the_target_and_below_1_at_the_start():
    target, start = covariance(4), covariance(5)
    assert float(losses.style(target, target, start)) == 0
    assert 0 < float(losses.style(start, target, start)) < 1
    far = start * 1e6
    assert 0.99 < float(losses.style(far, target, far)) < 1


def test_style_does_not_depend_on_the_features_unit():
    three = [covariance(seed) for seed in (3, 4, 5)]
    scaled = [57**2 * one for one in three]
    assert float(losses.style(*scaled)) == pytest.approx(float(losses.style(*three)))


def test_a_flat_target_and_a_flat_start_are_no_division_by_zero():
    flat = moments(torch.full((1, 3, 4, 4), 7.0), torch.ones(1, 1, 4, 4)).covariance
    assert torch.isfinite(losses.style_target(flat, flat)).all()
    assert float(losses.style(flat, flat, flat)) == pytest.approx(0, abs=1e-3)


def test_an_object_of_more_contrast_than_its_painting_keeps_some_of_it():
    painting, start = covariance(4), covariance(5)
    start = start * float(painting.trace() / start.trace())
    torch.testing.assert_close(losses.style_target(painting, 0.1 * start), painting)  # of less it takes the painting's
    torch.testing.assert_close(losses.style_target(painting, 16 * start), 2 * painting)


def blurred(array: np.ndarray, sigma: float) -> np.ndarray:
    return ndimage.gaussian_filter(array, sigma, mode="nearest", truncate=3)


def parts(d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Luma (1, H, W) and what is left (3, H, W)."""
    y = np.tensordot([0.299, 0.587, 0.114], d, 1)[None]
    return y, d - y


@pytest.mark.parametrize("sigma", [0.1, 1, 3])
@pytest.mark.parametrize("which", ["tone", "chroma"])
def test_tone_and_chroma_are_squared_blurred_changes_per_masked_pixel(which, sigma):
    d = change()
    part = parts(d[0].numpy())[which == "chroma"]
    expected = sum((blurred(c, sigma) ** 2).sum() for c in part) / 100**2 / float(AREA)
    assert float(getattr(losses, which)(d, AREA, sigma)) == pytest.approx(expected)


def test_tone_sees_light_alone_and_chroma_colour_alone():
    light = (change(1) * torch.ones(1, 3, 1, 1)).double()
    assert float(losses.tone(light, AREA, 1)) > 1e-3
    assert float(losses.chroma(light, AREA, 1)) == pytest.approx(0, abs=1e-12)
    colour = change(1) * torch.tensor([0.587, -0.299, 0.0], dtype=torch.float64).view(1, 3, 1, 1)
    assert float(losses.chroma(colour, AREA, 1)) > 1e-3
    assert float(losses.tone(colour, AREA, 1)) == pytest.approx(0, abs=1e-12)
    assert float(losses.chroma(change(1), AREA, 1)) == 0  # gray has no colour to lose


def test_fine_texture_costs_far_less_tone_than_a_change_of_light():
    rows, columns = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    checks = (40 * (1 - 2 * ((rows + columns) % 2))).double()[None, None] * MASK
    assert float(losses.tone(checks, AREA, 3)) < 0.02 * float(losses.tone(40 * MASK, AREA, 3))


def test_a_change_of_a_hundred_levels_everywhere_counts_as_1():
    everywhere = torch.full((1, 3, 40, 40), 100.0)
    assert float(losses.tone(everywhere, torch.tensor(1600.0), 3)) == pytest.approx(1)


def inputs() -> dict[str, tuple]:
    """Each loss as a function of what is optimised, and where; by name."""
    target, start = covariance(4), covariance(5)
    return {
        "style": (
            lambda f: losses.style(moments(f, MASK).covariance, target, start),
            random(1, 4, HEIGHT, WIDTH, seed=6),
        ),
        "tone": (lambda d: losses.tone(d, AREA, 2), change()),
        "tone, gray": (lambda d: losses.tone(d, AREA, 2), change(1)),
        "chroma": (lambda d: losses.chroma(d, AREA, 2), change()),
    }


@pytest.mark.parametrize("name", inputs())
def test_each_gradient_is_the_difference_quotients(name):
    function, at = inputs()[name]
    assert torch.autograd.gradcheck(function, at.clone().requires_grad_(True), fast_mode=True)


def test_style_gradient_by_hand():
    """d|C - T|^2 / df = 4 (C - T) (f - mean) w / (area * scale)."""
    target, start = covariance(4), covariance(5)
    features = random(1, 4, HEIGHT, WIDTH, seed=6).requires_grad_(True)
    now = moments(features, MASK)
    (found,) = torch.autograd.grad(losses.style(now.covariance, target, start), features)
    scale = target.square().sum() + (start - target).square().sum()
    centred = features.detach().flatten(2)[0] - now.mean.detach()
    by_hand = 4 * (now.covariance - target).detach() @ centred * MASK.flatten() / (AREA * scale)
    np.testing.assert_allclose(found.flatten(2)[0], by_hand, rtol=1e-9, atol=1e-12)


def all_losses(features, target, start, d, mask) -> dict[str, float]:
    area = mask.sum()
    values = {
        "style": losses.style(moments(features, mask).covariance, target, start),
        "tone": losses.tone(d, area, 0.7),
        "chroma": losses.chroma(d, area, 0.7),
    }
    return {name: float(value) for name, value in values.items()}


@pytest.mark.parametrize("pad", [0, 13])
def test_neither_the_pictures_size_nor_the_masks_area_matters(pad):
    """The same object four times over, on a larger ground: every loss is what it was."""
    features, target, start, d = random(1, 4, HEIGHT, WIDTH, seed=6), covariance(4), covariance(5), change()
    assert not MASK[..., [0, 1, -2, -1], :].any()  # no blur reaches from one to the next
    once = all_losses(features, target, start, d, MASK)

    def four(array: torch.Tensor) -> torch.Tensor:
        return F.pad(array.tile(1, 1, 2, 2), (pad, pad, pad, pad))

    larger = all_losses(four(features), target, start, four(d), four(MASK))
    assert larger == pytest.approx(once, rel=1e-6)


def test_an_object_twice_as_large_has_the_same_tone_and_chroma_under_a_blur_twice_as_wide():
    def smooth(side: int, seed: int) -> torch.Tensor:
        coarse = 30 * random(1, 3, 6, 6, seed=seed)
        return F.interpolate(coarse, size=(side, side), mode="bicubic")

    def disc(side: int) -> torch.Tensor:
        at = (torch.arange(side, dtype=torch.float64) + 0.5) / side - 0.5
        return (at[:, None] ** 2 + at**2 < 0.16).double()[None, None]

    values = []
    for side, sigma in ((80, 4), (160, 8)):
        mask = disc(side)
        d = smooth(side, seed=8) * mask
        values.append([float(f(d, mask.sum(), sigma)) for f in (losses.tone, losses.chroma)])
    assert values[1] == pytest.approx(values[0], rel=0.03)
