"""One pass of the published algorithm, with losses whose minimum is known."""

from __future__ import annotations

import pytest
import torch
from deepblend.engine.paper import passes


class Bowl(passes.Pass):
    """The free image's distance to 3; the fourth evaluation is infinite."""

    name = "bowl"
    calls = 0

    def losses(self, image: torch.Tensor) -> passes.Losses:
        self.calls += 1
        return {"grad": (image - 3).square().sum() * (float("inf") if self.calls == 4 else 1.0)}

    def picture(self, image: torch.Tensor) -> torch.Tensor:
        return image


def test_a_pass_that_runs_off_to_infinity_begins_anew_from_its_best():
    start = torch.full((1, 3, 2, 2), 100.0)
    bowl = Bowl(start, num_steps=39, weights=[1.0])
    parts = [update.part for update in bowl]
    assert bowl.restarted
    assert bowl.evaluations == len(parts) >= 40
    assert parts == sorted(parts)
    assert parts[-1] == 1
    torch.testing.assert_close(bowl.result(), torch.full_like(start[0], 3.0))


class Valley(passes.Pass):
    """Long and narrow, high above 0: float32 cannot tell the losses of near images apart."""

    name = "valley"

    def losses(self, image: torch.Tensor) -> passes.Losses:
        return {"grad": 1e8 + (torch.logspace(-3, 1, image.numel()) * (image.flatten() - 3).square()).sum()}

    def picture(self, image: torch.Tensor) -> torch.Tensor:
        return image


@pytest.mark.parametrize("num_steps", [50, 120])
def test_a_pass_is_the_published_codes_loop_to_the_bit(num_steps):
    """torch ends a step early where the loss stands still, and evaluates the same image again in the next one."""
    start = torch.linspace(0, 200, 3 * 16).view(1, 3, 4, 4)
    valley = Valley(start, num_steps, weights=[1.0])
    for _ in valley:
        pass
    image, losses = start.clone().requires_grad_(), []
    optimiser = torch.optim.LBFGS([image])

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        (loss,) = valley.losses(image).values()
        loss.backward()
        losses.append(loss.item())
        return loss

    while len(losses) <= num_steps:
        optimiser.step(closure)
    assert len(losses) > len(set(losses))
    assert valley.history()["grad"] == losses
    assert torch.equal(valley.result(), image.detach()[0].clamp(0, 255))


def test_a_pass_whose_weights_are_all_0_is_over_at_once():
    bowl = Bowl(torch.full((1, 3, 2, 2), 300.0), num_steps=39, weights=[0.0, 0.0])
    assert list(bowl) == []
    assert (bowl.calls, bowl.evaluations, bowl.history()) == (0, 0, {})
    assert torch.equal(bowl.result(), torch.full((3, 2, 2), 255.0))


@pytest.mark.parametrize("after", [2, 6])
def test_a_pass_ended_on_the_way_has_its_best_picture(after):
    """Also after what was infinite."""
    bowl = Bowl(torch.full((1, 3, 2, 2), 100.0), num_steps=39, weights=[1.0])
    updates = iter(bowl)
    told = [next(updates) for _ in range(after)]
    updates.close()
    losses = [float(update.losses["grad"]) for update in told]
    best = losses.index(min(losses))
    assert bowl.calls == bowl.evaluations == after
    assert torch.equal(bowl.result(), told[best].picture())
