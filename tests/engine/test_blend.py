"""The engine's door: what a layer is, for any document, mask and method."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
import torch
from deepblend.engine import blend as door
from deepblend.engine import colour, deep, poisson
from deepblend.engine import features as network
from deepblend.engine.blend import blend
from deepblend.engine.request import Layer, Plane, Rect, Request
from deepblend_protocol.errors import DeviceMemory, DeviceUnknown, FeaturesUnavailable, PlaneInvalid
from deepblend_protocol.settings import resolve

CANVAS, SMALL = Rect(-11, 7, 60, 54), Rect(7, 22, 26, 24)
"""A document and a place for the object where a closure costs little."""
PLAIN: dict[str, Any] = {"method": "poisson", "keep_colours": 0}
"""Perez's equation as it stands."""

both_methods = pytest.mark.parametrize("method", ["poisson", "deep"])


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Few closures: what is tested here but for a few tests is not how far they come."""
    monkeypatch.setattr(deep, "CLOSURES_COARSEST", 4)
    monkeypatch.setattr(deep, "CLOSURES_BASE", 4)


@pytest.fixture
def small(scenes):
    """``scenes.request`` in small."""

    def make(dtype: Any = np.uint8, **options: Any) -> Request:
        return scenes.request(dtype, **{"canvas": CANVAS, "object": SMALL, **options})

    return make


def selection(values: np.ndarray, rect: Rect) -> Plane:
    return Plane(values.astype(np.float32), rect, "Y")


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


# What a layer is


@both_methods
def test_the_layer_lies_over_omegas_box_and_its_alpha_is_the_mask(small, scenes, method):
    request = small(method=method)
    values = np.zeros((24, 26))
    values[4:20, 3:17] = np.linspace(0.1, 1, 14)
    values[6, 22] = 0.5  # a piece apart
    request = replace(request, mask=selection(values, SMALL))
    layer = blend(request)
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
    layer = blend(request)
    np.testing.assert_allclose(scenes.alpha(layer), scenes.within(layer.plane.rect, soft, SMALL), atol=1e-7)
    inside = scenes.alpha(layer) > 0
    assert np.isfinite(layer.plane.samples).all()
    assert 0 < scenes.alpha(layer)[inside].min() < 0.2


@both_methods
def test_the_same_twice_to_the_bit(small, method):
    assert same(blend(small(method=method)), blend(small(method=method)))


@pytest.mark.parametrize("settings", [{}, {"keep_colours": 0}, {"gradients": "mixed", "feather_px": 4}])
def test_no_style_is_the_poisson_blend_to_the_bit(small, settings):
    none, poisson = blend(small(method="deep", style=0, **settings)), blend(small(method="poisson", **settings))
    assert same(none, poisson)
    assert none.report["method"] == "deep"
    assert poisson.report["method"] == "poisson"


def test_a_little_style_is_not_the_poisson_blend(small):
    assert not same(blend(small(method="deep", style=0.3)), blend(small(method="poisson")))


@both_methods
def test_gray_documents_give_gray_layers(small, method):
    layer = blend(small(method=method, gray=True))
    assert layer.plane.channels == "YA"
    assert layer.plane.samples.shape == (layer.plane.rect.h, layer.plane.rect.w, 2)


def test_a_coloured_object_on_gray_becomes_gray_and_a_gray_one_on_colour_is_taken(small):
    coloured, gray = small(**PLAIN), small(gray=True, **PLAIN)
    assert blend(replace(coloured, background=gray.background)).plane.channels == "YA"
    assert blend(replace(gray, background=coloured.background)).plane.channels == "RGBA"


def test_channel_order_is_only_how_pixels_are_written(small):
    rgba = small()
    bgra = replace(rgba, layer=replace(rgba.layer, samples=rgba.layer.samples[:, :, [2, 1, 0, 3]], channels="BGRA"))
    assert same(blend(rgba), blend(bgra))


def test_the_result_has_the_backgrounds_type_encoding_and_profile(small):
    request = small(np.uint16, **PLAIN)
    background = replace(request.background, encoding="profile", profile=b"the document's")
    eight = small(**PLAIN).layer
    plane = blend(replace(request, layer=eight, background=background)).plane
    assert plane.samples.dtype == np.uint16
    assert (plane.encoding, plane.profile) == ("profile", b"the document's")


# What depth keeps


@both_methods
@pytest.mark.parametrize("dtype", [np.uint16, np.float16, np.float32])
def test_deep_documents_keep_more_than_256_levels(small, method, dtype):
    """No colour is on the grid of 8 bits but by chance."""
    layer = blend(small(dtype, method=method))
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
    layer = blend(replace(request, background=replace(request.background, samples=bright)))
    inside = layer.plane.samples[layer.plane.samples[:, :, 3] > 0][:, :3]
    assert inside.min() > 1.5  # the whole object is lifted with its surroundings
    dark = request.background.samples - np.asarray(2.5, dtype)
    layer = blend(replace(request, background=replace(request.background, samples=dark)))
    assert layer.plane.samples[layer.plane.samples[:, :, 3] > 0][:, :3].max() < -0.5


@pytest.mark.parametrize("settings", [PLAIN, {"method": "poisson"}, {**PLAIN, "gradients": "mixed"}])
@pytest.mark.parametrize("encoding", ["perceptual", "linear"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.uint8, 0), (np.uint16, 0), (np.float16, 0), (np.float32, 1e-6)])
def test_a_piece_of_the_background_itself_comes_back_as_it_was(small, scenes, dtype, tolerance, encoding, settings):
    request = small(dtype, encoding=encoding, **settings)
    piece = scenes.within(SMALL, request.background.samples, request.background.rect)
    mask = scenes.ellipse(SMALL.h, SMALL.w, edge=0.3)
    layer = blend(replace(request, layer=Plane(piece, SMALL, "RGB", encoding), mask=selection(mask, SMALL)))
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
    one, two = blend(perceptual), blend(in_light)
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
        layers.append(blend(replace(request, layer=replace(request.layer, samples=samples))))
    assert all(same(layer, layers[0]) for layer in layers[1:])


def flat(values: Any, rect: Rect, dtype: Any = np.uint8) -> Plane:
    return Plane(np.broadcast_to(np.asarray(values, dtype), (rect.h, rect.w, 4)).copy(), rect, "RGBA")


def test_a_flat_cut_out_exact_to_its_edge_stays_flat(small):
    """On flat ground it takes the ground's colour wholly: it has no detail of its own, and none leaks in."""
    request = small(**PLAIN)
    layer = request.layer.samples.copy()
    layer[:, :, :3] = np.where(layer[:, :, 3:] > 0, (180, 30, 40), (0, 255, 0))
    ground = flat((70, 80, 90, 255), request.background.rect)
    result = blend(replace(request, layer=replace(request.layer, samples=layer), background=ground))
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
        layers.append(blend(replace(request, background=background, style=background)))
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
    layer = blend(replace(request, mask=selection(values, SMALL)))
    assert layer.plane.rect == Rect(SMALL.x + 13, SMALL.y + 12, 1, 1)
    assert np.isfinite(layer.plane.samples).all()
    assert scenes.alpha(layer) == 1


