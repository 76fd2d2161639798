"""The setting edges: blends of a known truth, what comes back of them, and any document, mask and layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from deepblend.engine import colour, kept, matting
from deepblend.engine.blend import blend
from deepblend.engine.methods import METHODS
from deepblend.engine.request import Plane, Rect
from matting_cases import (
    HEIGHT,
    PLACE,
    WIDTH,
    alpha_of,
    composite,
    disc,
    ground,
    over,
    plane,
    request,
    scene,
    white,
)
from scipy import ndimage
from small_requests import PAPER, blended, same

SCENE = scene()
TIGHT = (SCENE.alpha > 0.5).astype(float)
SELECTIONS = {
    "tight": TIGHT,
    "5 px": (ndimage.distance_transform_edt(TIGHT == 0) <= 5).astype(float),
    "20 px": (ndimage.distance_transform_edt(TIGHT == 0) <= 20).astype(float),
    "disc": disc(),
}
selections = pytest.mark.parametrize("selected", SELECTIONS.values(), ids=SELECTIONS.keys())
found_or_asked = pytest.mark.parametrize("edges", ["automatic", "object"])


def error(picture: np.ndarray, of=SCENE) -> float:
    """Levels, in the band around the outline."""
    return float(np.abs(picture - of.truth)[of.band()].mean())


def alpha_error(layer, of=SCENE) -> float:
    """Of the object's area."""
    return float(np.abs(alpha_of(layer) - of.alpha).sum() / of.alpha.sum())


# The truth


def test_a_fringe_of_one_pixel_goes_with_the_steps_of_a_hard_cut():
    """The layer shows the new ground around a hard cut-out, with white dots along the cut."""
    inside = TIGHT > 0
    border = inside & ndimage.binary_dilation(~inside)
    dots = border & (np.add.outer(np.arange(HEIGHT), np.arange(WIDTH)) % 4 == 0)
    layer = np.where(inside[..., None], SCENE.own, SCENE.new)
    pictures = []
    for fringe in (False, True):
        layer[dots & fringe] = 250
        bare = replace(SCENE, old=layer, alpha=np.zeros_like(SCENE.alpha))
        pictures.append(composite(bare, TIGHT, edges="object")[0])
    without, picture = pictures
    assert (picture - without)[dots].mean() < 0.2 * (250 - without)[dots].mean()
    assert np.abs(picture[~inside] - SCENE.new[~inside]).max() <= 0.5  # rounded


@selections
@pytest.mark.parametrize("method", [{"method": "poisson"}, {"method": "deep", "style": 0, "keep_colours": 0.5}])
def test_the_object_stands_on_the_new_ground_as_by_its_own_alpha(selected, method: dict[str, Any]):
    picture, layer = composite(SCENE, selected, **method)
    before, _ = composite(SCENE, selected, edges="selected", **method)
    assert layer.report["edges"] == {"trust": 1}
    assert error(picture) < 2.5
    assert error(picture) < 0.5 * error(before)
    assert alpha_error(layer) < 0.07


@selections
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_outside_the_object_lies_the_background_exactly(selected, dtype):
    layer = blend(request(SCENE, selected, dtype))
    below = plane(SCENE.new, dtype)
    shown = over(layer, below.samples.astype(float) * 255 / white(below.samples))
    assert (alpha_of(layer)[SCENE.far(6)] == 0).all()
    beside = SCENE.far(6)
    np.testing.assert_array_equal(shown[beside], (below.samples.astype(float) * 255 / white(below.samples))[beside])


def test_thin_legs_do_not_fade():
    rows, columns = np.nonzero((SCENE.alpha > 0.99) & (np.arange(HEIGHT)[:, None] > 104))
    for selected in (TIGHT, disc()):
        picture, layer = composite(SCENE, selected)
        before, _ = composite(SCENE, selected, edges="selected", keep_colours=0)
        assert alpha_of(layer)[rows, columns].mean() > 0.95
        wrong, as_selected = (np.abs(one - SCENE.truth)[rows, columns].mean() for one in (picture, before))
        assert wrong < 4 < 0.2 * as_selected


@pytest.mark.parametrize("width", [3, 4, 6])
@pytest.mark.parametrize("px", [1, 8])
def test_what_is_thin_all_over_is_there(width, px):
    """A stick has no middle that is surely its own."""
    rows, columns = (np.mgrid[: 4 * HEIGHT, : 4 * WIDTH] + 0.5) / 4
    inside = (np.abs(rows - 90 - 0.6 * (columns - 100)) < 0.58 * width) & (np.abs(columns - 100) < 50)
    alpha = inside.reshape(HEIGHT, 4, WIDTH, 4).mean((1, 3))
    stick = scene(alpha=alpha)
    selected = (ndimage.distance_transform_edt(alpha < 0.5) <= px).astype(float)
    picture, layer = composite(stick, selected)
    assert layer.report["edges"]["trust"] == 1
    assert alpha_error(layer, stick) < 0.25
    assert error(picture, stick) < 2


