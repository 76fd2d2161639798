"""The losses of the texture stage against plain NumPy, their gradients, and what must leave them as they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from deepblend.engine.network.moments import Moments, moments
from deepblend.engine.texture import losses
from loss_cases import AREA, HEIGHT, MASK, WIDTH, random
from scipy import ndimage


def change(channels: int = 3, seed: int = 2) -> torch.Tensor:
    """(1, C, HEIGHT, WIDTH), levels, 0 outside the mask."""
    return 30 * random(1, channels, HEIGHT, WIDTH, seed=seed) * (MASK > 0)


def some_moments(seed: int) -> Moments:
    return moments(random(1, 4, HEIGHT, WIDTH, seed=seed) + seed, MASK)


def test_style_is_the_distance_of_covariances_relative_to_what_there_was_to_change():
    now, target, start = (some_moments(seed) for seed in (3, 4, 5))
    c, t, s = (m.covariance.numpy() for m in (now, target, start))
    expected = ((c - t) ** 2).sum() / ((t**2).sum() + ((s - t) ** 2).sum())
    assert float(losses.style(now, target, start)) == pytest.approx(expected)


def test_style_is_0_at_the_target_and_below_1_at_the_start():
    target, start = some_moments(4), some_moments(5)
    assert float(losses.style(target, target, start)) == 0
    assert 0 < float(losses.style(start, target, start)) < 1
    far = Moments(start.mean, start.covariance * 1e6)
    assert 0.99 < float(losses.style(far, target, far)) < 1


def test_style_does_not_depend_on_the_features_unit():
    def scaled(m: Moments) -> Moments:
        return Moments(57 * m.mean, 57**2 * m.covariance)

    three = [some_moments(seed) for seed in (3, 4, 5)]
    assert float(losses.style(*map(scaled, three))) == pytest.approx(float(losses.style(*three)))


def test_a_flat_target_and_a_flat_start_are_no_division_by_zero():
    flat = moments(torch.full((1, 3, 4, 4), 7.0), torch.ones(1, 1, 4, 4))
    assert float(losses.style(flat, flat, flat)) == pytest.approx(0, abs=1e-3)


def test_a_weighted_square_is_a_sum_over_channels_and_pixels():
    array = random(1, 6, HEIGHT, WIDTH, seed=6)
    expected = (MASK.numpy() * array.numpy() ** 2).sum()
    assert float(losses.weighted_square(array, MASK)) == pytest.approx(expected)


LAPLACE = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]])


@pytest.mark.parametrize("channels", [1, 3])
def test_the_gradient_loss_is_the_squared_laplacian_per_channel_and_masked_pixel(channels):
    d = change(channels)
    laplacians = [ndimage.convolve(c, LAPLACE, mode="constant") for c in d[0].numpy()]
    expected = np.sum(np.square(laplacians)) / 100**2 / (channels * float(AREA))
    assert float(losses.gradient(d, AREA)) == pytest.approx(expected)


def test_a_change_that_steps_at_the_border_costs_there_and_one_that_fades_out_costs_far_less():
    at = torch.arange(40, dtype=torch.float64)
    fading = 50 * torch.sin(torch.pi * (at - 4) / 31).clamp(min=0)
    fading = fading[:, None] * fading / 50 * ((at > 4) & (at < 35))
    stepping = 50.0 * (fading > 0)
    area = stepping.new_tensor(float((fading > 0).sum()))
    steps = float(losses.gradient(stepping[None, None], area))
    laplacian = ndimage.convolve(stepping.numpy(), LAPLACE, mode="constant")
    assert (laplacian[8:-8, 8:-8] == 0).all()  # flat inside: all of it comes from the border
    assert steps > 20 * float(losses.gradient(fading[None, None], area))


def box_blur(array: np.ndarray, width: int) -> np.ndarray:
    """The mean over width x width pixels, 0 beyond the array."""
    return ndimage.convolve(array, np.full((width, width), 1 / width**2), mode="constant")


def parts(d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Luma (1, H, W) and what is left (3, H, W)."""
    y = np.tensordot([0.299, 0.587, 0.114], d, 1)[None]
    return y, d - y


@pytest.mark.parametrize("width", [1, 5, 9])
@pytest.mark.parametrize("which", ["tone", "chroma"])
def test_tone_and_chroma_are_squared_blurred_changes_per_masked_pixel(which, width):
    d = change()
    part = parts(d[0].numpy())[which == "chroma"]
    expected = sum((box_blur(c * MASK[0, 0].numpy(), width) ** 2).sum() for c in part) / 100**2 / float(AREA)
    assert float(getattr(losses, which)(d, MASK, AREA, width)) == pytest.approx(expected)


def test_tone_sees_light_alone_and_chroma_colour_alone():
    light = (change(1) * torch.ones(1, 3, 1, 1)).double()
    assert float(losses.tone(light, MASK, AREA, 5)) > 1e-3
    assert float(losses.chroma(light, MASK, AREA, 5)) == pytest.approx(0, abs=1e-12)
    colour = change(1) * torch.tensor([0.587, -0.299, 0.0], dtype=torch.float64).view(1, 3, 1, 1)
    assert float(losses.chroma(colour, MASK, AREA, 5)) > 1e-3
    assert float(losses.tone(colour, MASK, AREA, 5)) == pytest.approx(0, abs=1e-12)
    assert float(losses.chroma(change(1), MASK, AREA, 5)) == 0  # gray has no colour to lose


