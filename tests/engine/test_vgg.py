"""The VGG16 features: the shipped weights in torchvision's own architecture, and what is said where others are not."""

from __future__ import annotations

from importlib.resources import files

import pytest
import torch
import torchvision
from deepblend.engine.network.vgg import LAYERS, STRIDES, WEIGHTS, load
from deepblend_protocol.errors import FeaturesUnavailable, ResourceError
from safetensors import safe_open
from safetensors.torch import load as load_tensors

CHANNELS = (64, 128, 256, 512)
# Indices of the ReLUs after conv1_2, conv2_2, conv3_3 and conv4_3 in configuration D (Simonyan and Zisserman 2015).
ENDS = (3, 8, 15, 22)


@pytest.fixture(scope="module")
def network():
    return load("shipped", "cpu")


def picture(height: int, width: int, batch: int = 1) -> torch.Tensor:
    return 255 * torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(1))


def test_the_weights_are_package_data():
    path = files("deepblend") / "weights" / WEIGHTS
    assert path.is_file()
    tensors = load_tensors(path.read_bytes())
    convolutions = [f"conv{block}_{k}" for block, n in ((1, 2), (2, 2), (3, 3), (4, 3)) for k in range(1, n + 1)]
    assert set(tensors) == {f"{name}.{kind}" for name in convolutions for kind in ("weight", "bias")}
    assert all(tensor.dtype == torch.float16 for tensor in tensors.values())
    with safe_open(str(path), "pt") as shipped:
        assert shipped.get_slice("conv1_1.weight").get_shape() == [64, 3, 3, 3]


def test_it_is_torchvisions_vgg16_with_these_weights(network):
    """Built here from torchvision's whole network and the file alone."""
    with torch.device("meta"):  # its 138 million parameters cost nothing there
        own = torchvision.models.vgg16(weights=None, init_weights=False).features[: ENDS[-1] + 1]
    own = own.to_empty(device="cpu")
    tensors = load_tensors((files("deepblend") / "weights" / WEIGHTS).read_bytes())
    named = iter(f"conv{block}_{k}" for block, n in ((1, 2), (2, 2), (3, 3), (4, 3)) for k in range(1, n + 1))
    for module in own:
        if isinstance(module, torch.nn.Conv2d):
            name = next(named)
            module.load_state_dict({kind: tensors[f"{name}.{kind}"].float() for kind in ("weight", "bias")})
    image = picture(40, 48)
    x = image - torch.tensor([123.68, 116.779, 103.939]).view(1, 3, 1, 1)
    with torch.no_grad():
        found = network(image)
        for index, module in enumerate(own):
            x = module(x)
            if index in ENDS:
                torch.testing.assert_close(found[ENDS.index(index)], x, rtol=1e-4, atol=0.1)  # values go to hundreds


@pytest.mark.parametrize(("height", "width", "batch"), [(32, 32, 1), (40, 72, 2), (47, 33, 1), (8, 8, 1)])
def test_shapes_follow_the_strides(network, height, width, batch):
    found = network(picture(height, width, batch))
    assert len(found) == len(LAYERS) == len(STRIDES)
    for layer, channels, stride in zip(found, CHANNELS, STRIDES, strict=True):
        assert layer.shape == (batch, channels, height // stride, width // stride)
        assert (layer >= 0).all()  # after ReLU
        assert layer.max() > 0


@pytest.mark.parametrize("deepest", [1, 2, 3, 4])
def test_deepest_leaves_out_what_is_not_needed(network, deepest):
    image = picture(24, 24)
    some, every = network(image, deepest), network(image)
    assert len(some) == deepest
    for one, two in zip(some, every, strict=False):
        assert torch.equal(one, two)


def test_a_feature_knows_where_its_pixels_are(network):
    """A point in the picture moves the features near its place divided by the stride, and none far from there."""
    image = torch.full((1, 3, 96, 96), 120.0)
    dotted = image.clone()
    dotted[..., 64, 24] = 255
    for plain, changed, stride in zip(network(image), network(dotted), STRIDES, strict=True):
        moved = (changed - plain).abs().amax((0, 1))
        row, column = divmod(int(moved.argmax()), moved.shape[1])
        assert abs(row * stride - 64) <= 2 * stride
        assert abs(column * stride - 24) <= 2 * stride
        assert moved[: 12 // stride].max() < 1e-3  # no layer sees as far as 52 pixels


def test_red_is_the_first_channel(network):
    """Swapping red and blue swaps what the first filters see, so that the features differ."""
    image = picture(24, 24)
    red, blue = network(image, 1)[0], network(image.flip(1), 1)[0]
    assert (red - blue).abs().max() > 1


def test_features_are_as_strong_as_the_losses_weights_expect(network):
    """Mean activations in natural pictures are some tens to a hundred; unnormalised or 0..1 input is far off that."""
    ramp = torch.linspace(0, 255, 64).expand(64, 64)
    image = torch.stack([ramp, ramp.T, (ramp + ramp.T) / 2])[None] + 0.1 * (picture(64, 64) - 128)
    means = [float(layer.mean()) for layer in network(image.clamp(0, 255))]
    for mean in means[:3]:
        assert 10 < mean < 400


def test_the_network_is_frozen_and_kept():
    network = load("shipped", "cpu")
    assert load("shipped", "cpu") is network
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert all(parameter.dtype == torch.float32 for parameter in network.parameters())


def test_gradients_reach_the_picture(network):
    image = picture(24, 24).requires_grad_(True)
    sum(layer.square().mean() for layer in network(image)).backward()
    assert image.grad is not None
    assert torch.isfinite(image.grad).all()
    assert image.grad.abs().max() > 0


@pytest.mark.parametrize("normalised", [False, True])
def test_torchvisions_weights_that_cannot_be_had_name_the_shipped_network(no_download, normalised):
    """Torchvision's own download fails."""
    with pytest.raises(FeaturesUnavailable, match="--features shipped") as caught:
        load("torchvision", "cpu", normalised)
    assert isinstance(caught.value, ResourceError)
    assert caught.value.params["reason"]
    assert not [path for path in no_download.rglob("*") if path.is_file()]
    assert load("shipped", "cpu") is not None
