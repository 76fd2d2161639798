"""Octaves of detail: the blur, what is strong, what a painting gives, and colour that follows light."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from deepblend.engine.colour import luma
from deepblend.engine.repainting import octaves
from deepblend.engine.repainting.octaves import PaintedOctave, enlarged, gauss, octave, strong_detail
from perceptual_cases import ended
from scipy import ndimage


def strokes(scenes, height: int = 96, width: int = 112, seed: int = 1) -> torch.Tensor:
    """A painting, (1, 3, height, width), levels."""
    return torch.from_numpy(255 * scenes.painting(height, width, seed)).permute(2, 0, 1)[None].float().contiguous()


def ones(picture: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(picture[:, :1])


def likeness(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(np.corrcoef(one.flatten(), other.flatten())[0, 1])


@pytest.mark.parametrize("sigma", [0.5, 1.0, 3.0, 8.0])
def test_the_blur_is_scipys(scenes, sigma):
    picture = strokes(scenes, 40, 52)
    expected = [ndimage.gaussian_filter(c.numpy(), sigma, mode="nearest", truncate=3) for c in picture[0].double()]
    np.testing.assert_allclose(gauss(picture, sigma)[0], expected, atol=0.01)


def test_a_blur_of_next_to_nothing_is_none(scenes):
    picture = strokes(scenes)
    assert gauss(picture, 0.2) is picture


def test_a_blur_wider_than_the_picture_is_its_borders_continued():
    flat = torch.full((1, 2, 3, 200), 7.0)
    torch.testing.assert_close(gauss(flat, 8.0), flat)


def test_an_octave_is_what_halving_loses(scenes):
    picture = strokes(scenes)
    detail = octave(picture)
    assert detail.abs().mean() > 1
    torch.testing.assert_close(detail + enlarged(F.avg_pool2d(picture, 2)), picture)
    smooth = gauss(picture, 4)
    assert octave(smooth).abs().mean() < 0.1 * detail.abs().mean()


def test_an_octave_has_little_mean_over_a_pixel_of_the_coarser_picture(scenes):
    """What it has is what a cubic enlargement blurs: it grows with the picture's finest detail."""
    smooth = gauss(strokes(scenes), 1.5)
    assert F.avg_pool2d(octave(smooth), 2).abs().mean() < 1  # levels; of a picture of 255
    sharp = octave(strokes(scenes))
    assert F.avg_pool2d(sharp, 2).abs().mean() < 0.6 * sharp.abs().mean()


# Strong detail


def object_with_an_edge() -> torch.Tensor:
    """Dark and bright, with a grain of 1 level."""
    grain = torch.randn(1, 1, 64, 80, generator=torch.Generator().manual_seed(1))
    picture = torch.full((1, 3, 64, 80), 60.0)
    picture[..., 41:] = 190
    return picture + grain


def test_strong_detail_keeps_an_edge_and_drops_grain(scenes):
    picture, painting = object_with_an_edge(), strokes(scenes)
    kept, detail = strong_detail(picture, painting, ones(painting)), octave(picture)
    assert kept.shape == picture.shape
    edge, grain = (..., slice(40, 42)), (..., slice(0, 30))
    assert (kept - detail)[edge].abs().max() < 0.2 * detail[edge].abs().max()
    assert kept[grain].square().mean() < 0.01 * detail[grain].square().mean()


def test_what_is_strong_depends_on_the_painting(scenes):
    """The same detail counts on a quiet ground and does not on a busy one."""
    picture, busy = object_with_an_edge(), strokes(scenes)
    quiet = 128 + 0.05 * (busy - 128)
    grain = [strong_detail(picture, some, ones(some))[..., :30].abs().mean() for some in (busy, quiet)]
    assert grain[1] > 10 * grain[0]


def test_only_what_of_the_painting_has_weight_counts(scenes):
    picture, painting = object_with_an_edge(), strokes(scenes)
    garbled = painting.clone()
    garbled[..., 40:] = 255 * torch.rand(1, 3, 96, 72, generator=torch.Generator().manual_seed(3))
    weight = ones(painting)
    weight[..., 28:] = 0  # as far as the blur of its energy reaches
    one, other = (strong_detail(picture, some, weight) for some in (painting, garbled))
    torch.testing.assert_close(one, other)


def test_where_there_is_no_painting_all_detail_stays(scenes):
    picture, painting = object_with_an_edge(), strokes(scenes)
    nowhere = torch.zeros_like(ones(painting))
    torch.testing.assert_close(strong_detail(picture, painting, nowhere), octave(picture))


# The painting's octave


def painted_octave(fine: torch.Tensor) -> PaintedOctave:
    coarse = F.avg_pool2d(fine, 2)
    return PaintedOctave(coarse, fine, ones(coarse))


