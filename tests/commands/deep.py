"""Pictures of more than 8 bits for the tests, written and read by the formats' own libraries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import OpenEXR
import tifffile

WHITE = {"u1": 255, "u2": 65535, "f2": 1, "f4": 1}
ADOBE = bytes(imagecodecs.cms_profile("adobergb"))
SIZE = (80, 96)


def ramp(kind: str, channels: int = 3) -> np.ndarray:
    """A ground whose neighbours differ by less than a level of 8 bits, (80, 96[, channels])."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    values = 0.3 + (rows * 96 + columns)[..., None] / (80 * 96) * 0.4 + np.arange(channels) * 0.02
    if channels in (2, 4):
        values[..., -1] = 1
    values = values * WHITE[kind]
    values = (np.rint(values) if kind[0] == "u" else values).astype(kind)
    return values if channels > 1 else values[..., 0]


def grain(height: int, width: int, seed: int) -> np.ndarray:
    """A smooth ground with grain, (height, width, 3) uint8."""
    rows, columns = np.mgrid[:height, :width]
    ground = 110 + 60 * np.sin(rows[..., None] / 17 + seed) + 40 * np.cos(columns[..., None] / 11 + np.arange(3))
    return (ground + np.random.default_rng(seed).normal(0, 8, (height, width, 1))).clip(0, 255).astype(np.uint8)


def save(path: Path, samples: np.ndarray, **more: Any) -> None:
    """Write samples in the format of the path's extension."""
    if path.suffix == ".png":
        path.write_bytes(imagecodecs.png_encode(samples))
    elif path.suffix == ".exr":
        save_exr(path, samples, **more)
    else:
        channels = samples.shape[2] if samples.ndim == 3 else 1
        kind = {"extrasamples": ["unassalpha"]} if channels in (2, 4) else {}
        kind |= {"planarconfig": "contig"} if channels > 1 else {}
        kind["photometric"] = "rgb" if channels > 2 else "minisblack"
        tifffile.imwrite(path, samples, **{**kind, **more})


def save_exr(path: Path, samples: np.ndarray, names: str | list[str] = "", **header: Any) -> None:
    samples = np.atleast_3d(samples)
    names = names or {1: "Y", 2: "YA", 3: "RGB", 4: "RGBA"}[samples.shape[2]]
    planes = {name: np.ascontiguousarray(samples[..., at]) for at, name in enumerate(names)}
    kind = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File({**kind, **header}, planes).write(str(path))


def load(path: Path) -> np.ndarray:
    """A file's samples as its library gives them."""
    if path.suffix == ".png":
        return imagecodecs.png_decode(path.read_bytes())
    if path.suffix == ".exr":
        found = OpenEXR.File(str(path), separate_channels=True).channels()
        order = [name for name in "RGBYA" if name in found]
        samples = np.dstack([found[name].pixels for name in order])
        return samples if len(order) > 1 else samples[..., 0]
    return tifffile.imread(path)