@both_methods
@pytest.mark.parametrize("hole", [True, False])
def test_a_mask_that_touches_every_border_of_the_document(scenes, method, hole):
    canvas = Rect(-3, 5, 40, 34)
    alpha = 1 - scenes.ellipse(34, 40) if hole else np.ones((34, 40))
    request = scenes.request(np.float32, canvas=canvas, object=canvas, alpha=alpha, method=method)
    layer = blend(request)
    assert layer.plane.rect == canvas
    assert np.isfinite(layer.plane.samples).all()
    np.testing.assert_array_equal(scenes.alpha(layer), alpha)
    if not hole and method == "poisson":  # nothing to fit to: the object stays as it is
        np.testing.assert_allclose(layer.plane.samples, request.layer.samples, atol=1e-6)


@both_methods
def test_a_layer_that_sticks_out_of_the_document_is_blended_where_it_is_in_it(scenes, method):
    request = scenes.request(object=Rect(-30, -5, 40, 36), method=method)
    layer = blend(request)
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
        blend(whole),
        blend(replace(whole, settings=resolve({"style_from": "surroundings"}))),
        blend(replace(whole, settings=resolve({"style_from": "picture"}), style=elsewhere)),
    ]
    for k, layer in enumerate(layers):
        assert not any(same(layer, other) for other in layers[:k])


def test_surroundings_need_no_picture_and_a_background_without_one_is_its_surroundings(small):
    request = small(style_from="surroundings")
    without = replace(request, style=None)
    assert same(blend(request), blend(without))
    assert same(blend(without), blend(replace(without, settings=resolve({"style_from": "background"}))))


