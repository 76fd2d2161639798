"""A small painting, an object to blend into it, and requests made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest
import small_requests
import torch
from deepblend.engine.network import vgg
from deepblend.engine.network.vgg import load
from deepblend.engine.request import Layer, Plane, Rect, Request
from deepblend_protocol.settings import resolve
from scipy import ndimage
from torch import Tensor

WHITE = {"uint8": 255, "uint16": 65535, "float16": 1, "float32": 1}
CANVAS = Rect(-11, 7, 112, 96)
"""The document; its corner is not 0, 0 so that nothing may mix up places."""
OBJECT = Rect(18, 30, 50, 44)


def painting(height: int, width: int, seed: int = 1) -> np.ndarray:
    """Bright slanted strokes, blue to yellow: (height, width, 3), 0..1."""
    rng = np.random.default_rng(seed)
    side = height + width
    strokes = np.dstack([ndimage.gaussian_filter(rng.normal(size=(side, side)), (1.1, 6)) for _ in range(3)])
    strokes = ndimage.rotate(strokes, 35, reshape=False, order=1, mode="wrap")[:height, :width]
    strokes = strokes / strokes.std((0, 1)) @ np.array([[1, 0.8, 0.3], [0.2, 0.3, -0.5], [0.1, -0.2, 0.4]])
    return (np.array([0.52, 0.55, 0.62]) + 0.16 * strokes).clip(0.02, 0.98)


def thing(height: int, width: int, seed: int = 2) -> np.ndarray:
    """A dark red ball with fine grain, smooth in the large: (height, width, 3), 0..1."""
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    light = np.clip(0.42 - 0.2 * rows - 0.15 * columns, 0, 1)[..., None]
    grain = np.random.default_rng(seed).normal(0, 0.01, (height, width, 1))
    return (light * np.array([1.0, 0.35, 0.25]) + grain).clip(0.02, 0.98)


def ellipse(height: int, width: int, edge: float = 0.0) -> np.ndarray:
    """(height, width), 1 inside; ``edge`` is the soft border's width in parts of the radius."""
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    radius = np.hypot(rows, columns)
    return np.clip((0.93 - radius) / edge, 0, 1) if edge else (radius < 0.93).astype(float)


def plane(values: np.ndarray, rect: Rect, dtype: Any = np.uint8, **more: Any) -> Plane:
    """Values 0..1, (h, w) or (h, w, c), as a plane; the number of channels names their order unless told."""
    white = WHITE[np.dtype(dtype).name]
    samples = np.rint(values * white) if white > 1 else values
    orders = {1: "Y", 2: "YA", 3: "RGB", 4: "RGBA"}
    channels = more.pop("channels", orders[1 if values.ndim == 2 else values.shape[2]])
    return Plane(samples.astype(dtype), rect, channels, **more)


def luma(colours: np.ndarray) -> np.ndarray:
    """(h, w, 3) to (h, w, 1)."""
    return colours @ np.array([[0.299], [0.587], [0.114]])


@dataclass(frozen=True)
class Scenes:
    """Makes requests."""

    canvas: Rect = CANVAS
    object: Rect = OBJECT

    painting = staticmethod(painting)
    thing = staticmethod(thing)
    ellipse = staticmethod(ellipse)
    plane = staticmethod(plane)
    luma = staticmethod(luma)

    def request(
        self,
        dtype: Any = np.uint8,
        *,
        canvas: Rect | None = None,
        object: Rect | None = None,
        gray: bool = False,
        alpha: np.ndarray | None = None,
        encoding: str = "perceptual",
        device: str = "cpu",
        **settings: Any,
    ) -> Request:
        """The ball's cut-out on the painting, which is the style picture too.

        Args:
            alpha: the layer's, (object.h, object.w), 0..1; an ellipse where none is given.
            settings: as ``resolve`` takes them; by default a painting's, and the edges as they are selected.
        """
        canvas, object = canvas or self.canvas, object or self.object
        below, above = painting(canvas.h, canvas.w), thing(object.h, object.w)
        if gray:
            below, above = luma(below), luma(above)
        alpha = ellipse(object.h, object.w) if alpha is None else alpha
        return Request(
            layer=plane(np.dstack([above, alpha]), object, dtype, encoding=encoding),
            mask=None,
            background=plane(below, canvas, dtype, encoding=encoding),
            style=plane(below, canvas, dtype, encoding=encoding),
            settings=resolve({"preset": "painting", "edges": "selected", **settings}),
            device=device,
        )

    @staticmethod
    def colours(layer: Layer | Plane) -> np.ndarray:
        """A result's colours, (h, w, c) float64, 0..1."""
        samples = (layer.plane if isinstance(layer, Layer) else layer).samples
        return samples[:, :, :-1].astype(np.float64) / WHITE[samples.dtype.name]

    @staticmethod
    def alpha(layer: Layer | Plane) -> np.ndarray:
        """(h, w) float64, 0..1."""
        samples = (layer.plane if isinstance(layer, Layer) else layer).samples
        return samples[:, :, -1].astype(np.float64) / WHITE[samples.dtype.name]

    @staticmethod
    def within(rect: Rect, array: np.ndarray, of: Rect) -> np.ndarray:
        """The part of an array that lies over ``of`` which belongs to ``rect``."""
        return array[rect.y - of.y : rect.y - of.y + rect.h, rect.x - of.x : rect.x - of.x + rect.w]


@pytest.fixture(autouse=True)
def nothing_cached() -> None:
    networks.forget()


@pytest.fixture
def passed() -> Iterator[Callable[[], int]]:
    """How many pictures have passed through the network since the test began."""
    with networks.counted() as count:
        yield count


@pytest.fixture(scope="session")
def scenes() -> Scenes:
    return Scenes()


@pytest.fixture(scope="session")
def texture_distance() -> Callable[[Tensor, Tensor, Tensor], float]:
    """How far a picture's texture is from another's, inside a mask: 0 is the same.

    The relative distance of the covariances of VGG features, mean over the first three layers; pictures (3, h, w) in
    levels, the mask (h, w).
    """
    network = load("shipped", "cpu")

    def covariances(picture: Tensor, weight: Tensor) -> list[Tensor]:
        found = []
        for layer in network(picture[None].clamp(0, 255), 3):
            flat = layer[0].flatten(1).double()
            inside = torch.nn.functional.adaptive_avg_pool2d(weight[None], layer.shape[-2:]).flatten()
            found.append(torch.cov(flat, aweights=inside.double()))
        return found

    @torch.no_grad()
    def distance(picture: Tensor, mask: Tensor, style: Tensor) -> float:
        ours = covariances(picture, mask)
        wanted = covariances(style, torch.ones(style.shape[-2:]))
        return float(np.mean([float((c - t).norm() / t.norm()) for c, t in zip(ours, wanted, strict=True)]))

    return distance


@pytest.fixture
def small(scenes: Scenes) -> Callable[..., Request]:
    """``scenes.request`` in small."""

    def make(dtype: Any = np.uint8, **options: Any) -> Request:
        return scenes.request(dtype, **{"canvas": small_requests.CANVAS, "object": small_requests.SMALL, **options})

    return make


@pytest.fixture
def no_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch's empty cache, where nothing can be downloaded to: nobody listens at the proxy."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    vgg._kept.cache_clear()
    return tmp_path
