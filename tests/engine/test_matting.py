"""The matte's parts: alpha of a known edge, the object's own colours, where it lies, and whether that is sure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from deepblend.engine import matting
from deepblend.engine.matting import closed_form, foreground, outline, segmentation
from matting_cases import HEIGHT, WIDTH, Scene, disc, fur, ground, scene, tensor
from scipy import ndimage
from torch import Tensor

# Alpha


def soft_edge(width: float = 6) -> Tensor:
    """(40, 60): 0 on the left, 1 on the right, slanted."""
    rows, columns = torch.meshgrid(torch.arange(40.0), torch.arange(60.0), indexing="ij")
    return ((columns + 0.3 * rows - 36) / width + 0.5).clamp(0, 1)


def affine_in_colour(alpha: Tensor) -> Tensor:
    """(3, h, w), levels: two colours mixed."""
    one, other = torch.tensor([200.0, 60, 30]), torch.tensor([40.0, 120, 180])
    return other[:, None, None] + alpha * (one - other)[:, None, None]


def laplacian(image: Tensor) -> closed_form.MattingLaplacian:
    return closed_form.MattingLaplacian(image, torch.ones(image.shape[1:], dtype=torch.bool))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_laplacian_is_symmetric_positive_and_nothing_to_a_constant(channels):
    image = 255 * torch.rand(channels, 12, 15, generator=torch.Generator().manual_seed(1))
    product = laplacian(image)
    matrix = torch.stack([product(column) for column in torch.eye(180)], 1).double()
    torch.testing.assert_close(matrix, matrix.T, atol=1e-5, rtol=0)
    assert float(matrix.sum(1).abs().max()) < 1e-4
    assert float(torch.linalg.eigvalsh(matrix).min()) > -1e-4
    torch.testing.assert_close(product.diagonal().double(), matrix.diagonal(), atol=1e-5, rtol=0)


def test_the_laplacian_is_the_papers():
    """Equation 12 of Levin, Lischinski and Weiss 2008, entry by entry, for one window."""
    image = 255 * torch.rand(3, 3, 3, generator=torch.Generator().manual_seed(2))
    product = laplacian(image)
    found = torch.stack([product(column) for column in torch.eye(9)], 1)
    colours = (image.flatten(1).T / 255).double()
    apart = colours - colours.mean(0)
    spread = apart.T @ apart / 9 + closed_form._EPS / 9 * torch.eye(3)
    expected = torch.eye(9) - (1 + apart @ torch.linalg.inv(spread) @ apart.T) / 9
    torch.testing.assert_close(found.double(), expected, atol=1e-4, rtol=0)


def test_an_alpha_that_is_affine_in_colour_costs_nothing_and_another_does():
    alpha = soft_edge()
    product = laplacian(affine_in_colour(alpha))
    cost = float(alpha.flatten() @ product(alpha.flatten()))
    shifted = alpha.roll(8, 1).flatten()
    assert abs(cost) < 1e-3 * float(shifted @ product(shifted))


@pytest.mark.parametrize("width", [1.5, 6, 12])
@pytest.mark.parametrize("noise", [0, 2])
def test_a_soft_edge_is_recovered_between_what_is_known(width, noise):
    alpha = soft_edge(width)
    random = torch.Generator().manual_seed(3)
    image = affine_in_colour(alpha) + noise * torch.randn(3, 40, 60, generator=random)
    object_, ground = (alpha.roll(-4, 1) >= 1) & (alpha >= 1), (alpha.roll(4, 1) <= 0) & (alpha <= 0)
    object_[:, -4:], ground[:, :4] = True, True
    found = closed_form.alpha(image, object_, ground, torch.full_like(alpha, 0.5))
    assert float((found - alpha).abs().max()) < (0.05 if noise == 0 else 0.08)
    assert bool((found[object_] == 1).all()) and bool((found[ground] == 0).all())
    assert float(found.min()) >= 0 and float(found.max()) <= 1


def test_where_all_is_known_nothing_is_asked():
    object_ = soft_edge() > 0.5
    found = closed_form.alpha(torch.zeros(3, 40, 60), object_, ~object_, torch.zeros(40, 60))
    assert found.equal(object_.float())


# The object's own colours


def test_own_colours_and_the_grounds_make_the_image_and_where_nothing_shows_through_are_the_image():
    of = scene()
    image, alpha = tensor(of.layer), tensor(of.alpha)
    own, below = foreground.means(image, alpha)
    colours = foreground.colours(image, alpha, own, below)
    assert colours[:, alpha == 1].allclose(image[:, alpha == 1], atol=1e-3)
    missing = (image - alpha * own - (1 - alpha) * below).abs()
    left = (image - alpha * colours - (1 - alpha) * below).abs()
    mixed = (alpha > 0.1) & (alpha < 0.9)
    assert bool((left <= missing + 1e-3).all())
    assert float(left[:, mixed].mean()) < 5


def test_own_colours_have_no_old_ground_in_them():
    of = scene(old=ground((20, 220, 40), (30, 235, 60), 2))
    image, alpha = tensor(of.layer), tensor(of.alpha)
    colours = foreground.colours(image, alpha, *foreground.means(image, alpha))
    edge = (alpha > 0.2) & (alpha < 0.9)
    error = (colours - tensor(of.own)).abs()[:, edge].mean()
    before = (image - tensor(of.own)).abs()[:, edge].mean()
    assert float(before) > 25
    assert float(error) < 0.35 * float(before)


# Where it lies


def segmented(of: Scene, selected: np.ndarray, opaque: np.ndarray | None = None) -> segmentation.Segments:
    opaque = np.ones_like(of.alpha) if opaque is None else opaque
    pictures = tensor(of.layer), tensor(selected) > 0.5, tensor(opaque) > 0.5, tensor(of.new)
    return segmentation.find(*pictures)


def likeness(found: Tensor, alpha: np.ndarray) -> float:
    """Intersection over union."""
    inside = found.numpy()
    return float((inside & (alpha > 0.5)).sum() / (inside | (alpha > 0.5)).sum())


def wider(alpha: np.ndarray, px: int) -> np.ndarray:
    return (ndimage.distance_transform_edt(alpha < 0.5) <= px).astype(float)


ROUGH = {"disc": disc(), "5 px": wider(scene().alpha, 5), "20 px": wider(scene().alpha, 20)}
rough_ones = pytest.mark.parametrize("selected", ROUGH.values(), ids=ROUGH.keys())


@rough_ones
def test_in_a_rough_selection_the_object_is_found(selected):
    found = segmented(scene(), selected)
    assert likeness(found.object_, scene().alpha) > 0.9
    assert found.trust == 1
    assert not found.whole


@rough_ones
@pytest.mark.parametrize("noise", [2, 10])
def test_so_it_is_on_noisy_ground(selected, noise):
    of = scene(old=ground((120, 165, 95), (150, 190, 120), 5, noise))
    assert likeness(segmented(of, selected).object_, of.alpha) > 0.9


def test_a_tight_selection_is_trusted_and_its_legs_stay():
    of = scene()
    tight = (of.alpha > 0.5).astype(float)
    found = segmented(of, tight)
    assert found.trust == 1
    assert likeness(found.object_, of.alpha) > 0.9
    legs = (of.alpha > 0.9) & (np.arange(HEIGHT)[:, None] > 104)
    assert legs.sum() > 300
    assert found.object_.numpy()[legs].mean() > 0.95


def from_border(selected: np.ndarray) -> Tensor:
    inside, outside = (ndimage.distance_transform_edt(side) for side in (selected > 0.5, selected < 0.5))
    return tensor(np.where(selected > 0.5, inside - 0.5, 0.5 - outside))


def test_only_a_selection_along_edges_is_tight():
    of = scene()
    image, opaque = tensor(of.layer), torch.ones(HEIGHT, WIDTH, dtype=torch.bool)
    assert outline.follows_edges(image, from_border((of.alpha > 0.5).astype(float)), opaque)
    for selected in ROUGH.values():
        assert not outline.follows_edges(image, from_border(selected), opaque)


def test_in_a_layer_that_ends_with_its_rough_selection_the_object_is_found():
    found = segmented(scene(), disc(), opaque=disc())
    assert not found.whole
    assert found.trust == 1
    assert likeness(found.object_, scene().alpha) > 0.9


def test_a_cut_out_is_kept_whole():
    of = scene()
    own = (of.alpha > 0.5).astype(float)
    found = segmented(of, own, opaque=own)
    assert found.whole
    assert found.trust == 1
    assert found.object_.equal(tensor(own) > 0.5)


@pytest.mark.parametrize("ends", [False, True])
def test_an_even_patch_is_not_trusted(ends):
    """A round piece of ground, for ground that is hardly any different."""
    of = scene(alpha=np.zeros((HEIGHT, WIDTH)), new=ground((124, 160, 100), (146, 186, 122), 3))
    assert segmented(of, disc(), opaque=disc() if ends else None).trust == 0


def test_an_object_of_the_grounds_own_colours_is_not_trusted():
    below = scene().old
    random = np.random.default_rng(8)
    of = scene(own=below + random.normal(0, 2, below.shape))
    assert segmented(of, disc()).trust == 0


@pytest.mark.parametrize(("muzzle_px", "trusted"), [(4, True), (16, False)])
def test_what_stands_out_of_an_object_is_not_taken_for_it_where_as_much_again_is_left(monkeypatch, muzzle_px, trusted):
    """A head selected inside its fur: its eyes are no animal, which its muzzle tells, that is no ground either."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]

    def within(row: int, column: int, px: int) -> np.ndarray:
        return np.hypot(rows - row, columns - column) < px

    eyes = within(66, 70, 18) | within(66, 124, 18)
    face = fur()
    face[eyes] = (120, 190, 60)
    face[within(118, 97, muzzle_px)] += (45, 58, 60)
    monkeypatch.setattr(segmentation, "_cut", lambda image, marks, iterations=4: torch.from_numpy(eyes))
    trust = segmented(scene(own=face, old=face), disc()).trust
    assert trust == 1 if trusted else trust == 0


