"""The exact gradient-domain blend: Poisson's equation on any region, with source, mixed or screened gradients.

For each pixel p of the region Omega, over its 4 neighbours q that are in Omega or fixed (outside Omega, background
alpha above 0):

    sum over q of [(u_p - u_q) - v_pq] + w_p (u_p - s_p) = 0,    u_q = background_q at fixed q

v_pq = s_p - s_q, and 0 where p or q is transparent in the source: what lies under transparent pixels never matters
(Pérez, Gangnet and Blake, Poisson Image Editing, 2003, equation 7). Other neighbours, where the background's alpha is 0
or the picture ends, are left out: the border is free there. A component of Omega without any fixed neighbour keeps the
source. The screening weights w hold the source's own colours (Bhat, Curless, Cohen and Zitnick, Fourier Analysis of
the 2D Screened Poisson Equation, 2008).

Solved for the correction c = u - s, from c = 0: where nothing has to change, nothing does, to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from deepblend_protocol.errors import MaskEmpty, NotFinite
from torch import Tensor

from ..budget import DEFAULT, Budget
from ..region import Region
from .conjugate_gradients import ConjugateGradients

_RENEW = 1 / 100
"""The residual is computed anew when the error has fallen by this factor: the rounding errors fall by it, too."""
_USUAL_CYCLES = 10
"""The part that is done is told from these until the error has first been read."""


@dataclass(frozen=True)
class Equation:
    """Poisson's equation for a blend.

    Shape:
        source, background: (C, H, W), levels, any C (values beyond 0..255 are kept). The others: (H, W).
    """

    source: Tensor
    source_alpha: Tensor
    """0 where there is nothing."""
    background: Tensor
    background_alpha: Tensor
    omega: Tensor
    """Bool: the blended region."""
    mixed: bool = False
    """Of each pair's two differences, the source's and the background's, follow the greater (Pérez et al., equations 12
    and 13), channel by channel."""
    screening: Tensor | None = None
    """Not negative: the weight of the source's own colour at each pixel. None is 0 everywhere."""

    @classmethod
    def of(cls, region: Region, mixed: bool = False, screening: Tensor | None = None) -> Equation:
        """The equation of a region's own arrays."""
        r = region
        return cls(r.source, r.source_alpha, r.background, r.background_alpha, r.omega, mixed, screening)