def test_a_cut_out_is_composited_by_its_own_alpha():
    """Less what its edge has of the old ground: this one was cut out of a picture."""
    deep = ndimage.binary_erosion(SCENE.alpha > 0.999, iterations=4)
    assert deep.any()
    for selected in (None, disc()):
        layer = blend(request(SCENE, selected, layer_alpha=SCENE.alpha))
        assert layer.report["edges"] == {"trust": 1}
        assert (alpha_of(layer) <= SCENE.alpha + 1.51 / 255).all()
        np.testing.assert_allclose(alpha_of(layer)[deep], 1)
        assert error(over(layer, SCENE.new)) < 3


def test_a_layer_that_ends_with_its_rough_selection_loses_its_old_ground():
    picture, layer = composite(SCENE, None, layer_alpha=disc())
    assert alpha_error(layer) < 0.07
    assert error(picture) < 2.5


def test_an_even_patch_is_blended_as_selected():
    patch = scene(alpha=np.zeros((HEIGHT, WIDTH)), new=ground((124, 160, 100), (146, 186, 122), 3))
    automatic, selected = (blend(request(patch, disc(), edges=edges)) for edges in ("automatic", "selected"))
    assert automatic.report["edges"] == {"trust": 0}
    assert same(automatic, selected)


@pytest.fixture
def forgotten() -> Iterator[None]:
    """What is found in a test with another engine is found anew by the next one."""
    yield
    kept.forget()


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("trust", [0.25, 0.75])
def test_between_found_and_selected_the_picture_goes_over_evenly(monkeypatch, trust):
    """Whatever the trust is, a little more of it changes little."""
    found = matting.segmentation.find
    shown = []
    for more in (0.0, 0.01):
        doubted = lambda *given, more=more: replace(found(*given), trust=trust + more)  # noqa: E731
        monkeypatch.setattr(matting.segmentation, "find", doubted)
        kept.forget()
        picture, layer = composite(SCENE, SELECTIONS["20 px"], np.float32)
        assert layer.report["edges"] == {"trust": round(trust + more, 3)}
        shown.append(picture)
    assert 0 < np.abs(shown[1] - shown[0]).max() < 6


# The settings


def test_as_selected_is_the_blend_without_the_stage():
    for settings in ({"method": "poisson", "keep_colours": 0.5}, {"method": "deep", "style": 0}):
        given = request(SCENE, disc(), edges="selected", **settings)
        names = {part.make for part in METHODS[given.settings.method] if part.applies(given.settings)}
        assert not names & {matting.Matting, matting.Compositing}
        layer = blend(given)
        assert "edges" not in layer.report and "edges" not in layer.report["seconds"]
        np.testing.assert_array_equal(alpha_of(layer), disc())


@pytest.mark.parametrize("keep", [0, 0.5, 1])
@found_or_asked
def test_no_style_is_the_poisson_blend_to_the_bit(keep, edges):
    settings = {"edges": edges, "keep_colours": keep}
    none = blend(request(SCENE, disc(), method="deep", style=0, **settings))
    assert same(none, blend(request(SCENE, disc(), method="poisson", **settings)))


@pytest.mark.parametrize("more", [{"method": "poisson"}, {"method": "deep", "style": 0.5}])
def test_the_same_twice_to_the_bit(more: dict[str, Any]):
    one, two = (blended(request(SCENE, SELECTIONS["20 px"], **more)) for _ in range(2))
    assert same(one, two)


def test_a_plain_poisson_blend_meets_the_selections_border_unless_the_object_is_asked_for():
    seamless, selected, found = (
        composite(SCENE, SELECTIONS["20 px"], keep_colours=0, **more)[1]
        for more in ({}, {"edges": "selected"}, {"edges": "object"})
    )
    assert same(seamless, selected)
    assert "edges" not in seamless.report and found.report["edges"] == {"trust": 1}


def test_automatic_comes_in_with_the_colours_that_are_kept():
    trusts = [
        composite(SCENE, SELECTIONS["20 px"], keep_colours=keep)[1].report["edges"]["trust"]
        for keep in (0.05, 0.125, 0.25, 0.5)
    ]
    assert trusts == [0.2, 0.5, 1, 1]


def test_the_published_algorithm_knows_no_edges(small):
    one, two = (blended(small(edges=edges, **PAPER)) for edges in ("automatic", "selected"))
    assert same(one, two)
    assert "edges" not in one.report


