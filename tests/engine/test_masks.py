"""Masks grown, shrunk and feathered, against SciPy's morphology and distances."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from deepblend.engine import masks
from scipy import ndimage

HEIGHT, WIDTH = 70, 93


def shapes() -> dict[str, np.ndarray]:
    """Where it is inside, by name; each (HEIGHT, WIDTH) bool."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    rng = np.random.default_rng(1)
    blobs = ndimage.gaussian_filter(rng.normal(size=(HEIGHT, WIDTH)), 5) > 0.01
    pixel, hole = np.zeros((HEIGHT, WIDTH), bool), np.ones((HEIGHT, WIDTH), bool)
    pixel[31, 40], hole[20, 60] = True, False
    return {
        "disc": np.hypot(rows - 30, columns - 45) < 22,
        "cut by the border": np.hypot(rows - 5, columns - 85) < 30,
        "blobs": blobs,
        "grain": rng.random((HEIGHT, WIDTH)) < 0.9,
        "one pixel": pixel,
        "one hole": hole,
        "one column": np.broadcast_to(columns == 11, (HEIGHT, WIDTH)),
        "empty": np.zeros((HEIGHT, WIDTH), bool),
    }


SHAPES = shapes()
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())


def soft(seed: int = 2) -> np.ndarray:
    """A mask with soft edges and grain, (HEIGHT, WIDTH) float32 0..1."""
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(SHAPES["blobs"].astype(float), 2)
    return (smooth * rng.uniform(0.5, 1, smooth.shape)).astype(np.float32)


def disc(radius: float) -> np.ndarray:
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return x**2 + y**2 <= radius**2


def distance(inside: np.ndarray) -> np.ndarray:
    """SciPy's distance to the nearest outside pixel; infinite where there is none."""
    if inside.all():
        return np.full(inside.shape, np.inf)
    return ndimage.distance_transform_edt(inside)  # type: ignore[return-value]


@every_shape
@pytest.mark.parametrize("limit", [1, 2.5, 7, 500])
def test_distances_are_exact_up_to_the_limit(shape, limit):
    found = masks.distance_inside(torch.from_numpy(shape.copy()), limit).numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.minimum(distance(shape), limit), atol=1e-4)


def test_nothing_outside_is_as_far_as_the_limit():
    found = masks.distance_inside(torch.ones(5, 9, dtype=torch.bool), 3.25)
    assert (found == 3.25).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 3)])
def test_arrays_of_a_row_or_a_column(size):
    inside = np.ones(size, bool)
    inside[-1, -1] = False
    found = masks.distance_inside(torch.from_numpy(inside), 100).numpy()
    np.testing.assert_allclose(found, distance(inside), atol=1e-4)
    grown = masks.grow(torch.from_numpy(~inside).float(), 2).numpy()
    np.testing.assert_array_equal(grown > 0, distance(inside) <= 2)


@pytest.mark.parametrize("radius", [0.5, 1, 1.5, 2.3, np.sqrt(5), 5, 8.7, 31, 300])
def test_growing_is_the_largest_value_in_a_disc(radius):
    mask = soft()
    found = masks.grow(torch.from_numpy(mask), radius).numpy()
    if radius < 100:
        expected = ndimage.grey_dilation(mask, footprint=disc(radius), mode="constant", cval=0)
    else:
        expected = np.full_like(mask, mask.max())
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("radius", [0.5, 1, 1.5, 2.3, np.sqrt(5), 5, 8.7])
def test_shrinking_is_the_smallest_value_in_a_disc(radius):
    """1 - (1 - x) costs a rounding."""
    mask = soft()
    found = masks.grow(torch.from_numpy(mask), -radius).numpy()
    expected = ndimage.grey_erosion(mask, footprint=disc(radius), mode="constant", cval=1)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@every_shape
@pytest.mark.parametrize("radius", [1, 3.6, 200])
def test_hard_masks_grow_and_shrink_by_distance(shape, radius):
    mask = torch.from_numpy(shape.astype(np.float32))
    np.testing.assert_array_equal(masks.grow(mask, radius).numpy(), distance(~shape) <= radius)
    np.testing.assert_array_equal(masks.grow(mask, -radius).numpy(), distance(shape) > radius)


def test_the_border_of_the_array_does_not_eat_in_when_shrinking():
    assert (masks.grow(torch.ones(20, 30), -50) == 1).all()


@pytest.mark.parametrize("change", [lambda m: masks.grow(m, 0), lambda m: masks.feather(m, 0)], ids=["grow", "feather"])
def test_no_radius_changes_nothing(change):
    mask = torch.from_numpy(soft())
    assert torch.equal(change(mask), mask)


def test_growing_leaves_what_it_was_given():
    mask = torch.from_numpy(soft())
    before = mask.clone()
    masks.grow(mask, 4)
    masks.grow(mask, -4)
    masks.feather(mask, 4)
    assert torch.equal(mask, before)


@every_shape
@pytest.mark.parametrize("length", [0.5, 1, 4, 6.5, 900])
def test_a_feather_is_a_ramp_over_the_distance_from_the_border(shape, length):
    mask = torch.from_numpy(shape.astype(np.float32))
    found = masks.feather(mask, length).numpy()
    expected = shape * np.clip((distance(shape) - 0.5) / length, 0, 1)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_array_equal(found > 0, shape)  # nothing is lost, nothing comes in


def test_a_feather_multiplies_edges_that_are_soft_already():
    mask = soft() * (SHAPES["disc"] | SHAPES["cut by the border"])
    found = masks.feather(torch.from_numpy(mask), 5).numpy()
    expected = mask * np.clip((distance(mask > 0) - 0.5) / 5, 0, 1)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    far = distance(mask > 0) >= 5.5
    assert far.any()
    np.testing.assert_array_equal(found[far], mask[far])
