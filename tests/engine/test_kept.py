"""What is kept for a slider's next move: the same inputs have the same result, which is made once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from deepblend.engine import kept, matting, repainting
from deepblend.engine.kept import Kept
from small_requests import blended


class Made:
    """Counts what is made."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> int:
        self.count += 1
        return self.count


def test_the_same_inputs_are_looked_at_once():
    results, made = Kept[int](2), Made()
    array = torch.arange(12.0).view(3, 4)
    assert results.get(made, array, "a") == results.get(made, array.clone(), "a") == made.count == 1


@pytest.mark.parametrize(
    "other",
    [
        torch.arange(12.0).view(4, 3),
        torch.arange(12.0).view(3, 4).double(),
        torch.arange(12.0).view(3, 4) + torch.eye(12).sum(0).view(3, 4) * 1e-6,
        torch.arange(12.0).flip(0).view(3, 4).flip(0),
    ],
    ids=["shape", "type", "value", "order"],
)
def test_what_differs_in_anything_is_made_anew(other):
    results, made = Kept[int](2), Made()
    results.get(made, torch.arange(12.0).view(3, 4), "a")
    assert results.get(made, other, "a") == 2
    assert results.get(made, torch.arange(12.0).view(3, 4), "b") == 3


def test_the_oldest_is_forgotten():
    results, made = Kept[int](2), Made()
    assert [results.get(made, name) for name in "abacab"] == [1, 2, 1, 3, 1, 4]
    results.clear()
    assert results.get(made, "a") == 5


def test_what_depends_on_too_much_is_not_kept(monkeypatch):
    monkeypatch.setattr(kept, "_MOST_BYTES", 47)
    results, made = Kept[int](2), Made()
    assert [results.get(made, torch.zeros(12)) for _ in range(2)] == [1, 2]


def test_a_sliders_move_finds_nothing_again_and_gives_what_a_first_blend_does(small, monkeypatch):
    def moved(style: float) -> np.ndarray:
        return blended(small(style=style, edges="object")).plane.samples

    kept.forget()
    first = moved(0.7)
    kept.forget()
    moved(0.5)
    made = Made()
    for room, name in ((matting.segmentation, "find"), (repainting.palette, "Palette")):
        monkeypatch.setattr(room, name, lambda *_: made())
    assert np.array_equal(moved(0.7), first)
    assert made.count == 0
