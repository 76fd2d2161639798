"""VGG16 features (Simonyan and Zisserman 2015), the ground of the style and content losses."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import as_file, files
from typing import Any

import torch
from deepblend_protocol.errors import FeaturesUnavailable
from safetensors.torch import load_file
from torch import Tensor, nn

from . import winograd

WEIGHTS = "vgg16_conv1_1_to_conv4_3.fp16.safetensors"
LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
"""The layers that Gatys et al. style losses of the paper are taken from, fine to coarse."""
STRIDES = (1, 2, 4, 8)
"""Pixels per feature at each layer."""
REACH = (2, 7, 20, 46)
"""Pixels beyond a feature's own ones that it depends on, at each layer, on either side."""
PIXEL_BYTES = {torch.float32: 2700, torch.bfloat16: 1500}
"""Of all features of a pixel and what their gradients take: an estimate, from the layers' channels."""
_PLAN = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512)
"""Channels of each convolution, and M for a reduction by half: configuration D of the publication."""
_WORTH = 64 * 128
"""Pairs of channels from which on a convolution's products outweigh its transforms, see ``winograd``."""
_ENDS = (3, 8, 15, 22)  # index of each of LAYERS in vgg16().features
_CONVOLUTIONS = tuple(f"conv{block}_{k}" for block, n in ((1, 2), (2, 2), (3, 3), (4, 3)) for k in range(1, n + 1))


class VGG(nn.Module):
    """VGG16 up to relu4_3, fed with (RGB - mean) / std, RGB in levels 0..255.

    The first convolution, a 160th of the work, is always done in float32: bfloat16 has no room for 256 levels.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, convolutions: nn.Sequential, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.convolutions = convolutions
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))
        self.cache: dict[Any, Any] = {}
        """What ``extractor`` has found in pictures, by what it depends on."""

    def at(self, dtype: torch.dtype) -> VGG:
        """Itself, with all convolutions but the first done in another type."""
        self.convolutions[1:].to(dtype)
        return self

    def prepared(self) -> VGG:
        """Itself, with what makes convolutions cheaper than as they stand, where anything does."""
        for module in self.convolutions:
            if isinstance(module, _Convolution):
                module.prepare()
        return self

    @property
    def dtype(self) -> torch.dtype:
        """What all convolutions but the first are done in."""
        return next(self.convolutions[1:].parameters()).dtype

    def forward(self, image: Tensor, deepest: int = 4) -> list[Tensor]:
        """The features at LAYERS[:deepest].

        Shape:
            image: (B, 3, H, W), float32; result k: (B, C_k, H // STRIDES[k], W // STRIDES[k]), of the type ``dtype``
        """
        x = ((image - self.mean) / self.std).contiguous(memory_format=torch.channels_last)  # (B, 3, H, W)
        out: list[Tensor] = []
        for index, module in enumerate(self.convolutions):
            x = module(x)
            if index == 0:
                x = x.to(self.dtype)
            if index == _ENDS[len(out)]:
                out.append(x)
                if len(out) == deepest:
                    break
        return out


class _Convolution(nn.Conv2d):
    _transformed: Tensor | None = None

    def reset_parameters(self) -> None:
        """Leave them as they are: they come from a file. (``nn.utils.skip_init`` would import sympy: half a second.)"""

    def prepare(self) -> None:
        """Transform the weight, which must not change any more, where that saves time: on a CPU, in float32."""
        weight = self.weight
        if weight.device.type == "cpu" and weight.dtype == torch.float32 and weight.shape[:2].numel() >= _WORTH:
            self._transformed = winograd.transformed(weight)

    def forward(self, input: Tensor) -> Tensor:
        if self._transformed is None or len(input) > 1:
            return super().forward(input)
        assert self.bias is not None
        return winograd.convolved(input, self._transformed, self.bias)


def _layers() -> nn.Sequential:
    """torchvision's ``vgg16().features`` as far as they are needed; importing torchvision takes as long as torch."""
    layers: list[nn.Module] = []
    channels = 3
    for step in _PLAN:
        if isinstance(step, str):
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [_Convolution(channels, step, 3, padding=1), nn.ReLU(inplace=True)]
            channels = step
    return nn.Sequential(*layers)


def _shipped() -> VGG:
    with as_file(files("deepblend") / "weights" / WEIGHTS) as path:
        tensors = load_file(path)
    convolutions = _layers()
    own = (module for module in convolutions if isinstance(module, nn.Conv2d))
    for name, module in zip(_CONVOLUTIONS, own, strict=True):
        module.load_state_dict({key: tensors[f"{name}.{key}"] for key in ("weight", "bias")})
    return VGG(convolutions, (123.68, 116.779, 103.939), (1.0, 1.0, 1.0))


def _torchvision(normalised: bool) -> VGG:
    try:
        from torchvision.models import VGG16_Weights

        tensors = VGG16_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True)
    except Exception as error:  # the hub raises whatever its transport does: URLError, OSError, RuntimeError
        raise FeaturesUnavailable(reason=str(error) or type(error).__name__) from error
    convolutions = _layers()
    convolutions.load_state_dict({key: tensors[f"features.{key}"] for key in convolutions.state_dict()})
    if normalised:
        return VGG(convolutions, (123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
    # As the published code feeds it: a mean meant for 0..1 taken off levels of 0..255.
    return VGG(convolutions, (0.4488, 0.4371, 0.4040), (1.0, 1.0, 1.0))


def fast_type(device: str) -> torch.dtype:
    """What a device convolves fastest in, and well enough for the deep method: bfloat16 where it has units for it."""
    if device.startswith("cuda"):
        has_units = torch.cuda.get_device_capability(device) >= (8, 0)
    else:
        has_units = device == "cpu" and getattr(torch.cpu, "_is_avx512_bf16_supported", bool)()  # older torch: False
    return torch.bfloat16 if has_units else torch.float32


def load(which: str, device: str, normalised: bool = False, dtype: torch.dtype | None = None) -> VGG:
    """The network on a device, frozen, kept for the next call.

    Args:
        which: "shipped" or "torchvision" (VGG16_Weights.IMAGENET1K_V1, the published code's).
        device: a torch device's name.
        normalised: give torchvision's network the input it was trained on, not the published
            code's; the features are then some 57 times smaller. The shipped one always has its own.
        dtype: what it convolves in, as fast as it can, see :func:`fast_type`; None is float32 by PyTorch's own
            convolutions, to the bit.

    Raises FeaturesUnavailable where torchvision cannot download its weights.
    """
    return _kept(which, device, normalised and which != "shipped", dtype)


@lru_cache(maxsize=4)
def _kept(which: str, device: str, normalised: bool, dtype: torch.dtype | None) -> VGG:
    """One network, however :func:`load` is called for it."""
    network = _shipped() if which == "shipped" else _torchvision(normalised)
    network = network.requires_grad_(False).eval().to(device).to(memory_format=torch.channels_last)
    return network if dtype is None else network.at(dtype).prepared()
