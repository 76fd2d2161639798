"""The optimiser on functions whose minimum is known, beside SciPy's, and on evaluations that fail."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from deepblend.engine.lbfgs import LBFGS
from scipy.optimize import minimize

Function = Callable[[torch.Tensor], torch.Tensor]
Evaluate = Callable[[torch.Tensor], "tuple[torch.Tensor, torch.Tensor]"]


def with_gradient(function: Function) -> Evaluate:
    def evaluate(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = x.detach().requires_grad_(True)
        loss = function(x)
        (gradient,) = torch.autograd.grad(loss, x)
        return loss.detach(), gradient

    return evaluate


def quadratic(size: int, condition: float, seed: int = 1) -> tuple[Function, torch.Tensor]:
    """x'Ax / 2 - b'x with A's eigenvalues from 1 to ``condition``, turned at random; and its minimum."""
    generator = torch.Generator().manual_seed(seed)
    turn, _ = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))
    matrix = turn @ torch.diag(torch.logspace(0, np.log10(condition), size, dtype=torch.float64)) @ turn.T
    right = torch.randn(size, generator=generator, dtype=torch.float64)
    return lambda x: 0.5 * x @ matrix @ x - right @ x, torch.linalg.solve(matrix, right)


def rosenbrock(x: torch.Tensor) -> torch.Tensor:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def run(optimiser: LBFGS, evaluate: Evaluate, steps: int) -> list[float]:
    """The loss where it starts and after each step."""
    losses = []
    for _ in range(1 + steps):
        optimiser.tell(*evaluate(optimiser.ask()))
        losses.append(float(optimiser.loss))
    return losses


def scipys(function: Function, start: torch.Tensor, losses: list[float] | None = None) -> float:
    """SciPy's minimum with as long a history; ``losses`` takes each evaluation's."""
    evaluate = with_gradient(function)

    def both(x: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = evaluate(torch.from_numpy(x))
        if losses is not None:
            losses.append(float(loss))
        return float(loss), gradient.numpy()

    options = {"maxiter": 200, "maxcor": 20, "ftol": 1e-14, "gtol": 1e-10}
    return float(minimize(both, start.numpy(), jac=True, method="L-BFGS-B", options=options).fun)


def test_an_ill_conditioned_quadratic_is_solved():
    function, minimum = quadratic(60, 1e4)
    optimiser = LBFGS(torch.zeros(60, dtype=torch.float64), first_step=0.1)
    losses = run(optimiser, with_gradient(function), 400)
    lowest = float(function(minimum))
    assert losses[-1] - lowest < 1e-7 * (losses[0] - lowest)
    assert torch.allclose(optimiser.x, minimum, atol=1e-3)


def test_a_curved_valley_is_followed_to_its_end():
    start = torch.full((10,), -1.0, dtype=torch.float64)
    optimiser = LBFGS(start, first_step=0.1)
    losses = run(optimiser, with_gradient(rosenbrock), 400)
    assert losses[-1] < 1e-10
    assert torch.allclose(optimiser.x, torch.ones(10, dtype=torch.float64), atol=1e-5)


@pytest.mark.parametrize("shape", ["quadratic", "valley", "quartic"])
def test_it_finds_scipys_minimum(shape):
    functions: dict[str, Function] = {
        "quadratic": quadratic(40, 1e3, seed=3)[0],
        "valley": rosenbrock,
        "quartic": lambda x: (x - torch.linspace(-3, 3, 40)).pow(4).sum() + x[1:].sub(x[:-1]).square().sum(),
    }
    function, start = functions[shape], torch.full((40,), 0.3, dtype=torch.float64)
    losses = run(LBFGS(start, first_step=0.1), with_gradient(function), 500)
    expected = scipys(function, start)
    assert losses[-1] == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_it_needs_no_more_evaluations_than_scipy():
    function, minimum = quadratic(60, 1e4)
    start, lowest = torch.zeros(60, dtype=torch.float64), float(function(minimum))
    theirs: list[float] = []
    scipys(function, start, theirs)
    ours = run(LBFGS(start, first_step=0.1), with_gradient(function), 200)
    for evaluations in (50, 100, 200):
        assert ours[evaluations] - lowest < 1.5 * (min(theirs[:evaluations]) - lowest)


@pytest.mark.parametrize("first_step", [1e-3, 8.0, 1e4])
@pytest.mark.parametrize("function", [rosenbrock, quadratic(10, 1e5)[0], lambda x: x.abs().sum().sqrt()])
def test_the_loss_never_rises_and_belongs_to_x(function, first_step):
    optimiser = LBFGS(torch.linspace(-2, 3, 10, dtype=torch.float64), first_step=first_step)
    losses = run(optimiser, with_gradient(function), 60)
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]
    assert float(function(optimiser.x)) == losses[-1]


def test_the_first_steps_largest_component_is_as_asked():
    evaluate = with_gradient(lambda x: (x * torch.tensor([1.0, 50, 1e5])).square().sum())
    optimiser = LBFGS(torch.ones(3), first_step=0.25)
    start = optimiser.ask()
    optimiser.tell(*evaluate(start))
    moved = optimiser.ask() - start
    assert moved.abs().max() == pytest.approx(0.25, rel=1e-5)


