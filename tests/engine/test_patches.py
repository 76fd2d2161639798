"""Patches of paint: what has been painted, laid anew with the painting's own brushwork."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from deepblend.engine.colour import luma
from deepblend.engine.repainting import patches
from deepblend.engine.repainting.octaves import gauss
from deepblend.engine.repainting.patches import laid

SIDE = 96
EVERYWHERE = torch.ones(1, 1, SIDE, SIDE)


def noise(seed: int, strength: float, side: int = SIDE, channels: int = 3) -> torch.Tensor:
    grain = torch.randn(1, 1, side, side, generator=torch.Generator().manual_seed(seed))
    return strength * grain.expand(1, channels, side, side)


def hatched(angle: float, side: int = SIDE) -> torch.Tensor:
    """Crisp parallel strokes about 128, 8 pixels wide, each of its own darkness."""
    y, x = torch.meshgrid(*[torch.arange(float(side))] * 2, indexing="ij")
    across = np.cos(angle) * x + np.sin(angle) * y
    darkness = torch.rand(200, generator=torch.Generator().manual_seed(1))
    return (88 + 80 * darkness[(across / 8).floor().long() + 60]).expand(1, 3, side, side)


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other)[..., 8:-8, 8:-8].square().mean().sqrt())


def test_torn_strokes_are_whole_again_by_a_painting_that_has_them():
    painting = hatched(0.5, 160)
    strokes = painting[..., 40 : 40 + SIDE, 30 : 30 + SIDE]
    torn = strokes + noise(1, 5.0)
    result = laid(torn, painting, torch.ones(1, 1, 160, 160), EVERYWHERE)
    assert apart(result, strokes) < 0.6 * apart(torn, strokes)


def test_what_the_painting_has_nothing_like_stays_as_it_is():
    word = 128 + 60 * torch.sign(torch.sin(torch.arange(float(SIDE)) * 1.3)).expand(1, 3, SIDE, SIDE)
    across = hatched(np.pi / 2)
    assert apart(laid(word, across, EVERYWHERE, EVERYWHERE), word) < 2


def test_colours_and_tones_stay_and_the_detail_is_the_paintings():
    flat = torch.tensor([180.0, 90.0, 60.0]).view(1, 3, 1, 1).expand(1, 3, SIDE, SIDE)
    painting = 70 + noise(2, 1.5)
    result = laid(flat, painting, EVERYWHERE, EVERYWHERE)
    assert (gauss(result - flat, 6.0).abs() < 1).all()
    assert 0.7 < float(luma(result).std()) < 2.0  # what is smooth is like what is faintly grained


def test_only_what_is_all_painting_is_taken():
    painting = 128 + noise(2, 2.0)
    painting[..., :40] += noise(3, 30.0)[..., :40]
    weight = torch.ones(1, 1, SIDE, SIDE)
    weight[..., :40] = 0
    smooth = torch.full((1, 3, SIDE, SIDE), 128.0)
    assert float(laid(smooth, painting, weight, EVERYWHERE).std()) < 2.5


@pytest.mark.parametrize("channels", [1, 3])
def test_outside_omega_nothing_changes(channels):
    inside = torch.zeros(1, 1, SIDE, SIDE)
    inside[..., 20:-30, 25:-20] = 1
    painted = 128 + noise(1, 1.0, channels=channels)
    result = laid(painted, 128 + noise(2, 1.0, channels=channels), EVERYWHERE, inside)
    change = result - painted
    assert not change[(inside == 0).expand_as(change)].any()
    assert change[..., 20:-30, 25:-20].abs().mean() > 0.5


def test_without_a_painting_or_an_object_it_stays_as_it_is():
    painted = noise(1, 10.0) + 128
    assert torch.equal(laid(painted, painted + noise(2, 9.0), 0 * EVERYWHERE, EVERYWHERE), painted)
    assert torch.equal(laid(painted, painted + noise(2, 9.0), EVERYWHERE, 0 * EVERYWHERE), painted)


def test_a_painting_smaller_than_a_patch_and_a_pixel_are_no_error():
    one = torch.full((1, 3, 1, 1), 128.0)
    assert torch.isfinite(laid(one, 128 + noise(2, 9.0), EVERYWHERE, torch.ones(1, 1, 1, 1))).all()
    assert torch.equal(laid(one, one, torch.ones(1, 1, 1, 1), torch.ones(1, 1, 1, 1)), one)
    small = 128 + noise(2, 9.0, 12)  # larger than the smallest patches alone
    assert torch.isfinite(laid(128 + noise(1, 9.0), small, torch.ones(1, 1, 12, 12), EVERYWHERE)).all()


def test_more_patches_than_are_looked_through_are_the_same_some_each_time(monkeypatch):
    monkeypatch.setattr(patches, "_KEYS", 200)
    painted, painting = 128 + noise(1, 5.0), 128 + noise(2, 5.0)
    one, other = (laid(painted, painting, EVERYWHERE, EVERYWHERE) for _ in range(2))
    assert torch.equal(one, other)
    assert not torch.equal(one, painted)
