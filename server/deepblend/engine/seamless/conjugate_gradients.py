"""Conjugate gradients for the five-point Laplacian on any mask, with a multigrid V-cycle as the preconditioner.

The equations, one for each pixel p of Omega:

    sum over q of (c_p - c_q) + w_p c_p = f_p,    q: the neighbours of p in Omega or fixed; c_q = 0 where fixed;
    w: the screening weights

They are solved for several right-hand sides (channels) at once, in float32, on any device, as I - K (see multigrid).
Red pixels are eliminated: (I - K K) u_black = f_black + K f_red is half as large and better conditioned. Its
preconditioner is I + K P V P' K: P interpolates from the next grid to red, V is a V-cycle there (Tatebe 1993, The
Multigrid Preconditioned Conjugate Gradient Method).
"""

from __future__ import annotations

import torch
from torch import Tensor

from .multigrid import LINKS, TINY, Shape, cycle, grids, run


class ConjugateGradients:
    """Solves for c: :meth:`begin`, :meth:`step` until :meth:`error` is small enough, then :meth:`solution`.

    Every component of Omega needs a fixed neighbour.
    """

    def __init__(self, omega: Tensor, fixed: Tensor, screening: Tensor | None, channels: int) -> None:
        """
        Args:
            omega: (H, W) bool, the unknown pixels.
            fixed: (H, W) bool, the pixels where c = 0. What is in neither does not exist.
            screening: (H, W) float32, not negative; None for 0 everywhere.
            channels: of the right-hand sides; memory is in proportion.
        """
        self.shape = Shape.of(omega)
        grid, self.links, self.tied = grids(omega, fixed, screening)
        self.scale = grid.scale[:, None]  # (4, 1, n)
        cells = grid.scale.new_zeros(channels, self.shape.n)
        self.size = (channels, *omega.shape)
        self.f = self.scale.new_zeros(4, *cells.shape)  # what is left for u
        f_red, f_black = self.f[:2], self.f[2:]
        self.residual, self.u, self.z, self.p, self.image, self.red = self.f.new_zeros(6, *f_red.shape)
        self.reduce = grid.neighbours(True, f_black, f_red, self.residual)
        self.before = grid.neighbours(False, None, self.residual, self.red) + grid.restrict(self.red, cells)
        self.cycle = cycle(grid.next, self.shape.image(cells))
        self.after = grid.interpolate(None, cells, self.red) + grid.neighbours(True, self.residual, self.red, self.z)
        self.apply = grid.neighbours(False, None, self.p, self.red)
        self.apply += grid.neighbours(True, self.p, self.red, self.image, -1.0)
        self.complete = grid.neighbours(False, f_red, self.u, self.red)

    def begin(self, f: Tensor) -> None:
        """Start from c = 0 with a right-hand side (channels, H, W) float32, read inside omega."""
        for part, own in self.shape.pairs(f, self.f):
            own.copy_(part)
        self.f.mul_(self.scale)
        self.u.zero_()
        self.p.zero_()
        self.beta = f.new_zeros(())
        self.steps: list[Tensor] = []
        self.base: Tensor | None = None  # c without what u adds to it
        run(self.reduce)
        self.energy = self._precondition()

    def _precondition(self) -> Tensor:
        run(self.before)
        self.cycle()
        run(self.after)
        return torch.dot(self.residual.view(-1), self.z.view(-1))

    def step(self, renew: bool = False) -> None:
        """One cycle; never waits for the device.

        With ``renew`` the residual is computed anew from c. The one carried along departs from it by the rounding
        errors of all steps since. In float32 they matter from some 1000 pixels across on, and on small pictures where
        few fixed pixels hold many free ones.
        """
        torch.addcmul(self.z, self.p, self.beta, out=self.p)
        run(self.apply)
        curvature = torch.dot(self.p.view(-1), self.image.view(-1))
        alpha = torch.where(curvature > 0, self.energy / curvature, 0.0)  # 0 when nothing is left to do
        self.u.addcmul_(self.p, alpha)
        before = self.energy
        if renew:
            self._renew()
            self.energy = self._precondition()
            # Conjugate to the step before whatever the residual has become; otherwise the same as below.
            self.beta = -torch.dot(self.z.view(-1), self.image.view(-1)) / curvature.clamp_min(TINY)
        else:
            self.residual.addcmul_(self.image, alpha, value=-1.0)
            self.energy = self._precondition()
            self.beta = self.energy / before.clamp_min(TINY)
        self.steps.append(torch.stack((alpha, self.beta)))

    def _renew(self) -> None:
        """Moves what u has reached to c, and leaves to u what c still lacks."""
        run(self.complete)
        c = torch.cat((self.red, self.u)).mul_(self.scale)  # (4, C, n)
        self.u.zero_()
        self.base = c if self.base is None else self.base.add_(c)
        result = self.tied[:, None] * c
        for (a, b, step), link in zip(LINKS, self.links, strict=True):
            # The difference first: between pixels that are nearly equal it has no rounding error.
            flow = (self.shape.at(c[a]) - self.shape.at(c[b], step)).mul_(self.shape.at(link))
            self.shape.at(result[a]).add_(flow)
            self.shape.at(result[b], step).sub_(flow)
        self.f.addcmul_(result, self.scale, value=-1.0)
        run(self.reduce)

    def error(self) -> float:
        """Estimates the greatest error of c, any pixel and channel, in levels. Waits for the device.

        The preconditioned residual is the error times the preconditioned matrix, whose eigenvalues lie in about 0.5
        to 1 for any ordinary mask. Where some are small, as in mazes with free walls, they hide an error from the
        residual. So the estimate is the residual's greatest value over the smallest eigenvalue, as far as the
        cycles' alpha and beta have found it (Saad, Iterative Methods for Sparse Linear Systems, 2003, section 6.7.3).
        """
        least, most = torch.mul(self.z, self.scale[2:], out=self.image).aminmax()
        greatest = torch.maximum(least.abs(), most.abs())
        table = torch.stack((*self.steps, greatest.expand(2))).cpu().double()
        greatest, table = float(table[-1, 0]), table[:-1]
        alpha, beta = table[table[:, 0] > 0].clamp_min(0.0).unbind(1)
        if greatest == 0.0 or not len(alpha):
            return greatest
        diagonal, beside = 1 / alpha, beta[:-1].sqrt() / alpha[:-1]
        diagonal[1:] += beta[:-1] / alpha[:-1]
        ritz = torch.linalg.eigvalsh(torch.diag(diagonal) + torch.diag(beside, 1) + torch.diag(beside, -1))
        return greatest / float(ritz[0])

    def solution(self) -> Tensor:
        """c as it stands, (C, H, W), 0 outside Omega."""
        run(self.complete)
        c = self.f.new_empty(self.size)
        of_u, scale = self.shape.pairs(c, (*self.red, *self.u)), self.shape.pairs(c, self.scale)
        for (part, u), (_, own) in zip(of_u, scale, strict=True):
            torch.mul(u, own, out=part)
        if self.base is not None:
            for part, own in self.shape.pairs(c, self.base):
                part.add_(own)
        return c
