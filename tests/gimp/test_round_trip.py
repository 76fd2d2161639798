"""Pixels through the real GIMP and the real server: nothing is lost, nothing leaks, at any precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gimp import Gimp

TYPES = {"U8": np.uint8, "U16": np.uint16, "U32": np.uint32, "HALF": np.float16, "FLOAT": np.float32, "DOUBLE": np.float64}
WIDTH, HEIGHT = 200, 160


def picture(kind: str, channels: int, seed: int = 3) -> np.ndarray:
    """(HEIGHT, WIDTH, channels): smooth colours with noise, in a precision's own type; the last is opaque alpha."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] / 200
    noise = np.random.default_rng(seed).uniform(-0.08, 0.08, (HEIGHT, WIDTH, channels))
    waves = [0.5 + 0.3 * np.sin(5 * columns + phase) * np.cos(4 * rows - phase) for phase in range(channels)]
    values = np.clip(np.stack(waves, -1) + noise, 0.02, 0.98)
    values[..., -1] = 1
    dtype = TYPES[kind.split("_")[0]]
    return (values * np.iinfo(dtype).max).round().astype(dtype) if np.dtype(dtype).kind == "u" else values.astype(dtype)


CASES = [
    *((f"{kind}_{curve}", False, "") for kind in TYPES for curve in ("NON_LINEAR", "LINEAR")),
    *((f"{kind}_PERCEPTUAL", False, "") for kind in ("U8", "U16", "HALF", "FLOAT")),
    *((f"{kind}_NON_LINEAR", True, "") for kind in ("U8", "U16", "HALF", "FLOAT")),
    ("FLOAT_LINEAR", True, ""),
    *((f"{kind}_NON_LINEAR", False, "adobe") for kind in ("U8", "U16", "FLOAT")),
    ("U16_LINEAR", False, "adobe"),
]


@pytest.mark.parametrize(("precision", "gray", "space"), CASES, ids=lambda case: str(case).lower())
def test_a_layer_identical_to_its_background_comes_back_identical(
    gimp: Gimp, precision: str, gray: bool, space: str, adobe: Path, errors: dict
):
    below = picture(precision, 2 if gray else 4)
    kept = below[30:120, 40:150]
    (gimp.folder / "below").write_bytes(below.tobytes())
    (gimp.folder / "layer").write_bytes(np.ascontiguousarray(kept).tobytes())
    answer = gimp.run(f"""
image = tools.new_image({WIDTH}, {HEIGHT}, {gray}, "{precision}", {str(adobe) if space else None!r})
tools.new_layer(image, "{gimp.folder}/below", "below", {WIDTH}, {HEIGHT})
layer = tools.new_layer(image, "{gimp.folder}/layer", "layer", 110, 90, 40, 30)
image.select_ellipse(Gimp.ChannelOps.REPLACE, 50, 40, 80, 60)
done = tools.blend(image, layer, method="poisson")
new = done["layer"]
tools.save(new, "{gimp.folder}/new")
answer = [done["status"], done["said"], *list(new.get_offsets())[1:], new.get_width(), new.get_height(),
          new.get_composite_space().value_nick, image.get_color_profile() is not None]
image.delete()
""")
    status, said, x, y, w, h, *_ = answer
    assert status == "success", said
    assert (x, y, w, h) == (50, 40, 80, 60)
    new = np.frombuffer((gimp.folder / "new").read_bytes(), below.dtype).reshape(h, w, -1)
    inside = new[..., -1] > 0
    assert inside.sum() > 3000
    expected = below[y : y + h, x : x + w, :-1]
    white = 1 if below.dtype.kind == "f" else np.iinfo(below.dtype).max
    error = np.abs(new[..., :-1].astype(np.float64) - expected.astype(np.float64))[inside].max() / white
    errors[f"{precision} {'gray' if gray else 'RGB'} {space}"] = error
    allowed = {"U8": 0, "U16": 0, "U32": 1e-6, "HALF": 2**-11, "FLOAT": 1e-6, "DOUBLE": 1e-6}[precision.split("_")[0]]
    assert error <= allowed
