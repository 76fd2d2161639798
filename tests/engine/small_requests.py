"""Small blends, and what is asked of their results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from deepblend.engine.blend import blend
from deepblend.engine.budget import Budget
from deepblend.engine.request import Layer, Observer, Plane, Rect, Request

CANVAS, SMALL = Rect(-11, 7, 60, 54), Rect(7, 22, 26, 24)
"""A document and a place for the object where an evaluation costs little."""

FEW = Budget(evaluations=(4, 4, 4))
"""For tests of everything but the result's quality."""

PAPER: dict[str, Any] = {
    "method": "paper",
    "paper": {"num_steps": 3, "second_pass": False},
    "canvas": Rect(4, 5, 32, 30),
    "object": Rect(9, 11, 20, 18),
}
"""20 evaluations on a small document."""

both_methods = pytest.mark.parametrize("method", ["poisson", "deep"])
every_method = pytest.mark.parametrize(
    "settings", [{"method": "poisson"}, {"method": "deep"}, PAPER], ids=["poisson", "deep", "paper"]
)


def blended(request: Request, observer: Observer | None = None, budget: Budget = FEW) -> Layer:
    return blend(request, observer, budget)


def same(one: Layer, two: Layer) -> bool:
    return one.plane.rect == two.plane.rect and np.array_equal(one.plane.samples, two.plane.samples)


def texture_of(scenes, layer: Layer, request: Request, distance, style: Plane) -> float:
    """The texture's distance to a picture's, inside the layer's alpha, laid over the background."""
    alpha = scenes.alpha(layer)
    white = np.iinfo(request.background.samples.dtype).max
    below = scenes.within(layer.plane.rect, request.background.samples, request.background.rect)[..., :3] / white
    picture = below + alpha[..., None] * (scenes.colours(layer) - below)
    tensors = [torch.from_numpy(255 * array).permute(2, 0, 1).float() for array in (picture, style.samples / white)]
    return distance(tensors[0], torch.from_numpy(alpha).float(), tensors[1])
