"""Problems for the gradient-domain solver on regions of all kinds, and their direct sparse solution in float64."""

from __future__ import annotations

import numpy as np
import torch
from deepblend.engine.budget import DEFAULT, Budget
from deepblend.engine.seamless.poisson import Equation, PoissonSolver, solve
from scipy import ndimage, sparse
from scipy.sparse.linalg import splu

LEVELS = 0.02  # the greatest difference allowed, of 255
HEIGHT, WIDTH = 90, 117
Y, X = np.mgrid[:HEIGHT, :WIDTH]
RADIUS = np.hypot(X - 60.3, Y - 44)


def at(picture: np.ndarray, place: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return picture[:, place[0], place[1]]  # (C, count)


class Case:
    """One problem, with noise for pictures: no pixel's equation is like its neighbour's."""

    def __init__(self, region: np.ndarray, channels: int = 3, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        shape = (channels, *region.shape)
        self.region = region
        self.source = rng.uniform(0, 255, shape)
        self.source_alpha = np.ones(region.shape)
        self.background = rng.uniform(0, 255, shape) * np.linspace(0.2, 1, region.shape[1])
        self.background_alpha = np.ones(region.shape)
        self.mixed = False
        self.screening: np.ndarray | None = None

    def equation(self, device: str = "cpu") -> Equation:
        arrays = (self.source, self.source_alpha, self.background, self.background_alpha)
        given = [torch.from_numpy(array).float().to(device) for array in arrays]
        screening = None if self.screening is None else torch.from_numpy(self.screening).float().to(device)
        return Equation(*given, torch.from_numpy(self.region).to(device), self.mixed, screening)

    def solver(self, budget: Budget = DEFAULT) -> PoissonSolver:
        """To be iterated."""
        return PoissonSolver(self.equation(), budget)

    def solve(self, device: str = "cpu", budget: Budget = DEFAULT) -> PoissonSolver:
        return solve(self.equation(device), budget)

    def direct(self) -> np.ndarray:
        """The definition, direction by direction, solved directly in float64: (C, H, W)."""
        fixed = ~self.region & (self.background_alpha > 0)
        labels, _ = ndimage.label(self.region)
        beside_fixed = ndimage.binary_dilation(fixed) & self.region
        active = self.region & np.isin(labels, labels[beside_fixed])
        count = int(active.sum())
        number = np.full(active.shape, -1)
        number[active] = np.arange(count)

        diagonal, right = np.zeros(count), np.zeros((len(self.source), count))
        entries: list[tuple[np.ndarray, np.ndarray]] = []
        ys, xs = np.nonzero(active)
        for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            inside = (ys + dy >= 0) & (ys + dy < active.shape[0]) & (xs + dx >= 0) & (xs + dx < active.shape[1])
            p, q = (ys[inside], xs[inside]), (ys[inside] + dy, xs[inside] + dx)
            exists = active[q] | fixed[q]
            p, q = (p[0][exists], p[1][exists]), (q[0][exists], q[1][exists])
            row = number[p]
            opaque = (self.source_alpha[p] > 0) & (self.source_alpha[q] > 0)
            guidance = np.where(opaque, at(self.source, p) - at(self.source, q), 0.0)
            if self.mixed:
                other = at(self.background, p) - at(self.background, q)
                known = (self.background_alpha[p] > 0) & (self.background_alpha[q] > 0)
                guidance = np.where(known & (np.abs(other) > np.abs(guidance)), other, guidance)
            diagonal[row] += 1
            right[:, row] += guidance + np.where(fixed[q], at(self.background, q), 0.0)
            entries.append((row[active[q]], number[q][active[q]]))
        if self.screening is not None:
            weight = np.where(self.source_alpha > 0, self.screening, 0.0)[active]
            diagonal += weight
            right += weight * self.source[:, active]
        rows, columns = (np.concatenate(part) for part in zip(*entries, strict=True))
        matrix = sparse.diags(diagonal) - sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), (count, count))
        result = np.where(self.region, self.source, self.background)
        if count:
            result[:, active] = splu(matrix.tocsc()).solve(right.T).T
        return result

    def check(self, device: str = "cpu", budget: Budget = DEFAULT) -> PoissonSolver:
        solution = self.solve(device, budget)
        expected = self.direct()
        found = solution.image().cpu().double().numpy()
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() < LEVELS
        assert (found[:, ~self.region] == self.background.astype(np.float32)[:, ~self.region]).all()
        assert solution.error <= budget.poisson_error
        assert np.abs(found - self.source)[:, self.region].max() > 20, "too easy: the source itself would pass"
        return solution


def lines() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[40, 3:-3] = mask[5:-5, 30] = mask[5:-5, 33] = mask[10] = mask[:, -1] = True
    return mask | (Y == X + 10)  # a diagonal is not connected: single pixels


NOISE = np.random.default_rng(7).random((HEIGHT, WIDTH))
REGIONS = {
    "disc": RADIUS < 35,
    "pieces": (RADIUS < 12) | (np.hypot(X - 20, Y - 70) < 15) | (np.hypot(X - 95, Y - 20) < 9) | ((X == 3) & (Y == 3)),
    "annulus": (RADIUS < 38) & (RADIUS > 17.5),
    "holes": (RADIUS < 40) & ((X % 9 > 2) | (Y % 7 > 1)),
    "left": (X < 50) & (RADIUS > 15),
    "right": (X > 50) & (RADIUS > 15),
    "top": (Y < 33) & (RADIUS > 15),
    "bottom": (Y > 60) & (RADIUS > 15),
    "all but a corner": (X > 0) | (Y > 0),
    "all but the middle": (X != 58) | (Y != 44),
    "all but a hole": RADIUS > 12,
    "lines": lines(),
    "single pixels": (X % 2 == 0) & (Y % 3 == 0),
    "checkerboard": (X + Y) % 2 == 0,
    "one pixel": (X == 57) & (Y == HEIGHT - 1),
    "one row": Y == 0,
    **{f"random {percent}%": percent / 100 > NOISE for percent in (30, 60, 90, 99)},
}


def region(name: str) -> np.ndarray:
    return REGIONS[name].copy()


def maze(width: int) -> Case:
    """One winding path on an empty background, fixed at one end: small residuals hide large errors here."""
    path = np.zeros((HEIGHT, WIDTH), bool)
    for index, top in enumerate(range(2, HEIGHT - 3 * width, 2 * width)):
        path[top : top + width, 2:-2] = True
        turn = slice(-2 - width, -2) if index % 2 == 0 else slice(2, 2 + width)
        path[top : top + 3 * width, turn] = True
    case = Case(path.copy())
    case.region[: 3 + width, :20] = False
    case.background_alpha = path.astype(float)
    return case
