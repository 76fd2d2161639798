"""From planes to the region that is worked on: places, masks, margins, and what cannot be blended."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from deepblend.engine.region import Region, prepare
from deepblend.engine.request import Plane, Rect, Request
from deepblend_protocol.errors import MaskEmpty, MaskOutside, NotFinite, PlaneInvalid
from deepblend_protocol.geometry import margin
from deepblend_protocol.settings import resolve
from scipy import ndimage

FRAME = Rect(-20, 30, 100, 80)
"""The background's place."""


def plane(rect: Rect, channels: str = "RGBA", seed: int = 1) -> Plane:
    """Random samples, opaque."""
    samples = np.random.default_rng(seed).integers(0, 256, (rect.h, rect.w, len(channels)), dtype=np.uint8)
    if channels.endswith("A"):
        samples[:, :, -1] = 255
    return Plane(samples, rect, channels)


def selection(rect: Rect, values: np.ndarray | float = 1.0) -> Plane:
    return Plane(np.broadcast_to(np.asarray(values, np.float32), (rect.h, rect.w)), rect, "Y")


def with_alpha(layer: Plane, alpha: np.ndarray) -> Plane:
    samples = layer.samples.copy()
    samples[:, :, -1] = np.rint(alpha * 255)
    return replace(layer, samples=samples)


def request_of(layer: Plane, mask: Plane | None = None, background: Plane | None = None, **settings) -> Request:
    return Request(layer, mask, background or plane(FRAME, seed=2), settings=resolve(settings))


def region_of(layer: Plane, mask: Plane | None = None, background: Plane | None = None, **settings) -> Region:
    return prepare(request_of(layer, mask, background, **settings), "cpu")


def at(region: Region, array: torch.Tensor, x: int, y: int) -> torch.Tensor:
    """The value of one of the region's arrays at a document pixel."""
    return array[..., y - region.rect.y, x - region.rect.x]


