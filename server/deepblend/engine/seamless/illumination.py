"""The illumination that an object takes from where it is put: the smooth part of what makes it fit.

A seamless blend is the object and a correction: what background and object differ by along Omega's border, carried
through the object. Along a tight cut that difference depends on the last pixel. A dark feather's edge before a bright
sky asks for other light than the sky beside it, and the same cut in a picture twice as large has other last pixels. So
the correction has two parts. The illumination, here, is made on a reduction of one size (Region.reduction), from means
of the difference over some pixels on the outer side of the border, and fades inside as the screening weights have it.
Then the border itself is met exactly, by a screened Poisson solution of the relit object.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace

import torch
from torch import Tensor

from .. import masks
from ..budget import DEFAULT, Budget
from ..region import Region
from . import screening
from .poisson import Equation, PoissonSolver

_NEAR = 2
"""Pixels on each side of the means, which are taken twice: some 4 pixels of the border to either side."""
_OPAQUE = 0.999
"""Alpha from which on a pixel is the object's alone; less is an edge, where colours are mixed or guessed."""
_GUESSED = 1e-6
"""The weight in the means of a pixel where the object is not opaque: it counts where there is no other. (A cut-out's
last pixels are covered in part on a reduction: they would count there, and not in a picture that needs none.)"""
_FIRST_SOLUTION = 0.6
"""The part of the work that the first solution is, where a second one follows: that starts nearer to its end."""
_TINY = 1e-12


class Illumination:
    """Relights an object: iterated, it tells the part that is done; :meth:`relit` holds the best result so far."""

    def __init__(self, region: Region, keep_colours: float, budget: Budget = DEFAULT) -> None:
        """
        Args:
            keep_colours: above 0.
        """
        self._region, self._keep_colours, self._budget = region, keep_colours, budget
        self._factor = region.reduction(budget.base_px)
        small = region.reduced(self._factor)
        colours, defined, difference = _border(small, keep_colours)
        self._small = replace(
            small,
            source=colours,
            source_alpha=torch.ones_like(small.mask),
            background=difference,
            background_alpha=defined,
        )
        self._light: Callable[[], Tensor] = lambda: difference  # where all is border

    def __iter__(self) -> Generator[float, None, None]:
        small, keep = self._small, self._keep_colours
        if not small.omega.any():
            return
        weights = screening.setting_weights(small, keep)
        yield from self._solve(weights, 0.0, _FIRST_SOLUTION)
        more = screening.range_weights(small, small.source + self._light(), keep)
        if more is not None:
            yield from self._solve(more.add_(weights), _FIRST_SOLUTION, 1.0)

    def _solve(self, weights: Tensor, start: float, end: float) -> Generator[float, None, None]:
        small = self._small
        equation = Equation(
            torch.zeros_like(small.source),
            small.source_alpha,
            small.background,
            small.background_alpha,
            small.omega,
            screening=weights,
        )
        solver = PoissonSolver(equation, self._budget)
        self._light = solver.image
        for part in solver:
            yield start + (end - start) * part

    def relit(self) -> Tensor:
        """The object in the light of its surroundings, as far as that is made.

        Shape:
            (C, H, W), on the region's arrays, levels.
        """
        light = _continued(self._light(), self._small.omega)
        enlarged = (self._region.enlarged(channel, self._factor) for channel in light)
        return torch.stack([own + more for own, more in zip(self._region.source, enlarged, strict=True)])


def _border(region: Region, keep_colours: float) -> tuple[Tensor, Tensor, Tensor]:
    """What the border asks for.

    Returns the object's colours with those near it for where it is transparent, (C, H, W); where background and object
    are both defined, (H, W), 0 or 1; and what they differ by outside Omega, averaged, (C, H, W).
    """
    opaque = (region.source_alpha > 0).to(region.mask)
    near = _mean(opaque)
    colours = torch.where(opaque > 0, region.source, _mean(region.source * opaque) / near.clamp(min=_TINY))
    defined = ((region.background_alpha > 0) & (near > 0)).to(opaque)
    whole = (region.source_alpha > _OPAQUE).to(opaque)
    trust = defined * ~region.omega * whole.clamp(min=_GUESSED)
    difference = region.background - colours
    smooth = _mean(difference * trust) / _mean(trust).clamp(min=_TINY)
    return colours, defined, torch.where(trust > 0, torch.lerp(difference, smooth, min(2 * keep_colours, 1.0)), smooth)


def _continued(light: Tensor, omega: Tensor) -> Tensor:
    """The light (C, H, W) with Omega's own on two pixels around it.

    It must not end there: across the border the blend follows the relit object's gradient.
    """
    reached = omega.to(light)
    for _ in range(2):
        near = masks.box_mean(reached[None], 3)[0]
        added = (near > 0) & (reached == 0)
        light = torch.where(added, masks.box_mean(light * reached, 3) / near.clamp(min=_TINY), light)
        reached = torch.where(added, 1.0, reached)
    return light


def _mean(array: Tensor) -> Tensor:
    """Means over some pixels around, of (C, H, W) or (H, W)."""
    whole = array if array.dim() == 3 else array[None]
    for _ in range(2):
        whole = masks.box_mean(whole, 2 * _NEAR + 1)
    return whole.view_as(array)
