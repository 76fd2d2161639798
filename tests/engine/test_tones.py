"""An object's tones and colours, given back to what has been painted of it."""

from __future__ import annotations

import pytest
import torch
from deepblend.engine.colour import luma
from deepblend.engine.repainting.octaves import gauss
from deepblend.engine.repainting.tones import FARTHEST, Tones


def given_back(painted: torch.Tensor, own: torch.Tensor, inside: torch.Tensor, part: float, pixel: float, known=None):
    return Tones(own, inside, part, part if known is None else known, pixel).given_back(painted)


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
    own, inside = smooth(1, 256), omega(256)
    painted = 0.6 * smooth(2, 256) + strokes(256)
    result = given_back(painted, own, inside, 1.0, 1.0)
    deep = (gauss(inside, 12.0) > 0.99).float()
    before, after = (gauss(luma(image - own), 20.0) * deep for image in (painted, result))
    assert float(after.abs().max()) < 0.3 * float(before.abs().max())
    fine = [(image - gauss(image, 3.0)) * deep for image in (strokes(256), result)]
    assert float((fine[0] - fine[1]).abs().mean()) < 0.2 * float(fine[0].abs().mean())


def test_what_the_object_shows_stays_legible_and_strokes_stay_beside_it():
    """A dark bar, six pixels wide, of which nothing was painted."""
    own, inside = torch.full((1, 3, 192, 192), 160.0), omega(192)
    own[..., 90:96, :] = 60
    painted = torch.full_like(own, 160.0) + 0.5 * strokes(192)
    result = given_back(painted, own, inside, 1.0, 1.0)
    rows = luma(result)[0, 0, :, 100]
    assert float(rows[92:94].mean()) < float(rows[60:64].mean()) - 40
    far = (luma(result) - luma(own))[0, 0, 50:70, 80:120]
    assert float(far.abs().mean()) > 10


def test_bold_stripes_are_structure_though_they_are_everywhere():
    inside = omega(256)
    wave = torch.sin(torch.arange(256.0) * 2 * torch.pi / 10).expand(1, 3, 256, 256)
    deep = (gauss(inside, 12.0) > 0.99).expand_as(wave)

    def left(levels: float) -> float:
        """Of stripes so strong, of which nothing was painted."""
        result = given_back(torch.full_like(wave, 128.0), 128 + levels * wave, inside, 1.0, 1.0)
        return float(((result - 128) * wave)[deep].sum() / wave[deep].square().sum() / levels)

    assert left(60.0) > 1.35 * left(6.0) > 0


def test_nothing_becomes_quite_another_thing():
    own, inside = torch.full((1, 3, 64, 64), 128.0), omega()
    painted = own.clone()
    painted[:, 2, 30:33, 30:33] = 900
    result = given_back(painted, own, inside, 1.0, 1.0) - own
    light = luma(result)
    assert float(light.abs().max()) <= FARTHEST[0]
    assert float((result - light).norm(dim=1).max()) <= FARTHEST[1] + 1
    free = given_back(painted, own, inside, 0.0, 1.0)
    torch.testing.assert_close(free, painted, atol=1e-3, rtol=0)


@pytest.mark.parametrize("colour", [(60.0, 60.0, 60.0), (40.0, -20.0, 10.0)], ids=["lighter", "of another colour"])
def test_a_wide_patch_of_another_thing_is_made_less_and_strokes_stay(colour):
    own, inside = smooth(1, 128), omega(128)
    patch = torch.zeros_like(own)
    patch[..., 50:74, 60:84] = torch.tensor(colour).view(3, 1, 1)

    def held(part: float) -> torch.Tensor:
        painted = own + patch + strokes(128) * inside
        return Tones(own, inside, part, part, 1.0).wide_held(painted) - own

    def of_patch(change: torch.Tensor) -> float:
        there = change[..., 56:68, 66:78]
        return float(there.mean((2, 3)).norm())

    whole, part = held(1.0), held(0.3)
    assert of_patch(whole) < 0.5 * of_patch(patch) and of_patch(whole) < of_patch(part) < 0.9 * of_patch(patch)
    fine = luma(whole - gauss(whole, 3.0))[..., 20:108, 40:104].abs().mean()
    assert fine > 0.9 * (strokes(128) - gauss(strokes(128), 3.0))[..., 20:108, 40:104].abs().mean()
    assert torch.equal(whole * (1 - inside), patch * (1 - inside))


def test_outside_omega_nothing_is_changed_and_nothing_leaks_in():
    own, inside = smooth(1), omega()
    painted = smooth(2)
    results = [given_back(torch.where(inside > 0, painted, beyond), own, inside, 1.0, 1.0) for beyond in (0.0, 10000.0)]
    assert torch.equal(results[0] * inside, results[1] * inside)
    assert bool((results[1][(inside == 0).expand_as(own)] == 10000).all())


def test_part_of_it_is_given_back():
    own, inside, painted = smooth(1), omega(), smooth(2)
    far = [
        float((gauss(luma(given_back(painted, own, inside, part, 1.0) - own), 4.0) * inside).abs().mean())
        for part in (1.0, 0.5, 0.0)
    ]
    assert far[0] < 0.75 * far[1] < 0.75 * 0.9 * far[2]


def test_vivid_colours_come_back_where_grayish_ones_do_not():
    """Stripes of six pixels, too narrow for what is given back of a colour that is hardly one."""
    inside, rows = omega(), torch.arange(64) // 6 % 2
    stripes = (rows * 2.0 - 1)[None, None, :, None] * torch.tensor([1.0, 0.0, -1.0])[None, :, None, None]
    left = []
    for strength in (8.0, 90.0):
        own = (128 + strength * stripes).expand(1, 3, 64, 64)
        gray = luma(own).expand(1, 3, 64, 64)
        result = given_back(gray, own, inside, 0.3, 1.0, known=1.0)
        chroma = [((image - luma(image)) * inside).square().sum().sqrt() for image in (result, own)]
        left.append(float(chroma[0] / chroma[1]))
    assert left[0] < 0.15
    assert left[1] > 0.3


def test_gray_is_what_every_channel_of_gray_is():
    own, painted = (smooth(seed, channels=1) for seed in (1, 2))
    gray = given_back(painted, own, omega(), 1.0, 1.0)
    coloured = given_back(painted.expand(1, 3, -1, -1), own.expand(1, 3, -1, -1), omega(), 1.0, 1.0)
    torch.testing.assert_close(coloured, gray.expand_as(coloured), atol=1e-3, rtol=0)


@pytest.mark.parametrize("side", [1, 3, 8])
def test_the_smallest_pictures(side):
    own, painted = (smooth(seed, side) for seed in (1, 2))
    assert torch.isfinite(given_back(painted, own, torch.ones(1, 1, side, side), 1.0, 1.0)).all()
