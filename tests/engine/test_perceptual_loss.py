"""The perceptual loss and its gradient in tiles: what the whole picture would have given."""

from __future__ import annotations

import pytest
import torch
from deepblend.engine.network.extractor import pyramid
from deepblend.engine.network.vgg import load
from perceptual_cases import WEIGHTS, ended, extractor, mask, perceptual_loss, picture


@pytest.mark.parametrize("deepest", [2, 3, 4])
def test_tiles_give_the_gradient_of_the_whole(deepest):
    whole, tiled = perceptual_loss(None, deepest), perceptual_loss(128, deepest)
    assert len(whole.tiles) == 1
    assert len(tiled.tiles) > 4
    image = picture(1) + 20 * (picture(3) - 128) / 128
    (one, at_once), (other, in_tiles) = ended(whole.evaluate(image)), ended(tiled.evaluate(image))
    for name, value in one.items():
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
    """Against autograd through the losses as they are defined, in float64."""
    network = load("shipped", "cpu")
    made = perceptual_loss(128)
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

    def moments(maps: list[torch.Tensor], weights: list[torch.Tensor]) -> list[torch.Tensor]:
        result = []
        for f, m in zip(maps, weights, strict=True):
            share = (m / m.sum()).flatten()
            flat = f[0].flatten(1)
            centred = flat - (flat * share).sum(1, keepdim=True)
            result.append((centred * share) @ centred.T)
        return result

    with torch.no_grad():
        start = features(picture(1).double())
        target = moments(features(picture(2).double()), [torch.ones_like(m) for m in masks])
    now = features(image.clamp(0, 255))
    style = sum(
        (c - t).square().sum() / (t.square().sum() + (s - t).square().sum())
        for c, t, s in zip(moments(now, masks), target, moments(start, masks), strict=True)
    )
    content = ((now[1] - start[1]).square() * masks[1]).sum() / (start[1].square() * masks[1]).sum()
    expected = WEIGHTS["style"] * style / 4 + WEIGHTS["content"] * content
    (wanted,) = torch.autograd.grad(expected, image)
    terms, found = ended(made.evaluate(image.detach().float()))
    assert float(sum(terms.values())) == pytest.approx(expected.item(), rel=1e-4)
    assert (found - wanted).norm() <= 1e-3 * wanted.norm()


def test_bfloat16_points_the_same_way():
    one, other = (perceptual_loss(None, dtype=dtype) for dtype in (torch.float32, torch.bfloat16))
    image = picture(1) + 5
    exact, rough = (ended(loss.evaluate(image))[1].flatten() for loss in (one, other))
    assert float(exact @ rough / (exact.norm() * rough.norm())) > 0.995


def test_each_tile_is_told_of_and_nothing_is_computed_once_the_iteration_has_ended(passed):
    made = perceptual_loss(128, 2)
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


def test_the_reference_is_looked_at_tile_by_tile(passed):
    made = perceptual_loss(128, 2)
    before = passed()
    parts = list(made.look_at_reference())
    assert parts == [k / len(made.tiles) for k in range(1, len(made.tiles))]
    assert passed() == before + len(made.tiles)


def test_whoever_iterates_has_gradients_between_tiles():
    """What a generator does inside ``no_grad`` must not hold outside."""
    made, looked = perceptual_loss(128, 2), extractor(128, 2)
    for work in (made.look_at_reference, lambda: made.evaluate(picture(1)), lambda: looked.moments(picture(4), mask())):
        enabled = [torch.is_grad_enabled() for _ in work()]
        assert len(enabled) > 4
        assert all(enabled)
