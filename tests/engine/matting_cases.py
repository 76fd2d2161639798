"""An animal with thin legs on one ground, to be blended into another: what is selected, and what is right."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from deepblend.engine.blend import blend
from deepblend.engine.request import Layer, Plane, Rect, Request
from deepblend_protocol.settings import resolve
from scipy import ndimage
from torch import Tensor

HEIGHT, WIDTH = 180, 200
PLACE = Rect(-23, 41, WIDTH, HEIGHT)
"""Layer and background in the document."""
_FINER = 4
_LEGS = ((70, 0), (82, -4), (112, 5), (126, 0))
"""Columns, and how far each is bent outwards at its foot."""
_LEG_PX = 2.5


def shape() -> np.ndarray:
    """The animal's alpha, (HEIGHT, WIDTH): a body, a head, a tail and four legs; edges soft over a pixel or two."""
    rows, columns = (np.mgrid[: HEIGHT * _FINER, : WIDTH * _FINER] + 0.5) / _FINER
    body = ((rows - 78) / 22) ** 2 + ((columns - 98) / 37) ** 2 < 1
    head = ((rows - 58) / 13) ** 2 + ((columns - 138) / 12) ** 2 < 1
    tail = (abs(rows - 66 + (63 - columns) * 0.5) < 1.6) & (columns > 42) & (columns < 66)
    inside = body | head | tail
    for column, bent in _LEGS:
        down = (rows - 90) / 40
        inside |= (abs(columns - column - bent * down) < _LEG_PX) & (down > 0) & (down < 1)
    fine = ndimage.gaussian_filter(inside.astype(float), 0.5 * _FINER)
    return fine.reshape(HEIGHT, _FINER, WIDTH, _FINER).mean((1, 3))


def fur(seed: int = 1) -> np.ndarray:
    """Reddish brown with spots and grain, (HEIGHT, WIDTH, 3), levels."""
    rng = np.random.default_rng(seed)
    spots = ndimage.gaussian_filter(rng.normal(size=(HEIGHT, WIDTH)), 4)
    grain = rng.normal(0, 4, (HEIGHT, WIDTH, 1))
    return np.array([150, 82, 40]) + 16 * (spots / spots.std())[..., None] * np.array([1, 0.8, 0.5]) + grain


def ground(corner: Any, other: Any, seed: int, noise: float = 2) -> np.ndarray:
    """From one colour to another, slanted, with noise: (HEIGHT, WIDTH, 3), levels."""
    rows, columns = np.mgrid[0 : 1 : HEIGHT * 1j, 0 : 1 : WIDTH * 1j]
    part = (0.7 * rows + 0.3 * columns)[..., None]
    mixed = (1 - part) * np.array(corner, float) + part * np.array(other, float)
    return mixed + np.random.default_rng(seed).normal(0, noise, (HEIGHT, WIDTH, 3))


