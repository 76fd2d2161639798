"""Convolutions by 3 x 3 with a quarter of the multiplications (Winograd's F(4 x 4, 3 x 3); Lavin and Gray 2016).

A tile of 4 x 4 outputs depends on 6 x 6 inputs. Both are transformed so that the convolution becomes one product of a
matrix by each of 36 coefficients: 2.25 multiplications an output and pair of channels in place of 9. The result is the
convolution's but for rounding, some 1e-5 of the largest in float32. (bfloat16 has not the digits for it.)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

_TILE, _SEEN = 4, 6
"""Outputs and inputs of a tile, on a side."""
_TOGETHER = 1 << 16
"""Tiles times channels that are transformed at once: what that takes fits a processor's caches, about."""
_INPUT = (
    (4.0, 0.0, -5.0, 0.0, 1.0, 0.0),
    (0.0, -4.0, -4.0, 1.0, 1.0, 0.0),
    (0.0, 4.0, -4.0, -1.0, 1.0, 0.0),
    (0.0, -2.0, -1.0, 2.0, 1.0, 0.0),
    (0.0, 2.0, -1.0, -2.0, 1.0, 0.0),
    (0.0, 4.0, 0.0, -5.0, 0.0, 1.0),
)
_KERNEL = (
    (1 / 4, 0.0, 0.0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0.0, 0.0, 1.0),
)
_OUTPUT = (
    (1.0, 1.0, 1.0, 1.0, 1.0, 0.0),
    (0.0, 1.0, -1.0, 2.0, -2.0, 0.0),
    (0.0, 1.0, 1.0, 4.0, 4.0, 0.0),
    (0.0, 1.0, -1.0, 8.0, -8.0, 1.0),
)
_CONSTANT = 7
"""The coefficient that adds alike to each output of a tile: the column of ones in ``_OUTPUT``, twice."""


def transformed(weight: Tensor) -> Tensor:
    """A convolution's weight as :func:`convolved` takes it: (K, C, 3, 3) to (36, K, C)."""
    kernel = weight.new_tensor(_KERNEL)
    taps = weight.permute(3, 2, 0, 1).reshape(9, -1)  # columns first, as tiles are
    return torch.mm(torch.kron(kernel, kernel), taps).view(-1, *weight.shape[:2])