@pytest.mark.parametrize(
    "rect",
    [
        Rect(0, 50, 30, 20),  # inside
        Rect(-40, 10, 50, 60),  # out to the left and above, at negative columns
        Rect(60, 90, 70, 70),  # out to the right and below
        Rect(-300, -300, 900, 900),  # larger than the background
        Rect(-20, 30, 100, 80),  # the background's own
        Rect(79, 109, 5, 5),  # one pixel in common
    ],
)
def test_a_layer_lies_at_its_offset_and_only_what_is_on_the_background_counts(rect):
    layer, background = plane(rect), plane(FRAME, "RGB", seed=2)
    region = region_of(layer, background=background)
    box = rect.intersection(FRAME)
    assert region.box == box
    assert region.in_box(region.mask).shape == (box.h, box.w)
    assert (region.in_box(region.mask) == 1).all()
    assert region.mask.sum() == box.w * box.h
    for x, y in {(box.x, box.y), (box.x + box.w - 1, box.y + box.h - 1), (box.x + box.w // 2, box.y + box.h // 3)}:
        np.testing.assert_allclose(at(region, region.source, x, y), layer.samples[y - rect.y, x - rect.x, :3])
        np.testing.assert_allclose(
            at(region, region.background, x, y), background.samples[y - FRAME.y, x - FRAME.x], rtol=1e-6
        )
    assert region.source.shape == region.background.shape == (3, region.rect.h, region.rect.w)
    for array in (region.source_alpha, region.background_alpha, region.mask):
        assert array.shape == (region.rect.h, region.rect.w)
    assert (region.source_alpha > 0).equal(region.mask > 0)
    assert (region.background_alpha == 1).all()


def test_the_mask_is_the_selection_times_the_layers_alpha():
    rect, chosen = Rect(0, 40, 40, 30), Rect(10, 35, 60, 20)  # overlap: columns 10..39, rows 40..54
    rng = np.random.default_rng(3)
    alpha, values = np.rint(rng.random((30, 40)) * 255) / 255, rng.random((20, 60)).astype(np.float32)
    region = region_of(with_alpha(plane(rect), alpha), selection(chosen, values))
    expected = np.zeros((FRAME.h, FRAME.w))
    expected[10:25, 30:60] = alpha[:15, 10:] * values[5:, :30]
    assert region.rect == FRAME  # the margin reaches its ends
    np.testing.assert_allclose(region.mask, expected, atol=1e-6)
    assert torch.equal(region.omega, region.mask > 0)


def test_no_selection_means_the_layers_alpha():
    alpha = np.zeros((30, 40))
    alpha[5:9, 7:20] = 0.6
    region = region_of(with_alpha(plane(Rect(0, 40, 40, 30)), alpha))
    assert region.box == Rect(7, 45, 13, 4)
    np.testing.assert_allclose(region.in_box(region.mask), 0.6, atol=1e-6)


@pytest.mark.parametrize("encoding", ["perceptual", "linear", "profile"])
def test_a_mask_is_coverage_whatever_its_encoding_is_called(encoding):
    rect = Rect(0, 40, 8, 8)
    region = region_of(plane(rect), replace(selection(rect, 0.25), encoding=encoding))
    assert (region.in_box(region.mask) == 0.25).all()


def test_a_selection_of_a_level_stays_exact():
    """Nothing is taken for noise or labels: that is for files (``pictures.masks``)."""
    layer = plane(FRAME)
    levels = np.random.default_rng(3).integers(0, 4, (FRAME.h, FRAME.w, 1), dtype=np.uint8)
    region = region_of(layer, Plane(levels, FRAME, "Y"))
    assert region.rect == FRAME
    np.testing.assert_array_equal(region.mask.numpy(), levels[..., 0] / np.float32(255))


def test_a_float_mask_is_kept_within_0_and_1():
    rect = Rect(0, 40, 8, 8)
    values = np.full((8, 8), 1.75)
    values[:, 4:] = -0.5
    region = region_of(plane(rect), selection(rect, values))
    assert region.box == Rect(0, 40, 4, 8)
    assert region.mask.max() == 1
    assert region.mask.min() == 0


@pytest.mark.parametrize(
    ("box", "pixels"),
    [
        (Rect(900, 900, 8, 8), 64),
        (Rect(900, 900, 256, 30), 64),
        (Rect(800, 900, 40, 500), 125),
        (Rect(600, 600, 1, 1), 64),
        (Rect(10, 10, 400, 1), 100),
    ],
)
def test_the_margin_is_a_quarter_of_the_longer_side_at_least_64(box, pixels):
    frame = Rect(0, 0, 2000, 2000)
    background = Plane(np.zeros((2000, 2000), np.uint8), frame, "Y")
    region = region_of(plane(box), background=background)
    left, top = max(box.x - pixels, 0), max(box.y - pixels, 0)
    assert region.rect == Rect(left, top, box.x + box.w + pixels - left, box.y + box.h + pixels - top)
    assert region.box == box


@pytest.mark.parametrize(("longer", "pixels"), [(1, 64), (259, 64), (260, 65), (2047, 511), (2048, 512), (30000, 512)])
def test_the_margin_is_at_most_512(longer, pixels):
    assert margin(longer, 1) == margin(1, longer) == pixels


def test_several_pieces_are_one_region():
    rect = FRAME
    values = np.zeros((rect.h, rect.w))
    values[10:20, 15:25] = values[60:70, 80:90] = values[40, 50] = 1
    region = region_of(plane(rect), selection(rect, values))
    assert region.box == Rect(-20 + 15, 30 + 10, 75, 60)
    assert region.mask.sum() == 201
    assert ndimage.label(region.omega.numpy())[1] == 3


def test_growing_takes_in_what_was_not_selected_but_never_goes_beyond_the_layers_alpha():
    rect = Rect(0, 40, 40, 40)
    columns = np.arange(40) + np.zeros((40, 1))
    alpha = np.where(columns < 24, 1.0, np.where(columns < 28, 0.4, 0.0))
    values = np.zeros((40, 40))
    values[18:22, 18:22] = 1
    region = region_of(with_alpha(plane(rect), alpha), selection(rect, values), grow_px=9)
    near = ndimage.distance_transform_edt(values == 0) <= 9
    expected = np.where(near, np.rint(alpha * 255) / 255, 0)
    found = np.zeros((40, 40))
    found[region.box.y - 40 : region.box.y - 40 + region.box.h, region.box.x : region.box.x + region.box.w] = (
        region.in_box(region.mask).numpy()
    )
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_negative_growth_shrinks():
    rect = Rect(0, 40, 30, 20)
    region = region_of(plane(rect), grow_px=-4)
    assert region.box == Rect(4, 44, 22, 12)
    assert region.mask.sum() == 22 * 12


def test_growing_comes_before_the_feather():
    rect = Rect(0, 40, 40, 40)
    values = np.zeros((40, 40))
    values[18:22, 18:22] = 1
    region = region_of(plane(rect), selection(rect, values), grow_px=6, feather_px=5)
    inside = ndimage.distance_transform_edt(values == 0) <= 6
    expected = np.clip((ndimage.distance_transform_edt(inside) - 0.5) / 5, 0, 1)[inside.any(1)][:, inside.any(0)]
    assert region.box == Rect(12, 52, 16, 16)
    np.testing.assert_allclose(region.in_box(region.mask), expected, atol=1e-5)


def test_the_documents_border_does_not_feather_or_eat_what_goes_on_beyond_it():
    """The layer sticks out to the left: its edge there is no edge of the object."""
    region = region_of(plane(Rect(-60, 50, 80, 40)), grow_px=-2, feather_px=8)
    assert region.box == Rect(-20, 52, 38, 36)
    middle = region.in_box(region.mask)[18]
    assert (middle[:20] == 1).all()
    assert middle[-1] < 0.1


def test_gray_backgrounds_make_the_layer_gray_and_coloured_ones_a_gray_layer_coloured():
    rect = Rect(0, 40, 9, 9)
    gray = region_of(plane(rect), background=plane(FRAME, "Y", seed=2))
    assert gray.source.shape[0] == gray.background.shape[0] == 1
    coloured = region_of(plane(rect, "YA"), background=plane(FRAME, "RGB", seed=2))
    assert coloured.source.shape[0] == 3
    assert torch.equal(coloured.source[0], coloured.source[2])


def holes(rect: Rect) -> Plane:
    return with_alpha(plane(rect), np.zeros((rect.h, rect.w)))


INSIDE = Rect(0, 50, 30, 20)


@pytest.mark.parametrize(
    ("layer", "mask", "settings"),
    [
        (holes(INSIDE), None, {}),
        (plane(INSIDE), selection(INSIDE, 0), {}),
        (plane(INSIDE), selection(Rect(40, 80, 9, 9)), {}),
        (plane(INSIDE), selection(Rect(500, 500, 9, 9)), {}),
        (plane(INSIDE), None, {"grow_px": -10}),
        (holes(Rect(500, 500, 9, 9)), None, {}),
    ],
    ids=[
        "transparent",
        "nothing selected",
        "selected beside the layer",
        "selected far off",
        "shrunk away",
        "far holes",
    ],
)
def test_an_empty_mask_is_said_to_be_empty(layer, mask, settings):
    with pytest.raises(MaskEmpty, match="The mask is empty: no pixel is both selected and visible"):
        region_of(layer, mask, **settings)


@pytest.mark.parametrize(
    ("layer", "mask", "params", "words"),
    [
        (
            plane(Rect(90, 40, 30, 10)),
            None,
            (110, 10, 139, 19),
            "columns 110 to 139, rows 10 to 19, on a background of 100 x 80",
        ),
        (plane(Rect(-50, 35, 30, 10)), None, (-30, 5, -1, 14), "columns -30 to -1, rows 5 to 14"),
        (plane(Rect(0, 10, 30, 20)), None, (20, -20, 49, -1), "columns 20 to 49, rows -20 to -1"),
        (
            plane(Rect(60, 60, 100, 100)),
            selection(Rect(100, 120, 5, 6)),
            (120, 90, 124, 95),
            "columns 120 to 124, rows 90 to 95",
        ),
    ],
    ids=["right", "left", "above", "selected part"],
)
def test_a_mask_off_the_background_is_said_to_be_outside_with_its_place(layer, mask, params, words):
    with pytest.raises(MaskOutside, match=words) as caught:
        region_of(layer, mask)
    named = caught.value.params
    assert (named["left"], named["top"], named["right"], named["bottom"]) == params
    assert (named["width"], named["height"]) == (100, 80)


def test_every_plane_is_checked_under_its_own_name():
    good = replace(request_of(plane(INSIDE), selection(INSIDE)), style=plane(Rect(0, 0, 20, 10), "RGB"))
    prepare(good, "cpu")
    for field, role in (
        ("layer", "layer"),
        ("mask", "mask"),
        ("background", "background"),
        ("style", "style picture"),
    ):
        own: Plane = getattr(good, field)
        with pytest.raises(PlaneInvalid, match=f"The {role} cannot be used: its encoding"):
            prepare(replace(good, **{field: replace(own, encoding="film")}), "cpu")
        samples = own.samples.astype(np.float32)
        samples.flat[5] = np.nan
        with pytest.raises(NotFinite, match=f"The {role} holds 1 values"):
            prepare(replace(good, **{field: replace(own, samples=samples)}), "cpu")


@pytest.mark.parametrize("field", ["layer", "mask", "background"])
def test_only_the_style_picture_may_be_reduced(field):
    good = request_of(plane(INSIDE), selection(INSIDE))
    own: Plane = getattr(good, field)
    half = replace(own, rect=Rect(own.rect.x, own.rect.y, own.rect.w * 2, own.rect.h * 2), scale=0.5)
    with pytest.raises(PlaneInvalid, match=f"The {field} cannot be used: its scale is 0.5; only the style picture"):
        prepare(replace(good, **{field: half}), "cpu")


def test_a_mask_has_one_channel():
    with pytest.raises(PlaneInvalid, match="The mask cannot be used: it has the channels RGBA, not one, Y"):
        region_of(plane(INSIDE), plane(INSIDE, "RGBA"))


def test_style_from_a_picture_needs_the_picture():
    with pytest.raises(PlaneInvalid, match="The style picture cannot be used: style is to come from a picture"):
        region_of(plane(INSIDE), style_from="picture")
