"""How fast the gradient-domain solver is and how well it converges: python -m benchmarks.poisson

Two tables: the time beside that of OpenCV's seamlessClone in the same run (which works in 8 bit and on the mask's
whole rectangle), and cycles and errors, against a direct sparse solution in float64, for masks of all kinds. Needs the
extra "test".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import torch
from deepblend.engine.seamless.poisson import Equation, solve
from scipy import sparse
from scipy.sparse.linalg import splu

ROUNDS = 7


def disc(size: int, radius: float) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - size // 2
    return x**2 + y**2 <= radius**2


def texture(size: int, grain: float, seed: int) -> np.ndarray:
    """Coloured noise of the given grain in pixels, (size, size, 3), levels."""
    noise = np.random.default_rng(seed).standard_normal((size, size, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), grain)
    return np.clip(128 + 50 * smooth / smooth.std() + [30, 0, -30], 0, 255).round().astype(np.float32)


def planar(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Best and median of ROUNDS, after one to warm up."""
    work()
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken), float(np.median(taken))


def disc_at(size: int, radius: float) -> Iterator[tuple[str, Callable[[], int | None]]]:
    """What is timed on a picture with a disc of this radius: names and functions that return the cycles, if any."""
    mask = disc(size, radius)
    source, background = texture(size, 1.5, 1), texture(size, 20, 2)

    def clone() -> None:
        pictures = (source.astype(np.uint8), background.astype(np.uint8), mask.astype(np.uint8) * 255)
        cv2.seamlessClone(*pictures, (size // 2, size // 2), cv2.NORMAL_CLONE)

    yield "seamlessClone", clone
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        alpha = torch.ones(size, size, device=device)
        planes = (planar(source).to(device), alpha, planar(background).to(device), alpha)
        region = torch.from_numpy(mask).to(device)

        def blend(planes=planes, region=region, mixed: bool = False) -> int:
            solved = solve(Equation(*planes, region, mixed=mixed))
            solved.image()[0, 0, 0].item()  # the device has finished
            return solved.cycles

        yield f"{device}, source", blend
        yield f"{device}, mixed", lambda blend=blend: blend(mixed=True)


def large(width: int, height: int, device: str) -> float:
    """Seconds of one solution with every pixel but the outermost masked."""
    generator = torch.Generator().manual_seed(1)
    source, background = (torch.rand((3, height, width), generator=generator).mul_(255).to(device) for _ in range(2))
    alpha = torch.ones(height, width, device=device)
    mask = torch.zeros(height, width, dtype=torch.bool, device=device)
    mask[1:-1, 1:-1] = True
    began = time.perf_counter()
    solve(Equation(source, alpha, background, alpha, mask)).image()[0, 0, 0].item()
    return time.perf_counter() - began


def speed() -> None:
    print(f"{torch.get_num_threads()} threads, 3 channels, best and median of {ROUNDS} runs in ms")
    print(f"{'picture':>12} {'mask, pixels':>13} {'':18} {'best':>7} {'median':>7}  cycles")
    for size, radius in ((256, 63), (512, 126), (1250, 500)):
        pixels = disc(size, radius).sum()
        for name, work in disc_at(size, radius):
            best, median = (1000 * value for value in seconds(work))
            cycles = work()
            print(f"{size:>5} x {size:>4} {pixels:>13,} {name:18} {best:7.1f} {median:7.1f}  {cycles or ''}")


def direct(source: np.ndarray, background: np.ndarray, mask: np.ndarray, exists: np.ndarray) -> np.ndarray:
    """(C, H, W) in float64; ``exists``: background alpha above 0."""
    fixed = exists & ~mask
    number = np.full(mask.shape, -1)
    number[mask] = np.arange(mask.sum())
    diagonal, right = np.zeros(mask.sum()), np.zeros((len(source), mask.sum()))
    rows, columns = [], []
    for shift in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        y, x = np.nonzero(mask)
        inside = (y + shift[0] >= 0) & (y + shift[0] < len(mask)) & (x + shift[1] >= 0) & (x + shift[1] < mask.shape[1])
        y, x = y[inside], x[inside]
        y2, x2 = y + shift[0], x + shift[1]
        there = (mask | fixed)[y2, x2]
        y, x, y2, x2 = y[there], x[there], y2[there], x2[there]
        p, q = number[y, x], number[y2, x2]
        diagonal[p] += 1
        right[:, p] += source[:, y, x] - source[:, y2, x2] + np.where(q < 0, background[:, y2, x2], 0)
        rows.append(p[q >= 0])
        columns.append(q[q >= 0])
    place = (np.concatenate(rows), np.concatenate(columns))
    matrix = sparse.diags(diagonal) - sparse.coo_matrix((np.ones(len(place[0])), place), (len(diagonal),) * 2)
    result = background.copy()
    result[:, mask] = splu(matrix.tocsc()).solve(right.T).T
    return result


def masks(size: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Masks, each with where the background exists."""
    y, x = np.mgrid[:size, :size]
    radius, everywhere = np.hypot(x - size * 0.5, y - size * 0.47), np.ones((size, size), bool)
    rng = np.random.default_rng(3)
    lines = ((x % 8 == 0) | (y % 13 == 0)) & (radius < size * 0.4)
    return {
        "disc": (radius < size * 0.4, everywhere),
        "annulus": ((radius < size * 0.4) & (radius > size * 0.2), everywhere),
        "touching three borders": ((x > 0) & (radius > 9), everywhere),
        "all but one corner": ((x > 0) | (y > 0), everywhere),
        "lines of one pixel": (lines, everywhere),
        "single pixels": ((x + y) % 2 == 0, everywhere),
        "random, half": (rng.random(x.shape) < 0.5, everywhere),
        "random, 97%": (rng.random(x.shape) < 0.97, everywhere),
        "half without background": (radius < size * 0.4, (x < size // 2) | (radius < size * 0.4)),
    }


def convergence(size: int) -> None:
    print(f"\n{size} x {size}, noise in levels 0..255; errors in levels against a direct solution")
    print(f"{'mask':24} {'pixels':>8} {'cycles':>6} {'estimated':>10} {'error':>10}")
    rng = np.random.default_rng(4)
    source, background = rng.uniform(0, 255, (2, 3, size, size)).astype(np.float32)
    for name, (mask, exists) in masks(size).items():
        planes = (
            torch.from_numpy(source),
            torch.ones(size, size),
            torch.from_numpy(background),
            torch.from_numpy(exists),
        )
        solved = solve(Equation(*planes, torch.from_numpy(mask)))
        error = np.abs(
            solved.image().double().numpy() - direct(source.astype(float), background.astype(float), mask, exists)
        )
        print(f"{name:24} {mask.sum():>8,} {solved.cycles:>6} {solved.error:>10.5f} {error.max():>10.5f}")


if __name__ == "__main__":
    speed()
    convergence(300)
