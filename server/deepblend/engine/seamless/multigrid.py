"""Multigrid for the five-point Laplacian on any mask: the grids, and the V-cycle that conjugate gradients are given.

Layout. Two by two pixels are a cell. Its pixels are kept in separate arrays, in the order 00, 11 (red), 01, 10 (black),
row and column within the cell: a red pixel's neighbours are black, and the other way round. An array is flat, h rows of
w cells with an empty cell after each row and an empty row above and below: each neighbour is then at one constant
distance, and one operation serves the whole picture. Links and weights are 0 at empty cells and outside Omega, so that
no operation needs a mask.

Scaling. Equations are divided and unknowns multiplied by the square root of the diagonal. The matrix is then I - K, and
half a Gauss-Seidel sweep is u_red = f_red + K u_black.

Coarse grids. A cell becomes a pixel of the next grid. Its links are conductances: side by side they add, twice the
length halves them. Fixed pixels are a conductance in their own direction, and their distance from the cell's middle is
carried along, so that a border keeps its place on every grid. Interpolation (P) follows the links, and nothing passes
where there is none. So pieces, holes, lines of one pixel and free borders need no care of their own.

Multigrid for Poisson's equation on masks, as a preconditioner: McAdams, Sifakis and Teran 2010.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor

_COLOURS = ((0, 0), (1, 1), (0, 1), (1, 0))
"""Row and column of a pixel in its cell, by colour: two red ones, two black ones."""
LINKS = (
    (0, 2, (0, 0)),
    (2, 0, (0, 1)),
    (3, 1, (0, 0)),
    (1, 3, (0, 1)),
    (0, 3, (0, 0)),
    (3, 0, (1, 0)),
    (2, 1, (0, 0)),
    (1, 2, (1, 0)),
)
"""Colours a and b of two neighbours, b right of a in the first four and below it in the others, and rows and columns
from a's cell to b's. A link's values are kept at a's place."""
_WEST, _EAST, _NORTH, _SOUTH = range(4)
_OUTWARD = ((0, 3), (1, 2), (0, 2), (1, 3))
"""By direction: the colours on that side of their cell."""
_NEAREST = (((1, _WEST), (5, _NORTH)), ((3, _EAST), (7, _SOUTH)))
"""For each red colour: link and direction to the nearest cell in its row, and in its column."""
_SHARE = 0.2
"""A nearest cell's share in an interpolated value. Linear interpolation has 0.25; a little less converges faster."""
_SMALL = 128
"""Pixels of the coarsest grid, at most."""
TINY = 1e-30

Plan = list[tuple[Tensor | None, Tensor, list[tuple[Tensor, Tensor]], float]]
"""(start, out, [(x, weight), ...], sign): out = start + sign * sum of x * weight. Views, made once for all cycles."""


def run(plan: Plan) -> None:
    for start, out, terms, sign in plan:
        (x, weight), *rest = terms
        if start is None:
            torch.mul(x, weight, out=out)
        else:
            torch.addcmul(start, x, weight, value=sign, out=out)
        for x, weight in rest:
            out.addcmul_(x, weight, value=sign)


