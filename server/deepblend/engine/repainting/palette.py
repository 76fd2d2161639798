"""The palette: an object's colours moved towards a painting's, before anything is blended.

Lightness goes by its quantiles, with a limited slope; black stays black where the painting has it. Chroma goes part of
the way by the linear Monge-Kantorovich map (Pitié and Kokaram 2007) of what is left when its mean, as a function of
lightness, is taken off; and part of the way to the nearest of the painting's colours, so that red becomes the
painting's red and grey stays grey. A vivid colour keeps some of itself: a brick roof among pale greens stays brown. All
in Oklab, on samples: a blend of any size takes a tenth of a second for the map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .curves import interpolated, tabled, weighted_quantiles
from .oklab import from_oklab, to_oklab

THEIR_SAMPLES, OWN_SAMPLES = 16384, 8192
_AT_A_TIME = 1 << 20
"""Pixels whose colours are moved at once."""
_LIGHTNESSES = 33
"""At which mean chroma is tabled."""
_QUANTILES = 50
_EXTREME = 2
"""Which of the quantiles is the painting's darkest, and counted from the last its lightest."""
_RANGES = (0.2, 0.5)
"""Ranges of an object's lightness up to which it has neither black nor white, and from which it has both."""
_SIDE = 17
"""Of the table of nearest colours, along each axis."""
_NODES = 256
"""Of that table that are made at once."""
_CELL = (0.05, 0.015, 0.015)
"""Sides of a cell of Oklab, (L, a, b): all of a painting's pixels in one cell are one of its colours."""
_FEW = 0.0005
"""The least part of a painting that makes a cell one of its colours."""
_LIGHTNESS, _OFTEN = 0.1, 0.2
"""For the nearest colours: the weight of lightness beside chroma, and the power of a colour's share of the painting."""
_VIVID = 0.07
"""Chroma, in Oklab, at which a colour is half vivid."""

CALM_MEAN = 0.3
"""``Limits.mean`` before a calm painting, where a thing is first seen as light or dark."""


@dataclass(frozen=True)
class Limits:
    """How far colours may go."""

    mean: float = 0.55
    """The part of the way that mean lightness goes among bold strokes: a black thing stays the darkest."""
    slope: tuple[float, float] = (0.7, 1.6)
    """Of the curve of lightness, which is contrast."""
    stretch: tuple[float, float] = (0.5, 1.6)
    """Of chroma, along both axes of the map."""
    reach: float = 1.5
    """Standard deviations of the painting's chroma beyond which colours are held back: else a colour that few of the
    object's pixels have is thrown to its complement."""
    nearest: float = 0.85
    """The part of chroma that goes to the nearest colours; the rest goes by the map."""
    width: float = 0.02
    """Of "nearest", in Oklab."""
    vivid: float = 0.35
    """The part of its own chroma that the most vivid colour keeps."""
    bandwidth: float = 0.3
    """Of mean chroma as a function of lightness."""

    @classmethod
    def of(cls, keep_colours: float, calm: float) -> Limits:
        """From keep_colours 0.5 on as they are; below they open, towards the painting's own distribution at 0.

        Args:
            calm: how calm the painting is, 0..1: the calmer, the more an object stays as light or dark as it is.
        """
        own, more = cls(), max(0.0, 1 - 2 * keep_colours)

        def mix(a: float, b: float) -> float:
            return a + (b - a) * more

        return cls(
            mean=mix(own.mean + (CALM_MEAN - own.mean) * calm, 1.0),
            slope=(mix(own.slope[0], 0.4), mix(own.slope[1], 2.5)),
            stretch=(mix(own.stretch[0], 0.2), mix(own.stretch[1], 2.5)),
            nearest=mix(own.nearest, 0.2),
            vivid=mix(own.vivid, 0.0),
        )


def strength(style: float, keep_colours: float) -> float:
    """The part of the way that colours go: 0 at style 0 or keep_colours 1, 1 from the defaults to keep_colours 0."""
    return min(1.0, 2 * style) * min(1.0, 2 * (1 - keep_colours))