class PoissonSolver:
    """Blends the source into the background, seamlessly.

    Iterated, it tells the part that is done after each cycle; :meth:`image` holds the best result so far. The result is
    bit for bit the same for the same input, device kind and number of threads.
    """

    def __init__(self, equation: Equation, budget: Budget = DEFAULT) -> None:
        """Raises MaskEmpty."""
        if not equation.omega.any():
            raise MaskEmpty()
        self._budget = budget
        self.cycles = 0
        """The most of any channel."""
        self.error = 0.0
        """Levels: the estimate of the greatest error of any pixel and channel."""
        rows, columns = (_span(equation.omega.any(1 - axis)) for axis in (0, 1))
        self._box = box = (..., rows, columns)
        self._mixed = equation.mixed
        self._background = equation.background
        self._behind, self._source = equation.background[box], equation.source[box]  # (C, h, w)
        self._omega = equation.omega[box]  # (h, w), as those that follow
        self._opaque, self._defined = equation.source_alpha[box] > 0, equation.background_alpha[box] > 0
        self._solid = bool(self._opaque.all())
        self._fixed = self._defined & ~self._omega
        self._active = _bounded(self._omega, self._fixed, bool(equation.omega.all()))
        self._weight = None if equation.screening is None else equation.screening[box] * self._opaque
        self._image: Tensor | None = None
        self._inside: Callable[[], Tensor] | None = None  # as it stands, (C, h, w)

    def image(self) -> Tensor:
        """(C, H, W): u in the region, the background elsewhere."""
        if self._image is not None:
            return self._image
        inside = self._pasted() if self._inside is None else self._inside()
        whole = self._background.clone()
        whole[self._box] = inside
        return whole

    def __iter__(self) -> Iterator[float]:
        """Raises NotFinite."""
        if self._active is None:
            return
        channels = len(self._source)
        together = self._omega.numel() <= self._budget.poisson_together_px
        count = channels if together else 1
        solver = ConjugateGradients(self._active, self._fixed, self._weight, count)
        self._weight = None
        image = self._background.clone()
        for first in range(0, channels, count):
            part = slice(first, first + count)
            start, behind = self._guide(part), self._behind[part]
            solver.begin(
                _right_side(start, self._opaque, behind, self._defined, self._active, self._fixed, self._mixed)
            )

            blended = partial(_blended, solver, start, self._omega, behind)
            if together:  # where some channels are blended and some are not, the picture is tinted
                self._inside = blended
            for done in self._cycles(solver):
                yield (first + count * done) / channels
            image[self._box][part] = blended()
        self._image, self._inside = image, None

    def _cycles(self, solver: ConjugateGradients) -> Iterator[float]:
        """Cycles until the error is below what is asked for."""
        wanted, most = self._budget.poisson_error, self._budget.poisson_cycles
        first = error = solver.error()
        if not math.isfinite(error):
            raise NotFinite(role="layer or background", count=int((~torch.isfinite(solver.f)).sum()))
        every = 1 if solver.f.device.type == "cpu" else 2  # reading the error makes the host wait for the device
        renew_below = error * _RENEW
        cycles, before, part = 0, self.error, 0.0
        while error > wanted and cycles < most:
            renew = error <= renew_below
            solver.step(renew)
            cycles += 1
            self.cycles = max(self.cycles, cycles)
            if renew or (cycles > 2 and cycles % every == 0) or cycles == most:
                error = solver.error()
                part = max(part, min(math.log(first / max(error, wanted)) / math.log(first / wanted), 1.0))
            else:
                part = max(part, min(cycles / _USUAL_CYCLES, 0.5))
            if renew:
                # What shows only now are the rounding errors of all steps before. Those to come are as much smaller
                # than these as the error is than the first one.
                renew_below = error * _RENEW if error * error / first > wanted / 2 else 0.0
            self.error = max(before, error)
            try:
                yield part
            except GeneratorExit:  # ended early: say how near it came
                self.error = max(before, solver.error())
                raise
        self.error = max(before, error)

    def _guide(self, part: slice) -> Tensor:
        """What the guidance is taken from: the source, and where it is transparent the background."""
        if self._solid:
            return self._source[part]
        below = torch.where(self._defined, self._behind[part], 0.0)
        return torch.where(self._opaque, self._source[part], below)

    def _pasted(self) -> Tensor:
        return torch.where(self._omega, self._guide(slice(None)), self._behind)


def _blended(solver: ConjugateGradients, start: Tensor, omega: Tensor, behind: Tensor) -> Tensor:
    return torch.where(omega, solver.solution().add_(start), behind)


def solve(equation: Equation, budget: Budget = DEFAULT) -> PoissonSolver:
    """The equation, solved. Raises MaskEmpty, NotFinite."""
    solver = PoissonSolver(equation, budget)
    for _ in solver:
        pass
    return solver


def _span(occupied: Tensor) -> slice:
    """From one before the first True to one after the last, within the array."""
    where = occupied.nonzero()
    return slice(max(int(where[0]) - 1, 0), min(int(where[-1]) + 2, len(occupied)))


def _pairs(image: Tensor) -> list[tuple[Tensor, Tensor]]:
    """All pixels that have a right neighbour and these neighbours; the same with those below. Views of (..., h, w)."""
    return [(image[..., :-1], image[..., 1:]), (image[..., :-1, :], image[..., 1:, :])]


def _right_side(
    guide: Tensor, opaque: Tensor, behind: Tensor, defined: Tensor, active: Tensor, fixed: Tensor, mixed: bool
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
        _pairs(active), _pairs(fixed), _pairs(opaque), _pairs(defined), _pairs(guide), _pairs(behind), strict=True
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


def _bounded(omega: Tensor, fixed: Tensor, everything: bool) -> Tensor | None:
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