def test_painted_the_ground_beside_the_object_stays_the_backgrounds():
    """Also where the selection holds a good deal of it."""
    picture, layer = composite(SCENE, disc(), method="deep", style=0.5, keep_colours=0.5)
    beside = SCENE.far(12) & (disc() > 0)
    assert beside.sum() > 3000
    assert np.abs(picture - SCENE.new.clip(0, 255))[beside].mean() < 1
    inside = SCENE.alpha > 0.99
    seamless, _ = composite(SCENE, disc())
    assert np.abs(picture - seamless)[inside].mean() > 2  # painted it is
    assert alpha_of(layer)[inside].mean() > 0.95


def test_a_few_of_its_kind_on_the_old_ground_do_not_make_an_object_ground():
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    another = (np.hypot(rows - 20, columns - 60) < 7)[..., None]
    brown, meadow = ((150, 82, 40), (158, 90, 46)), ((110, 150, 60), (130, 170, 80))
    herd = scene(own=ground(*brown, 5, 4), old=np.where(another, ground(*brown, 6, 4), ground(*meadow, 7, 8)))
    layer = blend(request(herd, SELECTIONS["20 px"]))
    assert layer.report["edges"]["trust"] > 0.9
    assert alpha_error(layer) < 0.15


def test_what_was_not_found_stays_as_selected():
    """Asked for the object where there is none, an empty layer would be of no use."""
    patch = scene(alpha=np.zeros((HEIGHT, WIDTH)))
    asked, selected = (blend(request(patch, disc(), edges=edges)) for edges in ("object", "selected"))
    assert asked.report["edges"] == {"trust": 0}
    assert same(asked, selected)


# Any document, mask and layer


@found_or_asked
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32])
@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("encoding", ["perceptual", "linear"])
def test_any_document_is_borne(edges, dtype, gray, encoding):
    layer = blend(request(SCENE, disc(), dtype, gray=gray, encoding=encoding, edges=edges))
    colour.check(layer.plane, "result")
    assert layer.plane.samples.dtype == dtype
    assert layer.plane.channels == ("YA" if gray else "RGBA")
    assert alpha_error(layer) < 0.07


@found_or_asked
@pytest.mark.parametrize("softness", [2, 5])
def test_alpha_never_goes_beyond_a_feathered_selection_or_a_soft_layer(edges, softness):
    soft = ndimage.gaussian_filter(disc(), softness)
    through = np.clip(np.mgrid[:HEIGHT, :WIDTH][1] / 100, 0.2, 1)
    for selected, layer_alpha in ((soft, None), (disc(), through), (soft, through), (0.4 * disc(), None)):
        layer = blend(request(SCENE, selected, np.float32, layer_alpha=layer_alpha, edges=edges))
        most = selected if layer_alpha is None else selected * layer_alpha
        assert (alpha_of(layer) <= most + 1e-5).all()
        assert alpha_of(layer).max() > 0.9 * most.max()
        own = (SCENE.alpha > 0.99) & (most > 0.99)
        assert (alpha_of(layer)[own] > 0.9).all()


@found_or_asked
@pytest.mark.parametrize("there", [0.0, 0.5, "half"])
def test_on_a_transparent_background_the_object_alone_is_there(edges, there):
    """What lies under transparent pixels does not matter."""
    exists = np.full((HEIGHT, WIDTH), 0.0 if there == "half" else there)
    if there == "half":
        exists[:, :100] = 1
    layers = []
    for hidden in (0, 255):
        of = replace(SCENE, new=np.where(exists[..., None] > 0, SCENE.new, hidden))
        layers.append(blend(request(of, disc(), np.float32, background_alpha=exists, edges=edges)))
    assert np.isfinite(layers[0].plane.samples).all()
    assert alpha_error(layers[0]) < 0.07
    seen = layers[0].plane.samples[..., 3] > 0
    assert np.array_equal(layers[0].plane.samples[seen], layers[1].plane.samples[seen])


def test_a_preview_on_a_transparent_background_shows_the_object_alone():
    nothing = np.zeros((HEIGHT, WIDTH))
    given = request(SCENE, disc(), np.float32, background_alpha=nothing, method="deep", style=0.5)
    seen: list[Plane] = []
    layer = blended(given, lambda step: seen.append(step.preview(1000)))
    part = layer.plane.samples[..., 3]
    assert np.abs(seen[-1].samples[..., 3] - part).mean() < 0.01


