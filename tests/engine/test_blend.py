"""The engine's door: what a layer is, for any document, mask and setting."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from deepblend.engine import colour
from deepblend.engine.blend import blend
from deepblend.engine.request import Plane, Rect
from deepblend_protocol.errors import PlaneInvalid
from deepblend_protocol.settings import resolve
from small_requests import PAPER, SMALL, blended, both_methods, same, texture_of

PLAIN: dict[str, Any] = {"method": "poisson", "keep_colours": 0}
"""Perez's equation as it stands."""

PAINTING = {"preset": "painting", "edges": "selected"}


def selection(values: np.ndarray, rect: Rect) -> Plane:
    return Plane(values.astype(np.float32), rect, "Y")


# What a layer is


@both_methods
def test_the_layer_lies_over_omegas_box_and_its_alpha_is_the_mask(small, scenes, method):
    request = small(method=method)
    values = np.zeros((24, 26))
    values[4:20, 3:17] = np.linspace(0.1, 1, 14)
    values[6, 22] = 0.5  # a piece apart
    request = replace(request, mask=selection(values, SMALL))
    layer = blended(request)
    mask = values * scenes.alpha(request.layer)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = Rect(SMALL.x + columns[0], SMALL.y + rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)
    assert layer.plane.rect == box
    colour.check(layer.plane, "result")
    assert layer.plane.channels == "RGBA"
    expected = np.rint(255 * scenes.within(box, mask, SMALL))
    np.testing.assert_array_equal(layer.plane.samples[:, :, 3], expected)
    assert (layer.plane.samples[:, :, 3][scenes.within(box, mask, SMALL) == 0] == 0).all()
    assert not layer.stopped


@both_methods
def test_a_soft_mask_keeps_its_edge_and_bounds_omega(small, scenes, method):
    """Alpha is the mask itself in float documents."""
    soft = scenes.ellipse(24, 26, edge=0.5)
    request = small(np.float32, method=method, alpha=soft)
    layer = blended(request)
    np.testing.assert_allclose(scenes.alpha(layer), scenes.within(layer.plane.rect, soft, SMALL), atol=1e-7)
    inside = scenes.alpha(layer) > 0
    assert np.isfinite(layer.plane.samples).all()
    assert 0 < scenes.alpha(layer)[inside].min() < 0.2


@both_methods
def test_the_same_twice_to_the_bit(small, method):
    assert same(blended(small(method=method)), blended(small(method=method)))


@pytest.mark.parametrize("settings", [{}, {"keep_colours": 0}, {"gradients": "mixed", "feather_px": 4}])
def test_no_style_is_the_poisson_blend_to_the_bit(small, settings):
    none, poisson = blended(small(method="deep", style=0, **settings)), blended(small(method="poisson", **settings))
    assert same(none, poisson)
    assert none.report["method"] == "deep"
    assert poisson.report["method"] == "poisson"


def test_a_little_style_is_not_the_poisson_blend(small):
    assert not same(blended(small(method="deep", style=0.3)), blended(small(method="poisson")))


@both_methods
def test_gray_documents_give_gray_layers(small, method):
    layer = blended(small(method=method, gray=True))
    assert layer.plane.channels == "YA"
    assert layer.plane.samples.shape == (layer.plane.rect.h, layer.plane.rect.w, 2)


def test_a_coloured_object_on_gray_becomes_gray_and_a_gray_one_on_colour_is_taken(small):
    coloured, gray = small(**PLAIN), small(gray=True, **PLAIN)
    assert blended(replace(coloured, background=gray.background)).plane.channels == "YA"
    assert blended(replace(gray, background=coloured.background)).plane.channels == "RGBA"


def test_channel_order_is_only_how_pixels_are_written(small):
    rgba = small()
    bgra = replace(rgba, layer=replace(rgba.layer, samples=rgba.layer.samples[:, :, [2, 1, 0, 3]], channels="BGRA"))
    assert same(blended(rgba), blended(bgra))


def test_the_result_has_the_backgrounds_type_encoding_and_profile(small):
    request = small(np.uint16, **PLAIN)
    background = replace(request.background, encoding="profile", profile=b"the document's")
    eight = small(**PLAIN).layer
    plane = blended(replace(request, layer=eight, background=background)).plane
    assert plane.samples.dtype == np.uint16
    assert (plane.encoding, plane.profile) == ("profile", b"the document's")


