"""The perceptual loss and its gradient in tiles: what the whole picture would have given."""

from __future__ import annotations

import pytest
import torch
from deepblend.engine.network.extractor import pyramid
from deepblend.engine.network.vgg import load
from deepblend.engine.repainting.perceptual_loss import MATCHED, PerceptualLoss
from perceptual_cases import WEIGHTS, ended, extractor, mask, painting, perceptual_loss, picture


def test_tiles_give_the_gradient_of_the_whole():
    whole, tiled = perceptual_loss(None), perceptual_loss(128)
    assert len(whole.tiles) == 1
    assert len(tiled.tiles) > 4
    image = picture(1) + 20 * (picture(3) - 128) / 128
    (one, at_once), (other, in_tiles) = ended(whole.evaluate(image)), ended(tiled.evaluate(image))
    assert set(one) == set(other) == {"style", "neighbours"}
    for name, value in one.items():
        assert float(value) > 0.01
        assert float(other[name]) == pytest.approx(float(value), rel=1e-4)
    scale = at_once.abs().max()
    assert scale > 0
    assert (in_tiles - at_once).abs().max() <= 2e-4 * scale
    assert (in_tiles - at_once).norm() <= 5e-5 * at_once.norm()


def test_a_halo_too_narrow_would_be_seen(monkeypatch):
    """The comparison above can tell."""
    whole = perceptual_loss(None)
    monkeypatch.setattr("deepblend.engine.network.extractor.REACH", (2, 7, 20, 24))
    narrow = perceptual_loss(128)
    image = picture(1)
    at_once, in_tiles = ended(whole.evaluate(image))[1], ended(narrow.evaluate(image))[1]
    assert (in_tiles - at_once).norm() > 5e-4 * at_once.norm()


def test_the_gradient_is_that_of_the_losses():
    """Against autograd through the losses as they are defined, in float64; which neighbours, the loss tells."""
    network = load("shipped", "cpu")
    made = perceptual_loss(None)
    image = (picture(1) + 10).double().requires_grad_(True)
    masks = pyramid(mask().double(), 4)

    def features(x: torch.Tensor) -> list[torch.Tensor]:
        found, x = [], x - network.mean.double()
        for module in network.convolutions:
            if isinstance(module, torch.nn.Conv2d):
                assert module.bias is not None
                x = torch.nn.functional.conv2d(x, module.weight.double(), module.bias.double(), padding=1)
            else:
                x = module(x)
                if isinstance(module, torch.nn.ReLU):
                    found.append(x)
        return [found[k] for k in (1, 3, 6, 9)]

    def covariances(maps: list[torch.Tensor], weights: list[torch.Tensor]) -> list[torch.Tensor]:
        result = []
        for f, m in zip(maps, weights, strict=True):
            share = (m / m.sum()).flatten()
            flat = f[0].flatten(1)
            centred = flat - (flat * share).sum(1, keepdim=True)
            result.append((centred * share) @ centred.T)
        return result

    with torch.no_grad():
        start = covariances(features(picture(1).double()), masks)
        theirs = covariances(features(picture(2).double()), [torch.ones_like(m) for m in masks])
        variance = [covariance.trace() for covariance in theirs]
    now = features(image.clamp(0, 255))
    (matches,) = made._matches
    found = [painting()[layer] for layer in MATCHED]
    for layer, match, keys in zip(MATCHED, matches, found, strict=True):
        share = match.weight.double() / match.weight.sum()
        some = keys.keys[match.keys].double()
        centred = some - (some * share).sum(0)
        theirs[layer] = 0.7 * theirs[layer] + 0.3 * (centred * share).T @ centred
    style = 0.0
    for c, p, s in zip(covariances(now, masks), theirs, start, strict=True):
        t = p * max(1.0, float(s.trace() / p.trace())) ** 0.25
        style = style + (c - t).square().sum() / (t.square().sum() + (s - t).square().sum())
    neighbours = 0.0
    for layer, match, one in zip(MATCHED, matches, found, strict=True):
        weight = masks[layer].flatten() * (masks[layer].flatten() > 0.02)
        assert torch.equal(match.places, weight.nonzero().flatten())
        apart = (now[layer][0].flatten(1).T[match.places] - one.keys[match.keys].double()).square().sum(1)
        neighbours = neighbours + (apart * weight[match.places]).sum() / weight.sum() / variance[layer]
    expected = WEIGHTS["style"] * style / 4 + WEIGHTS["neighbours"] * neighbours / 3
    (wanted,) = torch.autograd.grad(expected, image)
    terms, gradient = ended(made.evaluate(image.detach().float()))
    assert float(sum(terms.values())) == pytest.approx(expected.item(), rel=1e-4)
    assert (gradient - wanted).norm() <= 1e-3 * wanted.norm()


