"""The contact shadow: where it falls, of what, how dark and how soft; and that it is a layer of its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from deepblend.engine import colour, shadow
from deepblend.engine.request import Rect
from deepblend_protocol.settings import resolve
from small_requests import CANVAS, blended, every_method, same

BOX, FRAME = Rect(100, 60, 80, 100), Rect(0, 0, 300, 260)
FOOT = (140, 159)
"""The lowest row of what stands in the box, at its middle."""


def standing(*parts: tuple[int, int, int, int]) -> torch.Tensor:
    """Alpha over the box: 1 in rectangles of left, top, right, bottom."""
    alpha = torch.zeros(BOX.h, BOX.w)
    for left, top, right, bottom in parts:
        alpha[top:bottom, left:right] = 1
    return alpha


POST = standing((35, 0, 45, 100))


def cast(alpha: torch.Tensor, angle: float = 45, px: float = 40, dark: float = 1, frame: Rect = FRAME) -> np.ndarray:
    """The shadow's alpha over a frame."""
    given = {"shadow": dark, "shadow_angle": angle, "shadow_px": px}
    made = shadow.cast(alpha, BOX, frame, resolve(given))
    whole = np.zeros((frame.h, frame.w), np.float32)
    if made is not None:
        assert made.alpha.shape == (made.rect.h, made.rect.w)
        whole[made.rect.relative_to(frame).slices] = made.alpha
    return whole


# Where it falls


@pytest.mark.parametrize("angle", [-180, -150, -30, 0, 20, 45, 90, 120, 180])
def test_it_falls_along_the_direction(angle):
    """Seen against the shadow that falls the other way: what is dark at the contact whatever the direction is gone."""
    whole = cast(POST, angle) - cast(POST, angle + 180 if angle < 0 else angle - 180)
    rows, columns = np.mgrid[: FRAME.h, : FRAME.w]
    there = whole.clip(0)
    x, y = (there * columns).sum() / there.sum() - FOOT[0], (there * rows).sum() / there.sum() - FOOT[1]
    turned = (math.degrees(math.atan2(y, x)) - angle + 180) % 360 - 180
    assert abs(turned) < 8
    assert 8 < math.hypot(x, y) < 25


def test_it_is_darkest_at_the_contact_and_ends_at_its_length():
    profile = cast(POST, 90)[FOOT[1] :, FOOT[0]]
    assert profile[0] > 0.85
    assert (np.diff(profile) < 1e-3).all()
    assert profile[30] < 0.3
    assert profile[55:].max() < 0.01


def test_it_becomes_softer_away_from_the_contact():
    whole = cast(standing((20, 0, 60, 100)), 90, px=60)

    def softness(row: int) -> float:
        """Columns from a fifth to four fifths of what it is in the middle."""
        profile = whole[FOOT[1] + row, FOOT[0] :] / whole[FOOT[1] + row, FOOT[0]]
        return float(np.flatnonzero(profile < 0.2)[0] - np.flatnonzero(profile < 0.8)[0])

    assert softness(1) < 8
    assert softness(10) < softness(20) < softness(35)


@pytest.mark.parametrize("dark", [0.25, 0.5, 1.0])
def test_it_is_as_dark_as_asked_for(dark):
    np.testing.assert_allclose(cast(POST, dark=dark), dark * cast(POST), atol=shadow._LEAST)
    assert cast(POST, dark=dark).max() <= dark


# What throws it


def test_what_hangs_high_above_the_ground_throws_none():
    """A bar on a post: below the bar lies nothing, as it would of an offset copy."""
    table = standing((35, 0, 45, 100), (0, 30, 80, 40))
    np.testing.assert_allclose(cast(table, 90), cast(POST, 90), atol=0.03)
    far = cast(table, 45, px=150) - cast(POST, 45, px=150)
    assert far.max() > 0.2  # long enough, it is in it


def test_feet_at_several_depths_stand_each_on_its_own_ground():
    near, far = (10, 0, 18, 100), (60, 0, 68, 80)
    whole = cast(standing(near, far), 0)
    assert whole[BOX.y + 99, BOX.x + 18] > 0.6
    assert whole[BOX.y + 79, BOX.x + 68] > 0.6
    between = whole[BOX.y + 85 : BOX.y + 95, BOX.x + 62 : BOX.x + 75]
    assert between.max() < 0.3


def test_of_a_ball_the_lowest_part_touches():
    rows, columns = np.mgrid[: BOX.h, : BOX.w]
    ball = torch.from_numpy((np.hypot(rows - 60, columns - 40) < 39.5).astype(np.float32))
    whole = cast(ball, 90, px=30)
    below = whole[FOOT[1] + 2]
    assert below[FOOT[0]] > 0.4
    assert below[FOOT[0]] > below[FOOT[0] + 15] > below[FOOT[0] + 30]
    assert whole[: BOX.y + 60].max() == 0


def test_a_speck_below_carries_nothing():
    dusty = POST.clone()
    dusty[:100] = F.pad(POST, (0, 0, 0, 20))[20:]  # the post ends 20 rows higher
    clean = cast(dusty)
    dusty[98, 60] = 1
    np.testing.assert_array_equal(cast(dusty), clean)