def test_style_from_a_picture_without_one_is_refused(small):
    with pytest.raises(PlaneInvalid, match="style is to come from a picture, and none was given"):
        blend(replace(small(style_from="picture"), style=None))


def test_more_style_brings_the_texture_closer(scenes, monkeypatch, texture_distance):
    monkeypatch.undo()  # all closures
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
        layer = blend(request)
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
        layer = blend(small(gradients=gradients, **PLAIN))
        light = scenes.luma(scenes.colours(layer))[..., 0]
        detail.append(np.abs(np.diff(light, axis=1))[6:-6, 6:-6].mean())
    assert detail[1] > 1.5 * detail[0]


# The observer


class Watcher:
    """Notes what it is told; stops at a call, or in a stage's call."""

    def __init__(self, stop_at: int | None = None, previews: tuple[int, ...] = ()) -> None:
        self.stop_at, self.sizes = stop_at, previews
        self.progress: list[float] = []
        self.stages: list[str] = []
        self.losses: list[dict[str, float]] = []
        self.previews: list[tuple[int, Plane]] = []

    def __call__(self, step) -> bool:
        self.progress.append(step.progress)
        self.stages.append(step.stage)
        self.losses.append(step.losses())
        self.previews += [(size, step.preview(size)) for size in self.sizes]
        return len(self.progress) == self.stop_at


PAPER: dict[str, Any] = {
    "method": "paper",
    "paper": {"num_steps": 3, "second_pass": False},
    "canvas": Rect(4, 5, 32, 30),
    "object": Rect(9, 11, 20, 18),
}
"""One step of 20 closures on a small document."""
every_method = pytest.mark.parametrize(
    "settings", [{"method": "poisson"}, {"method": "deep"}, PAPER], ids=["poisson", "deep", "paper"]
)


@every_method
def test_progress_rises_and_1_is_never_told(small, settings):
    watcher = Watcher()
    layer = blend(small(**settings), watcher)
    assert len(watcher.progress) > 3
    assert all(0 <= progress < 1 for progress in watcher.progress)
    assert watcher.progress == sorted(watcher.progress)
    assert watcher.progress[-1] > 0.4
    assert not layer.stopped


@every_method
def test_losses_are_told_by_name(small, settings):
    watcher = Watcher()
    blend(small(**settings), watcher)
    names = {"poisson": set(), "deep": {"style", "content", "grad", "tone", "chroma"}}
    last = watcher.losses[-1]
    assert set(last) == names.get(settings["method"], set(last))
    assert all(isinstance(value, float) and np.isfinite(value) for value in last.values())
    if settings["method"] == "paper":
        assert {"style"} < set(watcher.losses[0])


@every_method
def test_the_observer_does_not_change_the_result(small, settings):
    requests = small(np.float32, **settings), small(np.float32, **settings)
    assert same(blend(requests[0]), blend(requests[1], Watcher(previews=(16,))))


@pytest.mark.parametrize(
    ("method", "place"),
    [
        *(
            (method, place)
            for method in ("poisson", "deep")
            for place in (SMALL, Rect(5, 12, 7, 41), Rect(0, 22, 45, 6))
        ),
        ("paper", PAPER["object"]),
    ],
)
def test_previews_of_any_size_at_every_stage(small, scenes, monkeypatch, method, place):
    monkeypatch.setattr(deep, "BASE", 20)  # two or three levels
    sizes = (1, 10, 33, 4000)
    watcher = Watcher(previews=sizes)
    options = {**(PAPER if method == "paper" else {"method": method}), "object": place}
    layer = blend(small(np.float32, alpha=np.ones((place.h, place.w)), **options), watcher)
    assert len(watcher.previews) == len(sizes) * len(watcher.progress)
    longest = max(layer.plane.rect.w, layer.plane.rect.h)
    for size, preview in watcher.previews:
        colour.check(preview, "preview")  # its scale and samples agree
        assert preview.rect == layer.plane.rect
        assert (preview.channels, preview.samples.dtype, preview.encoding) == ("RGBA", np.float32, "perceptual")
        assert max(preview.samples.shape[:2]) <= min(size, longest)
        assert np.isfinite(preview.samples).all()
        assert scenes.alpha(preview).min() > 0.2  # half-covered pixels at the border
    full = [preview for size, preview in watcher.previews if size == 4000]
    assert full[-1].samples.shape == layer.plane.samples.shape
    assert full[-1].scale == 1