class Shape(NamedTuple):
    """Rows and columns of cells, and how they lie in flat arrays."""

    h: int
    w: int

    @property
    def n(self) -> int:
        return (self.h + 2) * (self.w + 1)

    @staticmethod
    def of(image: Tensor) -> Shape:
        return Shape(-(-image.shape[-2] // 2), -(-image.shape[-1] // 2))

    def image(self, flat: Tensor) -> Tensor:
        """The cells as pictures: a view (..., h, w) of (..., n)."""
        return flat.view(*flat.shape[:-1], self.h + 2, self.w + 1)[..., 1:-1, :-1]

    def at(self, flat: Tensor, step: tuple[int, int] = (0, 0), sign: int = 1) -> Tensor:
        """All rows of cells, moved by ``sign * step`` rows and columns: a view (..., h * (w + 1)) of (..., n)."""
        start = (self.w + 1) * (1 + sign * step[0]) + sign * step[1]
        return flat[..., start : start + self.h * (self.w + 1)]

    def pairs(self, image: Tensor, flat: Iterable[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Views of the same pixels in (C, H, W) and in (4, C, n), colour by colour."""
        parts = [image[..., row::2, column::2] for row, column in _COLOURS]
        return [
            (part, self.image(own)[..., : part.shape[-2], : part.shape[-1]])
            for part, own in zip(parts, flat, strict=True)
        ]

    def split(self, image: Tensor) -> Tensor:
        """(C, H, W) as (4, C, n)."""
        flat = image.new_zeros(4, image.shape[0], self.n)
        for part, own in self.pairs(image, flat):
            own.copy_(part)
        return flat


class Pixels(NamedTuple):
    """What is known of one grid's pixels, unscaled."""

    omega: Tensor
    """(4, n), float32 or, on the finest grid, uint8, as links and ground: 1 in Omega, else 0."""
    screening: Tensor
    """(4, n), float32."""
    links: Tensor
    """(8, n): conductance of each of LINKS."""
    ground: Tensor
    """(4, 4, n): conductance to fixed pixels by direction and colour."""


def finest_pixels(shape: Shape, omega: Tensor, fixed: Tensor, screening: Tensor) -> Pixels:
    """From (4, n) each, uint8 0 or 1 but for the screening weights: every conductance is 1."""
    links = omega.new_zeros(8, shape.n)
    ground = omega.new_zeros(4, 4, shape.n)
    for index, (a, b, step) in enumerate(LINKS):
        ahead, back = (_EAST, _WEST) if index < 4 else (_SOUTH, _NORTH)
        torch.mul(shape.at(omega[a]), shape.at(omega[b], step), out=shape.at(links[index]))
        torch.mul(shape.at(omega[a]), shape.at(fixed[b], step), out=shape.at(ground[ahead, a]))
        torch.mul(shape.at(omega[b]), shape.at(fixed[a], step, -1), out=shape.at(ground[back, b]))
    return Pixels(omega, screening.mul_(omega), links, ground)


class _Direct:
    """The coarsest grid: small enough to invert its matrix I - K."""

    def __init__(self, image: Tensor, scale: Tensor) -> None:
        """image: (8, H, W), see Grid._cells; scale: (H, W)."""
        number = torch.arange(scale.numel()).view(scale.shape)
        matrix = torch.eye(scale.numel(), dtype=torch.float64)
        right, below, scale = (t.cpu().double() for t in (image[2], image[3], scale))
        for links, p, q in (
            (right[:, :-1], (slice(None), slice(None, -1)), (slice(None), slice(1, None))),
            (below[:-1], (slice(None, -1), slice(None)), (slice(1, None), slice(None))),
        ):
            value = -links * scale[p] * scale[q]
            matrix[number[p], number[q]] = value
            matrix[number[q], number[p]] = value
        self.inverse = torch.linalg.inv(matrix).to(image)


def grids(omega: Tensor, fixed: Tensor, screening: Tensor | None) -> tuple[Grid, Tensor, Tensor]:
    """All grids of a mask: the finest, each with the next coarser one.

    Args: see :class:`.conjugate_gradients.ConjugateGradients`.

    Returns beside it, of its pixels, unscaled: the links (8, n), 0 or 1, and what ties each to 0, (4, n).
    """
    shape = Shape.of(omega)
    own, border = shape.split(torch.stack((omega, fixed)).to(torch.uint8)).unbind(1)  # (4, n) each
    weight = torch.zeros(4, shape.n, device=omega.device) if screening is None else shape.split(screening[None])[:, 0]
    pixels = finest_pixels(shape, own, border, weight)
    links, tied = pixels.links, pixels.ground.sum(0, dtype=weight.dtype).add_(pixels.screening)
    cells = _cells(shape, pixels, finest=True)
    finest = grid = Grid(shape, pixels, cells)
    while shape.h * shape.w > _SMALL:
        image = shape.image(cells)
        shape = Shape.of(image)
        own, weight, right, below, *ground = shape.split(image).transpose(0, 1)  # (4, n) each
        conductances = torch.stack([(right if index < 4 else below)[a] for index, (a, _, _) in enumerate(LINKS)])
        pixels = Pixels(own, weight, conductances, torch.stack(ground))  # frees the finer grid's: there is no recursion
        cells = _cells(shape, pixels, finest=False)
        grid.next = Grid(shape, pixels, cells)
        grid = grid.next
    grid.next = _Direct(shape.image(cells), shape.image(_cell_scale(shape, cells)))
    return finest, links, tied


def _cells(shape: Shape, pixels: Pixels, finest: bool) -> Tensor:
    """The cells as pixels: omega, screening, links right and below, ground by direction; (8, n)."""
    omega, screening, links, ground = pixels
    cells = screening.new_zeros(8, shape.n)
    between = screening.new_empty(shape.n)
    cells[0].copy_(omega.amax(0))
    torch.sum(screening, 0, out=cells[1])
    torch.add(links[1], links[3], out=cells[2]).mul_(0.5)
    torch.add(links[5], links[7], out=cells[3]).mul_(0.5)
    # Seen from the cell's middle, fixed pixels outside the cell are half a pixel further; those within are half a
    # pixel nearer, but where a pixel of Omega lies between.
    for direction, total in enumerate(cells[4:]):
        for colour, (row, column) in enumerate(_COLOURS):
            own, outside = ground[direction, colour], colour in _OUTWARD[direction]
            if finest:  # the same, for conductances 0 and 1
                total.add_(own, alpha=1 / 1.5 if outside else 1 / 0.5)
            elif outside:
                total.addcdiv_(own, torch.mul(own, 0.5, out=between).add_(1))
            else:
                beside = (row, 1 - column) if direction in (_WEST, _EAST) else (1 - row, column)
                torch.sub(omega[_COLOURS.index(beside)], 1, out=between).mul_(own).mul_(0.5)
                total.addcdiv_(own, between.add_(1).clamp_min_(0.5))
    return cells


def _cell_scale(shape: Shape, cells: Tensor) -> Tensor:
    """The scale of the cells as pixels, (n,)."""
    diagonal = cells[1:].sum(0)
    for links, step in zip(cells[2:4], ((0, 1), (1, 0)), strict=True):
        shape.at(diagonal).add_(shape.at(links, step, -1))
    return diagonal.clamp_min_(TINY).rsqrt_().mul_(cells[0])


class Grid:
    """One grid: K, P and the next grid."""

    next: Grid | _Direct

    def __init__(self, shape: Shape, pixels: Pixels, cells: Tensor) -> None:
        """cells: of :func:`_cells`."""
        self.shape = shape
        omega, screening, links, ground = pixels
        diagonal = ground.sum(0, dtype=screening.dtype).add_(screening)  # (4, n)
        for (a, b, step), link in zip(LINKS, links, strict=True):
            shape.at(diagonal[a]).add_(shape.at(link))
            shape.at(diagonal[b]).add_(shape.at(link, step, -1))
        self.scale = diagonal.clamp_min(TINY).rsqrt_().mul_(omega)  # (4, n)
        self.links = screening.new_zeros(8, shape.n)  # scaled: K
        for (a, b, step), link, own in zip(LINKS, links, self.links, strict=True):
            torch.mul(shape.at(self.scale[a]), shape.at(self.scale[b], step), out=shape.at(own)).mul_(shape.at(link))

        cell_scale = _cell_scale(shape, cells)
        self.weights = screening.new_zeros(2, 3, shape.n)
        """P, scaled: by red colour, the shares of its own cell, of the nearest in its row and of that in its column."""
        for red, (own, *near) in enumerate(self.weights):
            root = diagonal[red].sqrt()
            own.copy_(omega[red])
            for (link, direction), share in zip(_NEAREST[red], near, strict=True):
                step, sign = LINKS[link][2], 1 if red else -1
                linked = shape.at(links[link]) if red else shape.at(links[link], step, -1)
                torch.mul(linked.clamp_max(1.0), _SHARE, out=shape.at(share))
                own.sub_(share).sub_(ground[direction, red].clamp_max(1.0), alpha=_SHARE)
                shape.at(share).mul_(shape.at(root)).mul_(shape.at(cell_scale, step, sign))
            own.mul_(root).mul_(cell_scale)

    def neighbours(self, black: bool, start: Tensor | None, x: Tensor, out: Tensor, sign: float = 1.0) -> Plan:
        """Plans out = start + sign K x, from red to black or from black to red; (2, C, n) each."""
        plan: Plan = []
        for colour in range(2):
            terms = []
            for (a, b, step), link in zip(LINKS, self.links, strict=True):
                if a == colour + 2 * black:
                    terms.append((self.shape.at(x[b % 2], step), self.shape.at(link)))
                elif b == colour + 2 * black:
                    terms.append((self.shape.at(x[a % 2], step, -1), self.shape.at(link, step, -1)))
            begin = None if start is None else self.shape.at(start[colour])
            plan.append((begin, self.shape.at(out[colour]), terms, sign))
        return plan

    def interpolate(self, start: Tensor | None, cells: Tensor, out: Tensor) -> Plan:
        """Plans out = start + P cells, from (C, n) to red (2, C, n)."""
        plan: Plan = []
        for red, (own, *near) in enumerate(self.weights):
            terms = [(self.shape.at(cells), self.shape.at(own))]
            for (link, _), share in zip(_NEAREST[red], near, strict=True):
                terms.append((self.shape.at(cells, LINKS[link][2], 1 if red else -1), self.shape.at(share)))
            begin = None if start is None else self.shape.at(start[red])
            plan.append((begin, self.shape.at(out[red]), terms, 1.0))
        return plan

    def restrict(self, x: Tensor, cells: Tensor) -> Plan:
        """Plans cells = P' x, from red (2, C, n) to (C, n)."""
        terms = []
        for red, (own, *near) in enumerate(self.weights):
            terms.append((self.shape.at(x[red]), self.shape.at(own)))
            for (link, _), share in zip(_NEAREST[red], near, strict=True):
                step, sign = LINKS[link][2], -1 if red else 1
                terms.append((self.shape.at(x[red], step, sign), self.shape.at(share, step, sign)))
        return [(None, self.shape.at(cells), terms, 1.0)]


class _Cycle:
    """A V-cycle on a grid and those below: replaces a right-hand side by the approximate solution."""

    def __init__(self, grid: Grid, image: Tensor) -> None:
        """image: (C, H, W), the grid's pixels; read before a cycle, written after it."""
        f, u = image.new_zeros(2, 4, image.shape[0], grid.shape.n)
        cells = image.new_zeros(image.shape[0], grid.shape.n)
        red, black = u[:2], u[2:]
        self.read = grid.shape.pairs(image, f)
        self.down = grid.neighbours(True, f[2:], f[:2], black)  # red is f_red after the first half-sweep
        self.down += grid.neighbours(False, None, black, red)  # the residual: that of black is 0
        self.down += grid.restrict(red, cells)
        self.next = cycle(grid.next, grid.shape.image(cells))
        self.up = grid.interpolate(f[:2], cells, red)
        self.up += grid.neighbours(True, f[2:], red, black)
        self.up += grid.neighbours(False, f[:2], black, red)
        self.write = grid.shape.pairs(image, u)

    def __call__(self) -> None:
        for part, own in self.read:
            own.copy_(part)
        run(self.down)
        self.next()
        run(self.up)
        for part, own in self.write:
            part.copy_(own)


def cycle(grid: Grid | _Direct, image: Tensor) -> Callable[[], object]:
    """A function that replaces the right-hand side in image (C, H, W) by the (approximate) solution."""
    if isinstance(grid, Grid):
        return _Cycle(grid, image)
    return lambda: image.copy_((image.flatten(1) @ grid.inverse).view_as(image))
