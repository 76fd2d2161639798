"""An object's tones and colours, given back to what has been painted of it."""

from __future__ import annotations

import pytest
import torch
from deepblend.engine.colour import luma
from deepblend.engine.repainting.octaves import gauss
from deepblend.engine.repainting.tones import given_back


def smooth(seed: int, side: int = 64, channels: int = 3) -> torch.Tensor:
    coarse = 128 + 60 * torch.randn(1, channels, 3, 3, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, size=(side, side), mode="bicubic")


def omega(side: int = 64) -> torch.Tensor:
    inside = torch.zeros(1, 1, side, side)
    inside[..., side // 8 : -side // 8, side // 4 : -side // 8] = 1
    return inside


def strokes(side: int = 64) -> torch.Tensor:
    """Lines two pixels wide, 30 levels lighter and darker."""
    rows = torch.arange(side) // 2 % 2
    return (30.0 * (1 - 2 * rows))[None, None, :, None].expand(1, 3, side, side)


def test_a_picture_in_other_tones_comes_back_to_the_objects():
    own, inside = smooth(1), omega()
    painted = own + 40 * inside
    result = given_back(painted, own, inside, 1.0, 1.0)
    torch.testing.assert_close(result * inside, own * inside, atol=0.01, rtol=0)


def test_strokes_stay_and_the_tones_under_them_are_the_objects():
    own, inside = smooth(1), omega()
    painted = 0.6 * smooth(2) + strokes()
    result = given_back(painted, own, inside, 1.0, 0.5)
    deep = (gauss(inside, 4.0) > 0.99).float()
    before, after = (gauss(luma(image - own), 6.0) * deep for image in (painted, result))
    assert float(after.abs().max()) < 0.25 * float(before.abs().max())
    fine = [(image - gauss(image, 1.5)) * deep for image in (strokes(), result)]
    assert float((fine[0] - fine[1]).abs().max()) < 3


def test_outside_omega_nothing_is_changed_and_nothing_leaks_in():
    own, inside = smooth(1), omega()
    painted = smooth(2)
    results = [given_back(torch.where(inside > 0, painted, beyond), own, inside, 1.0, 1.0) for beyond in (0.0, 10000.0)]
    assert torch.equal(results[0] * inside, results[1] * inside)
    assert bool((results[1][(inside == 0).expand_as(own)] == 10000).all())


def test_part_of_it_is_given_back():
    own, inside, painted = smooth(1), omega(), smooth(2)
    whole, half, none = (given_back(painted, own, inside, part, 1.0) for part in (1.0, 0.5, 0.0))
    torch.testing.assert_close(half, (painted + whole) / 2)
    assert torch.equal(none, painted)


def test_gray_is_what_every_channel_of_gray_is():
    own, painted = (smooth(seed, channels=1) for seed in (1, 2))
    gray = given_back(painted, own, omega(), 1.0, 1.0)
    coloured = given_back(painted.expand(1, 3, -1, -1), own.expand(1, 3, -1, -1), omega(), 1.0, 1.0)
    torch.testing.assert_close(coloured, gray.expand_as(coloured), atol=1e-3, rtol=0)


@pytest.mark.parametrize("side", [1, 3, 8])
def test_the_smallest_pictures(side):
    own, painted = (smooth(seed, side) for seed in (1, 2))
    assert torch.isfinite(given_back(painted, own, torch.ones(1, 1, side, side), 1.0, 1.0)).all()