def sampled(values: Tensor, weight: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """At most so many columns of (C, N), evenly spaced among those of any weight (N,), and their weights, sum 1."""
    some = weight.nonzero().flatten()
    index = some[torch.linspace(0, len(some) - 1, min(count, len(some)), device=some.device).long()]
    return values[:, index], weight[index] / weight[index].sum()


class Palette:
    """The map of an object's colours to a painting's."""

    def __init__(self, ours: Tensor, own: Tensor, theirs: Tensor, weight: Tensor, limits: Limits) -> None:
        """
        Args:
            ours, theirs: colours of the object and of the painting, (3, N), levels of sRGB.
            own, weight: their weights, (N,), sum 1.
        """
        ours, theirs = to_oklab(ours), to_oklab(theirs)
        self._limits = limits
        self._curve = _lightness_curve(ours[0], own, theirs[0], weight, limits)
        levels = torch.linspace(0, 1, _LIGHTNESSES, device=ours.device)
        self._mean_own, self._mean_theirs = (
            _chroma_by_lightness(points, w, levels, limits.bandwidth) for points, w in ((ours, own), (theirs, weight))
        )
        rest_own = ours[1:] - tabled(self._mean_own, ours[0])
        rest_theirs = theirs[1:] - tabled(self._mean_theirs, theirs[0])
        eye = torch.eye(2, device=ours.device)
        s, t = ((rest * w) @ rest.T + 1e-5 * eye for rest, w in ((rest_own, own), (rest_theirs, weight)))
        self._map = _monge_kantorovich(s, t, *limits.stretch)
        self._nearness = torch.linalg.inv(t + 3e-5 * eye)
        # Over what the object's colours become in lightness: the table covers these, and ends there.
        self._nearest = _NearestChroma(torch.cat([self._curve(ours[0])[None], ours[1:]]), theirs, weight, limits.width)

    def moved(self, image: Tensor, strength: float) -> Tensor:
        """Colours moved by a part of the way: (3, H, W), levels of sRGB; what lies beyond 0..255 stays beyond."""
        out = image.clone()
        rows = max(1, _AT_A_TIME // image.shape[-1])
        for part, into in zip(image.split(rows, 1), out.split(rows, 1), strict=True):
            within = part.clamp(0, 255)
            lab = to_oklab(within)
            into += from_oklab(torch.lerp(lab, self._moved(lab.flatten(1)).view_as(lab), strength)) - within
        return out

    def _moved(self, v: Tensor) -> Tensor:
        lightness = self._curve(v[0])
        rest = self._map @ (v[1:] - tabled(self._mean_own, v[0]))
        far = (rest * (self._nearness @ rest)).sum(0).clamp(min=1e-9).sqrt()
        reach = self._limits.reach
        rest = rest * torch.where(far < reach, far, reach + 1 - torch.exp(reach - far)) / far
        chroma = rest + tabled(self._mean_theirs, lightness)
        nearest = self._nearest(torch.cat([lightness[None], v[1:]]))
        square = v[1:].square().sum(0)
        kept = self._limits.vivid * square / (square + _VIVID**2)
        return torch.cat([lightness[None], torch.lerp(torch.lerp(chroma, nearest, self._limits.nearest), v[1:], kept)])


class _NearestChroma:
    """The mean chroma of the painting's colours near to a colour, tabled; lightness counts less.

    Each of the painting's colours counts by a root of how much there is of it: else much gray, though farther,
    outweighs a little brown.
    """

    def __init__(self, colours: Tensor, theirs: Tensor, weight: Tensor, width: float) -> None:
        theirs, weight = _different(theirs, weight)
        self._low, self._high = colours.amin(1), colours.amax(1) + 1e-4
        axes = [torch.linspace(float(a), float(b), _SIDE) for a, b in zip(self._low, self._high, strict=True)]
        grid = torch.stack(torch.meshgrid(*axes, indexing="ij")).flatten(1).to(colours)
        scale = colours.new_tensor([[_LIGHTNESS], [1.0], [1.0]])
        keys = (theirs * scale).T
        often = _OFTEN * weight.log()
        rows = []
        for some in (grid * scale).T.split(_NODES):  # few enough to stay in a processor's cache
            apart = torch.cdist(some, keys).square_()
            spread = 2 * (width**2 + 0.05 * apart.amin(1, keepdim=True))
            share = torch.softmax(apart.div_(spread).neg_().add_(often), 1)
            rows.append(share @ theirs[1:].T)
        self._table = torch.cat(rows).T.reshape(1, 2, _SIDE, _SIDE, _SIDE)

    def __call__(self, colours: Tensor) -> Tensor:
        place = (colours - self._low[:, None]) / (self._high - self._low)[:, None] * 2 - 1
        at = place.flip(0).T.reshape(1, -1, 1, 1, 3)  # grid_sample's last coordinate is the first axis
        return F.grid_sample(self._table, at, padding_mode="border", align_corners=True)[0, :, :, 0, 0]


def _different(colours: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of the colours, (3, N), of each cell that there is enough of, (3, n), and the cells' weights, (n,)."""
    cells = (colours / colours.new_tensor(_CELL)[:, None]).round()
    found, cell = torch.unique(cells, dim=1, return_inverse=True)
    total = weight.new_zeros(found.shape[1]).index_add_(0, cell, weight)
    mean = colours.new_zeros(found.shape).index_add_(1, cell, colours * weight) / total
    enough = total >= min(_FEW, 0.2 * float(total.amax()))
    return mean[:, enough], total[enough]


def _lightness_curve(
    own: Tensor, own_weight: Tensor, theirs: Tensor, weight: Tensor, limits: Limits
) -> Callable[[Tensor], Tensor]:
    places = torch.linspace(0.01, 0.99, _QUANTILES, device=own.device)
    a, b = (weighted_quantiles(values, w, places) for values, w in ((own, own_weight), (theirs, weight)))

    def smooth(steps: Tensor) -> Tensor:
        return F.avg_pool1d(F.pad(steps[None, None], (5, 5), mode="replicate"), 11, 1)[0, 0]

    slope = (smooth(b.diff()) / smooth(a.diff()).clamp(min=1e-3)).clamp(*limits.slope)
    y = F.pad((slope * a.diff()).cumsum(0), (1, 0))
    y += a.mean() - y.mean() + limits.mean * (b.mean() - a.mean())
    y = _with_extremes(a, y, b)
    low, high = slope[0].clamp(max=1), slope[-1].clamp(max=1)

    def curve(x: Tensor) -> Tensor:
        beyond = low * (x - a[0]).clamp(max=0) + high * (x - a[-1]).clamp(min=0)
        return (interpolated(a, y, x) + beyond).clamp(0, 1)

    return curve


def _with_extremes(own: Tensor, moved: Tensor, theirs: Tensor) -> Tensor:
    """Quantiles of lightness, moved, but the darkest no lighter than they were, or than the painting's darkest.

    A black thing is painted black, though all of it is to become lighter; a white one white. That is so in the outer
    quarters of the object's range, and not where that is small: grain would be stretched over all of the way.

    Shape:
        own, moved, theirs, result: (n,), rising.
    """
    reach = own[-1] - own[0]
    wide = ((reach - _RANGES[0]) / (_RANGES[1] - _RANGES[0])).clamp(0, 1)
    place = (own - own[0]) / reach.clamp(min=1e-3)
    darkest = torch.minimum(moved, torch.maximum(own, theirs[_EXTREME]))
    lightest = torch.maximum(moved, torch.minimum(own, theirs[-1 - _EXTREME]))
    moved = torch.lerp(moved, darkest, wide * (1 - 4 * place).clamp(min=0).square())
    return torch.lerp(moved, lightest, wide * (4 * place - 3).clamp(min=0).square())


def _chroma_by_lightness(points: Tensor, weight: Tensor, levels: Tensor, bandwidth: float) -> Tensor:
    """Mean chroma at levels of lightness, (2, n); where there is little, the mean of all."""
    mean = (points[1:] * weight).sum(1, keepdim=True)
    near = torch.exp(-((levels[:, None] - points[0]) ** 2) / (2 * bandwidth**2)) * weight
    return ((near @ points[1:].T).T + 0.02 * mean) / (near.sum(1) + 0.02)


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp(min=1e-12).sqrt() @ vectors.T


def _monge_kantorovich(s: Tensor, t: Tensor, low: float, high: float) -> Tensor:
    """S^-1/2 (S^1/2 T S^1/2)^1/2 S^-1/2, its stretch limited."""
    root = _root(s)
    inverse = torch.linalg.inv(root)
    values, vectors = torch.linalg.eigh(inverse @ _root(root @ t @ root) @ inverse)
    return vectors * values.clamp(low, high) @ vectors.T
