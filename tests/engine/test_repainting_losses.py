"""The style of a repainting against plain NumPy, its gradient, and what must leave it as it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from deepblend.engine.network.moments import moments
from deepblend.engine.repainting import losses
from loss_cases import AREA, HEIGHT, MASK, WIDTH, random


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


def inputs() -> dict[str, tuple]:
    """Each loss as a function of what is optimised, and where; by name."""
    target, start = covariance(4), covariance(5)
    return {
        "style": (
            lambda f: losses.style(moments(f, MASK).covariance, target, start),
            random(1, 4, HEIGHT, WIDTH, seed=6),
        ),
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


@pytest.mark.parametrize("pad", [0, 13])
def test_neither_the_pictures_size_nor_the_masks_area_matters(pad):
    """The same object four times over, on a larger ground."""
    features, target, start = random(1, 4, HEIGHT, WIDTH, seed=6), covariance(4), covariance(5)

    def four(array: torch.Tensor) -> torch.Tensor:
        return F.pad(array.tile(1, 1, 2, 2), (pad, pad, pad, pad))

    once, larger = (
        float(losses.style(moments(f, mask).covariance, target, start))
        for f, mask in ((features, MASK), (four(features), four(MASK)))
    )
    assert larger == pytest.approx(once, rel=1e-6)