def test_a_painting_gets_most_of_its_own_finest_octave_back(scenes):
    fine = strokes(scenes, 160, 192)
    found = ended(painted_octave(fine).of(F.avg_pool2d(fine, 2)))
    assert found.shape == fine.shape
    assert likeness(found, octave(fine)) > 0.9


def test_another_part_of_the_painting_gets_an_octave_as_strong(scenes):
    fine = strokes(scenes, 160, 320)
    shown, other = fine[..., :160], fine[..., 160:]
    found, own = ended(painted_octave(shown).of(F.avg_pool2d(other, 2))), octave(other)
    assert 0.5 < float(found.std() / own.std()) < 1.2


def test_a_weak_place_gets_weak_strokes(scenes):
    fine = strokes(scenes, 160, 192)
    made, coarse = painted_octave(fine), F.avg_pool2d(fine, 2)
    mean = coarse.mean((2, 3), keepdim=True)
    found = [ended(made.of(one)) for one in (coarse, mean + 0.1 * (coarse - mean))]
    assert found[1].std() < 0.6 * found[0].std()


def test_gray_gets_a_gray_octave(scenes):
    fine = luma(strokes(scenes))
    found = ended(painted_octave(fine).of(F.avg_pool2d(fine, 2)))
    assert found.shape == fine.shape
    assert likeness(found, octave(fine)) > 0.9


def test_rows_at_a_time_are_all_at_once_but_for_rounding(scenes, monkeypatch):
    fine, picture = strokes(scenes, 128, 128), F.avg_pool2d(strokes(scenes, 96, 112, seed=7), 2)
    made = painted_octave(fine)
    whole = ended(made.of(picture))
    monkeypatch.setattr(octaves, "_ROWS", 8 * picture.shape[-1])
    work = made.of(picture)
    told = [next(work), next(work)]
    in_parts = ended(work)
    assert 0 < told[0] < told[1] < 1
    apart = (whole - in_parts).abs()
    assert (apart > 1e-3).float().mean() < 0.01  # where rounding decides between two
    assert apart.mean() < 0.02


def test_a_part_is_what_it_is_of_all_and_little_more_is_looked_for(scenes, monkeypatch):
    fine, picture = strokes(scenes, 128, 128), F.avg_pool2d(strokes(scenes, 96, 112, seed=7), 2)
    made = painted_octave(fine)
    whole = ended(made.of(picture))
    described, seen, nearest, asked = octaves._described, [], made._keys.nearest, []
    monkeypatch.setattr(octaves, "_described", lambda shown: seen.append(shown.shape[-2:]) or described(shown))
    monkeypatch.setattr(made._keys, "nearest", lambda query: asked.append(query.shape[1]) or nearest(query))
    wanted = torch.zeros(1, 1, *picture.shape[-2:])
    wanted[0, 0, 20, 0:30] = wanted[0, 0, 22, 10] = 1
    part = ended(made.of(picture, wanted))
    assert seen == [(11, 34)]
    assert asked == [3 * 31 + 2 * 3]  # all around each, too: what is laid down there reaches in
    inside = F.interpolate(wanted, scale_factor=2)[0, 0] > 0
    assert ((part - whole)[..., inside].abs() > 1e-3).float().mean() < 0.01  # where rounding decides between two
    part[..., 40:46, 0:60] = 0
    assert not part.any()
    assert not ended(made.of(picture, torch.zeros_like(wanted))).any()


def test_more_patches_than_are_looked_through_are_the_same_some_each_time(scenes, monkeypatch):
    fine = strokes(scenes)
    monkeypatch.setattr(octaves, "_KEYS", 300)
    coarse = F.avg_pool2d(fine, 2)
    one, other = (ended(painted_octave(fine).of(coarse)) for _ in range(2))
    assert torch.equal(one, other)
    assert likeness(one, octave(fine)) > 0.3


def test_what_of_the_painting_has_no_weight_is_not_laid_down(scenes):
    fine = strokes(scenes, 128, 160)
    coarse = F.avg_pool2d(fine, 2)
    weight = ones(coarse)
    weight[..., 40:] = 0
    hidden = torch.where(F.interpolate(weight, scale_factor=2) > 0, fine, torch.tensor(255.0))
    some = (ended(PaintedOctave(F.avg_pool2d(image, 2), image, weight).of(coarse)) for image in (fine, hidden))
    one, other = some
    assert likeness(one, other) > 0.95  # the blur of its colour looks one pixel further than a neighbourhood


@pytest.mark.parametrize("size", [(2, 2), (2, 40), (8, 8)])
def test_a_painting_of_a_few_pixels_gives_a_finite_octave(scenes, size):
    fine = strokes(scenes)[..., : size[0], : size[1]]
    assert torch.isfinite(ended(painted_octave(fine).of(F.avg_pool2d(strokes(scenes), 2))).all())
