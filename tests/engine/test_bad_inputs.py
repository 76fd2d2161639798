"""Requests that nobody would call pictures: what comes back is finite all the same, and lies where it should."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from deepblend.engine.budget import Budget
from deepblend.engine.request import Layer, Rect, Request
from deepblend_protocol.settings import resolve
from small_requests import FEW, blended

BEYOND = replace(FEW, painting_px=24, object_px=6)
"""With levels beyond the network's."""


@pytest.fixture(params=[FEW, BEYOND], ids=["the network alone", "with octaves laid"])
def budget(request) -> Budget:
    return request.param


def check(layer: Layer, request: Request) -> None:
    assert np.isfinite(layer.plane.samples).all()
    assert (layer.plane.samples[..., -1] > 0).any()
    assert not layer.stopped
    json.dumps(layer.report, allow_nan=False)
    assert request.background.rect.intersection(layer.plane.rect) == layer.plane.rect


@pytest.mark.parametrize("style", [0.2, 1.0])
def test_a_painting_smaller_than_the_object(scenes, budget, style):
    canvas = Rect(3, 4, 20, 15)
    request = scenes.request(np.float32, canvas=canvas, object=Rect(-40, -30, 100, 90), style=style)
    check(blended(request, None, budget), request)


@pytest.mark.parametrize("colour", [(0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.2, 0.4, 0.7)])
def test_a_painting_of_one_colour(small, scenes, budget, colour):
    request = small(np.float32)
    flat = scenes.plane(np.broadcast_to(np.array(colour), (54, 60, 3)), request.background.rect, np.float32)
    request = replace(request, background=flat, style=flat)
    check(blended(request, None, budget), request)


def test_an_object_of_one_colour(small, scenes, budget):
    request = small(np.float32)
    rect = request.layer.rect
    values = np.dstack([np.full((rect.h, rect.w, 3), 0.4), scenes.ellipse(rect.h, rect.w)])
    request = replace(request, layer=scenes.plane(values, rect, np.float32))
    check(blended(request, None, budget), request)


@pytest.mark.parametrize(
    "places", [[(5, 7)], [(5, 7), (5, 8), (6, 7)], [(0, 0), (12, 13), (23, 25)]], ids=["one", "three", "three apart"]
)
def test_a_mask_of_a_few_pixels(small, budget, places):
    alpha = np.zeros((24, 26))
    for place in places:
        alpha[place] = 1
    request = small(np.float32, alpha=alpha)
    layer = blended(request, None, budget)
    check(layer, request)
    assert (layer.plane.samples[..., 3] > 0).sum() == len(places)


def test_a_mask_that_is_faint_everywhere(small, budget):
    request = small(np.float32, alpha=np.full((24, 26), 0.004))
    check(blended(request, None, budget), request)


@pytest.mark.parametrize("size", [(3, 200), (200, 3), (1, 1)])
@pytest.mark.parametrize("gray", [False, True])
def test_a_narrow_style_picture(small, scenes, budget, size, gray):
    height, width = size
    narrow = scenes.plane(scenes.painting(200, 200)[:height, :width], Rect(0, 0, width, height), np.float32)
    request = replace(
        small(np.float32, gray=gray),
        style=narrow,
        settings=resolve({"preset": "painting", "edges": "selected", "style_from": "picture"}),
    )
    check(blended(request, None, budget), request)


@pytest.mark.parametrize("side", ["row", "column"])
def test_an_object_of_one_row_or_column(small, budget, side):
    place = Rect(-5, 30, 50, 1) if side == "row" else Rect(10, 9, 1, 45)
    request = small(np.float32, object=place, alpha=np.ones((place.h, place.w)))
    check(blended(request, None, budget), request)


def test_a_document_of_a_few_pixels(scenes, budget):
    canvas = Rect(0, 0, 5, 3)
    alpha = np.zeros((3, 5))
    alpha[1, 2] = 1
    request = scenes.request(np.float32, canvas=canvas, object=canvas, alpha=alpha)
    check(blended(request, None, budget), request)