# What depth keeps


@both_methods
@pytest.mark.parametrize("dtype", [np.uint16, np.float16, np.float32])
def test_deep_documents_keep_more_than_256_levels(small, method, dtype):
    """No colour is on the grid of 8 bits but by chance."""
    layer = blended(small(dtype, method=method))
    assert layer.plane.samples.dtype == dtype
    white = 65535 if dtype == np.uint16 else 1
    levels = layer.plane.samples[:, :, :3][layer.plane.samples[:, :, 3] > 0] / white * 255
    assert len(np.unique(levels)) > 600
    assert (np.abs(levels - np.rint(levels)) > 0.05).mean() > 0.7


@pytest.mark.parametrize("encoding", ["perceptual", "linear"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_values_above_white_and_below_black_survive(small, dtype, encoding):
    request = small(dtype, encoding=encoding, **PLAIN)
    bright = request.background.samples + np.asarray(2.5, dtype)
    layer = blended(replace(request, background=replace(request.background, samples=bright)))
    inside = layer.plane.samples[layer.plane.samples[:, :, 3] > 0][:, :3]
    assert inside.min() > 1.5  # the whole object is lifted with its surroundings
    dark = request.background.samples - np.asarray(2.5, dtype)
    layer = blended(replace(request, background=replace(request.background, samples=dark)))
    assert layer.plane.samples[layer.plane.samples[:, :, 3] > 0][:, :3].max() < -0.5


@pytest.mark.parametrize("settings", [PLAIN, {"method": "poisson"}, {**PLAIN, "gradients": "mixed"}])
@pytest.mark.parametrize("encoding", ["perceptual", "linear"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.uint8, 0), (np.uint16, 0), (np.float16, 0), (np.float32, 1e-6)])
def test_a_piece_of_the_background_itself_comes_back_as_it_was(small, scenes, dtype, tolerance, encoding, settings):
    request = small(dtype, encoding=encoding, **settings)
    piece = scenes.within(SMALL, request.background.samples, request.background.rect)
    mask = scenes.ellipse(SMALL.h, SMALL.w, edge=0.3)
    layer = blended(replace(request, layer=Plane(piece, SMALL, "RGB", encoding), mask=selection(mask, SMALL)))
    before = scenes.within(layer.plane.rect, request.background.samples, request.background.rect)
    inside = layer.plane.samples[:, :, 3] > 0
    after, before = layer.plane.samples[inside][:, :3].astype(float), before[inside].astype(float)
    np.testing.assert_allclose(after, before, rtol=0, atol=tolerance)


def test_linear_documents_are_blended_as_perceptual_ones(small, scenes):
    """The same pictures in linear light give the same picture."""

    def linear(values: np.ndarray) -> np.ndarray:
        return np.where(values <= 0.04045, values / 12.92, ((np.maximum(values, 0) + 0.055) / 1.055) ** 2.4)

    perceptual = small(np.float32, **PLAIN)
    layer, background = perceptual.layer.samples.copy(), linear(perceptual.background.samples)
    layer[:, :, :3] = linear(layer[:, :, :3])
    in_light = replace(
        perceptual,
        layer=replace(perceptual.layer, samples=layer, encoding="linear"),
        background=replace(perceptual.background, samples=background.astype(np.float32), encoding="linear"),
    )
    one, two = blended(perceptual), blended(in_light)
    assert two.plane.encoding == "linear"
    np.testing.assert_allclose(scenes.colours(two), linear(scenes.colours(one)), atol=2e-5)
    np.testing.assert_array_equal(scenes.alpha(one), scenes.alpha(two))


# What must not matter, and what must be borne


@pytest.mark.parametrize(
    "settings", [PLAIN, {"method": "poisson"}, {**PLAIN, "gradients": "mixed"}, {"method": "deep"}], ids=str
)
def test_what_lies_under_transparent_pixels_of_a_flat_cut_out_does_not_matter(small, settings):
    request = small(**settings)
    clear = request.layer.samples[:, :, 3] == 0
    rng = np.random.default_rng(3)
    layers = []
    for hidden in ((0, 0, 0), (255, 255, 255), (13, 200, 97), rng.integers(0, 256, (int(clear.sum()), 3))):
        samples = request.layer.samples.copy()
        samples[:, :, :3] = (180, 30, 40)
        samples[clear, :3] = hidden
        layers.append(blended(replace(request, layer=replace(request.layer, samples=samples))))
    assert all(same(layer, layers[0]) for layer in layers[1:])


def flat(values: Any, rect: Rect, dtype: Any = np.uint8) -> Plane:
    return Plane(np.broadcast_to(np.asarray(values, dtype), (rect.h, rect.w, 4)).copy(), rect, "RGBA")


def test_a_flat_cut_out_exact_to_its_edge_stays_flat(small):
    """On flat ground it takes the ground's colour wholly: it has no detail of its own, and none leaks in."""
    request = small(**PLAIN)
    layer = request.layer.samples.copy()
    layer[:, :, :3] = np.where(layer[:, :, 3:] > 0, (180, 30, 40), (0, 255, 0))
    ground = flat((70, 80, 90, 255), request.background.rect)
    result = blended(replace(request, layer=replace(request.layer, samples=layer), background=ground))
    assert (result.plane.samples[result.plane.samples[:, :, 3] > 0][:, :3] == (70, 80, 90)).all()


@both_methods
@pytest.mark.parametrize("opaque", ["left half", "nothing", "a frame"])
def test_transparent_backgrounds_give_finite_pixels(small, scenes, method, opaque):
    """What lies under the background's transparent pixels does not matter."""
    request = small(np.float32, method=method)
    height, width = request.background.samples.shape[:2]
    alpha = np.zeros((height, width, 1), np.float32)
    if opaque == "left half":
        alpha[:, : SMALL.x - request.background.rect.x + 12] = 1
    if opaque == "a frame":
        alpha[:8] = alpha[-8:] = alpha[:, :8] = alpha[:, -8:] = 0.5
    layers = []
    for hidden in (0.0, 1.0):
        colours = np.where(alpha > 0, request.background.samples, np.float32(hidden))
        background = replace(request.background, samples=np.concatenate([colours, alpha], 2), channels="RGBA")
        layers.append(blended(replace(request, background=background, style=background)))
    inside = scenes.alpha(layers[0]) > 0
    first, second = (scenes.colours(layer)[inside] for layer in layers)
    assert np.isfinite(first).all()
    assert np.array_equal(first, second)
    json.dumps(layers[0].report, allow_nan=False)
    if opaque != "left half" and method == "poisson":  # no fixed neighbour: the source stays
        source = scenes.within(layers[0].plane.rect, scenes.colours(request.layer), SMALL)
        np.testing.assert_allclose(first, source[inside], atol=1e-6)


@both_methods
def test_a_mask_of_one_pixel(small, scenes, method):
    request = small(np.float32, method=method)
    values = np.zeros((24, 26))
    values[12, 13] = 1
    layer = blended(replace(request, mask=selection(values, SMALL)))
    assert layer.plane.rect == Rect(SMALL.x + 13, SMALL.y + 12, 1, 1)
    assert np.isfinite(layer.plane.samples).all()
    assert scenes.alpha(layer) == 1


@both_methods
@pytest.mark.parametrize("hole", [True, False])
def test_a_mask_that_touches_every_border_of_the_document(scenes, method, hole):
    canvas = Rect(-3, 5, 40, 34)
    alpha = 1 - scenes.ellipse(34, 40) if hole else np.ones((34, 40))
    request = scenes.request(np.float32, canvas=canvas, object=canvas, alpha=alpha, method=method)
    layer = blended(request)
    assert layer.plane.rect == canvas
    assert np.isfinite(layer.plane.samples).all()
    np.testing.assert_array_equal(scenes.alpha(layer), alpha)
    if not hole and method == "poisson":  # nothing to fit to: the object stays as it is
        np.testing.assert_allclose(layer.plane.samples, request.layer.samples, atol=1e-6)


@both_methods
def test_a_layer_that_sticks_out_of_the_document_is_blended_where_it_is_in_it(scenes, method):
    request = scenes.request(object=Rect(-30, -5, 40, 36), method=method)
    layer = blended(request)
    assert (layer.plane.rect.x, layer.plane.rect.y) == (scenes.canvas.x, scenes.canvas.y)
    assert layer.plane.rect.x + layer.plane.rect.w <= 10
    assert (layer.plane.samples[:, :, 3] > 0).sum() > 100


# What the settings do


def test_style_from_chooses_where_texture_comes_from(small, scenes):
    """The background's picture here is of another texture than what lies around the object."""
    request = small()
    elsewhere = scenes.plane(scenes.painting(50, 60, seed=9).transpose(1, 0, 2), Rect(0, 0, 50, 60))
    whole = replace(request, style=replace(request.style, samples=255 - request.style.samples))
    layers = [
        blended(whole),
        blended(replace(whole, settings=resolve({**PAINTING, "style_from": "surroundings"}))),
        blended(
            replace(
                whole,
                settings=resolve({**PAINTING, "style_from": "picture"}),
                style=elsewhere,
            )
        ),
    ]
    for k, layer in enumerate(layers):
        assert not any(same(layer, other) for other in layers[:k])


def test_surroundings_need_no_picture_and_a_background_without_one_is_its_surroundings(small):
    request = small(style_from="surroundings")
    without = replace(request, style=None)
    assert same(blended(request), blended(without))
    assert same(blended(without), blended(replace(without, settings=resolve(PAINTING))))


def test_style_from_a_picture_without_one_is_refused(small):
    with pytest.raises(PlaneInvalid, match="style is to come from a picture, and none was given"):
        blended(replace(small(style_from="picture"), style=None))


def test_more_style_brings_the_texture_closer(scenes, texture_distance):
    place = Rect(20, 36, 38, 36)
    distances = []
    for style in (0.0, 0.3, 0.6, 1.0):
        request = scenes.request(object=place, style=style)
        distances.append(texture_of(scenes, blend(request), request, texture_distance, request.background))
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.75 * distances[0]


@both_methods
def test_keeping_colours_keeps_the_objects_mean_light_and_colour(scenes, method):
    """The darker and redder object stays nearer to itself the more it keeps."""
    source_light, source_colour = [], []
    for keep in (0.0, 0.3, 0.6, 1.0):
        request = scenes.request(object=Rect(20, 36, 38, 36), method=method, keep_colours=keep)
        layer = blended(request)
        inside = scenes.alpha(layer) > 0
        own = scenes.within(layer.plane.rect, scenes.colours(request.layer), request.layer.rect)[inside]
        found = scenes.colours(layer)[inside]
        source_light.append(abs(scenes.luma(found).mean() - scenes.luma(own).mean()))
        chroma = [(c - scenes.luma(c)).mean(0) for c in (found, own)]
        source_colour.append(float(np.linalg.norm(chroma[0] - chroma[1])))
    assert source_light == sorted(source_light, reverse=True)
    assert source_colour == sorted(source_colour, reverse=True)
    assert source_light[-1] < 0.7 * source_light[0]
    assert source_colour[-1] < 0.7 * source_colour[0]


def test_mixed_gradients_let_the_ground_show_through_a_smooth_object(small, scenes):
    """Strokes under it are stronger than what it has of its own."""
    detail = []
    for gradients in ("source", "mixed"):
        layer = blended(small(gradients=gradients, **PLAIN))
        light = scenes.luma(scenes.colours(layer))[..., 0]
        detail.append(np.abs(np.diff(light, axis=1))[6:-6, 6:-6].mean())
    assert detail[1] > 1.5 * detail[0]


# The published algorithm


def test_the_published_algorithm_changes_nothing_outside(small, scenes):
    request = small(np.float32, **{**PAPER, "paper": {"num_steps": 3}})
    layer = blended(request)
    inside = scenes.alpha(layer) > 0
    assert layer.report["first pass"] == layer.report["second pass"] == {"evaluations": 20}
    assert np.isfinite(layer.plane.samples).all()
    expected = scenes.within(layer.plane.rect, scenes.alpha(request.layer), request.layer.rect)
    np.testing.assert_array_equal(scenes.alpha(layer), expected)
    below = scenes.within(layer.plane.rect, request.background.samples, request.background.rect)
    np.testing.assert_allclose(scenes.colours(layer)[~inside], below[~inside], atol=1e-6)
    assert not np.allclose(scenes.colours(layer)[inside], below[inside], atol=0.02)


def test_the_published_algorithm_on_gray(small):
    assert blended(small(gray=True, **PAPER)).plane.channels == "YA"