def convolved(image: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """``F.conv2d(image, ..., bias, padding=1)``, differentiable in the image.

    Shape:
        image: (1, C, H, W), float32; weight: (36, K, C), see :func:`transformed`; bias: (K,); result: (1, K, H, W),
        with channels last.
    """
    return _Convolved.apply(image, weight, bias)


class _Convolved(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        grid = _Grid.over(image)
        kernels, channels = weight.shape[1:]
        into, out = image.new_tensor(_INPUT), image.new_tensor(_OUTPUT)
        rows = _Rows.of(F.pad(_channels_last(image), (0, 0, 1, grid.wide - 1, 1, grid.high - 1)))
        result, tiled = grid.empty(image, kernels)
        for strip in grid.strips(max(channels, kernels)):
            count = strip.stop - strip.start
            lines = torch.bmm(into.expand(count, -1, -1), rows.seen(strip))
            lines = lines.view(count, _SEEN, -1, channels)
            columns = _tiles_of(lines, grid.across).permute(3, 1, 0, 2, 4).contiguous()
            seen = torch.mm(into, columns.view(_SEEN, -1)).view(_SEEN**2, -1, channels)
            product = torch.bmm(seen, weight.transpose(1, 2))
            product[_CONSTANT] += bias
            columns = torch.mm(out, product.view(_SEEN, -1)).view(_TILE, _SEEN, -1)
            tiles = torch.bmm(out.expand(_TILE, -1, -1), columns)
            tiled[strip] = tiles.view(_TILE, _TILE, count, grid.across, kernels).permute(2, 1, 3, 0, 4)
        return grid.cut(result)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Each step of ``forward`` transposed, in reverse."""
        (weight,) = ctx.saved_tensors
        (gradient,) = gradients
        grid = _Grid.over(gradient)
        kernels, channels = weight.shape[1:]
        into, out = gradient.new_tensor(_INPUT).T, gradient.new_tensor(_OUTPUT).T
        padded = F.pad(_channels_last(gradient), (0, 0, 0, grid.wide - 2, 0, grid.high - 2))
        tiled = padded.view(grid.down, _TILE, grid.across, _TILE, kernels)
        rows = _Rows.of(gradient.new_zeros(grid.height + grid.high, grid.width + grid.wide, channels))
        for strip in grid.strips(max(channels, kernels)):
            count = strip.stop - strip.start
            tiles = tiled[strip].permute(3, 1, 0, 2, 4).reshape(_TILE, _TILE, -1)
            columns = torch.bmm(out.expand(_TILE, -1, -1), tiles)
            product = torch.mm(out, columns.view(_TILE, -1)).view(_SEEN**2, -1, kernels)
            seen = torch.bmm(product, weight)
            columns = torch.mm(into, seen.view(_SEEN, -1)).view(_SEEN, _SEEN, count, grid.across, channels)
            lines = gradient.new_zeros(count, _SEEN, grid.width + grid.wide, channels)
            for own, part in _halves(_tiles_of(lines, grid.across), 3):
                own += columns[part].permute(2, 1, 3, 0, 4)
            rows.add(strip, torch.bmm(into.expand(count, -1, -1), lines.view(count, _SEEN, -1)))
        inner = rows.array[1 : 1 + grid.height, 1 : 1 + grid.width].permute(2, 0, 1)[None]
        return inner.contiguous(memory_format=torch.channels_last), None, None


class _Grid(NamedTuple):
    """The tiles of a picture."""

    height: int
    width: int
    down: int
    across: int

    @classmethod
    def over(cls, image: Tensor) -> _Grid:
        height, width = image.shape[-2:]
        return cls(height, width, -(-height // _TILE), -(-width // _TILE))

    @property
    def high(self) -> int:
        """Rows that tiles see beyond the picture, above and below together."""
        return self.down * _TILE + 2 - self.height

    @property
    def wide(self) -> int:
        """Columns that tiles see beyond the picture, on both sides together."""
        return self.across * _TILE + 2 - self.width

    def strips(self, channels: int) -> Iterator[slice]:
        """Rows of tiles that are transformed at once."""
        step = max(1, _TOGETHER // (self.across * channels))
        for start in range(0, self.down, step):
            yield slice(start, min(start + step, self.down))

    def empty(self, like: Tensor, channels: int) -> tuple[Tensor, Tensor]:
        """An image with channels last, (1, K, H, W) of whole tiles, and the same as tiles, (down, 4, across, 4, K)."""
        size = (1, channels, self.down * _TILE, self.across * _TILE)
        image = torch.empty(size, dtype=like.dtype, device=like.device, memory_format=torch.channels_last)
        return image, _channels_last(image).view(self.down, _TILE, self.across, _TILE, channels)

    def cut(self, image: Tensor) -> Tensor:
        """An image of whole tiles without what they are larger than the picture. Not a view of another one."""
        if image.shape[-2:] == (self.height, self.width):
            return image
        return image[..., : self.height, : self.width].clone(memory_format=torch.channels_last)


class _Rows(NamedTuple):
    """A padded picture's rows, (H, W, C), as rows of tiles see them: six, of which two are the next one's as well."""

    array: Tensor
    length: int

    @classmethod
    def of(cls, array: Tensor) -> _Rows:
        return cls(array, array.shape[1] * array.shape[2])

    def seen(self, strip: slice) -> Tensor:
        """(n, 6, W * C), a view."""
        size = (strip.stop - strip.start, _SEEN, self.length)
        return self.array.as_strided(size, (_TILE * self.length, self.length, 1), strip.start * _TILE * self.length)

    def add(self, strip: slice, lines: Tensor) -> None:
        """Add to what is seen."""
        for own, part in _halves(self.seen(strip), 1):
            own += lines[:, part]


def _tiles_of(lines: Tensor, across: int) -> Tensor:
    """Columns as tiles see them, (n, 6, W, C) to (n, 6, across, 6, C), a view."""
    channels = lines.shape[-1]
    strides = (*lines.stride()[:2], _TILE * channels, channels, 1)
    return lines.as_strided((*lines.shape[:2], across, _SEEN, channels), strides)


def _halves(seen: Tensor, axis: int) -> Iterator[tuple[Tensor, slice]]:
    """What tiles see in two parts, neither of which overlaps itself: it can be added to."""
    for part in (slice(0, _TILE), slice(_TILE, _SEEN)):
        yield seen.narrow(axis, part.start, part.stop - part.start), part


def _channels_last(image: Tensor) -> Tensor:
    return image[0].permute(1, 2, 0)