def test_no_step_is_larger_than_a_few_first_ones_where_the_loss_hardly_curves():
    evaluate = with_gradient(lambda x: (1 + (x - 500).square() * 1e-6).sqrt().sum())
    optimiser = LBFGS(torch.zeros(3, dtype=torch.float64), first_step=0.25)
    steps = []
    for _ in range(4):
        asked = optimiser.ask()
        steps.append(float((asked - optimiser.x).abs().max()))
        optimiser.tell(*evaluate(asked))
    assert steps == pytest.approx([0, 0.25, 0.75, 0.75])


def test_the_first_point_asked_for_is_the_start_and_x_is_the_best_one_told():
    evaluate, start = with_gradient(rosenbrock), torch.zeros(5)
    optimiser = LBFGS(start)
    assert torch.equal(optimiser.x, start)
    assert float(optimiser.loss) == float("inf")
    asked: list[torch.Tensor] = []
    losses: list[torch.Tensor] = []
    for _ in range(14):
        asked.append(optimiser.ask().clone())
        loss, gradient = evaluate(asked[-1])
        losses.append(loss)
        optimiser.tell(loss, gradient)
        best = losses.index(min(losses))
        assert torch.equal(optimiser.x, asked[best])
        assert torch.equal(optimiser.loss, losses[best])
    assert torch.equal(asked[0], start)
    assert len({tuple(point.tolist()) for point in asked}) == 14  # none is asked for twice


def test_a_shorter_history_is_kept_to():
    """With one pair it needs more steps in a narrow valley than with twenty."""
    function, minimum = quadratic(40, 1e3)
    lowest, start = float(function(minimum)), torch.zeros(40, dtype=torch.float64)
    short, full = (run(LBFGS(start, history, 0.1), with_gradient(function), 100)[-1] - lowest for history in (1, 20))
    assert short > 10 * full


def test_a_map_like_the_inverse_hessian_saves_steps():
    scales = torch.logspace(0, 4, 40, dtype=torch.float64)

    def function(x: torch.Tensor) -> torch.Tensor:
        return (scales * (x - 1).square()).sum()

    start = torch.zeros(40, dtype=torch.float64)
    plain = run(LBFGS(start, first_step=0.1), with_gradient(function), 20)
    mapped = run(LBFGS(start, 20, 0.1, lambda gradient: gradient / scales), with_gradient(function), 20)
    assert mapped[-1] < 1e-6 * plain[-1]


@pytest.mark.parametrize("fault", ["loss and gradient", "loss", "gradient", "one value of the gradient", "infinite"])
def test_evaluations_that_are_no_number_are_passed_over(fault):
    """Every fifth fails: the best point stays finite, and the minimum is found all the same."""
    function, minimum = quadratic(12, 50)
    count = 0

    def evaluate(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        nonlocal count
        count += 1
        loss, gradient = with_gradient(function)(x)
        if count % 5 == 0:
            nan = float("nan")
            if fault in ("loss and gradient", "loss"):
                loss = loss * nan
            if fault in ("loss and gradient", "gradient"):
                gradient = gradient * nan
            if fault == "one value of the gradient":
                gradient[3] = nan
            if fault == "infinite":
                loss, gradient = loss * 0 - float("inf"), gradient * float("inf")
        return loss, gradient

    optimiser = LBFGS(torch.zeros(12, dtype=torch.float64), first_step=0.1)
    losses = run(optimiser, evaluate, 150)
    assert np.isfinite(losses).all()
    assert torch.allclose(optimiser.x, minimum, atol=1e-5)


def test_a_wall_of_no_number_is_backed_away_from():
    """log is not defined left of 0, and the first steps jump there."""
    evaluate = with_gradient(lambda x: (x - torch.log(x)).sum())
    optimiser = LBFGS(torch.full((6,), 4.0, dtype=torch.float64), first_step=20)
    losses = run(optimiser, evaluate, 60)
    assert np.isfinite(losses).all()
    assert torch.allclose(optimiser.x, torch.ones(6, dtype=torch.float64), atol=1e-5)


def test_where_nothing_is_a_number_it_stays_where_it_began():
    start = torch.linspace(0, 1, 7)
    optimiser = LBFGS(start.clone())
    run(optimiser, lambda x: (x.sum() * float("nan"), x * float("nan")), 5)
    assert torch.equal(optimiser.x, start)


def test_at_the_minimum_nothing_moves():
    optimiser = LBFGS(torch.zeros(4))
    assert run(optimiser, with_gradient(lambda x: x.square().sum()), 5) == [0.0] * 6
    assert torch.equal(optimiser.x, torch.zeros(4))


def test_arrays_keep_their_shape():
    target = torch.arange(24.0).view(1, 2, 3, 4)
    optimiser = LBFGS(torch.zeros(1, 2, 3, 4))
    run(optimiser, with_gradient(lambda x: (x - target).square().sum()), 20)
    assert optimiser.x.shape == target.shape
    assert torch.allclose(optimiser.x, target, atol=1e-3)
