"""Octaves of detail: the object's own where it is stronger than the painting's strokes, and the painting's."""

from __future__ import annotations

from collections.abc import Generator

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..colour import luma
from .nearest import Keys, some_of

STRONG = 0.9
"""The part of the painting whose detail is weaker than what counts as strong: eyes, mouths, letters and edges are."""
_KEYS = 12000
"""Of the painting's patches, those that are looked through."""
_ROWS = 1 << 17
"""Pixels of a coarse picture that are given detail at once."""


def gauss(array: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur of (1, C, H, W), sigma in pixels; edges are continued."""
    if sigma < 0.3:
        return array
    reach, channels = max(1, int(3 * sigma + 0.5)), array.shape[1]
    steps = torch.arange(-reach, reach + 1, dtype=array.dtype, device=array.device)
    kernel = torch.exp(-(steps**2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    if array.device.type == "cpu" and not array.requires_grad:  # several times as fast
        planes, line = array.detach()[0].numpy(), kernel.numpy()
        blurred = [cv2.sepFilter2D(plane, -1, line, line, borderType=cv2.BORDER_REPLICATE) for plane in planes]
        return torch.from_numpy(np.stack(blurred))[None]
    kernel = kernel.view(1, 1, 1, -1).repeat(channels, 1, 1, 1)
    array = F.conv2d(F.pad(array, (reach, reach, 0, 0), mode="replicate"), kernel, groups=channels)
    return F.conv2d(F.pad(array, (0, 0, reach, reach), mode="replicate"), kernel.transpose(2, 3), groups=channels)


def enlarged(picture: Tensor) -> Tensor:
    """Twice as large, (1, C, H, W)."""
    return F.interpolate(picture, scale_factor=2, mode="bicubic", align_corners=False)


def octave(picture: Tensor) -> Tensor:
    """The finest octave: what halving loses. H and W are even."""
    return picture - enlarged(F.avg_pool2d(picture, 2))


def _energy(detail: Tensor) -> Tensor:
    return gauss(luma(detail).square(), 1.5).sqrt()


def strong_detail(own: Tensor, painting: Tensor, weight: Tensor) -> Tensor:
    """A picture's finest octave where it is stronger than all but a few of the painting's strokes.

    So eyes, mouths and letters stay, and a photograph's grain does not come back.

    Shape:
        own, result: (1, C, H, W); painting: (1, C, h, w) with its weight (1, 1, h, w); all levels.
    """
    detail = octave(own)
    there = weight[..., ::4, ::4].flatten() > 0
    typical = _energy(octave(painting))[..., ::4, ::4].flatten()[there]
    if not len(typical):
        return detail
    typical = typical[torch.linspace(0, len(typical) - 1, min(len(typical), 1 << 16)).long()]
    ratio = (_energy(detail) / torch.quantile(typical, STRONG).clamp(min=0.5)).square()
    return detail * ratio / (1 + ratio)


class PaintedOctave:
    """The next finer octave of a picture, out of a painting's (example-based super-resolution, Freeman 2002).

    Each pixel's 5 x 5 neighbourhood is found among the painting's at the same scale, and the finer octave that the
    painting has there is laid down, as strong as the neighbourhood is to the one found.
    """

    def __init__(self, coarse: Tensor, fine: Tensor, weight: Tensor) -> None:
        """
        Args:
            coarse, fine: the painting at the picture's scale, (1, C, h, w), and at twice that, levels.
            weight: (1, 1, h, w); only where it is 1 all around is there painting.
        """
        inside = (F.avg_pool2d(weight, 5, 1, 2, count_include_pad=False) > 0.999).flatten().nonzero().flatten()
        if not len(inside):
            inside = torch.arange(weight.numel(), device=weight.device)
        inside = some_of(inside, _KEYS)
        key, self._contrast = (array[:, inside] for array in _described(coarse))
        self._keys = Keys(key)
        detail = fine - enlarged(coarse)
        self._value = F.unfold(F.pad(detail, (1, 1, 1, 1), mode="replicate"), 4, stride=2)[0][:, inside]

    def of(self, picture: Tensor, wanted: Tensor | None = None) -> Generator[float, None, Tensor]:
        """The octave of a picture, (1, C, H, W) to (1, C, 2 H, 2 W); a bounded number of rows at a time.

        Yields the part that is done, 0..1, between them.

        Args:
            wanted: (1, 1, H, W), above 0 at the picture's pixels that it is wanted of; elsewhere it is incomplete
                or 0. None: of all.
        """
        if wanted is None:
            wanted = picture.new_ones(1, 1, *picture.shape[-2:])
        out = picture.new_zeros(*picture.shape[:2], *(2 * side for side in picture.shape[-2:]))
        rows, columns = (_extent(wanted.amax(axis).flatten()) for axis in (3, 2))
        step = max(8, _ROWS // max(columns.stop - columns.start, 1))
        for top in range(rows.start, rows.stop, step):
            if top > rows.start:
                yield (top - rows.start) / (rows.stop - rows.start)
            some = (slice(top, min(top + step, rows.stop)), columns)
            out[(..., *(slice(2 * one.start, 2 * one.stop) for one in some))] = self._of(picture, wanted, some)
        return out

    def _of(self, picture: Tensor, wanted: Tensor, part: tuple[slice, slice]) -> Tensor:
        seen, near = (_grown(part, by, picture) for by in (4, 1))  # what is laid down one pixel on reaches in
        cut = tuple(slice(one.start - all_.start, one.stop - all_.start) for one, all_ in zip(near, seen, strict=True))
        places = F.max_pool2d(wanted[(..., *near)], 3, 1, 1).flatten().nonzero().flatten()
        query, own = (
            array.unflatten(1, [one.stop - one.start for one in seen])[(..., *cut)].flatten(1)[:, places]
            for array in _described(picture[(..., *seen)])
        )
        found = self._keys.nearest(query)
        height, width = (one.stop - one.start for one in near)
        laid = picture.new_zeros(len(self._value), height * width)
        laid[:, places] = self._value[:, found] * ((own + 2) / (self._contrast[:, found] + 2)).clamp(0.5, 2.0)
        window = picture.new_tensor([0.1, 1.0, 1.0, 0.1])
        window = (window[:, None] * window).flatten().repeat(picture.shape[1])[:, None]

        def fold(patches: Tensor) -> Tensor:
            return F.fold(patches[None], (2 * height + 2, 2 * width + 2), 4, stride=2)[..., 1:-1, 1:-1]

        own_part = (
            slice(2 * (one.start - all_.start), 2 * (one.stop - all_.start))
            for one, all_ in zip(part, near, strict=True)
        )
        return (fold(laid * window) / fold(window.expand_as(laid)))[(..., *own_part)]


def _extent(any_: Tensor) -> slice:
    """From the first to the last of some numbers, (n,), that is not 0; empty where all are."""
    there = any_.nonzero().flatten()
    return slice(int(there[0]), int(there[-1]) + 1) if len(there) else slice(0, 0)


def _grown(part: tuple[slice, slice], by: int, picture: Tensor) -> tuple[slice, ...]:
    """Rows and columns, and some more on every side where the picture has them."""
    sides = picture.shape[-2:]
    return tuple(slice(max(one.start - by, 0), min(one.stop + by, side)) for one, side in zip(part, sides, strict=True))


def _described(picture: Tensor) -> tuple[Tensor, Tensor]:
    """By pixel: its neighbourhood's luma less its mean, its colour and its mean; and its contrast in levels."""
    light = luma(picture)
    patch = F.unfold(F.pad(light, (2, 2, 2, 2), mode="replicate"), 5)[0]
    mean = patch.mean(0, keepdim=True)
    patch = patch - mean
    colour = gauss(picture - light, 1.0)[0].flatten(1)
    return torch.cat([patch / 5, colour * 0.15, mean * 0.15]), patch.square().mean(0, keepdim=True).sqrt()
