"""How strongly the object's own colours are held, and where."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from deepblend.engine.region import Region, prepare
from deepblend.engine.request import Rect
from deepblend.engine.seamless import screening
from deepblend.engine.seamless.poisson import Equation, solve
from scipy import ndimage

CANVAS, PLACE = Rect(0, 0, 120, 110), Rect(10, 8, 100, 90)


@pytest.fixture
def region(scenes) -> Region:
    return prepare(scenes.request(np.float32, canvas=CANVAS, object=PLACE), "cpu")


def depth(region: Region) -> np.ndarray:
    """Pixels from the outside, (H, W)."""
    return np.asarray(ndimage.distance_transform_edt(region.omega.numpy()))


def solved(region: Region, weights: torch.Tensor | None) -> torch.Tensor:
    return solve(Equation.of(region, screening=weights)).image()


def test_keeping_nothing_is_no_weight(region):
    assert not screening.setting_weights(region, 0).any()
    assert screening.range_weights(region, region.source - 500, 0) is None


@pytest.mark.parametrize("shape", ["ellipse", "rectangle"])
def test_weights_lie_inside_and_rise_with_the_distance_from_the_border(scenes, region, shape):
    """A rectangle ends at all sides of its own box."""
    if shape == "rectangle":
        alpha = np.ones((PLACE.h, PLACE.w))
        region = prepare(scenes.request(np.float32, canvas=CANVAS, object=PLACE, alpha=alpha), "cpu")
    weights = screening.setting_weights(region, 0.5)
    found, inside, far = weights.numpy(), region.omega.numpy(), depth(region)
    assert (found[~inside] == 0).all()
    assert (found[inside] > 0).all()
    by_distance = [found[far == d].astype(float) for d in np.unique(far[inside])]
    assert all(np.ptp(weights) < 1e-6 for weights in by_distance)
    means = [round(weights.mean(), 6) for weights in by_distance]
    assert means[0] < means[-1]
    assert means == sorted(means)


def test_the_documents_end_is_no_border_of_the_object(scenes):
    """Its border is free there: nothing has to fade."""
    reaching_out = Rect(-40, 30, 90, 60)
    alpha = np.ones((60, 90))
    region = prepare(scenes.request(np.float32, canvas=CANVAS, object=reaching_out, alpha=alpha), "cpu")
    weights = screening.setting_weights(region, 0.5)
    row = region.in_box(weights)[30]
    assert row[0] == row[25] == weights.max()
    assert row[-1] < row[25]


def test_weights_grow_with_the_setting(region):
    half, whole = screening.setting_weights(region, 0.5), screening.setting_weights(region, 1)
    assert (whole >= half).all()
    assert whole.sum() > 1.5 * half.sum()


def test_an_object_twice_as_large_fades_over_twice_the_length(scenes):
    """Weights are 1 / length^2."""
    strongest = []
    for side in (400, 800):
        canvas, place = Rect(0, 0, side + 20, side), Rect(10, 10, side, side // 4)
        alpha = np.ones((place.h, place.w))
        region = prepare(scenes.request(gray=True, canvas=canvas, object=place, alpha=alpha), "cpu")
        weights = screening.setting_weights(region, 0.5)
        strongest.append(float(weights.max()))
    assert strongest[0] / strongest[1] == pytest.approx(4, rel=0.01)


def test_what_stays_in_range_is_not_held_any_more(region):
    assert screening.range_weights(region, region.source.clamp(0, 255), 0.5) is None


def test_what_leaves_the_range_is_held_there_and_nowhere_far(region):
    lost = region.source.clamp(0, 255)
    lost[:, 50:56, 40:46] = -60
    more = screening.range_weights(region, lost, 0.5)
    assert more is not None
    inside = region.omega.numpy()
    assert (more.numpy()[~inside] == 0).all()
    assert (more >= 0).all()
    assert float(more[53, 43]) > 0
    assert float(more[53, 80]) == 0
    stronger = screening.range_weights(region, torch.where(lost < 0, -300.0, lost), 0.5)
    assert stronger is not None
    assert float(stronger[53, 43]) > float(more[53, 43])


def test_what_the_object_had_beyond_the_range_itself_is_not_lost(region):
    """A highlight above white in a float document stays the object's own."""
    bright = region.source.clone()
    bright[:, 50:56, 40:46] = 400
    assert screening.range_weights(replace(region, source=bright), bright, 0.5) is None


def test_range_weights_bring_a_dark_objects_detail_back_into_range(region):
    """On ground darker than its border it would fall below black."""
    dark = replace(region, background=region.background - 160)
    weights = screening.setting_weights(dark, 0.05)
    before = solved(dark, weights)
    more = screening.range_weights(dark, before, 0.05)
    assert more is not None
    after = solved(dark, weights + more)
    deep_inside = torch.from_numpy(depth(dark) > 6)
    below = [float((-image[:, deep_inside]).clamp(min=0).mean()) for image in (before, after)]
    assert below[0] > 1  # levels
    assert below[1] < 0.7 * below[0]


def test_the_weights_at_the_border_lie_inside_and_follow_the_setting(region):
    quarter, half, whole = (screening.border_weights(region, keep, 1) for keep in (0.25, 0.5, 1.0))
    assert (half[~region.omega] == 0).all()
    assert (half[region.omega] > 0).all()
    assert torch.equal(half, whole)
    torch.testing.assert_close(4 * quarter, half)


def test_what_the_border_asks_for_fades_over_pixels_of_the_reduction(region):
    fine, coarse = (screening.border_weights(region, 0.5, reduction) for reduction in (1, 4))
    assert float(fine.max() / coarse.max()) == pytest.approx(16)
    far = depth(region)
    full = [far[(weights == weights.max()).numpy()].min() for weights in (fine, coarse)]
    assert full == [pytest.approx(screening.BORDER_FADE, abs=1), pytest.approx(4 * screening.BORDER_FADE, abs=1)]
