"""Pictures for the tests, and what the engine alone makes of them."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
from deepblend import examples
from deepblend.engine.blend import blend
from deepblend.engine.request import Layer, Plane, Rect, Request
from deepblend.pictures.png import with_chunks
from deepblend_protocol.settings import resolve
from PIL import Image

TYPES = {
    "U8": np.uint8,
    "U16": np.uint16,
    "U32": np.uint32,
    "HALF": np.float16,
    "FLOAT": np.float32,
    "DOUBLE": np.float64,
}


def picture(width: int, height: int, channels: int, kind: str = "U8", seed: int = 3) -> np.ndarray:
    """(height, width, channels): smooth colours with noise, in a precision's own type; the last is opaque alpha."""
    rows, columns = np.mgrid[:height, :width] / 200
    noise = np.random.default_rng(seed).uniform(-0.08, 0.08, (height, width, channels))
    waves = [0.5 + 0.3 * np.sin(5 * columns + seed + each) * np.cos(4 * rows - each) for each in range(channels)]
    values = np.clip(np.stack(waves, -1) + noise, 0.02, 0.98)
    values[..., -1] = 1
    dtype = TYPES[kind]
    return (values * np.iinfo(dtype).max).round().astype(dtype) if np.dtype(dtype).kind == "u" else values.astype(dtype)


def disc(width: int, height: int, soft: float = 1.0) -> np.ndarray:
    """(height, width), 0..1: a disc that fills the picture but for its soft edge."""
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot(rows - (height - 1) / 2, columns - (width - 1) / 2)
    return np.clip((min(width, height) / 2 - 1 - distance) / soft, 0, 1)


class Example(NamedTuple):
    """The example: a painting, a bird's photograph that belongs into it, and what is selected of that."""

    target: np.ndarray
    """RGBA."""
    source: np.ndarray
    """RGBA."""
    mask: np.ndarray
    """(rows and columns of the source), 0..255."""


LEFT, ABOVE = 216, 98
"""Where the example's source comes to lie on the target, in pixels."""


def example() -> Example:
    kinds = {"target": "RGBA", "source": "RGBA", "mask": "L"}
    opened = (Image.open(examples.file(examples.DEFAULT, role)).convert(kind) for role, kind in kinds.items())
    return Example(*map(np.asarray, opened))


def stored(path: Path, samples: np.ndarray) -> Path:
    path.write_bytes(np.ascontiguousarray(samples).tobytes())
    return path


def loaded(path: Path, like: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.frombuffer(path.read_bytes(), like.dtype).reshape(height, width, -1)


def engine(
    layer: np.ndarray, at: tuple[int, int], below: np.ndarray, mask: np.ndarray | None = None, **settings: Any
) -> tuple[np.ndarray, Rect]:
    """The engine's own result for whole pictures, without GIMP, server or crops.

    Args:
        layer: RGBA; ``at`` is its column and row on ``below``, RGBA.
        mask: (rows and columns of below), 0..255.
        settings: by default a painting's.
    """
    made = _blended(layer, at, below, mask, settings).plane
    return made.samples, made.rect


def engine_shadow(
    layer: np.ndarray, at: tuple[int, int], below: np.ndarray, mask: np.ndarray | None = None, **settings: Any
) -> tuple[np.ndarray, Rect]:
    """The same of the result's shadow."""
    made = _blended(layer, at, below, mask, settings).shadow
    assert made is not None
    return made.samples, made.rect


def _blended(
    layer: np.ndarray, at: tuple[int, int], below: np.ndarray, mask: np.ndarray | None, settings: dict[str, Any]
) -> Layer:
    height, width = below.shape[:2]
    canvas = Rect(0, 0, width, height)
    request = Request(
        layer=Plane(layer, Rect(*at, layer.shape[1], layer.shape[0]), encoding="profile"),
        mask=Plane(mask[..., None], canvas, "Y") if mask is not None else None,
        background=Plane(below, canvas, encoding="profile"),
        style=Plane(below, canvas, encoding="profile"),
        settings=resolve({"preset": "painting", **settings}),
        device="cpu",
    )
    return blend(request)


def openraster(
    path: Path, size: tuple[int, int], boat: np.ndarray, at: tuple[int, int], sea: np.ndarray, profile: bytes = b""
) -> None:
    """Write a layered document: a boat, of opacity 0.8, on the sea; RGBA samples of 8 or 16 bits."""
    chunks = [(b"iCCP", b"profile\0\0" + zlib.compress(profile))] if profile else []
    place = f'x="{at[0]}" y="{at[1]}" opacity="0.8"'
    layers = f'<layer name="boat" src="data/boat.png" {place}/><layer name="sea" src="data/sea.png"/>'
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "image/openraster")
        archive.writestr("stack.xml", f'<image w="{size[0]}" h="{size[1]}"><stack>{layers}</stack></image>')
        for name, samples in (("boat", boat), ("sea", sea)):
            archive.writestr(f"data/{name}.png", with_chunks(imagecodecs.png_encode(samples), chunks))
