"""How likely a place is the object's: what the network is shown, and what it answers of shapes that it never saw."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from deepblend.engine.matting import object_network
from deepblend.engine.matting.object_network import Likeness, Seen
from matting_cases import HEIGHT, WIDTH, Scene, disc, ground, scene, tensor
from torch import Tensor


def likely(of: Scene, selected: np.ndarray) -> Tensor:
    return object_network.likelihood(tensor(of.layer), tensor(selected) > 0.5)


def test_the_object_is_likely_and_its_ground_is_not():
    of, inside = scene(), tensor(disc()) > 0.5
    found = likely(of, disc())
    assert found.shape == (HEIGHT, WIDTH)
    assert float(found.min()) >= 0 and float(found.max()) <= 1
    own = tensor(of.alpha) > 0.99
    assert float(found[own].mean()) > 0.9
    assert float(found[inside & (tensor(of.far(6)) > 0.5)].mean()) < 0.1


def test_where_nothing_is_nothing_is_likely():
    empty = scene(alpha=np.zeros((HEIGHT, WIDTH)))
    assert float((likely(empty, disc())[tensor(disc()) > 0.5] > 0.5).float().mean()) < 0.05


def test_half_as_large_it_answers_alike():
    of = scene()
    pictures = torch.cat([tensor(of.layer), tensor(disc())[None], tensor(of.alpha)[None]])[None]
    large = torch.nn.functional.interpolate(pictures, scale_factor=3, mode="bicubic", align_corners=False)[0]
    found = object_network.likelihood(large[:3].clamp(0, 255), large[3] > 0.5)
    assert found.shape == large.shape[1:]
    assert float(found[large[4] > 0.99].mean()) > 0.9


def test_the_same_twice_to_the_bit():
    assert likely(scene(), disc()).equal(likely(scene(), disc()))


def test_a_place_is_as_strange_as_it_is_unlike_all_of_the_surroundings():
    """By the distance that the surroundings have among themselves; a hundredth of them does not count."""
    generator = torch.Generator().manual_seed(1)
    rows = torch.randn(60 * 60, 3, generator=generator)
    inside = torch.zeros(60, 60, dtype=torch.bool)
    inside[20:40, 20:40] = True
    rows.view(60, 60, 3)[25:30, 25:30] = 60.0
    rows.view(60, 60, 3)[32:37, 32:37] = -60.0
    rows.view(60, 60, 3)[2:5, 2:5] = -60.0  # a few of their kind outside
    seen = Likeness.of(rows, (60, 60), ~inside.flatten(), 2, 0.0)
    assert seen.strange.shape == (60, 60)
    assert abs(float(seen.strange[10, :].mean())) < 1.0
    for place in (seen.strange[25:30, 25:30], seen.strange[32:37, 32:37]):
        assert float(place.min()) > 3.0


def test_like_places_are_asked_wherever_they_lie():
    rows = torch.zeros(40 * 40, 2)
    places = rows.view(40, 40, 2)
    places[:] = torch.tensor([1.0, 0.0])
    places[12:16, 12:16] = places[24:28, 24:28] = torch.tensor([0.0, 1.0])
    rows += 0.01 * torch.rand(rows.shape, generator=torch.Generator().manual_seed(1))  # none is nearest by its number
    inside = torch.zeros(40, 40, dtype=torch.bool)
    inside[10:30, 10:30] = True
    seen = Likeness.of(rows, (40, 40), ~inside.flatten(), 2, 0.0)
    answers = torch.zeros(40, 40)
    answers[12:16, 12:16] = 1.0
    heard = seen.answered(answers)
    assert float(heard[24:28, 24:28].mean()) == pytest.approx(0.5, abs=0.2)
    assert float(heard[18:22, 18:22].max()) == 0


@pytest.mark.parametrize("shape", [(32, 33), (47, 130), (90, 34)])
def test_what_it_is_shown_is_finite_of_any_shape_and_of_even_colours(shape):
    selected = torch.zeros(shape, dtype=torch.bool)
    selected[8:-8, 8:-8] = True
    seen = Seen.of(torch.full((3, *shape), 90.0), selected)
    assert bool(seen.known.isfinite().all())
    found = object_network.likelihood(torch.full((3, *shape), 90.0), selected)
    assert found.shape == shape and bool(found.isfinite().all())


def test_a_gray_ground_of_many_things_is_not_the_object():
    """Bricks of two colours, one of them the object's own."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    bricks = ((rows // 18 + columns // 27) % 2 > 0)[..., None]
    wall = np.where(bricks, ground((150, 82, 40), (150, 82, 40), 5, 6), ground((90, 90, 95), (90, 90, 95), 6, 6))
    of = scene(old=wall, own=ground((220, 200, 60), (240, 215, 70), 7, 6))
    found, inside = likely(of, disc()), tensor(disc()) > 0.5
    assert float(found[tensor(of.alpha) > 0.99].mean()) > 0.8
    assert float(found[inside & (tensor(of.far(6)) > 0.5)].mean()) < 0.15
