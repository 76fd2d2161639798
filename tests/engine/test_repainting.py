"""The stage of repainting: on which resolutions it works, and that the last picture told is the result."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from deepblend.engine.budget import Budget
from deepblend.engine.request import Layer, Plane
from deepblend_protocol.settings import resolve
from small_requests import FEW, blended

ONE = Budget(evaluations=(1, 1, 1))
"""An evaluation on each level that the network paints."""


def evaluations(layer: Layer) -> list[int]:
    return [level["evaluations"] for level in layer.report["levels"]]


@pytest.mark.parametrize(
    ("painting_px", "object_px", "beyond"),
    [
        (750, 128, 0),  # the whole painting is small enough
        (112, 8, 0),
        (111, 8, 1),
        (111, 25, 1),  # the object is 50 pixels wide
        (111, 26, 0),
        (30, 8, 2),
        (20, 6, 3),
    ],
)
def test_the_base_is_as_fine_as_the_painting_is_seen_on_and_the_object_needs(scenes, painting_px, object_px, beyond):
    budget = replace(ONE, painting_px=painting_px, object_px=object_px)
    request = scenes.request(alpha=np.ones((44, 50)))
    assert evaluations(blended(request, None, budget)) == [1, 1, 1] + [0] * beyond


def test_a_level_too_large_for_the_network_takes_its_octave_from_the_painting(scenes):
    request = scenes.request(alpha=np.ones((44, 50)))
    for network_px, expected in ((2200, [1, 1, 1]), (2199, [1, 1, 0]), (500, [1, 0, 0]), (1, [1, 0, 0])):
        layer = blended(request, None, replace(ONE, network_px=network_px))
        assert evaluations(layer) == expected
        assert np.isfinite(scenes.colours(layer)).all()


def test_only_a_painting_that_is_the_background_says_how_large_the_whole_is(scenes):
    """Another picture has its own scale; its rectangle says nothing of the document's."""
    budget = replace(ONE, painting_px=130, object_px=8)
    request = scenes.request(alpha=np.ones((44, 50)))
    large = scenes.plane(scenes.painting(300, 280), request.background.rect._replace(w=280, h=300))
    whole, other = (
        replace(request, style=large, settings=resolve({"preset": "painting", "edges": "selected", "style_from": s}))
        for s in ("background", "picture")
    )
    assert evaluations(blended(whole, None, budget)) == [1, 1, 1, 0, 0]
    assert evaluations(blended(other, None, budget)) == [1, 1, 1]


@pytest.mark.parametrize("style", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("budget", [FEW, replace(FEW, painting_px=40, object_px=10)], ids=["network", "octave"])
def test_the_last_picture_told_is_the_result(small, scenes, style, budget):
    told: list[Plane] = []

    def watch(step) -> None:
        if step.stage == "optimise":
            told.append(step.preview(4000))

    layer = blended(small(np.float32, style=style), watch, budget)
    inside = scenes.alpha(layer) > 0
    np.testing.assert_allclose(scenes.colours(told[-1])[inside], scenes.colours(layer)[inside], atol=1e-5)


def test_little_style_shows_little_of_it_from_the_first_picture_on(small, scenes):
    """Nothing jumps when the levels begin: what is told is as near to the seamless blend as the result will be."""
    told: list[Plane] = []

    def watch(step) -> None:
        if step.stage == "optimise":
            told.append(step.preview(6))

    blended(small(np.float32, style=0.01), watch)
    pictures = [scenes.colours(plane) for plane in told]
    inside = scenes.alpha(told[0]) > 0.99
    assert max(np.abs(a - b)[inside].mean() for a, b in pairwise(pictures)) < 2 / 255


def test_what_lies_beyond_black_stays_there_and_its_strokes_are_no_wilder(scenes):
    """The network cannot see it."""
    dark = scenes.request(np.float32, keep_colours=1.0)
    samples = dark.layer.samples.copy()
    samples[..., :3] = samples[..., :3] * 3 - 2
    dark = replace(dark, layer=replace(dark.layer, samples=samples))
    seamless, painted = (
        blended(replace(dark, settings=replace(dark.settings, style=style)), None, FEW) for style in (0.0, 0.5)
    )
    inside = scenes.alpha(painted) > 0.9
    before, after = (scenes.colours(layer)[inside] for layer in (seamless, painted))
    assert before.min() < -0.5
    assert after.min() < -0.5
    assert 0.005 < np.abs(after - before).mean() < 0.25