def test_previews_show_the_blend_coming(small, scenes):
    """The last ones are nearer to the result than the first; alpha is the mask's."""
    watcher = Watcher(previews=(4000,))
    layer = blend(small(np.float32), watcher)
    inside = scenes.alpha(layer) > 0
    final = scenes.colours(layer)[inside]
    large = [preview for _, preview in watcher.previews if preview.scale == 1]  # the coarse level's are smaller
    assert len(large) < len(watcher.previews)
    errors = [np.abs(scenes.colours(preview)[inside] - final).mean() for preview in large]
    assert errors[-1] < 1e-5
    assert errors[0] > 10 * errors[-1]
    assert all(np.array_equal(scenes.alpha(preview), scenes.alpha(layer)) for preview in large)


def test_previews_of_gray_documents_are_gray(small):
    watcher = Watcher(previews=(8,))
    blend(small(gray=True), watcher)
    assert {preview.channels for _, preview in watcher.previews} == {"YA"}


@pytest.fixture
def evaluations():
    """Counts the pictures that pass through the shipped network."""
    count = [0]
    hook = network.load("shipped", "cpu").register_forward_hook(lambda *_: count.__setitem__(0, count[0] + 1))
    yield lambda: count[0]
    hook.remove()


@both_methods
def test_stopped_at_the_first_call_it_is_nearer_to_the_solution_than_a_paste(small, scenes, evaluations, method):
    request = small(np.float32, method=method)
    watcher = Watcher(stop_at=1)
    layer = blend(request, watcher)
    assert layer.stopped
    assert watcher.stages == ["poisson"]
    assert evaluations() == 0
    solved = blend(small(np.float32, method="poisson"))
    inside = scenes.alpha(layer) > 0
    pasted = scenes.within(layer.plane.rect, scenes.colours(request.layer), SMALL)[inside]
    exact, found = scenes.colours(solved)[inside], scenes.colours(layer)[inside]
    assert np.isfinite(found).all()
    assert np.abs(found - exact).mean() < 0.5 * np.abs(pasted - exact).mean()
    np.testing.assert_array_equal(scenes.alpha(layer), scenes.alpha(solved))


@pytest.mark.parametrize("closures", [3, 6], ids=["in the coarse level", "in the fine level"])
def test_stopped_midway_it_ends_at_once_and_is_nearer_to_the_style(
    small, scenes, monkeypatch, evaluations, texture_distance, closures
):
    monkeypatch.setattr(deep, "BASE", 20)  # two levels for a box of some 24 pixels
    request = small()
    counts: list[int] = []

    class Stopper(Watcher):
        def __call__(self, step) -> bool:
            super().__call__(step)
            counts.append(evaluations())
            return self.stages.count("optimise") == closures + 1  # the first comes before any closure

    watcher = Stopper()
    layer = blend(request, watcher)
    assert layer.stopped
    assert evaluations() == counts[-1]
    levels = layer.report["levels"]
    assert [level["closures"] for level in levels] == ([3] if closures == 3 else [4, 2])
    assert layer.plane.samples[..., 3].any()
    start = blend(small(method="poisson"))
    style = request.background
    reached, before = (texture_of(scenes, one, request, texture_distance, style) for one in (layer, start))
    assert reached < before


def test_stopped_before_the_first_closure_it_is_the_poisson_blend(small, evaluations):
    class Stopper(Watcher):
        def __call__(self, step) -> bool:
            super().__call__(step)
            return step.stage == "optimise"

    layer = blend(small(), Stopper())
    assert layer.stopped
    assert evaluations() == 0
    assert same(layer, blend(small(method="poisson")))


def test_stopping_the_published_algorithm(small):
    watcher = Watcher(stop_at=2)
    layer = blend(small(**PAPER), watcher)
    assert layer.stopped
    assert len(watcher.progress) == 2
    assert layer.plane.samples[..., 3].any()


# The published algorithm


def test_the_published_algorithm_changes_nothing_outside(small, scenes):
    request = small(np.float32, **{**PAPER, "paper": {"num_steps": 3}})
    layer = blend(request)
    inside = scenes.alpha(layer) > 0
    assert layer.report["closures"] == 2 * 20  # two passes, each of one step
    assert np.isfinite(layer.plane.samples).all()
    expected = scenes.within(layer.plane.rect, scenes.alpha(request.layer), request.layer.rect)
    np.testing.assert_array_equal(scenes.alpha(layer), expected)
    below = scenes.within(layer.plane.rect, request.background.samples, request.background.rect)
    np.testing.assert_allclose(scenes.colours(layer)[~inside], below[~inside], atol=1e-6)
    assert not np.allclose(scenes.colours(layer)[inside], below[inside], atol=0.02)


