"""Oklab: known values, and the way back."""

from __future__ import annotations

import pytest
import torch
from deepblend.engine.repainting.oklab import from_oklab, to_oklab


@pytest.mark.parametrize(
    ("colour", "expected"),
    [  # Björn Ottosson's own, and of colorjs.io
        ((255, 255, 255), (1, 0, 0)),
        ((0, 0, 0), (0, 0, 0)),
        ((255, 0, 0), (0.62796, 0.22486, 0.12585)),
        ((0, 255, 0), (0.86644, -0.23389, 0.17950)),
        ((0, 0, 255), (0.45201, -0.03246, -0.31153)),
        ((128, 128, 128), (0.59987, 0, 0)),
    ],
)
def test_known_colours(colour, expected):
    found = to_oklab(torch.tensor(colour).float().view(3, 1, 1))
    assert found.flatten().tolist() == pytest.approx(expected, abs=2e-4)


def test_there_and_back():
    axis = torch.linspace(0, 255, 18)
    every = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij")).view(3, 18, -1)
    torch.testing.assert_close(from_oklab(to_oklab(every)), every, rtol=0, atol=0.02)


def test_shapes_stay():
    for shape in ((3, 5), (3, 4, 5), (3, 1, 1)):
        assert to_oklab(torch.rand(shape)).shape == from_oklab(torch.rand(shape)).shape == shape


def test_what_lies_beyond_is_cut_off():
    beyond = torch.tensor([[-50.0], [100.0], [400.0]])
    assert torch.equal(to_oklab(beyond), to_oklab(beyond.clamp(0, 255)))
    vivid = from_oklab(torch.tensor([[0.9], [0.4], [-0.4]]))
    assert vivid.min() >= 0
    assert vivid.max() <= 255


def test_gray_has_no_chroma_and_lightness_rises_with_it():
    lab = to_oklab(torch.arange(256.0).expand(3, -1))
    assert lab[1:].abs().max() < 1e-3
    assert bool((lab[0].diff() > 0).all())
