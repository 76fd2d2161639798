"""Strokes as strong, place by place, as a painting's are."""

from __future__ import annotations

import torch
from deepblend.engine.repainting.curves import interpolated, quantiles
from deepblend.engine.repainting.octaves import gauss
from deepblend.engine.repainting.strength import Strength
from deepblend.engine.repainting.strokes import Found, as_strong, boldness

SIDE = 256  # what counts as large


def noise(seed: int, strength: torch.Tensor | float) -> torch.Tensor:
    """Gray noise about 128, (1, 3, SIDE, SIDE)."""
    grain = torch.randn(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))
    return (128 + strength * grain).expand(1, 3, SIDE, SIDE)


def halves(left: float, right: float) -> torch.Tensor:
    strength = torch.full((1, 1, SIDE, SIDE), left)
    strength[..., SIDE // 2 :] = right
    return strength


def spread(picture: torch.Tensor, columns: slice) -> float:
    fine = picture - gauss(picture, 2.0)
    return float(fine[..., 8:-8, columns].std())


LEFT, RIGHT = slice(8, SIDE // 2 - 12), slice(SIDE // 2 + 12, SIDE - 8)
EVERYWHERE = torch.ones(1, 1, SIDE, SIDE)
FLAT = torch.full((1, 3, SIDE, SIDE), 128.0)
SPARED = Strength(1.0, 1.0, 0.0)


def test_grain_of_one_strength_becomes_calm_and_strong_as_the_paintings():
    painted, painting = noise(1, halves(9.0, 11.0)), noise(2, halves(3.0, 14.0))
    result = as_strong(painted, FLAT, painting, EVERYWHERE, EVERYWHERE, SPARED)
    assert spread(painted, LEFT) > 0.7 * spread(painted, RIGHT)
    assert spread(result, LEFT) < 0.6 * spread(result, RIGHT)
    assert spread(result, LEFT) < 0.8 * spread(painted, LEFT)
    assert spread(result, RIGHT) > spread(painted, RIGHT)


def test_a_picture_of_the_paintings_own_strength_stays_as_it_is():
    painted, painting = noise(1, halves(3.0, 12.0)), noise(2, halves(3.0, 12.0))
    result = as_strong(painted, FLAT, painting, EVERYWHERE, EVERYWHERE, SPARED)
    assert float((result - painted).abs().mean()) < 0.15 * float((painted - 128).abs().mean())


def test_what_follows_the_objects_lines_is_kept_and_the_rest_calmed():
    lines, mottled = (12 * gauss(noise(seed, 20.0) - 128, 3.0) for seed in (1, 3))
    calm = noise(2, 2.0)

    def parts(own: torch.Tensor, spared: float) -> torch.Tensor:
        """How much of the lines and of the rest is left, by a regression."""
        result = as_strong(128 + lines + mottled, own, calm, EVERYWHERE, EVERYWHERE, Strength(spared, 1.0, 0.0))
        each = torch.stack([a[0, 0, 8:-8, 8:-8].flatten() for a in (lines, mottled, EVERYWHERE)], 1)
        return torch.linalg.lstsq(each, result[0, 0, 8:-8, 8:-8].flatten()[:, None]).solution[:2, 0]

    kept, half, unknown = parts(128 + lines, 1.0), parts(128 + lines, 0.5), parts(FLAT, 1.0)
    assert kept[0] > 0.8 and kept[1] < 0.6 * kept[0]
    assert unknown[0] < 0.7 * kept[0]
    assert unknown[0] < half[0] < kept[0]


def test_of_the_objects_lines_the_finest_are_weakened_most():
    fine, wide = noise(1, 20.0), 128 + 12 * gauss(noise(1, 20.0) - 128, 3.0)
    left = [
        spread(as_strong(own, own, noise(2, 2.0), EVERYWHERE, EVERYWHERE, SPARED), RIGHT) / spread(own, RIGHT)
        for own in (fine, wide)
    ]
    assert left[0] < 0.6 < 0.8 < left[1]


def test_the_smaller_an_object_the_finer_are_the_lines_that_it_keeps():
    lines, calm = 128 + 3 * gauss(noise(1, 20.0) - 128, 1.0), noise(2, 1.0)

    def left(side: int) -> float:
        object_ = torch.zeros_like(EVERYWHERE)
        object_[..., :side, :side] = 1
        result = as_strong(lines, lines, calm, EVERYWHERE, object_, SPARED)
        return float((result - gauss(result, 2.0))[..., 8:48, 8:48].std())

    small, middling, large, whole = (left(side) for side in (64, 128, 250, SIDE))
    assert small > 1.05 * middling > 1.15 * large
    assert abs(whole - large) < 0.05 * large


def test_what_is_coarse_is_spared_where_the_painting_is_calm_and_what_is_fine_is_not():
    mottled, calm = 128 + 12 * gauss(noise(1, 20.0) - 128, 3.0), noise(2, 2.0)
    grain = noise(3, 9.0) - 128

    def left(strength: Strength) -> list[float]:
        """How much of the mottle and of the grain is left, by a regression."""
        result = as_strong(mottled + grain, FLAT, calm, EVERYWHERE, EVERYWHERE, strength)
        each = torch.stack([a[0, 0, 8:-8, 8:-8].flatten() for a in (mottled - 128, grain, EVERYWHERE)], 1)
        return torch.linalg.lstsq(each, result[0, 0, 8:-8, 8:-8].flatten()[:, None]).solution[:2, 0].tolist()

    spared, half, weakened = (left(Strength(1.0, 1.0, 0.0, calm)) for calm in (1.0, 0.5, 0.0))
    assert spared[0] > half[0] > weakened[0] and spared[0] > 1.5 * weakened[0]
    assert spared[1] < 0.5


def test_what_is_coarse_is_neither_faded_nor_made_stronger_much():
    """Though the painting be calm, or all of it as strong as its strongest place."""
    coarse = 128 + 30 * gauss(noise(1, 20.0) - 128, 8.0)

    def change(painting: torch.Tensor) -> float:
        result = as_strong(coarse, FLAT, painting, EVERYWHERE, EVERYWHERE, SPARED)
        return float(result[..., 16:-16, 16:-16].std() / coarse[..., 16:-16, 16:-16].std())

    assert 0.4 < change(noise(2, 1.0)) < 0.8
    assert 0.95 < change(128 + 90 * gauss(noise(2, 20.0) - 128, 8.0)) < 1.25


def found_in(columns: slice) -> Found:
    """A grid over the object, of half as many places, each found somewhere in these columns of the painting."""
    generator = torch.Generator().manual_seed(4)
    rows = torch.randint(8, SIDE - 8, (SIDE // 2, SIDE // 2), generator=generator)
    beside = torch.randint(columns.start, columns.stop, (SIDE // 2, SIDE // 2), generator=generator)
    return Found(torch.stack([rows, beside], -1), torch.ones(SIDE // 2, SIDE // 2, dtype=torch.bool))


def test_in_a_calm_painting_strokes_are_as_strong_as_where_the_object_was_found():
    painted, own, painting = noise(1, 9.0), noise(3, 9.0), noise(2, halves(2.0, 14.0))

    def left(found: Found | None, calm: float, own: torch.Tensor = own) -> float:
        strength = Strength(1.0, 1.0, 0.0, calm)
        return spread(as_strong(painted, own, painting, EVERYWHERE, EVERYWHERE, strength, found), slice(8, SIDE - 8))

    quiet, strong = (found_in(columns) for columns in (LEFT, RIGHT))
    assert left(quiet, 1.0) < 0.6 * left(strong, 1.0)
    assert left(quiet, 1.0) < left(quiet, 0.5) < left(None, 1.0)
    # No stronger than the object or all of the painting is: strokes do not grow on what is smooth.
    assert left(strong, 1.0, FLAT) <= 1.02 * left(None, 1.0, FLAT) < left(strong, 1.0)
    assert left(strong, 0.0) == left(quiet, 0.0) == left(None, 0.0)


def test_nothing_found_is_as_if_it_had_not_been_looked_for():
    calm, nowhere, beyond = Strength(1.0, 1.0, 0.0, 1.0), found_in(LEFT), found_in(slice(SIDE, 2 * SIDE))
    nowhere.there[:] = False
    one, other, without = (
        as_strong(noise(1, 9.0), FLAT, noise(2, 3.0), EVERYWHERE, EVERYWHERE, calm, found)
        for found in (nowhere, beyond, None)
    )
    assert torch.equal(one, without)
    assert torch.equal(other, without)


def test_bold_strokes_are_told_from_faint_ones_and_from_wide_forms():
    forms = 128 + 60 * torch.sin(torch.arange(float(SIDE)) / 20).expand(1, 3, SIDE, SIDE)
    faint, usual, bold = (boldness(forms + noise(1, strength) - 128, EVERYWHERE) for strength in (0.5, 7.0, 25.0))
    assert 0 < faint < 0.05 < 0.3 < usual < 0.7 < 0.85 < bold < 1
    assert boldness(forms, EVERYWHERE) < 0.05
    left = torch.zeros_like(EVERYWHERE)
    left[..., : SIDE // 2] = 1
    assert boldness(noise(1, halves(1.0, 30.0)), left) < 0.1  # where its weight is
    assert boldness(forms, 0 * EVERYWHERE) == 0


def test_outside_omega_nothing_changes_and_the_colour_stays():
    inside = torch.zeros(1, 1, SIDE, SIDE)
    inside[..., 20:-20, 20:-20] = 1
    painted = noise(1, 10.0) + torch.tensor([20.0, 0.0, -20.0]).view(1, 3, 1, 1)
    result = as_strong(painted, FLAT, noise(2, 30.0), EVERYWHERE, inside, SPARED)
    change = result - painted
    assert not change[(inside == 0).expand_as(change)].any()
    assert change.abs().max() > 1
    torch.testing.assert_close(change, change[:, :1].expand_as(change), atol=1e-4, rtol=0)


def test_without_a_painting_or_an_object_it_stays_as_it_is():
    painted = noise(1, 10.0)
    assert torch.equal(as_strong(painted, FLAT, noise(2, 30.0), 0 * EVERYWHERE, EVERYWHERE, SPARED), painted)
    assert torch.equal(as_strong(painted, FLAT, noise(2, 30.0), EVERYWHERE, 0 * EVERYWHERE, SPARED), painted)


def test_a_flat_painting_and_the_smallest_pictures_are_no_division_by_zero():
    assert torch.isfinite(as_strong(FLAT, FLAT, FLAT, EVERYWHERE, EVERYWHERE, SPARED)).all()
    one, there = FLAT[..., :1, :1], EVERYWHERE[..., :1, :1]
    assert torch.isfinite(as_strong(one, one, one, there, there, SPARED)).all()


def test_quantiles_are_those_of_what_is_there_and_curves_end_where_they_end():
    values = torch.arange(10.0)
    places = torch.tensor([0.0, 0.5, 1.0])
    torch.testing.assert_close(quantiles(values, values < 5, places), torch.tensor([0.0, 2.0, 4.0]))
    many = torch.linspace(0, 1, 10**6)
    torch.testing.assert_close(quantiles(many, many >= 0, places), places, atol=1e-4, rtol=0)
    x, y = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([10.0, 20.0, 0.0])
    at = torch.tensor([0.0, 1.5, 3.0, 9.0])
    torch.testing.assert_close(interpolated(x, y, at), torch.tensor([10.0, 15.0, 10.0, 0.0]))


def test_bold_strokes_keep_their_contrast_where_a_photographs_sharpness_before_a_calm_painting_goes():
    painted, painting = noise(1, 20.0), noise(2, 5.0)

    def left(boldness: float) -> float:
        strength = Strength(1.0, 1.0, boldness)
        return spread(as_strong(painted, FLAT, painting, EVERYWHERE, EVERYWHERE, strength), RIGHT)

    bold, middling, calm = (left(boldness) / spread(painted, RIGHT) for boldness in (0.9, 0.7, 0.2))
    assert calm < 0.3 < middling < 0.7 < bold < 1
