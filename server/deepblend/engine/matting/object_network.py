"""How likely each place of a rough selection is the object's: a small network that weighs what is known of it.

It sees no things and knows none. It is told, for each place, how strange its colour and its features of VGG16 (relu3_3
and relu4_3) are beside what lies around the selection; how far inside the selection it lies; and what it has answered
of the places that are most like it in each of these, wherever they lie. So it is asked a few times: a thing that was
found in part is found in whole, as GrabCut's colour models are fitted again to what they found. It was trained by
``python -m benchmarks.object_training`` on cut-outs that were laid on photographs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import as_file, files

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from .. import masks
from ..network import vgg
from ..network.extractor import unit

WEIGHTS = "object.safetensors"
SIDE = 224
"""Pixels: the longer side of the selection's box on what the network is shown, at most."""
STRIDE = 2
"""Pixels of that for each of its answers."""
_GRID = vgg.STRIDES[-1]
_FEATURES = {2: 32, 3: 32}
"""Of vgg.LAYERS, those that are compared, and how many of their principal components are."""
_SPREAD = 0.05
"""Of the mean deviation: what is added to a feature's before it is divided by it."""
_KEYS = 750
"""Places of the surroundings, and as many of the selection, that all others are compared with."""
_APART = 24.0
"""Pixels between two places of the surroundings that say how strange these are to one another: neighbours are alike."""
_RARE = 0.01
"""Of the surroundings' places, the strangest part, which does not count: a herd behind an animal looks like it."""
_ALIKE = 5.0
"""Levels: colours that differ by less are alike, however even the ground is."""
_NEAREST = 16
"""Like places whose answers are asked for."""
_GROUND = 0.02
"""Of a place, the part that may be selected where it counts as surroundings."""
_LEAST, _LEAST_SPREAD = 0.05, 5.0
"""Of strangeness and distance, before the logarithm; and of all colours' deviation, levels."""
TIMES = 2
"""How often it is asked."""


@dataclass(frozen=True)
class Likeness:
    """One description of all places: how strange each is to the surroundings, and to which places it is most like."""

    strange: Tensor
    """(h, w): the logarithm of the distance to the nearest of the surroundings', 0 where that is as usual there."""
    keys: Tensor
    """(k,): which places others are compared with."""
    nearest: Tensor
    """(h w, n): of those, the nearest to each place."""

    @classmethod
    def of(cls, rows: Tensor, size: tuple[int, int], ground: Tensor, stride: int, least: float) -> Likeness:
        """
        Args:
            stride: pixels of a place.
            least: the distance that is called alike, at least.

        Shape:
            rows: (h w, m), what describes each place; size: h, w; ground: (h w,), bool, somewhere true.
        """
        around, inside = (_some(part, _KEYS) for part in (ground, ~ground))
        where = _places(around, size) * stride
        away = torch.cdist(where, where) >= _APART
        among = torch.where(away, torch.cdist(rows[around], rows[around]), torch.inf).amin(1)
        common = around[among.argsort()[: max(1, round((1 - _RARE) * len(around)))]]
        keys = torch.cat([common, inside])
        near, nearest = [], []
        for part in rows.split(4096):
            apart = torch.cdist(part, rows[keys])
            near.append(apart[:, : len(common)].amin(1))
            nearest.append(apart.topk(min(_NEAREST, len(keys)), 1, largest=False).indices)
        among = among[among.isfinite()]
        usual = among.median() if len(among) else rows.new_ones(())
        strange = (torch.cat(near) / usual.clamp(min=least + 1e-4)).clamp(min=_LEAST).log()
        return cls(strange.view(size), keys, torch.cat(nearest))

    def answered(self, likely: Tensor) -> Tensor:
        """What was answered, (H, W), of the places most like each, on the mean: (h, w)."""
        size = int(self.strange.shape[0]), int(self.strange.shape[1])
        known = F.adaptive_avg_pool2d(likely[None, None], size).flatten()[self.keys]
        return known[self.nearest].mean(1).view(size)


@dataclass(frozen=True)
class Seen:
    """What the network is shown of a selection, on its grid."""

    known: Tensor
    """(8, h, w): strangeness by colour, relu3_3 and relu4_3; the distance to the border; the selection; colours."""
    likeness: tuple[Likeness, ...]
    """By colour, relu3_3 and relu4_3."""

    @classmethod
    @torch.no_grad()
    def of(cls, image: Tensor, selected: Tensor) -> Seen:
        """
        Shape:
            image: (3, h, w), levels; selected: (h, w), bool, somewhere true and somewhere not.
        """
        height, width = selected.shape
        more = (0, -width % _GRID, 0, -height % _GRID)
        image = F.pad(image[None], more, mode="replicate")
        inside = F.pad(selected.to(image)[None, None], more)
        colours = F.avg_pool2d(image, STRIDE)[0]
        within = F.avg_pool2d(inside, STRIDE)[0, 0]
        device = str(image.device)
        features = vgg.load("shipped", device, dtype=vgg.fast_type(device))(image)
        described = [(colours, STRIDE, _ALIKE)]
        described += [(_principal(features[k][0].float(), n), vgg.STRIDES[k], 0.0) for k, n in _FEATURES.items()]
        likeness = tuple(_likeness(maps, within, stride, least) for maps, stride, least in described)
        middle = within > 0.5
        longer = max(int(middle.any(axis).sum()) for axis in (0, 1))
        depth = masks.distance_inside(middle, float(max(middle.shape))) / max(longer, 1)
        apart = (colours - colours.mean((1, 2), keepdim=True)) / colours.std().clamp(min=_LEAST_SPREAD)
        strange = [_enlarged(one.strange, within.shape) for one in likeness]
        known = torch.stack([*strange, (10 * depth).clamp(min=_LEAST).log(), within, *apart])
        return cls(known, likeness)

    def asked(self, likely: Tensor) -> Tensor:
        """What the network takes, (1, 12, h, w), once something was answered, (h, w)."""
        others = [_enlarged(one.answered(likely), likely.shape) for one in self.likeness]
        return torch.cat([self.known, torch.stack([*others, likely])])[None]


