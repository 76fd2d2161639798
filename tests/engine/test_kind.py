"""Painting or photograph: the example's pictures, and what must pass for a photograph."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from deepblend import examples
from deepblend.engine import kind
from PIL import Image


def example(name: str, role: str) -> torch.Tensor:
    with Image.open(examples.file(name, role)) as picture:
        return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1).float()


def opaque(picture: torch.Tensor) -> torch.Tensor:
    return torch.ones(picture.shape[1:])


def said(picture: torch.Tensor) -> str:
    return kind.looks_like(picture, opaque(picture))


@pytest.fixture(scope="module")
def painting() -> torch.Tensor:
    return example(examples.DEFAULT, "target")


@pytest.fixture(scope="module")
def photograph() -> torch.Tensor:
    return example(examples.DEFAULT, "source")


def test_the_examples_painting_is_one_and_its_photograph_is_not(painting, photograph):
    assert said(painting) == "painting"
    assert said(photograph) == "photograph"


@pytest.mark.parametrize("name", examples.EXAMPLES)
def test_the_background_of_each_example_is_told(name):
    assert said(example(name, "target")) == examples.EXAMPLES[name].background


def test_a_part_of_a_painting_and_a_darker_one_are_paintings(painting):
    _, h, w = painting.shape
    assert said(painting[:, : h * 2 // 3, : w * 2 // 3]) == "painting"
    assert said(painting * 0.8) == "painting"


def noise(side: int = 200, channels: int = 3) -> torch.Tensor:
    return torch.rand(channels, side, side, generator=torch.Generator().manual_seed(0)).expand(3, -1, -1) * 255


def checks(side: int = 256) -> torch.Tensor:
    rows = torch.arange(side) // 16 % 2
    board = (rows[:, None] ^ rows[None]).float()
    return torch.stack([255 * board, 200 * board, 90 * (1 - board)])


def gradient(side: int = 256) -> torch.Tensor:
    along = torch.linspace(0, 255, side).expand(side, -1)
    return torch.stack([along, along.T, 255 - along])


@pytest.mark.parametrize(
    "picture",
    [
        torch.full((3, 300, 200), 90.0),
        torch.tensor([220.0, 40.0, 90.0])[:, None, None].expand(-1, 300, 200),
        gradient(),
        checks(),
        noise(),
        noise(channels=1),
        noise(16),
        torch.zeros(3, 1, 1),
    ],
    ids=["grey", "one colour", "gradient", "checks", "noise", "grey noise", "16 pixels", "one pixel"],
)
def test_what_is_neither_passes_for_a_photograph(picture):
    assert said(picture) == "photograph"


def test_a_grey_or_tiny_picture_of_a_painting_is_not_judged(painting):
    assert said(painting.mean(0, keepdim=True).expand(3, -1, -1)) == "photograph"
    assert said(painting[:, :16, :16]) == "photograph"


def test_what_is_transparent_does_not_count(painting):
    alpha = opaque(painting)
    alpha[:, : painting.shape[2] // 4] = 0
    spoilt = torch.where(alpha > 0, painting, torch.tensor(20.0))
    assert kind.looks_like(spoilt, alpha) == "painting"
    other = torch.where(alpha > 0, painting, torch.tensor(255.0))
    shown, same = (kind.reduced(p, alpha) for p in (spoilt, other))
    assert shown is not None
    assert same is not None
    torch.testing.assert_close(same[0], shown[0])
    assert kind.looks_like(painting, alpha * 0) == "photograph"


def test_every_size_is_judged_at_one(painting):
    large = torch.nn.functional.interpolate(painting[None], scale_factor=3, mode="bicubic")[0]
    small = kind.reduced(large, opaque(large))
    assert small is not None
    assert small[1].numel() == pytest.approx(kind.SIDE**2, rel=0.02)
    assert said(large) == "painting"


def test_an_extreme_shape_is_a_photograph():
    assert said(noise(200)[:, :70, :].repeat(1, 1, 60)) == "photograph"


def test_levels_beyond_0_and_255_are_cut_off(painting):
    wide = torch.where(painting > 200, painting + 1e6, painting - 10)
    shown, beyond = (kind.reduced(p, opaque(p)) for p in (wide.clamp(0, 255), wide))
    assert shown is not None
    assert beyond is not None
    torch.testing.assert_close(beyond[0], shown[0])
