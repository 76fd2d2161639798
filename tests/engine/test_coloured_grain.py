"""Coloured grain goes, down to what the painting has of it; coloured things stay."""

from __future__ import annotations

import torch
from deepblend.engine.colour import luma
from deepblend.engine.repainting.coloured_grain import calmed, guided_chroma
from deepblend.engine.repainting.oklab import to_oklab


def test_gray_is_left_alone():
    gray = 255 * torch.rand(1, 1, 20, 24, generator=torch.Generator().manual_seed(1))
    assert guided_chroma(gray) is gray
    coloured = gray.expand(-1, 3, -1, -1)
    torch.testing.assert_close(guided_chroma(coloured), coloured, rtol=0, atol=0.1)


EVERYWHERE = torch.ones(1, 1, 48, 48)


def grainy(strength: float, colour: tuple[float, float, float], seed: int = 2) -> torch.Tensor:
    """One colour with coloured grain, (1, 3, 48, 48), levels."""
    grain = torch.randn(1, 3, 48, 48, generator=torch.Generator().manual_seed(seed))
    return torch.tensor(colour).view(1, 3, 1, 1) + strength * (grain - luma(grain))


GRAY, RED = (130.0, 130.0, 130.0), (190.0, 50.0, 40.0)


def left(strength: float, theirs: float, colour: tuple[float, float, float]) -> float:
    """How much grain is left of so much, where the painting has so much, levels."""
    painted = grainy(strength, colour)
    own = grainy(0.0, colour)
    return float((calmed(painted, own, grainy(theirs, GRAY, 3), EVERYWHERE, EVERYWHERE) - own).std())


def test_no_more_grain_is_left_than_the_painting_has():
    none, some, much, more = (left(12.0, theirs, RED) for theirs in (0.0, 5.0, 12.0, 40.0))
    assert none < 0.8 * some < 0.7 * much
    assert abs(much - more) < 0.5
    assert more > 0.9 * float((grainy(12.0, RED) - grainy(0.0, RED)).std())


def test_gray_keeps_less_of_it_than_vivid_colours():
    assert left(12.0, 0.0, RED) < left(12.0, 12.0, GRAY) < 0.8 * left(12.0, 12.0, RED)


def test_outside_omega_it_stays_and_a_gray_picture_is_left_alone():
    painted, inside = grainy(12.0, GRAY), torch.zeros_like(EVERYWHERE)
    inside[..., 10:30, 10:30] = 1
    result = calmed(painted, grainy(0.0, GRAY), grainy(2.0, GRAY, 3), EVERYWHERE, inside)
    assert torch.equal(result[(inside == 0).expand_as(result)], painted[(inside == 0).expand_as(result)])
    assert (result - painted)[inside.expand_as(result) > 0].abs().mean() > 1
    light = luma(painted)
    assert calmed(light, light, light, EVERYWHERE, EVERYWHERE) is light


def chroma(picture: torch.Tensor) -> torch.Tensor:
    return to_oklab(picture[0].clamp(0, 255))[1:]


def test_coloured_grain_goes():
    generator = torch.Generator().manual_seed(2)
    grain = torch.randn(1, 3, 48, 48, generator=generator) * 12
    picture = 130 + grain - luma(grain)
    before, after = chroma(picture), chroma(guided_chroma(picture))
    assert after.std() < 0.3 * before.std()


def test_colour_stays_where_light_has_an_edge_and_light_everywhere():
    picture = torch.tensor([60.0, 30.0, 20.0]).view(1, 3, 1, 1).repeat(1, 1, 40, 48)
    picture[..., 24:] = torch.tensor([120.0, 160.0, 230.0]).view(1, 3, 1, 1)
    smooth = guided_chroma(picture)
    before, after = chroma(picture), chroma(smooth)
    step = (before[..., 24] - before[..., 23]).abs().sum()
    assert (after - before).abs().sum(0).max() < 0.15 * step
    lightness = [to_oklab(p[0])[0] for p in (picture, smooth)]
    torch.testing.assert_close(*lightness, rtol=0, atol=0.01)


def test_values_beyond_black_and_white_stay_beyond():
    picture = torch.full((1, 3, 20, 20), 300.0)
    picture[..., 10:] = -40
    torch.testing.assert_close(guided_chroma(picture), picture, rtol=0, atol=0.5)