def likely_to_be(monkeypatch: pytest.MonkeyPatch, likelihood: np.ndarray) -> None:
    """Have the network say so, (HEIGHT, WIDTH), 0..1, where colours say nothing."""
    nothing = segmentation.Segments(torch.zeros(HEIGHT, WIDTH, dtype=torch.bool), 0.0)
    monkeypatch.setattr(segmentation, "_by_colour", lambda *given: nothing)
    monkeypatch.setattr(segmentation.object_network, "likelihood", lambda image, selected: tensor(likelihood))


@pytest.mark.parametrize(("sure", "trusted"), [(0.98, True), (0.9, True), (0.72, False), (0.6, False)])
def test_what_the_network_is_not_sure_of_is_not_trusted(monkeypatch, sure, trusted):
    of = scene()
    likely_to_be(monkeypatch, np.where(of.alpha > 0.5, sure, 1 - sure))
    found = segmented(of, disc())
    assert likeness(found.object_, of.alpha) > 0.9
    assert found.trust == 1 if trusted else found.trust == 0


def test_a_cut_that_is_not_what_was_likely_is_not_trusted(monkeypatch):
    """A head selected inside its fur: its eyes stand out, and are no animal."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    head = np.hypot(rows - 86, columns - 97) < 52
    eyes = (np.hypot(rows - 66, columns - 70) < 18) | (np.hypot(rows - 66, columns - 124) < 18)
    face = fur()
    face[eyes] = (120, 190, 60)
    likely_to_be(monkeypatch, np.where(head, 0.89, 0.02))
    monkeypatch.setattr(segmentation, "_cut", lambda image, marks, iterations: torch.from_numpy(eyes))
    assert segmented(scene(own=face, old=face), disc()).trust == 0


def test_what_is_likely_is_the_objects_whatever_its_colour_and_what_is_not_is_ground(monkeypatch):
    """Where the network is sure, colours do not count: a dog before a motorcycle."""
    of = scene()
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    patch = (abs(rows - 78) < 12) & (abs(columns - 98) < 20)
    likely_to_be(monkeypatch, np.where((of.alpha > 0.5) & ~patch, 0.98, 0.02))
    found = segmented(of, disc()).object_.numpy()
    assert not found[patch].any()
    below = tensor(scene().old)
    likely_to_be(monkeypatch, np.where(of.alpha > 0.5, 0.98, 0.02))
    same = replace(of, own=below.permute(1, 2, 0).numpy())
    assert likeness(segmented(same, disc()).object_, of.alpha) > 0.95


def test_where_nothing_shows_the_ground_nothing_is_claimed():
    everything = np.ones((HEIGHT, WIDTH))
    found = segmented(scene(), everything)
    assert (found.trust, found.whole) == (0, True)
    assert bool(found.object_.all())


def test_crumbs_go_and_holes_stay_where_the_ground_is_seen_through_them():
    found = torch.zeros(60, 80, dtype=torch.bool)
    found[10:50, 10:60] = True
    found[15:25, 20:30] = found[30:40, 20:30] = False
    found[30:33, 70:74] = True
    alike = torch.zeros_like(found)
    alike[15:25, 20:30] = True
    alike[30:33, 20:30] = True
    tidied = segmentation._tidied(found, alike)
    assert not bool(tidied[:, 65:].any())
    assert not bool(tidied[15:25, 20:30].any())
    assert bool(tidied[30:40, 20:30].all())
    assert int(tidied.sum()) == 40 * 50 - 100


def test_nothing_found_is_nothing_to_tidy():
    nothing = torch.zeros(9, 11, dtype=torch.bool)
    assert segmentation._tidied(nothing, ~nothing).equal(nothing)


def test_how_round_a_shape_is():
    rows, columns = torch.meshgrid(torch.arange(99.0) - 49, torch.arange(99.0) - 49, indexing="ij")
    assert 0.6 < outline.roundness(rows.hypot(columns) < 40) < 0.7
    assert 0.75 < outline.roundness((rows.abs() < 30) & (columns.abs() < 30)) < 0.85
    assert outline.roundness(tensor(scene().alpha) > 0.5) < 0.3


def test_the_core_of_thin_parts_is_their_middle():
    shape = torch.zeros(40, 60, dtype=torch.bool)
    shape[5:25, 5:25] = True
    for column, width in ((35, 5), (43, 4), (50, 2), (55, 1)):
        shape[5:35, column : column + width] = True
    core = outline.core(shape, 2)
    assert not bool((core & ~shape).any())
    assert core[:, :30].equal(~outline.grown(~shape, 2)[:, :30])
    for column, width, left in ((35, 5, 1), (43, 4, 2), (50, 2, 2), (55, 1, 1)):
        assert int(core[20, column : column + width].sum()) == left


# What is given back


@pytest.mark.parametrize("highest", [1.0, 3.0])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_lifted_layer_looks_like_the_composite_it_is_made_of(channels, highest):
    """But where so little lies beyond the outline that it is dropped."""
    random = torch.Generator().manual_seed(4)
    shape = (30, 40)
    background = 255 * highest * torch.rand(channels, *shape, generator=random)
    matte, mask = (torch.rand(shape, generator=random) for _ in range(2))
    matte[:10], mask[:15, :20] = 0, 1
    strength = torch.rand(shape, generator=random) ** 8
    image = background + strength * (255 * highest * torch.rand(channels, *shape, generator=random) - background)
    colours, alpha = matting.lifted(image, mask, matte, background, torch.ones(shape))
    assert float(alpha.min()) >= 0 and float(alpha.max()) <= 1
    assert bool((alpha >= matte).all())
    wanted, shown = background + mask * (image - background), background + alpha * (colours - background)
    difference = (wanted - shown).abs().amax(0)
    assert float(difference[alpha > 0].max()) < 1e-3 * highest
    assert float(difference.max()) <= 255 * highest * matting._SEEN
    assert bool((alpha[:10] > 0).any()) and bool((alpha == 0).any())
    beyond = alpha > matte  # there, no more than is needed: colours stay within the range that there is
    assert float(colours[:, beyond].min()) > -0.1 and float(colours[:, beyond].max()) < 255 * highest + 0.1


def test_on_a_transparent_background_a_lifted_layers_alpha_is_the_mattes():
    random = torch.Generator().manual_seed(5)
    matte = torch.rand(20, 30, generator=random)
    image, hidden = (255 * torch.rand(3, 20, 30, generator=random) for _ in range(2))
    colours, alpha = matting.lifted(image, torch.ones(20, 30), matte, hidden, torch.zeros(20, 30))
    assert alpha.equal(matte)
    torch.testing.assert_close(colours, image, atol=1e-3, rtol=0)


# A hard outline


def test_a_hard_outline_is_smoothed_inwards_and_thin_lines_stay_whole():
    rows, columns = np.mgrid[:60, :80]
    slanted = torch.from_numpy((columns > 20 + 0.3 * rows) & (columns < 60)).float()
    smooth = outline.smoothed(slanted)
    border = slanted.bool() & outline.grown(slanted == 0, 1)
    well_inside = slanted.bool() & ~outline.grown(slanted == 0, 2)
    assert float(smooth[border].mean()) < 0.85
    assert float(smooth[border].min()) > 0.3
    assert float(smooth[well_inside].min()) == 1
    # The area of what a soft outline there has, whose middle lies half a pixel further inside.
    soft = (columns - 20.5 - 0.3 * rows).clip(0, 1) * (60 - columns).clip(0, 1)
    own, hard = (np.abs(np.asarray(one) - soft)[:, 10:50].sum() for one in (slanted * smooth, slanted))
    assert own < 0.75 * hard
    lines = torch.zeros(40, 60)
    lines[10, 5:55] = 1
    lines[20:22, 5:55] = 1
    kept = outline.smoothed(lines)[:, 10:50]
    assert float(kept[lines[:, 10:50] > 0].min()) > 0.95
    torch.testing.assert_close(outline.smoothed(soft_edge()), torch.ones(40, 60))
