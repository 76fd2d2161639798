"""The exact gradient-domain blend: Poisson's equation on any region, with source, mixed or screened gradients.

For each pixel p of the region Omega, over its 4 neighbours q that are in Omega or fixed (outside Omega, background
alpha above 0):

    sum over q of [(u_p - u_q) - v_pq] + screen_p (u_p - s_p) = 0,    u_q = background_q at fixed q

v_pq = s_p - s_q, and 0 where p or q is transparent in the source: what lies under transparent pixels never matters
(Pérez, Gangnet and Blake, Poisson Image Editing, 2003, equation 7). Other neighbours, where the background's alpha is 0
or the picture ends, are left out: the border is free there. A component of Omega without any fixed neighbour keeps the
source. The screen holds the source's own colours (Bhat, Curless, Cohen and Zitnick, Fourier Analysis of the 2D Screened
Poisson Equation, 2008).

Solved for the correction c = u - s, from c = 0: where nothing has to change, nothing does, to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from deepblend_protocol.errors import MaskEmpty, NotFinite
from torch import Tensor

from .conjugate_gradients import Solver

TOLERANCE = 0.01
"""Levels: the greatest error, as estimated, against the exact solution. Half the 0.02 that is asked for: the error was
never more than 5% above its estimate (benchmarks.poisson)."""
CYCLES = 400
"""At most. Ordinary masks take 5 to 9, whatever their size; only mazes with free walls come near."""
TOGETHER = 2**20
"""Pixels of the box up to which all channels are solved at once. In a larger one they are solved one after the other:
a third of the arrays, which then take no longer, since they fit the cache better."""
_RENEW = 1 / 100
"""The residual is computed anew when the error has fallen by this factor: the rounding errors fall by it, too."""

OnCycle = Callable[[float, Callable[[], Tensor]], "bool | None"]
"""Called after each cycle with progress 0..1 and a function that makes the image as it stands; True stops."""


@dataclass(frozen=True)
class Solution:
    image: Tensor
    """(C, H, W): u in the region, the background elsewhere."""
    cycles: int
    residual: float
    """In levels: the preconditioned residual's greatest value over the smallest Ritz value. It estimates the greatest
    error of any pixel and channel."""


def solve(
    source: Tensor,
    source_alpha: Tensor,
    background: Tensor,
    background_alpha: Tensor,
    region: Tensor,
    *,
    mixed: bool = False,
    screen: Tensor | None = None,
    tolerance: float = TOLERANCE,
    on_cycle: OnCycle | None = None,
) -> Solution:
    """Blends the source into the background, seamlessly.

    The result is bit for bit the same for the same input, device kind and number of threads.

    Args:
        source: (C, H, W) float32, any C, levels 0..255 (values beyond are kept).
        source_alpha: (H, W); 0 where there is nothing.
        background: (C, H, W).
        background_alpha: (H, W).
        region: (H, W) bool, Omega.
        mixed: of each pair's two differences, the source's and the background's, follow the greater (Pérez et al.,
            equations 12 and 13), channel by channel.
        screen: (H, W), not negative: weight of the source's own colour at each pixel.
        tolerance: levels; stop when the estimated greatest error is below.
        on_cycle: see :data:`OnCycle`.

    Raises MaskEmpty, NotFinite.
    """
    if not region.any():
        raise MaskEmpty()
    rows, columns = (_span(region.any(1 - axis)) for axis in (0, 1))
    box = (..., rows, columns)
    omega, opaque, known = region[box], source_alpha[box] > 0, background_alpha[box] > 0  # (h, w)
    fixed = known & ~omega
    behind, ours = background[box], source[box]  # (C, h, w)
    solid = bool(opaque.all())

    def guide(part: slice) -> Tensor:
        return ours[part] if solid else torch.where(opaque, ours[part], torch.where(known, behind[part], 0.0))

    def composed(inside: Tensor) -> Tensor:
        out = background.clone()
        out[box] = inside
        return out

    def pasted() -> Tensor:
        return composed(torch.where(omega, guide(slice(None)), behind))

    active = _held(omega, fixed, bool(region.all()))
    if active is None:
        return Solution(pasted(), 0, 0.0)
    channels = len(source)
    at_once = omega.numel() <= TOGETHER
    count = channels if at_once else 1
    weight = None if screen is None else screen[box] * opaque
    solver = Solver(active, fixed, weight, count)
    del weight
    image = background.clone()
    cycles, error = 0, 0.0
    for first in range(0, channels, count):
        part = slice(first, first + count)
        start = guide(part)
        solver.begin(_right_side(start, opaque, behind[part], known, active, fixed, mixed))

        def blended(start: Tensor = start, part: slice = part) -> Tensor:
            return torch.where(omega, solver.solution().add_(start), behind[part])

        def tell(progress: float, first: int = first) -> bool:
            # Where some channels are blended and some are not, the picture is tinted.
            show = (lambda: composed(blended())) if at_once else pasted
            return on_cycle is not None and bool(on_cycle((first + count * progress) / channels, show))

        done, residual, stopped = _iterate(solver, tolerance, tell if on_cycle else None)
        cycles, error = max(cycles, done), max(error, residual)
        if stopped and not at_once:
            return Solution(pasted(), cycles, error)
        image[box][part] = blended()
    return Solution(image, cycles, error)


def _iterate(solver: Solver, tolerance: float, tell: Callable[[float], bool] | None) -> tuple[int, float, bool]:
    """Cycles until the error is below the tolerance or ``tell`` returns True: how many, the error, whether it did.

    Raises NotFinite.
    """
    cycles, error = 0, solver.error()
    if not math.isfinite(error):
        raise NotFinite(role="layer or background", count=int((~torch.isfinite(solver.f)).sum()))
    every = 1 if solver.f.device.type == "cpu" else 2  # reading the error makes the host wait for the device
    first = reached = error
    renew_below = error * _RENEW
    progress = 0.0
    while error > tolerance and cycles < CYCLES:
        renew = error <= renew_below
        solver.step(renew)
        cycles += 1
        due = renew or (cycles > 2 and cycles % every == 0) or cycles == CYCLES
        if due or tell:
            reached = solver.error()
        if due:  # no sooner for an observer: who watches must not change the result
            error = reached
        if renew:
            # What shows only now are the rounding errors of all steps before. Those to come are as much smaller
            # than these as the error is than the first one.
            renew_below = error * _RENEW if error * error / first > tolerance / 2 else 0.0
        if tell:
            fallen = math.log(first / max(reached, tolerance)) / math.log(first / tolerance)
            progress = max(progress, min(fallen, 1.0))
            if tell(progress):
                return cycles, reached, True
    return cycles, reached, False


def _span(occupied: Tensor) -> slice:
    """From one before the first True to one after the last, within the array."""
    where = occupied.nonzero()
    return slice(max(int(where[0]) - 1, 0), min(int(where[-1]) + 2, len(occupied)))


def _pairs(image: Tensor) -> list[tuple[Tensor, Tensor]]:
    """All pixels that have a right neighbour and these neighbours; the same with those below. Views of (..., h, w)."""
    return [(image[..., :-1], image[..., 1:]), (image[..., :-1, :], image[..., 1:, :])]


def _right_side(
    guide: Tensor, opaque: Tensor, behind: Tensor, known: Tensor, active: Tensor, fixed: Tensor, mixed: bool
) -> Tensor:
    """The right-hand side for c = u - guide: what each pair's guidance and each fixed pixel ask for beyond the guide.

    With source gradients that is 0 but for pairs with a fixed or a transparent pixel, and only those are touched.

    Shape:
        guide, behind: (C, h, w); the masks: (h, w); result: (C, h, w), meaningful where active
    """
    f = torch.zeros_like(guide)
    flat_f, flat_guide, flat_behind = (t.reshape(len(t), -1) for t in (f, guide, behind))  # (C, h * w)
    flat_opaque, flat_fixed = opaque.reshape(-1), fixed.reshape(-1)
    width = guide.shape[-1]
    every = zip(
        _pairs(active), _pairs(fixed), _pairs(opaque), _pairs(known), _pairs(guide), _pairs(behind), strict=True
    )
    for below, (free, bound, clear, there, ours, theirs) in enumerate(every):
        linked = (free[0] & (free[1] | bound[1])) | (bound[0] & free[1])
        both = clear[0] & clear[1]
        if mixed:
            change, other = (ours[0] - ours[1]) * both, theirs[0] - theirs[1]
            stronger = (there[0] & there[1]) & (other.abs() > change.abs())
            excess = (ours[0] - ours[1]).sub_(torch.where(stronger, other, change)).mul_(linked)
            parts = _pairs(f)[below]
            parts[0].sub_(excess)
            parts[1].add_(excess)
        row, column = (linked & (bound[0] | bound[1] | ~both)).nonzero(as_tuple=True)
        p = row * width + column
        q = p + (width if below else 1)
        at_p, at_q = flat_guide[:, p], flat_guide[:, q]
        border_p = torch.where(flat_fixed[p], flat_behind[:, p] - at_p, 0.0)
        border_q = torch.where(flat_fixed[q], flat_behind[:, q] - at_q, 0.0)
        if not mixed:
            excess = torch.where(flat_opaque[p] & flat_opaque[q], 0.0, at_p - at_q)
            border_p += excess
            border_q -= excess
        flat_f.index_add_(1, p, border_q)
        flat_f.index_add_(1, q, border_p)
    return f


def _held(omega: Tensor, fixed: Tensor, everything: bool) -> Tensor | None:
    """Omega without the components that have no fixed neighbour, (h, w) bool; None where nothing is left.

    ``everything``: Omega is the whole picture.
    """
    if everything:
        return None
    # A component that is not the whole picture has some neighbour outside Omega. So it has a fixed one, unless it
    # touches a pixel where the background is empty: only then are components looked for.
    held, loose = torch.zeros_like(omega), torch.zeros_like(omega)
    for inside, border, to_held, to_loose in zip(*map(_pairs, (omega, fixed, held, loose)), strict=True):
        for own, other in ((0, 1), (1, 0)):
            to_held[own].logical_or_(inside[own] & border[other])
            to_loose[own].logical_or_(inside[own] & ~(inside[other] | border[other]))
    if not loose.any():
        return omega
    if not held.any():
        return None
    label = _components(omega)
    kept = torch.zeros(int(label.max()) + 1, dtype=torch.bool, device=omega.device)
    kept[label[held]] = True
    return kept[label] & omega


def _components(omega: Tensor) -> Tensor:
    """Labels the 4-connected components: (h, w) int64, the same number throughout a component; any number outside.

    Rows are cut into runs; runs that touch one another take over the lowest label, with pointer jumping between
    rounds, as in Shiloach and Vishkin (1982): a few rounds, however long and winding the component is.
    """
    starts = omega.clone()
    starts[:, 1:] &= ~omega[:, :-1]
    run = (starts.flatten().cumsum(0) - 1).clamp_min_(0).view_as(omega)
    touching = omega[:-1] & omega[1:]
    above, below = run[:-1][touching], run[1:][touching]
    label = torch.arange(int(run.max()) + 1, device=omega.device)
    while True:
        a, b = label[above], label[below]
        if torch.equal(a, b):
            return label[run]
        lowest = torch.minimum(a, b)
        label = label.scatter_reduce(0, torch.cat((a, b)), lowest.repeat(2), "amin")
        while not torch.equal(label[label], label):
            label = label[label]
