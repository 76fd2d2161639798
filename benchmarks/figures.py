"""Seven figures that say how good a blend is; nobody has to look, and somebody should all the same.

seam      mean jump across the mask's border beyond the source's or the target's own there, levels; lower is better
content   correlation of log gradient magnitude with the source's, inside the mask less 4 pixels; higher is better
style     distance of the masked Gram matrices to the target's, over the copy-paste's; lower is better
texture   the same of covariances: the features' means, and so colour and light, left out; lower is better
tone      slope of the result's blurred luma on the source's, inside the mask; 1 keeps its darks and lights
chroma    mean chroma inside the mask over the source's; near 0 is a gray veil
outside   largest change more than 2 pixels outside the mask, levels; must be 0

The mask is taken as binary: above 0.
"""

from __future__ import annotations

from importlib.resources import as_file, files

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from .cases import Case

FIGURES = ("seam", "content", "style", "texture", "tone", "chroma", "outside")
_BLOCKS = (2, 2, 3, 3)  # VGG16's convolutions between poolings, up to relu4_3
_MEAN = (123.68, 116.779, 103.939)


class Network:
    """VGG16's relu1_2, relu2_2, relu3_3 and relu4_3, in float32; the engine's own is not asked."""

    def __init__(self) -> None:
        with as_file(files("deepblend") / "weights" / "vgg16_conv1_1_to_conv4_3.fp16.safetensors") as path:
            tensors = {name: tensor.float() for name, tensor in load_file(path).items()}
        self._blocks = [
            [(tensors[f"conv{b}_{k}.weight"], tensors[f"conv{b}_{k}.bias"]) for k in range(1, count + 1)]
            for b, count in enumerate(_BLOCKS, 1)
        ]

    def __call__(self, image: Tensor) -> list[Tensor]:
        """Features (C, h, w) of an image (3, H, W) in levels."""
        x, found = (image - image.new_tensor(_MEAN).view(3, 1, 1))[None], []
        for block in self._blocks:
            if found:
                x = F.max_pool2d(x, 2)
            for weight, bias in block:
                x = F.relu_(F.conv2d(x, weight, bias, padding=1))
            found.append(x[0].clone())
        return found


class Judge:
    """Judges blends of one case. What does not depend on the result is computed once."""

    @torch.no_grad()
    def __init__(self, case: Case, network: Network) -> None:
        source, mask = case.laid()
        self._network = network
        self._mask = torch.from_numpy(mask > 0)
        self._source, self._target = levels(source), levels(np.asarray(case.target))
        self._copy = torch.where(self._mask, self._source, self._target)
        self._inner = within(self._mask, 4)
        self._far = within(~self._mask, 2)
        self._masks = [self._mask.float()]
        for _ in _BLOCKS[1:]:
            self._masks.append(F.avg_pool2d(self._masks[-1][None], 2)[0])
        everywhere = [torch.ones_like(mask) for mask in self._masks]
        features = network(self._target)
        self._wanted = {centred: _grams(features, everywhere, centred) for centred in (False, True)}
        features = network(self._copy)
        self._unblended = {centred: self._distance(features, centred) for centred in (False, True)}

    @torch.no_grad()
    def __call__(self, result: Image.Image) -> dict[str, float]:
        """The figures by name."""
        image = levels(np.asarray(result.convert("RGB")))
        features = self._network(image)
        return {
            "seam": self._seam(image),
            "content": content(self._source, image, self._inner),
            "style": self._distance(features, False) / self._unblended[False],
            "texture": self._distance(features, True) / self._unblended[True],
            "tone": self._tone(image),
            "chroma": _chroma(image, self._mask) / _chroma(self._source, self._mask),
            "outside": float(((image - self._target).abs() * self._far).max()),
        }

    def _seam(self, image: Tensor) -> float:
        """The nearer of the two: across the border the step is the source's own, or the target's."""
        jumps = []
        for axis in (1, 2):
            steps = [torch.diff(one, dim=axis) for one in (image, self._source, self._target)]
            excess = torch.minimum((steps[0] - steps[1]).abs(), (steps[0] - steps[2]).abs()).mean(0)
            jumps.append(excess[torch.diff(self._mask.int(), dim=axis - 1) != 0])
        return float(torch.cat(jumps).mean())

    def _distance(self, features: list[Tensor], centred: bool) -> float:
        own = _grams(features, self._masks, centred)
        return float(
            np.mean([float((g - t).norm() / t.norm()) for g, t in zip(own, self._wanted[centred], strict=True)])
        )

    def _tone(self, image: Tensor) -> float:
        mask = self._mask.float()
        weight = F.avg_pool2d(mask[None], 5, 1, 2)[0]
        before, after = (
            (F.avg_pool2d((_luma(one) * mask)[None], 5, 1, 2)[0] / weight)[self._mask].double()
            for one in (self._source, image)
        )
        before = before - before.mean()
        return float((before * (after - after.mean())).sum() / before.square().sum())


def content(source: Tensor, image: Tensor, inside: Tensor) -> float:
    """Correlation of two images' (3, H, W) log gradient magnitudes where ``inside`` (H, W) holds."""
    both = []
    for one in (source, image):
        luma = _luma(one)
        down, right = torch.zeros_like(luma), torch.zeros_like(luma)
        down[:-1], right[:, :-1] = luma.diff(dim=0), luma.diff(dim=1)
        both.append(torch.log1p(torch.hypot(down, right))[inside].double())
    return float(torch.corrcoef(torch.stack(both))[0, 1])


def levels(samples: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(samples.transpose(2, 0, 1))).float()


def _luma(image: Tensor) -> Tensor:
    return torch.tensordot(image.new_tensor((0.299, 0.587, 0.114)), image, 1)


def within(region: Tensor, pixels: int) -> Tensor:
    """A region (H, W) less what is this near to its border; the picture's edge is no border."""
    others = (~region).float()[None]
    return F.max_pool2d(others, 2 * pixels + 1, 1, pixels)[0] == 0


def _chroma(image: Tensor, mask: Tensor) -> float:
    luma = _luma(image)
    return float(torch.hypot(0.564 * (image[2] - luma), 0.713 * (image[0] - luma))[mask].mean())


def _grams(features: list[Tensor], masks: list[Tensor], centred: bool) -> list[Tensor]:
    found = []
    for layer, mask in zip(features, masks, strict=True):
        flat, weight = layer.flatten(1), mask.flatten()
        if centred:
            flat = flat - (flat @ weight / weight.sum())[:, None]
        found.append((flat * weight) @ flat.T / (len(flat) * weight.sum()))
    return found