@found_or_asked
def test_a_selection_of_three_pixels_stays_what_it_is(edges):
    three = np.zeros((HEIGHT, WIDTH))
    three[80, 100:103] = 1
    layer = blend(request(SCENE, three, edges=edges))
    assert layer.plane.rect == Rect(PLACE.x + 100, PLACE.y + 80, 3, 1)
    np.testing.assert_array_equal(alpha_of(layer), three)


@found_or_asked
def test_all_of_the_document_selected_is_all_of_the_layer(edges):
    everything = np.ones((HEIGHT, WIDTH))
    layer = blend(request(SCENE, everything, edges=edges))
    assert (alpha_of(layer) == 1).all()
    np.testing.assert_array_equal(over(layer, SCENE.new), SCENE.layer.clip(0, 255).round())


@found_or_asked
@pytest.mark.parametrize("times", [3.0, -2.0])
def test_values_beyond_white_and_black_are_kept(edges, times):
    of = scene(own=SCENE.own * times, new=SCENE.new * 2 - 300)
    picture, layer = composite(of, disc(), np.float32, edges=edges)
    assert np.isfinite(layer.plane.samples).all()
    assert alpha_error(layer, of) < 0.12
    inside = of.alpha > 0.999
    np.testing.assert_allclose(picture[inside].mean(0), of.own[inside].mean(0), rtol=0.03)
    np.testing.assert_allclose(picture[of.far(6)], of.new[of.far(6)], atol=1e-3)


@found_or_asked
def test_an_object_at_the_documents_end_is_found_as_far_as_it_goes(edges):
    left = 96 - PLACE.x  # the document begins in the middle of the body
    given = request(SCENE, disc(), edges=edges)
    frame = Rect(PLACE.x + 96, PLACE.y, WIDTH - 96, HEIGHT)
    cut = replace(given.background, samples=given.background.samples[:, 96:], rect=frame)
    layer = blend(replace(given, background=cut, style=cut))
    assert left > 0 and layer.plane.rect.x == frame.x
    found = alpha_of(layer)[:, 96:]
    assert np.abs(found - SCENE.alpha[:, 96:]).sum() < 0.07 * SCENE.alpha[:, 96:].sum()


@pytest.mark.parametrize("number", range(40))
def test_tiny_documents_give_finite_pixels(number):
    """Of some pixels a side, of noise or even, with masks that are hardly any."""
    random = np.random.default_rng(number)
    frame = Rect(3, -2, *(int(side) for side in random.integers(1, 12, 2)))
    shape = (frame.h, frame.w)
    pictures = [255 * (random.random((*shape, 3)) if random.random() < 0.5 else np.full((*shape, 3), 0.5))] * 2
    mask = (random.random(shape) < random.random()).astype(float)
    mask[frame.h // 2, frame.w // 2] = 1
    layer, background = (plane(one, np.float32, frame) for one in pictures)
    for edges in ("automatic", "object"):
        settings = request(SCENE, None, edges=edges).settings
        given = replace(request(SCENE, None), layer=layer, background=background, style=None, settings=settings)
        found = blend(replace(given, mask=plane(255 * mask, np.float32, frame)))
        assert np.isfinite(found.plane.samples).all()
        alpha = found.plane.samples[..., 3]
        assert alpha.min() >= 0
        assert (alpha <= mask[found.plane.rect.relative_to(frame).slices] + 1e-5).all()


# Large ones


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("selected", ["tight", "20 px", "disc"])
def test_a_matte_found_on_a_reduction_is_close_to_the_direct_one(monkeypatch, selected):
    direct = blend(request(SCENE, SELECTIONS[selected]))
    monkeypatch.setattr(matting, "_MOST_PX", PLACE.w * PLACE.h // 6)
    kept.forget()
    picture, reduced = composite(SCENE, SELECTIONS[selected])
    assert not same(direct, reduced)
    assert np.abs(alpha_of(direct) - alpha_of(reduced)).sum() < 0.13 * SCENE.alpha.sum()
    assert alpha_error(reduced) < 0.12
    assert error(picture) < 4


def test_an_enlarged_matte_follows_the_large_picture():
    own, below = torch.full((3, 40, 40), 200.0), torch.full((3, 40, 40), 40.0)
    alpha = torch.zeros(40, 40)
    alpha[:, 20:] = 1
    soft = torch.nn.functional.avg_pool2d(alpha[None], 9, 1, 4)[0]
    image = below + alpha * (own - below)
    sharp = matting._sharpened(image, soft, torch.cat([own, below]))
    assert float((sharp - alpha)[5:-5, 5:-5].abs().max()) < 0.02
    alike = matting._sharpened(image, soft, torch.cat([below + 1, below]))
    assert float((alike - soft).abs().max()) < 0.01  # nothing tells them apart: as it was
