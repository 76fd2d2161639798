"""A region reduced to where light and colour are decided."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from deepblend.engine.budget import DEFAULT
from deepblend.engine.region import Region, prepare
from deepblend.engine.request import Rect


def region_of(scenes, canvas: Rect, place: Rect, alpha: np.ndarray | float = 1.0) -> Region:
    alpha = np.broadcast_to(alpha, (place.h, place.w))
    return prepare(scenes.request(np.float32, canvas=canvas, object=place, alpha=alpha), "cpu")


@pytest.mark.parametrize(
    ("canvas", "place", "factor"),
    [
        (Rect(0, 0, 700, 700), Rect(150, 200, 400, 20), 1),  # 400 and a quarter of it on either side: 600
        (Rect(0, 0, 700, 700), Rect(130, 200, 402, 20), 2),
        (Rect(0, 0, 900, 1500), Rect(400, 300, 20, 802), 4),
        (Rect(0, 0, 600, 400), Rect(20, 20, 560, 20), 1),  # surroundings count as far as the document goes
        (Rect(-700, 30, 600, 400), Rect(-680, 20, 560, 120), 1),
    ],
)
def test_the_object_and_a_quarter_around_it_become_no_longer_than_600(scenes, canvas, place, factor):
    assert region_of(scenes, canvas, place).reduction(DEFAULT.base_px) == factor


@pytest.mark.parametrize("corner", [(0, 0), (-11, 7), (3, -5)])
def test_a_document_twice_as_large_has_the_same_pixels_reduced(scenes, corner):
    """Wherever its arrays begin. Of colours those that are there count, of Omega what covers a third of a pixel."""
    x, y = corner
    small = region_of(scenes, Rect(x, y, 80, 70), Rect(x + 20, y + 15, 30, 24))
    two = [
        array.repeat_interleave(2, -2).repeat_interleave(2, -1)
        for array in (small.source, small.source_alpha, small.background, small.background_alpha, small.mask)
    ]
    r, b = small.rect, small.box
    large = Region(  # begins within a pixel of the reduction
        Rect(2 * r.x + 1, 2 * r.y + 1, 2 * r.w - 1, 2 * r.h - 1),
        Rect(2 * b.x, 2 * b.y, 2 * b.w, 2 * b.h),
        *(array[..., 1:, 1:] for array in two),
    )
    found = large.reduced(2)
    assert (found.rect, found.box) == (r, b)
    for name in ("source", "background"):
        torch.testing.assert_close(getattr(found, name), getattr(small, name), rtol=0, atol=1e-3, msg=name)
    for name in ("source_alpha", "background_alpha", "mask"):
        assert torch.equal(getattr(found, name)[1:, 1:], (getattr(small, name)[1:, 1:] > 0).float()), name


def test_transparent_pixels_colours_do_not_leak_into_the_means(scenes):
    region = region_of(scenes, Rect(0, 0, 64, 64), Rect(0, 0, 64, 64))
    alpha = torch.zeros(64, 64)
    alpha[::2] = 0.25
    colour = torch.where(alpha > 0, 80.0, 1e6).expand(3, -1, -1)
    found = replace(region, source=colour, source_alpha=alpha, background=colour, background_alpha=alpha).reduced(4)
    for image in (found.source, found.background):
        torch.testing.assert_close(image, torch.full_like(image, 80.0))
    assert (found.source_alpha == 0.5).all()


def test_omega_can_be_too_thin_to_be_left(scenes):
    alpha = np.zeros((60, 60))
    alpha[30] = 1
    region = region_of(scenes, Rect(0, 0, 64, 64), Rect(0, 0, 60, 60), alpha)
    assert region.reduced(2).omega.any()
    gone = region.reduced(4)
    assert not gone.omega.any()
    assert gone.box == gone.rect


@pytest.mark.parametrize("corner", [(0, 0), (-11, 7)])
def test_enlarged_is_the_reverse_for_what_is_smooth(scenes, corner):
    x, y = corner
    region = region_of(scenes, Rect(x, y, 90, 83), Rect(x + 20, y + 15, 30, 24))
    rect = region.rect
    slope = (torch.arange(rect.h) + rect.y)[:, None] * 0.5 + (torch.arange(rect.w) + rect.x) * 0.25
    sloped = replace(region, source=slope[None], source_alpha=torch.ones_like(slope))
    found = region.enlarged(sloped.reduced(4).source[0], 4)
    assert found.shape == slope.shape
    torch.testing.assert_close(found[8:-8, 8:-8], slope[8:-8, 8:-8], rtol=0, atol=1e-3)
