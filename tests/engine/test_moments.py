"""Moments of features against plain NumPy, their gradients, and in parts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from deepblend.engine.network import moments as module
from deepblend.engine.network.moments import moments, sums
from loss_cases import AREA, HEIGHT, MASK, WIDTH, random


def moments_by_definition(features: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and covariance, pixel by pixel."""
    flat, w = features.reshape(len(features), -1), weight.ravel() / weight.sum()
    mean = sum(w[i] * flat[:, i] for i in range(w.size))
    covariance = sum(w[i] * np.outer(flat[:, i] - mean, flat[:, i] - mean) for i in range(w.size))
    return np.asarray(mean), np.asarray(covariance)


def test_moments_are_the_weighted_mean_and_covariance():
    features = random(1, 5, HEIGHT, WIDTH) + 3
    found = moments(features, MASK)
    mean, covariance = moments_by_definition(features[0].numpy(), MASK[0, 0].numpy())
    assert found.mean.shape == (5, 1)
    np.testing.assert_allclose(found.mean[:, 0], mean)
    np.testing.assert_allclose(found.covariance, covariance, atol=1e-12)


def test_texture_is_blind_to_a_features_mean_but_not_to_its_strength():
    features = random(1, 4, HEIGHT, WIDTH)
    plain = moments(features, MASK)
    lifted = moments(features + torch.tensor([5.0, -3, 0, 100]).view(1, 4, 1, 1), MASK)
    stronger = moments(2 * features, MASK)
    np.testing.assert_allclose(lifted.covariance, plain.covariance, atol=1e-9)
    np.testing.assert_allclose(lifted.mean - plain.mean, [[5], [-3], [0], [100]])
    np.testing.assert_allclose(stronger.covariance, 4 * plain.covariance)


def test_moments_see_nothing_outside_the_weight():
    features = random(1, 4, HEIGHT, WIDTH)
    other = torch.where(MASK > 0, features, 1e3 * random(1, 4, HEIGHT, WIDTH, seed=9))
    for one, two in zip(moments(features, MASK), moments(other, MASK), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("which", ["mean", "covariance"])
def test_each_gradient_is_the_difference_quotients(which):
    features = random(1, 4, HEIGHT, WIDTH, seed=6).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda f: getattr(moments(f, MASK), which), features, fast_mode=True)


def test_the_sums_of_two_halves_together_are_those_of_the_whole():
    features = random(1, 5, HEIGHT, WIDTH)
    left, right = (sums(features[..., part], MASK[..., part]) for part in (slice(0, 9), slice(9, None)))
    for one, other in zip(left.plus(right).moments(AREA), moments(features, MASK), strict=True):
        torch.testing.assert_close(one, other)


def test_more_pixels_than_are_held_at_once_change_nothing(monkeypatch):
    features, weight = random(1, 3, 264, 40).float(), random(1, 1, 264, 40, seed=2).float().sigmoid()
    leaf = features.clone().requires_grad_(True)
    whole = moments(leaf, weight)
    (gradient,) = torch.autograd.grad(whole.covariance.square().sum() + whole.mean.sum(), leaf)
    monkeypatch.setattr(module, "_AT_A_TIME", 1000)
    again = moments(leaf, weight)
    (other,) = torch.autograd.grad(again.covariance.square().sum() + again.mean.sum(), leaf)
    for one, two in zip(whole, again, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(gradient, other, rtol=1e-5, atol=1e-9)


def test_bfloat16_features_are_summed_in_the_weights_type():
    features = random(1, 4, HEIGHT, WIDTH).bfloat16()
    exact = moments(features.double(), MASK)
    for found, expected in zip(moments(features, MASK.float()), exact, strict=True):
        assert found.dtype == torch.float32
        torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-5)