def test_what_is_nowhere_solid_throws_none():
    assert shadow.cast(0.2 * POST, BOX, FRAME, resolve({"shadow": 1})) is None


# At any size


@pytest.mark.parametrize("times", [4, 16])
def test_a_larger_one_is_made_on_a_reduction_and_looks_the_same(times):
    """Of the same picture enlarged: 40 pixels are made as they are, 640 on a reduction."""
    large = F.interpolate(POST[None, None], scale_factor=times)[0, 0]
    box, frame = (Rect(*(times * side for side in rect)) for rect in (BOX, FRAME))
    made = shadow.cast(large, box, frame, resolve({"shadow": 1, "shadow_px": 40 * times}))
    assert made is not None
    whole = torch.zeros(frame.h, frame.w)
    whole[made.rect.slices] = made.alpha
    small = F.avg_pool2d(whole[None], times)[0].numpy()
    difference = np.abs(small - cast(POST))
    assert difference.max() < 0.16  # at the print's edge: where a pixel begins differs
    assert difference[cast(POST) > 0].mean() < 0.015


@pytest.mark.parametrize("frame", [Rect(120, 80, 60, 80), Rect(100, 60, 80, 100), Rect(-7, 3, 211, 158), FRAME])
@pytest.mark.parametrize("px", [3, 40, 333])
def test_it_ends_with_the_document(frame, px):
    """Cut off there, and the same within it: the box may stick out only where nothing of the object is."""
    inside = BOX.intersection(frame)
    alpha = POST[inside.relative_to(BOX).slices]
    made = shadow.cast(alpha, inside, frame, resolve({"shadow": 1, "shadow_px": px}))
    assert made is not None
    assert made.rect.intersection(frame) == made.rect


# A layer of its own


@every_method
def test_without_one_there_is_none_and_with_one_the_layer_is_the_same(small, settings):
    without = blended(small(**settings))
    assert without.shadow is None and without.report["shadow"] is None
    for none in ({"shadow": 0, "shadow_px": 40}, {"shadow": 1, "shadow_px": 0}):
        assert blended(small(**settings, **none)).shadow is None
    layer = blended(small(**settings, shadow=0.8, shadow_px=12))
    assert same(layer, without)
    assert layer.report["shadow"] == layer.shadow.rect._asdict()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float16, np.float32])
@pytest.mark.parametrize("more", [{}, {"gray": True}, {"encoding": "linear"}])
def test_it_is_of_the_backgrounds_type_and_dark(small, scenes, dtype, more: dict[str, Any]):
    request = small(dtype, method="poisson", shadow=1, shadow_px=12, **more)
    layer = blended(request)
    colour.check(layer.shadow, "shadow")
    assert layer.shadow.samples.dtype == dtype
    assert (layer.shadow.channels, layer.shadow.encoding) == (layer.plane.channels, layer.plane.encoding)
    assert layer.shadow.rect.intersection(CANVAS) == layer.shadow.rect
    assert layer.shadow.rect.bottom > layer.plane.rect.bottom
    dark = scenes.colours(layer.shadow)
    assert np.ptp(dark, (0, 1)).max() < 1e-6  # one colour
    assert dark.max() < 0.3
    assert scenes.alpha(layer.shadow).max() > 0.5


@pytest.mark.parametrize("longest", [1, 12, 25, 4000])
def test_a_preview_shows_it_below_the_object(small, longest):
    """At full size, exactly the layer over its shadow."""
    request = small(np.float32, method="poisson", shadow=0.8, shadow_px=8)
    seen = []
    layer = blended(request, lambda step: seen.append(step.preview(longest)))
    preview = seen[-1]
    assert max(preview.samples.shape[:2]) <= longest
    assert preview.rect == layer.plane.rect.grown(12).intersection(CANVAS)
    if longest != 4000:
        return
    part, own = (layer.__dict__[name].rect.relative_to(preview.rect).slices for name in ("shadow", "plane"))
    whole = np.zeros((*preview.samples.shape[:2], 4))
    whole[part] = layer.shadow.samples
    below = whole[own].copy()
    above = layer.plane.samples
    alpha = above[..., 3:] + below[..., 3:] * (1 - above[..., 3:])
    mixed = above[..., :3] * above[..., 3:] + below[..., :3] * below[..., 3:] * (1 - above[..., 3:])
    whole[own] = np.concatenate([mixed / np.maximum(alpha, 1e-6), alpha], 2)
    shown = whole[..., 3] > 0
    np.testing.assert_allclose(preview.samples[..., 3], whole[..., 3], atol=1e-6)
    np.testing.assert_allclose(preview.samples[shown][:, :3], whole[shown][:, :3], atol=1e-5)


def test_its_colour_is_that_of_the_darkest_ground():
    class Ground:
        background = torch.cat([torch.full((3, 50, 10), 40.0), torch.full((3, 50, 90), 200.0)], 2)
        background_alpha = torch.ones(50, 100)

    Ground.background[0, :, :10] = 60
    expected = torch.tensor([60.0, 40, 40]) * shadow.GROUND
    torch.testing.assert_close(shadow.colour_of(Ground), expected)
    Ground.background_alpha = torch.zeros(50, 100)
    assert (shadow.colour_of(Ground) == 0).all()
