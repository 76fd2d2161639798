"""The fringe of a cut-out: what its edge has of the ground that it was cut from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from deepblend.engine.blend import blend
from deepblend.engine.matting import fringe
from deepblend.engine.matting.fringe import Fringe
from deepblend.engine.request import Plane, Rect, Request
from deepblend_protocol.settings import resolve
from scipy import ndimage

SIDE = 160


def patches(seed: int) -> np.ndarray:
    """Colours that change over some twenty pixels: (SIDE, SIDE, 3), levels."""
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.normal(size=(SIDE, SIDE, 3)), (12, 12, 0))
    return np.clip(110 + 45 * smooth / smooth.std(), 10, 230)


def cut_out(ground: tuple[float, float, float] | None) -> tuple[torch.Tensor, torch.Tensor, np.ndarray, np.ndarray]:
    """A lobed thing that was cut a little too wide of a ground, or exactly: image, alpha, its own colours and alpha."""
    rows, columns = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    radius = 48 + 10 * np.cos(5 * np.arctan2(rows, columns))
    own = ndimage.gaussian_filter((np.hypot(rows, columns) < radius).astype(float), 1.0)
    colours = patches(1)
    if ground is None:
        image, alpha = colours, own
    else:
        image, alpha = own[..., None] * colours + (1 - own[..., None]) * np.array(ground), (own > 0.2).astype(float)
    return torch.tensor(image).permute(2, 0, 1).float(), torch.tensor(alpha).float(), colours, own


def over(image: torch.Tensor, alpha: torch.Tensor) -> np.ndarray:
    """The cut-out on a dark green."""
    a = alpha.numpy()[..., None]
    return a * image.permute(1, 2, 0).numpy() + (1 - a) * np.array([40.0, 60.0, 30.0])


def error(image: torch.Tensor, alpha: torch.Tensor, colours: np.ndarray, own: np.ndarray) -> float:
    """Levels, the mean near the outline."""
    true = over(torch.tensor(colours).permute(2, 0, 1), torch.tensor(own))
    near = ndimage.binary_dilation((own > 0.02) & (own < 0.98), iterations=2)
    return float(np.abs(over(image, alpha) - true)[near].mean())


@pytest.mark.parametrize("ground", [(250, 250, 250), (190, 205, 225), (12, 10, 20)])
def test_it_is_taken_away(ground):
    image, alpha, colours, own = cut_out(ground)
    found = Fringe.of(image, alpha)
    assert found is not None and found.part == 1
    np.testing.assert_allclose(found.ground[:, 0], ground, atol=45)
    before, after = error(image, alpha, colours, own), error(*found.removed(image, alpha), colours, own)
    assert after < 0.6 * before


def test_what_has_none_is_left_alone():
    image, alpha, *_ = cut_out(None)
    assert Fringe.of(image, alpha) is None


def test_what_lies_inside_stays_as_it_is():
    image, alpha, *_ = cut_out((250, 250, 250))
    found = Fringe.of(image, alpha)
    assert found is not None
    colours, cover = found.removed(image, alpha)
    deep = torch.from_numpy(ndimage.binary_erosion(alpha.numpy() > 0.5, iterations=5))
    assert torch.equal(colours[:, deep], image[:, deep]) and torch.equal(cover[deep], alpha[deep])
    assert cover.min() >= 0 and bool((cover <= alpha).all())


def test_in_strips_it_is_the_same(monkeypatch):
    image, alpha, *_ = cut_out((250, 250, 250))
    whole = Fringe.of(image, alpha)
    monkeypatch.setattr(fringe, "_ROWS", 30 * SIDE)
    parts = Fringe.of(image, alpha)
    assert whole is not None and parts is not None
    torch.testing.assert_close(parts.ground, whole.ground)
    for one, other in zip(parts.removed(image, alpha), whole.removed(image, alpha), strict=True):
        torch.testing.assert_close(one, other, atol=0.02, rtol=0)


@pytest.mark.parametrize("alpha", [np.zeros((SIDE, SIDE)), np.ones((SIDE, SIDE)), np.eye(SIDE)])
def test_where_there_is_no_outline_or_no_inside_there_is_none(alpha):
    assert Fringe.of(torch.tensor(patches(2)).permute(2, 0, 1).float(), torch.tensor(alpha).float()) is None


def test_a_blend_has_none():
    image, alpha, colours, own = cut_out((250, 250, 250))
    place = Rect(20, 10, SIDE, SIDE)
    layer = np.dstack([image.permute(1, 2, 0).numpy(), 255 * alpha.numpy()]).round().astype(np.uint8)
    ground = np.broadcast_to(np.array([40, 60, 30], np.uint8), (SIDE + 30, SIDE + 40, 3)).copy()
    request = Request(
        layer=Plane(layer, place),
        mask=None,
        background=Plane(ground, Rect(0, 0, SIDE + 40, SIDE + 30), "RGB"),
        settings=resolve({"preset": "painting", "style": 0}),
        device="cpu",
    )

    def found(edges: str) -> float:
        made = blend(replace(request, settings=replace(request.settings, edges=edges))).plane
        samples, cover = np.zeros((SIDE, SIDE, 3)), np.zeros((SIDE, SIDE))
        at = made.rect.relative_to(place).slices
        samples[at], cover[at] = made.samples[..., :3], made.samples[..., 3] / 255
        return error(torch.tensor(samples).permute(2, 0, 1), torch.tensor(cover), colours, own)

    assert found("automatic") < 0.6 * error(image, alpha, colours, own)