def test_fine_texture_costs_far_less_tone_than_a_change_of_light():
    rows, columns = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    checks = (40 * (1 - 2 * ((rows + columns) % 2))).double()[None, None] * (MASK > 0)
    steady = 40 * (MASK > 0).double()
    assert float(losses.tone(checks, MASK, AREA, 5)) < 0.02 * float(losses.tone(steady, MASK, AREA, 5))


def test_a_change_of_a_hundred_levels_everywhere_counts_as_1():
    everywhere, mask = torch.full((1, 3, 40, 40), 100.0), torch.ones(1, 1, 40, 40)
    assert float(losses.tone(everywhere, mask, mask.sum(), 1)) == pytest.approx(1)


def inputs() -> dict[str, tuple]:
    """Each loss as a function of what is optimised, and where; by name."""
    target, start = some_moments(4), some_moments(5)
    features, reference = random(1, 4, HEIGHT, WIDTH, seed=6), random(1, 4, HEIGHT, WIDTH, seed=7)
    return {
        "style": (lambda f: losses.style(moments(f, MASK), target, start), features),
        "content": (lambda f: losses.weighted_square(f - reference, MASK), features),
        "gradient": (lambda d: losses.gradient(d, AREA), change()),
        "gradient, gray": (lambda d: losses.gradient(d, AREA), change(1)),
        "tone": (lambda d: losses.tone(d, MASK, AREA, 5), change()),
        "tone, gray": (lambda d: losses.tone(d, MASK, AREA, 5), change(1)),
        "chroma": (lambda d: losses.chroma(d, MASK, AREA, 5), change()),
    }


@pytest.mark.parametrize("name", inputs())
def test_each_gradient_is_the_difference_quotients(name):
    function, at = inputs()[name]
    assert torch.autograd.gradcheck(function, at.clone().requires_grad_(True), fast_mode=True)


def test_style_gradient_by_hand():
    """d|C - T|^2 / df = 4 (C - T) (f - mean) w / (area * scale)."""
    target, start = some_moments(4), some_moments(5)
    features = random(1, 4, HEIGHT, WIDTH, seed=6).requires_grad_(True)
    now = moments(features, MASK)
    (found,) = torch.autograd.grad(losses.style(now, target, start), features)
    scale = target.covariance.square().sum() + (start.covariance - target.covariance).square().sum()
    centred = features.detach().flatten(2)[0] - now.mean.detach()
    by_hand = 4 * (now.covariance - target.covariance).detach() @ centred * MASK.flatten() / (AREA * scale)
    np.testing.assert_allclose(found.flatten(2)[0], by_hand, rtol=1e-9, atol=1e-12)


def all_losses(features, reference, target, start, d, mask, width=5) -> dict[str, float]:
    area = mask.sum()
    values = {
        "style": losses.style(moments(features, mask), target, start),
        "content": losses.weighted_square(features - reference, mask) / losses.weighted_square(reference, mask),
        "gradient": losses.gradient(d, area),
        "tone": losses.tone(d, mask, area, width),
        "chroma": losses.chroma(d, mask, area, width),
    }
    return {name: float(value) for name, value in values.items()}


@pytest.mark.parametrize("pad", [0, 13])
def test_neither_the_pictures_size_nor_the_masks_area_matters(pad):
    """The same object four times over, on a larger ground: every loss is what it was."""
    features, reference = random(1, 4, HEIGHT, WIDTH, seed=6), random(1, 4, HEIGHT, WIDTH, seed=7)
    target, start, d = some_moments(4), some_moments(5), change()
    once = all_losses(features, reference, target, start, d, MASK)

    def four(array: torch.Tensor) -> torch.Tensor:
        return F.pad(array.tile(1, 1, 2, 2), (pad, pad, pad, pad))

    larger = all_losses(four(features), four(reference), target, start, four(d), four(MASK))
    assert larger == pytest.approx(once, rel=1e-9)


def test_tone_and_chroma_in_steps_are_those_of_an_object_reduced():
    smooth = F.interpolate(30 * random(1, 3, 6, 6), (24, 24), mode="nearest")
    mask = torch.ones(1, 1, 24, 24, dtype=torch.float64)
    small = F.avg_pool2d(smooth, 2)
    for loss in (losses.tone, losses.chroma):
        expected = float(loss(small, mask[..., ::2, ::2], mask.sum() / 4, 5))
        assert float(loss(smooth, mask, mask.sum(), 5, 2)) == pytest.approx(expected)


def test_an_object_twice_as_large_has_the_same_tone_and_chroma_under_a_blur_twice_as_wide():
    def smooth(side: int, seed: int) -> torch.Tensor:
        coarse = 30 * random(1, 3, 6, 6, seed=seed)
        return F.interpolate(coarse, size=(side, side), mode="bicubic")

    def disc(side: int) -> torch.Tensor:
        at = (torch.arange(side, dtype=torch.float64) + 0.5) / side - 0.5
        return (at[:, None] ** 2 + at**2 < 0.16).double()[None, None]

    values = []
    for side, width in ((80, 9), (160, 17)):
        mask = disc(side)
        d = smooth(side, seed=8) * mask
        values.append([float(f(d, mask, mask.sum(), width)) for f in (losses.tone, losses.chroma)])
    assert values[1] == pytest.approx(values[0], rel=0.03)