def disc() -> np.ndarray:
    """A rough selection around the animal, (HEIGHT, WIDTH), 0 or 1."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return (np.hypot(rows - 86, columns - 97) < 68).astype(float)


@dataclass(frozen=True)
class Scene:
    """The animal on its old ground; (HEIGHT, WIDTH, 3), levels."""

    own: np.ndarray
    old: np.ndarray
    new: np.ndarray
    alpha: np.ndarray

    @cached_property
    def layer(self) -> np.ndarray:
        return self.over(self.old)

    @cached_property
    def truth(self) -> np.ndarray:
        return self.over(self.new)

    def over(self, below: np.ndarray) -> np.ndarray:
        return self.alpha[..., None] * self.own + (1 - self.alpha[..., None]) * below

    def band(self, px: int = 10) -> np.ndarray:
        """So many pixels on either side of the outline, (HEIGHT, WIDTH), bool."""
        outside = ndimage.distance_transform_edt(self.alpha < 0.02)
        inside = ndimage.distance_transform_edt(self.alpha > 0.98)
        return (outside <= px) & (inside <= px)

    def far(self, px: float) -> np.ndarray:
        """What lies further from the animal than that, (HEIGHT, WIDTH), bool."""
        return ndimage.distance_transform_edt(self.alpha < 0.02) > px


def scene(**more: np.ndarray) -> Scene:
    """Warm and brown on a meadow, for a sky at dusk."""
    given = {
        "own": fur(),
        "old": ground((120, 165, 95), (150, 190, 120), 2),
        "new": ground((95, 110, 170), (60, 65, 120), 3),
        "alpha": shape(),
    }
    return Scene(**{**given, **more})


def plane(levels: np.ndarray, dtype: Any = np.uint8, rect: Rect = PLACE, **more: Any) -> Plane:
    """Levels (h, w), (h, w, 3) or, with alpha as the last, (h, w, 2 or 4), as a plane."""
    values = np.atleast_3d(levels) / 255
    if np.dtype(dtype).kind == "u":
        white = np.iinfo(dtype).max
        values = np.rint(values.clip(0, 1) * white)
    return Plane(values.astype(dtype), rect, {1: "Y", 2: "YA", 3: "RGB", 4: "RGBA"}[values.shape[2]], **more)


def request(
    of: Scene,
    selected: np.ndarray | None,
    dtype: Any = np.uint8,
    *,
    layer_alpha: np.ndarray | None = None,
    background_alpha: np.ndarray | None = None,
    gray: bool = False,
    encoding: str = "perceptual",
    **settings: Any,
) -> Request:
    """A blend of the layer into the new ground; seamless unless the settings say otherwise.

    Shape:
        selected, layer_alpha, background_alpha: (HEIGHT, WIDTH), 0..1; None is no selection, and opaque.
    """
    pictures = []
    for levels, alpha in ((of.layer, layer_alpha), (of.new, background_alpha)):
        levels = levels @ np.array([[0.299], [0.587], [0.114]]) if gray else levels
        if alpha is not None:
            levels = np.dstack([levels, 255 * alpha])
        pictures.append(plane(levels, dtype, encoding=encoding))
    mask = None if selected is None else Plane(selected.astype(np.float32), PLACE, "Y")
    chosen = resolve({"method": "poisson", "preset": "seamless", "keep_colours": 0.25, **settings})
    return Request(pictures[0], mask, pictures[1], pictures[1], chosen, "cpu")


def white(samples: np.ndarray) -> float:
    return float(np.iinfo(samples.dtype).max) if samples.dtype.kind == "u" else 1.0


def alpha_of(layer: Layer) -> np.ndarray:
    """The layer's alpha over PLACE, (HEIGHT, WIDTH), 0..1; 0 outside its box."""
    whole = np.zeros((HEIGHT, WIDTH))
    samples = layer.plane.samples
    whole[layer.plane.rect.relative_to(PLACE).slices] = samples[..., -1] / white(samples)
    return whole


def over(layer: Layer, below: np.ndarray) -> np.ndarray:
    """The layer over an opaque picture of levels, (HEIGHT, WIDTH, C)."""
    picture, samples = below.astype(float).copy(), layer.plane.samples
    part = picture[layer.plane.rect.relative_to(PLACE).slices]
    values = samples.astype(float) / white(samples)
    part += values[..., -1:] * (255 * values[..., :-1] - part)
    return picture


def composite(
    of: Scene, selected: np.ndarray | None, dtype: Any = np.uint8, **settings: Any
) -> tuple[np.ndarray, Layer]:
    """The blend as it is seen, levels (HEIGHT, WIDTH, 3), and its layer."""
    layer = blend(request(of, selected, dtype, **settings))
    return over(layer, of.new), layer


def tensor(levels: np.ndarray) -> Tensor:
    """(h, w, C) to (C, h, w); (h, w) stays."""
    return torch.from_numpy(np.ascontiguousarray(levels if levels.ndim == 2 else levels.transpose(2, 0, 1))).float()
