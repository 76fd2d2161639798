"""Which of a painting's features each place comes to."""

from __future__ import annotations

import pytest
import torch
from deepblend.engine.network.extractor import Examined
from deepblend.engine.repainting.perceptual_loss import MATCHED, PerceptualLoss
from perceptual_cases import ended, extractor, mask, perceptual_loss, picture

SHIFT = 32
"""Pixels along both axes: a multiple of the network's strides."""
EVERY = 10**6


@pytest.fixture(scope="module")
def examined() -> list[Examined]:
    whole = picture(2)[..., :176, :208]
    return ended(extractor(None).examine(whole, torch.ones_like(whole[:, :1]), EVERY))


def cut_out() -> tuple[torch.Tensor, torch.Tensor]:
    """A part of the painting with a mask that keeps as far from its border as the network looks."""
    part = picture(2)[..., SHIFT : SHIFT + 144, SHIFT : SHIFT + 160]
    inside = torch.zeros_like(part[:, :1])
    inside[..., 48:-48, 48:-48] = 1  # 48 x 64
    return part, inside


def test_a_part_of_the_painting_finds_itself(examined):
    part, inside = cut_out()
    made = PerceptualLoss(extractor(None), inside, examined, {"style": 1.0, "neighbours": 1.0})
    ended(made.match(part, part))
    (matches,) = made._matches
    for layer, match in zip(MATCHED, matches, strict=True):
        stride = 2**layer
        rows, columns = match.places // (160 // stride), match.places % (160 // stride)
        there = (rows + SHIFT // stride) * (208 // stride) + columns + SHIFT // stride
        assert len(there) == 48 * 64 // stride**2
        assert (match.keys == there).float().mean() > 0.9
    terms, _ = ended(made.evaluate(part))
    elsewhere, _ = ended(made.evaluate(picture(3)[..., :144, :160]))
    assert float(terms["neighbours"]) < 0.03 * float(elsewhere["neighbours"])


def test_it_is_the_nearest_by_the_cosine_of_principal_components(examined):
    """In float64, place by place; and about as near by all of the features, centred and divided by their deviation."""
    part, inside = picture(3)[..., :64, :64], torch.zeros(1, 1, 64, 64)
    inside[..., 8:40, 16:56] = 1
    made = PerceptualLoss(extractor(None), inside, examined, {"style": 1.0, "neighbours": 1.0})
    ended(made.match(part, part))
    (matches,) = made._matches
    layer, match = MATCHED[-1], matches[-1]
    one = extractor(None)
    rows = one.features(part, made.tiles[0])[layer][0].flatten(1).T.double()[match.places]
    theirs = examined[layer].keys.double()
    small = 0.05 * theirs.std(0, correction=0).mean()
    rows, theirs = ((x - x.mean(0)) / (x.std(0, correction=0) + small) for x in (rows, theirs))
    components = torch.linalg.svd(theirs, full_matrices=False).Vh[:64].T
    for least, some in ((1e-3, [rows @ components, theirs @ components]), (0.1, [rows, theirs])):
        ours, keys = (x / x.norm(dim=1, keepdim=True) for x in some)
        likeness = ours @ keys.T
        found = likeness.gather(1, match.keys[:, None])[:, 0]
        assert float((likeness.max(1).values - found).mean()) < least


def test_found_again_for_another_picture_nothing_of_the_first_is_left():
    once, again = perceptual_loss(None), perceptual_loss(None)
    other = picture(3)[..., : mask().shape[-2], : mask().shape[-1]]
    mine = picture(2)[..., : mask().shape[-2], : mask().shape[-1]]
    ended(again.match(other, other))
    for made in (once, again):
        ended(made.match(mine, mine))
    (one, _), (two, _) = (ended(made.evaluate(mine)) for made in (once, again))
    assert {name: float(value) for name, value in one.items()} == {name: float(value) for name, value in two.items()}


def test_neighbours_in_tiles_are_those_of_the_whole():
    """But where rounding decides between two."""
    whole, tiled = perceptual_loss(None), perceptual_loss(128)
    (matches,) = whole._matches
    for index, layer in enumerate(MATCHED):
        width = mask().shape[-1] // 2**layer
        at_once = dict(zip(matches[index].places.tolist(), matches[index].keys.tolist(), strict=True))
        in_tiles: dict[int, int] = {}
        for tile, some in zip(tiled.tiles, tiled._matches, strict=True):
            top, left, wide = (
                side // 2**layer
                for side in (tile.rows.start, tile.columns.start, tile.columns.stop - tile.columns.start)
            )
            places = (some[index].places // wide + top) * width + some[index].places % wide + left
            in_tiles |= dict(zip(places.tolist(), some[index].keys.tolist(), strict=True))
        assert set(in_tiles) == set(at_once)
        assert sum(in_tiles[place] == key for place, key in at_once.items()) > 0.999 * len(at_once)


def test_a_mask_too_thin_to_match_anything_gives_no_neighbours(examined):
    thin = torch.zeros(1, 1, 64, 64)
    thin[..., 20, 20:22] = 0.02
    made = PerceptualLoss(extractor(None), thin, examined, {"style": 1.0, "neighbours": 1.0})
    image = picture(3)[..., :64, :64]
    ended(made.match(image, image))
    terms, gradient = ended(made.evaluate(image))
    assert float(terms["neighbours"]) == 0
    assert torch.isfinite(gradient).all()
