"""The gradient-domain solver against a direct sparse solution in float64, and what it must keep to the bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from deepblend.engine.budget import Budget
from deepblend.engine.seamless import poisson
from deepblend_protocol.errors import MaskEmpty, NotFinite
from poisson_cases import HEIGHT, LEVELS, NOISE, RADIUS, REGIONS, WIDTH, Case, X, Y, maze, region
from scipy import ndimage

devices = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")),
]


@pytest.mark.parametrize("device", devices)
@pytest.mark.parametrize("name", REGIONS)
def test_agrees_with_the_direct_solution(name: str, device: str) -> None:
    assert Case(region(name)).check(device).cycles < 15


@pytest.mark.parametrize("name", ["disc", "top", "all but a hole", "lines", "random 90%"])
def test_mixed_gradients(name: str) -> None:
    case = Case(region(name))
    # Background differences win in some pairs, the source's in others, channel by channel.
    case.background[0] *= 3 * (X > 60)
    case.mixed = True
    plain = case.solve().image()
    case.check()
    case.mixed = False
    assert (case.solve().image() - plain).abs().max() > 20


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("name", ["disc", "all but a corner", "random 60%"])
def test_screened(name: str, mixed: bool) -> None:
    case = Case(region(name))
    plain = case.solve().image()
    case.mixed = mixed
    case.screening = np.where(RADIUS < 25, 1 / 16**2, 0.0) + 3.0 * (X > 80)
    case.check()
    assert (case.solve().image() - plain).abs().max() > 20


def test_a_heavy_weight_keeps_the_source() -> None:
    case = Case(region("disc"))
    case.screening = np.full((HEIGHT, WIDTH), 1e6)
    assert np.abs(case.solve().image().numpy() - case.source)[:, case.region].max() < LEVELS


@pytest.mark.parametrize("channels", [1, 4])
def test_gray_and_four_channels(channels: int) -> None:
    case = Case(region("disc"), channels)
    case.mixed = True
    case.check()


def test_channels_do_not_touch_each_other() -> None:
    case = Case(region("disc"))
    case.background[1] = case.source[1]
    solution = case.check()
    assert (solution.image()[1].numpy() == case.source[1].astype(np.float32)).all()


BACKGROUND_ALPHA = {
    "half": np.where(X > 58, 0.0, 1.0),
    "specks": np.where(NOISE < 0.15, 0.0, 1.0),
    "inside only": np.where(RADIUS < 30, 0.0, 0.5),
    "all but one pixel": np.where((X == 60) & (Y == 44), 1e-3, 0.0),
}


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("name", BACKGROUND_ALPHA)
def test_background_with_holes(name: str, mixed: bool) -> None:
    case = Case(region("disc"))
    case.background_alpha = BACKGROUND_ALPHA[name]
    case.region &= (RADIUS < 30) | (np.random.default_rng(5).random(RADIUS.shape) < 0.7)
    case.region[44, 60] = False
    case.mixed = mixed
    case.check()


@pytest.mark.parametrize("mixed", [False, True])
def test_what_lies_under_an_empty_background_never_matters(mixed: bool) -> None:
    case = Case(region("disc"))
    case.background_alpha = BACKGROUND_ALPHA["specks"]
    case.mixed = mixed
    expected = case.check().image()[:, case.region]
    case.background[:, case.background_alpha == 0] = np.nan
    assert torch.equal(case.solve().image()[:, case.region], expected)


def test_a_maze_with_free_walls() -> None:
    assert maze(7).check().cycles > 20


def test_out_of_cycles_the_error_reached_is_told() -> None:
    case = maze(3)
    solution = case.solve(budget=Budget(poisson_cycles=20))
    error = np.abs(solution.image().numpy() - case.direct()).max()
    assert solution.cycles == 20
    assert 1 < error < 10 * solution.error


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("screened", [False, True])
def test_a_component_without_fixed_neighbours_keeps_the_source(mixed: bool, screened: bool) -> None:
    case = Case(region("pieces"))
    case.background_alpha = np.where((X < 40) & (Y > 50), 0.0, 1.0)  # around one of the pieces nothing is known
    case.mixed = mixed
    if screened:
        case.screening = np.full((HEIGHT, WIDTH), 0.01)
    solution = case.check()
    alone = case.region & (X < 40) & (Y > 50)
    assert alone.sum() > 500
    assert (solution.image().numpy() == case.source.astype(np.float32))[:, alone].all()


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_nothing_fixed_at_all_keeps_the_source(alpha: float) -> None:
    case = Case(np.ones((HEIGHT, WIDTH), bool) if alpha else region("disc"))
    case.background_alpha[:] = alpha
    solution = case.solve()
    expected = np.where(case.region, case.source, case.background).astype(np.float32)
    assert (solution.image().numpy() == expected).all()
    assert (solution.cycles, solution.error) == (0, 0.0)


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("name", ["disc", "left", "lines", "random 60%"])
def test_a_layer_like_its_background_comes_back_to_the_bit(name: str, mixed: bool) -> None:
    case = Case(region(name))
    case.source = case.background
    case.mixed = mixed
    solution = case.solve()
    assert (solution.image().numpy() == case.background.astype(np.float32)).all()
    assert solution.cycles == 0


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("alpha", ["outside", "ragged", "holes"])
def test_what_lies_under_transparent_pixels_never_matters(alpha: str, mixed: bool) -> None:
    case = Case(region("disc"))
    case.screening = np.full((HEIGHT, WIDTH), 0.01)
    case.mixed = mixed
    rng = np.random.default_rng(4)
    transparent = {
        "outside": ~case.region,
        "ragged": (RADIUS > 33) & (rng.random(RADIUS.shape) < 0.5),
        "holes": rng.random(RADIUS.shape) < 0.1,
    }[alpha]
    case.source_alpha[transparent] = 0
    results = []
    for garbage in (0.0, 255.0, rng.uniform(-1e6, 1e6, case.source[:, transparent].shape), np.nan, np.inf):
        case.source[:, transparent] = garbage
        results.append(case.solve().image())
    assert all(torch.equal(results[0], other) for other in results[1:])
    case.source[:, transparent] = 0.0
    case.check()


@pytest.mark.parametrize("under", [0.0, 255.0, 77.0])
def test_a_flat_cut_out_comes_out_flat(under: float) -> None:
    """Its alpha ends where Omega does, on a background of one colour: guidance across the edge would show at once."""
    case = Case(region("disc"))
    case.source[:] = under
    case.source[:, case.region] = np.array([10.0, 130.0, 240.0])[:, None]
    case.source_alpha = case.region.astype(float)
    case.background[:] = np.array([200.0, 50.0, 100.0])[:, None, None]
    assert np.abs(case.solve().image().numpy() - case.background).max() < LEVELS


def test_values_beyond_the_levels_are_kept() -> None:
    case = Case(region("disc"))
    case.source = case.source * 8 - 900
    image = case.check().image()
    assert image.min() < -300 and image.max() > 500


@pytest.mark.parametrize("name", ["disc", "random 90%"])
def test_twice_the_same_bits(name: str) -> None:
    case = Case(region(name))
    first, second = case.solve(), case.solve()
    assert torch.equal(first.image(), second.image())
    assert first.error == second.error


def test_few_fixed_pixels_hold_many() -> None:
    """Float32 alone cannot: its rounding errors, summed over all pixels, outweigh the one corner that is fixed."""
    rng = np.random.default_rng(2)
    case = Case(np.ones((300, 310), bool), 1)
    case.region[0, 0] = False
    case.background[:] = 200
    case.source = rng.uniform(0, 30, case.source.shape)
    case.check()


def test_the_estimate_is_honest() -> None:
    """The error reported is the error there is, within a factor, from the first cycle on."""
    for name in ("disc", "all but a corner", "random 99%"):
        case = Case(region(name))
        exact = case.direct()
        for cycles in range(1, 6):
            solution = case.solve(budget=Budget(poisson_cycles=cycles))
            error = np.abs(solution.image().double().numpy() - exact).max()
            assert solution.cycles == cycles
            assert error / 3 < solution.error < error * 3


def test_the_image_takes_shape_and_is_there_wherever_the_iteration_ends() -> None:
    case = Case(region("disc"))
    final = case.solve().image()
    solver = case.solver()
    pasted = np.where(case.region, case.source, case.background).astype(np.float32)
    assert np.array_equal(solver.image().numpy(), pasted)
    seen: list[tuple[float, float]] = []
    for part in solver:
        seen.append((part, float((solver.image() - final).abs().max())))
        if len(seen) == 3:
            break
    assert solver.cycles == 3
    assert [part for part, _ in seen] == sorted(part for part, _ in seen)
    assert 0 < seen[0][0] < seen[-1][0] < 1
    assert seen[0][1] > 3 * seen[1][1] > 9 * seen[2][1] > 0
    assert float((solver.image() - final).abs().max()) == seen[-1][1]

    whole = case.solver()
    parts = list(whole)
    assert torch.equal(whole.image(), final)
    assert parts[-1] == 1 and len(parts) == whole.cycles


@pytest.mark.parametrize("name", ["disc", "random 99%"])
def test_a_large_box_is_solved_channel_by_channel(name: str) -> None:
    """As exactly; and whoever watches sees no picture of which some channels are blended and some are not."""
    case = Case(region(name))
    case.mixed = True
    case.screening = np.random.default_rng(3).uniform(0, 0.01, case.region.shape)
    case.background_alpha[:, 100:] = 0
    case.source_alpha[40:44] = 0
    apart = Budget(poisson_together_px=1)
    solved = case.check(budget=apart)

    pasted = np.where(case.region & (case.source_alpha > 0), case.source, case.background).astype(np.float32)
    opaque = (case.source_alpha > 0) & (case.background_alpha > 0)
    parts: list[float] = []
    solver = case.solver(apart)
    for part in solver:
        parts.append(part)
        assert np.array_equal(solver.image().numpy()[:, opaque], pasted[:, opaque])
    assert torch.equal(solver.image(), solved.image())
    assert parts == sorted(parts) and parts[-1] == 1

    ended = case.solver(apart)
    last = next(part for part in ended if part > 0.5)
    assert last < 1
    assert np.array_equal(ended.image().numpy()[:, opaque], pasted[:, opaque])


@pytest.mark.parametrize("size", [(1, 2), (2, 1), (1, 40), (40, 1), (2, 2), (3, 3), (5, 4), (2, 61), (17, 18)])
def test_pictures_of_a_few_pixels(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(6)
    for seed in range(10):
        case = Case(rng.random(size) < 0.6, 2, seed)
        case.region.flat[0] = True
        case.background_alpha = (rng.random(size) < 0.7).astype(float)
        case.mixed = seed % 2 == 0
        assert np.abs(case.solve().image().numpy() - case.direct()).max() < LEVELS


def test_components_are_those_that_scipy_finds() -> None:
    rng = np.random.default_rng(8)
    for mask in [rng.random((60, 71)) < density for density in (0.3, 0.55, 0.6, 0.65, 0.9)] + [maze(3).region]:
        expected, count = ndimage.label(mask)
        found = poisson._components(torch.from_numpy(mask)).numpy()
        both = np.unique(np.stack((expected[mask], found[mask])), axis=1)
        assert both.shape[1] == count == len(np.unique(both[1]))


def test_an_empty_region_is_refused() -> None:
    with pytest.raises(MaskEmpty):
        Case(np.zeros((5, 7), bool)).solve()


def test_values_that_are_not_finite_are_refused() -> None:
    case = Case(region("disc"))
    case.background[1, 44, 96] = np.nan  # just outside
    with pytest.raises(NotFinite, match="background"):
        case.solve()
