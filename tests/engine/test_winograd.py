"""Convolutions with fewer multiplications are the convolutions, and their gradients the gradients."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from deepblend.engine.network import vgg, winograd

CHANNELS, KERNELS = 5, 7


def inputs(height: int, width: int, layout=torch.channels_last) -> list[torch.Tensor]:
    """Image, weight, bias and a gradient of the result."""
    generator = torch.Generator().manual_seed(3)
    sizes = ((1, CHANNELS, height, width), (KERNELS, CHANNELS, 3, 3), (KERNELS,), (1, KERNELS, height, width))
    image, *others = (torch.randn(size, generator=generator) for size in sizes)
    return [image.contiguous(memory_format=layout), *others]


@pytest.mark.parametrize("size", [(16, 24), (1, 1), (3, 9), (4, 4), (18, 7)])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_values_and_gradient_are_the_convolutions(size, layout, monkeypatch):
    monkeypatch.setattr(winograd, "_TOGETHER", 2 * KERNELS * 4)  # several strips of tiles
    height, width = size
    image, weight, bias, gradient = inputs(height, width, layout)
    image.requires_grad_(True)
    exact = F.conv2d(image.double(), weight.double(), bias.double(), padding=1)
    (wanted,) = torch.autograd.grad(exact, image, gradient.double())
    found = winograd.convolved(image, winograd.transformed(weight), bias)
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found.double(), exact, rtol=0, atol=1e-4)
    (pulled,) = torch.autograd.grad(found, image, gradient)
    torch.testing.assert_close(pulled.double(), wanted.double(), rtol=0, atol=1e-4)


def test_a_result_can_be_changed_in_place():
    """As the rectifier after it does."""
    image, weight, bias, gradient = inputs(9, 12)
    image.requires_grad_(True)
    kernel = winograd.transformed(weight)
    changed = winograd.convolved(image, kernel, bias).relu_()
    (found,) = torch.autograd.grad(changed, image, gradient)
    (wanted,) = torch.autograd.grad(F.relu(F.conv2d(image, weight, bias, padding=1)), image, gradient)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4)


def test_the_network_takes_it_in_float32_and_for_single_pictures(monkeypatch):
    calls: list[int] = []
    convolved = winograd.convolved
    monkeypatch.setattr(winograd, "convolved", lambda *args: calls.append(1) or convolved(*args))
    pictures = 255 * torch.rand(2, 3, 32, 40, generator=torch.Generator().manual_seed(1))
    network = vgg.load("shipped", "cpu", dtype=torch.float32)
    both = network(pictures)
    assert not calls
    alone = network(pictures[:1])
    assert len(calls) == 8  # all but the first two of ten
    for one, two in zip(alone, both, strict=True):
        torch.testing.assert_close(one, two[:1], rtol=1e-4, atol=0.1)  # values go to hundreds
    vgg.load("shipped", "cpu", dtype=torch.bfloat16)(pictures[:1])
    assert len(calls) == 8
    vgg.load("shipped", "cpu")(pictures[:1])
    assert len(calls) == 8, "what is published convolves as PyTorch does"