@torch.no_grad()
def likelihood(image: Tensor, selected: Tensor) -> Tensor:
    """How likely each pixel is the object's, (h, w), 0..1.

    Shape:
        image: (3, h, w), levels; selected: (h, w), bool, somewhere true and somewhere not.
    """
    rows, columns = (int(selected.any(axis).sum()) for axis in (1, 0))
    factor = max(1.0, max(rows, columns) / SIDE)
    size = [max(1, round(side / factor)) for side in selected.shape]
    small, inside = image, selected
    if factor > 1:
        small = F.interpolate(image[None], size, mode="bilinear", antialias=True, align_corners=False)[0]
        inside = F.interpolate(selected.to(image)[None, None], size, mode="area")[0, 0] > 0.5
    seen = Seen.of(small, inside)
    within = seen.known[4]
    likely = 0.5 * within
    weights = _weights(str(image.device))
    answer = likely
    for _ in range(TIMES):
        answer = answered(weights, seen.asked(likely))[0, 0]
        likely = torch.sigmoid(answer) * (within > 0.5)
    pixels = F.interpolate(answer[None, None], scale_factor=STRIDE, mode="bilinear", align_corners=False)
    pixels = pixels[..., : size[0], : size[1]]
    return torch.sigmoid(_enlarged(pixels[0, 0], selected.shape))


def answered(weights: dict[str, Tensor], x: Tensor) -> Tensor:
    """The network: a convolution, three reductions by two of two convolutions each, and the way back with one each.

    Shape:
        x: (1, 12, h, w); the result: (1, 1, h, w), of which the sigmoid is how likely a place is the object's.
    """

    def convolved(x: Tensor, name: str) -> Tensor:
        return F.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1)

    depth = sum(name.startswith("up") for name in weights) // 2
    levels = [F.silu(convolved(x, "in"))]
    for k in range(depth):
        x = F.avg_pool2d(levels[-1], 2)
        for part in ("a", "b"):
            x = F.silu(convolved(x, f"down{k}{part}"))
        levels.append(x)
    for k in reversed(range(depth)):
        x = F.interpolate(x, levels[k].shape[-2:], mode="bilinear", align_corners=False)
        x = F.silu(convolved(torch.cat([x, levels[k]], 1), f"up{k}"))
    return convolved(x, "out")


def _likeness(maps: Tensor, within: Tensor, stride: int, least: float) -> Likeness:
    size = int(maps.shape[1]), int(maps.shape[2])
    part = F.adaptive_avg_pool2d(within[None, None], size).flatten()
    ground = part < _GROUND
    if not bool(ground.any()):
        ground = part <= part.min()
    return Likeness.of(maps.flatten(1).T, size, ground, stride, least)


def _principal(features: Tensor, count: int) -> Tensor:
    """Directions of the first principal components of features that are divided by their deviations.

    Shape:
        features: (C, h, w); the result: (count, h, w), of length 1 along the first axis.
    """
    rows = features.flatten(1).T
    deviation = rows.std(0)
    rows = (rows - rows.mean(0)) / (deviation + _SPREAD * deviation.mean()).clamp(min=1e-6)
    components = torch.linalg.eigh((rows.T @ rows / len(rows)).double()).eigenvectors[:, -count:].to(rows)
    return unit(rows @ components, rows.dtype).T.reshape(-1, *features.shape[1:])


def _some(where: Tensor, count: int) -> Tensor:
    """At most so many of the places, evenly, (n,)."""
    places = where.nonzero()[:, 0]
    return places[torch.linspace(0, len(places) - 1, min(len(places), count), device=where.device).long()]


def _places(index: Tensor, size: tuple[int, int]) -> Tensor:
    """Row and column, (n, 2)."""
    return torch.stack([index // size[1], index % size[1]], 1).float()


def _enlarged(array: Tensor, size: torch.Size) -> Tensor:
    return F.interpolate(array[None, None], list(size), mode="bilinear", align_corners=False)[0, 0]


@lru_cache(maxsize=4)
def _weights(device: str) -> dict[str, Tensor]:
    with as_file(files("deepblend") / "weights" / WEIGHTS) as path:
        return {name: tensor.float() for name, tensor in load_file(path, device=device).items()}
