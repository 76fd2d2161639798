"""A slider moved a little moves tones and colours a little, though single strokes may come to lie elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from deepblend.engine.blend import blend
from deepblend.engine.budget import Budget
from scipy import ndimage

BUDGET = Budget(painting_px=60, object_px=16)
"""The product's evaluations, on a small base with a level beyond."""


class Shown:
    """A blend's object: levels, and where it is."""

    def __init__(self, colours: np.ndarray, inside: np.ndarray) -> None:
        self.pixels = colours[inside]
        there = inside[..., None].astype(float)
        wide = [ndimage.gaussian_filter(array, (4, 4, 0)) for array in (colours * there, there)]
        self.tones = (wide[0] / np.maximum(wide[1], 1e-6))[inside]


@pytest.fixture(scope="module")
def shown(scenes) -> Callable[..., Shown]:
    kept: dict[tuple[float, float], Shown] = {}

    def make(style: float, keep: float = 0.5) -> Shown:
        if (style, keep) not in kept:
            layer = blend(scenes.request(np.float32, style=style, keep_colours=keep), budget=BUDGET)
            kept[style, keep] = Shown(255 * scenes.colours(layer), scenes.alpha(layer) > 0)
        return kept[style, keep]

    return make


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


def close(one: Shown, other: Shown, whole: tuple[Shown, Shown]) -> bool:
    """Of what all of the slider changes: next to none of the tones, a part of the strokes."""
    tones = apart(one.tones, other.tones) / apart(whole[0].tones, whole[1].tones)
    pixels = apart(one.pixels, other.pixels) / apart(whole[0].pixels, whole[1].pixels)
    return tones < 0.08 and pixels < 0.3


def test_next_to_no_style_is_next_to_the_seamless_blend(shown):
    assert 0 < apart(shown(0.001).pixels, shown(0).pixels) < 1
    assert apart(shown(0.5).pixels, shown(0).pixels) > 5


@pytest.mark.parametrize("style", [0.499, 0.501])
def test_about_the_default_style_makes_no_step(shown, style):
    assert close(shown(style), shown(0.5), (shown(0), shown(0.5)))


@pytest.mark.parametrize(("keep", "near"), [(0.499, 0.5), (0.501, 0.5), (0.999, 1)])
def test_keeping_a_little_more_or_less_makes_no_step(shown, keep, near):
    assert close(shown(0.5, keep), shown(0.5, near), (shown(0.5, 0), shown(0.5, 1)))