def test_the_published_algorithm_on_gray(small):
    assert blend(small(gray=True, **PAPER)).plane.channels == "YA"


# Devices, networks, the report


@both_methods
def test_an_unknown_device_is_refused(small, method):
    with pytest.raises(DeviceUnknown, match=r"no device 'abacus' here. Available: auto, .*cpu"):
        blend(small(method=method, device="abacus"))


def test_a_network_that_cannot_be_had_is_refused_with_the_way_out(small, tmp_path, monkeypatch):
    """An empty cache, and a proxy at which nobody listens. Poisson needs none and works."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    network.load.cache_clear()
    with pytest.raises(FeaturesUnavailable, match="--features shipped"):
        blend(replace(small(), features="torchvision"))
    assert blend(replace(small(method="poisson"), features="torchvision")).report["method"] == "poisson"


@pytest.mark.parametrize("words", ["CUDA out of memory. Tried to allocate 2.00 GiB", None])
def test_too_little_memory_on_a_gpu_falls_back_to_the_cpu_and_says_so(small, monkeypatch, words):
    """A GPU that has no memory: what it raises is CUDA's own error, or the engine's."""
    run = door._Run.layer
    devices = []

    def layer(self) -> Layer:
        devices.append(self.device)
        if self.device == "cpu":
            return run(self)
        raise torch.cuda.OutOfMemoryError(words) if words else DeviceMemory(device=self.device)

    monkeypatch.setattr(door, "choose", lambda name: "cuda:0")
    monkeypatch.setattr(door._Run, "layer", layer)
    fallen = blend(small(device="auto"))
    assert devices == ["cuda:0", "cpu"]
    assert fallen.report["device"] == "cpu"
    assert fallen.report["notes"] == [
        "The device cuda:0 has too little free memory for this blend. Close other programs or select less. "
        "The CPU was used instead."
    ]
    monkeypatch.undo()
    monkeypatch.setattr(deep, "CLOSURES_COARSEST", 4)
    assert same(fallen, blend(small(device="cpu")))


def test_too_little_memory_on_the_cpu_is_one_sentence(small, monkeypatch):
    def layer(self) -> Layer:
        raise MemoryError

    monkeypatch.setattr(door._Run, "layer", layer)
    with pytest.raises(DeviceMemory, match="The device cpu has too little free memory"):
        blend(small())


@every_method
def test_the_report_is_json_and_complete(small, settings):
    request = small(**settings)
    layer = blend(request)
    report = json.loads(json.dumps(layer.report, allow_nan=False))
    assert report == layer.report
    assert report["method"] == settings["method"]
    assert report["device"] == "cpu"
    assert report["threads"] == torch.get_num_threads()
    assert report["features"] == "shipped"
    assert report["settings"] == asdict(request.settings)
    box = layer.plane.rect
    assert report["sizes"]["box"] == box._asdict()
    assert report["sizes"]["omega"] == int((layer.plane.samples[..., 3] > 0).sum())
    crop = Rect(**report["sizes"]["crop"])
    assert crop.x <= box.x
    assert crop.y <= box.y
    assert crop.x + crop.w >= box.x + box.w
    assert crop.y + crop.h >= box.y + box.h
    assert report["sample_type"] == "uint8"
    assert report["peak_memory_bytes"] is None or report["peak_memory_bytes"] > 1e6
    assert report["notes"] == []
    stages = {"poisson": {"poisson"}, "deep": {"poisson", "network", "optimise"}, "paper": {"network", "optimise"}}
    seconds = report["seconds"]
    assert set(seconds) == {"prepare", "encode", "total"} | stages[settings["method"]]
    assert sum(seconds.values()) - seconds["total"] <= seconds["total"] + 1e-3
    if settings["method"] == "deep":
        assert [set(level) for level in report["levels"]] == [{"size", "closures", "tiles", "seconds", "losses"}] * 2
    else:
        assert report["levels"] == []
    if settings["method"] != "paper":
        assert report["poisson"]["residual"] <= poisson.TOLERANCE