def test_bfloat16_points_the_same_way():
    one, other = (perceptual_loss(None, dtype) for dtype in (torch.float32, torch.bfloat16))
    image = picture(1) + 5
    exact, rough = (ended(loss.evaluate(image))[1].flatten() for loss in (one, other))
    assert float(exact @ rough / (exact.norm() * rough.norm())) > 0.98  # a few places have another neighbour


def test_each_tile_is_told_of_and_nothing_is_computed_once_the_iteration_has_ended(passed):
    made = perceptual_loss(128)
    whole = list(made.evaluate(picture(1)))
    assert whole == sorted(whole)
    assert len(whole) == 2 * (len(made.tiles) - 1)
    assert 0 < whole[0] < whole[-1] < 1
    before = passed()
    work = made.evaluate(picture(1))
    assert [next(work), next(work)] == whole[:2]
    work.close()
    assert passed() == before + 2
    terms, _ = ended(made.evaluate(picture(1)))  # as if it had not been begun
    assert terms["style"].isfinite()


def test_neighbours_are_found_tile_by_tile_and_whoever_iterates_has_gradients_between():
    """What a generator does inside ``no_grad`` must not hold outside."""
    made, looked = perceptual_loss(128), extractor(128, 2)
    fresh = PerceptualLoss(extractor(128), mask(), painting(), WEIGHTS)
    for work, most in (
        (fresh.match(picture(1), picture(1)), 2 * (len(made.tiles) - 1)),
        (made.evaluate(picture(1)), 2 * (len(made.tiles) - 1)),
        (looked.examine(picture(4), mask(), 10), len(looked.tiles(mask())) - 1),
    ):
        parts = []
        for part in work:
            assert torch.is_grad_enabled()
            parts.append(part)
        assert len(parts) == most > 4
        assert parts == sorted(parts)
        assert 0 < parts[0] < parts[-1] < 1


def test_neighbours_colours_are_those_of_the_painting_where_it_shows_the_same():
    tint = torch.tensor([30.0, 12.0, -6.0]).view(3, 1, 1)
    image = 20 + 0.8 * picture(1)
    examined = ended(extractor(None).examine(image + tint, torch.ones_like(mask()), 10**6))
    made = PerceptualLoss(extractor(None), mask(), examined, WEIGHTS)
    ended(made.match(image, image))
    inside = mask()[0, 0] == 1
    apart = made.neighbours_apart(image)
    assert apart.shape == image.shape
    assert torch.allclose(apart[0][:, inside].mean(1), tint.flatten(), atol=2)
    assert (apart[0][:, inside] - tint.view(3, 1)).abs().mean() < 3


def test_neighbours_colours_are_found_tile_by_tile():
    image = picture(1)
    whole, tiled = (perceptual_loss(side).neighbours_apart(image) for side in (None, 128))
    assert whole.abs().mean() > 1
    assert (whole - tiled).abs().mean() < 0.5


def test_what_is_alike_in_the_object_goes_the_same_way_wherever_it_lies():
    image = picture(1).clone()
    here, there = (..., slice(72, 96), slice(104, 128)), (..., slice(176, 200), slice(200, 224))
    image[there] = image[here]
    made = PerceptualLoss(extractor(None), mask(), painting(), WEIGHTS)
    ended(made.match(image, image))
    apart = made.neighbours_apart(image)
    one, other = (apart[place][..., 5:-5, 5:-5] for place in (here, there))
    assert one.abs().mean() > 1
    assert torch.allclose(one, other, atol=0.01)


@pytest.mark.parametrize("side", [None, 128])
def test_a_copy_of_the_painting_is_found_where_it_was_copied_from(side):
    image = torch.roll(picture(2), (6, -10), (2, 3))
    examined = ended(extractor(side).examine(picture(2), torch.ones_like(mask()), 10**6))
    made = PerceptualLoss(extractor(side), mask(), examined, WEIGHTS)
    ended(made.match(image, image))
    found = made.strokes_found()
    assert torch.equal(found.there, torch.nn.functional.avg_pool2d(mask(), 2)[0, 0] > 0.02)
    rows, columns = found.there.nonzero().unbind(-1)
    where = torch.stack([2 * rows - 6, 2 * columns + 10], -1)
    assert (found.places[found.there] == where).all(-1).float().mean() > 0.95
