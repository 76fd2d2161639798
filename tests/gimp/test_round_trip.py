"""Pixels through the real GIMP and the real server: nothing is lost, nothing leaks, at any precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gimp import Gimp
from pictures import TYPES, disc, engine, loaded, picture, stored
from scipy import ndimage

WIDTH, HEIGHT = 200, 160
CASES = [
    *((f"{kind}_{curve}", False, "") for kind in TYPES for curve in ("NON_LINEAR", "LINEAR")),
    *((f"{kind}_PERCEPTUAL", False, "") for kind in ("U8", "U16", "HALF", "FLOAT")),
    *((f"{kind}_NON_LINEAR", True, "") for kind in ("U8", "U16", "HALF", "FLOAT")),
    ("FLOAT_LINEAR", True, ""),
    *((f"{kind}_NON_LINEAR", False, "adobe") for kind in ("U8", "U16", "FLOAT")),
    ("U16_LINEAR", False, "adobe"),
]


def opened(
    gimp: Gimp, below: np.ndarray, layer: np.ndarray, precision: str, gray: bool = False, profile: str | None = None
) -> str:
    """Script that opens an image with two layers."""
    stored(gimp.folder / "below", below)
    stored(gimp.folder / "layer", layer)
    return f"""
image = tools.new_image({WIDTH}, {HEIGHT}, {gray}, "{precision}", {profile!r})
tools.new_layer(image, "{gimp.folder}/below", "below", {WIDTH}, {HEIGHT})
layer = tools.new_layer(image, "{gimp.folder}/layer", "layer", 110, 90, 40, 30)
"""


@pytest.mark.parametrize(("precision", "gray", "space"), CASES, ids=lambda case: str(case).lower())
def test_a_layer_identical_to_its_background_comes_back_identical(
    gimp: Gimp, precision: str, gray: bool, space: str, adobe: Path, errors: dict
):
    below = picture(WIDTH, HEIGHT, 2 if gray else 4, precision.split("_")[0])
    kept = below[30:120, 40:150]
    answer = gimp.run(f"""
{opened(gimp, below, kept, precision, gray, str(adobe) if space else None)}
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
    new = loaded(gimp.folder / "new", below, w, h)
    inside = new[..., -1] > 0
    assert inside.sum() > 3000
    expected = below[y : y + h, x : x + w, :-1]
    white = 1 if below.dtype.kind == "f" else np.iinfo(below.dtype).max
    error = np.abs(new[..., :-1].astype(np.float64) - expected.astype(np.float64))[inside].max() / white
    errors[f"{precision} {'gray' if gray else 'RGB'} {space}"] = error
    allowed = {"U8": 0, "U16": 0, "U32": 1e-6, "HALF": 2**-11, "FLOAT": 1e-6, "DOUBLE": 1e-6}[precision.split("_")[0]]
    assert error <= allowed


@pytest.mark.parametrize("kind", ["U16", "FLOAT"])
def test_the_whole_blend_is_the_engines_own(gimp: Gimp, kind: str, errors: dict):
    """Deep, by a painting's settings: through GIMP, the wire and the server. (8 bits: see test_documents.)"""
    below, layer = picture(WIDTH, HEIGHT, 4, kind), picture(110, 90, 4, kind, seed=7)
    x, y, w, h = gimp.run(f"""
{opened(gimp, below, layer, f"{kind}_NON_LINEAR")}
image.select_rectangle(Gimp.ChannelOps.REPLACE, 50, 40, 80, 60)
new = tools.blend(image, layer)["layer"]
tools.save(new, "{gimp.folder}/new")
answer = [*list(new.get_offsets())[1:], new.get_width(), new.get_height()]
image.delete()
""")
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[40:100, 50:130] = 255
    expected, box = engine(layer, (40, 30), below, mask)
    assert [x, y, w, h] == list(box)
    white = 1 if below.dtype.kind == "f" else np.iinfo(below.dtype).max
    apart = (loaded(gimp.folder / "new", below, w, h).astype(np.float64) - expected.astype(np.float64)) / white
    errors[f"{kind}, default blend against the engine's own"] = np.abs(apart).max()
    if kind == "U16":
        assert np.abs(apart).max() == 0
    else:  # GIMP hands floats over to 1e-7: by that single strokes of noise come to lie elsewhere, tones do not
        assert np.abs(apart[..., -1]).max() < 1e-6
        assert np.abs(apart).mean() < 0.02
        assert np.abs(ndimage.gaussian_filter(apart, (6, 6, 0))).mean() < 0.004


@pytest.mark.parametrize("precision", ["U8_NON_LINEAR", "U16_NON_LINEAR", "FLOAT_LINEAR", "HALF_NON_LINEAR"])
@pytest.mark.parametrize("ground", [0.0, 1.0])
def test_a_soft_disc_is_seen_as_the_engine_means_it(gimp: Gimp, precision: str, ground: float):
    """Over black and over white: mixed by the document's curve, no dark or bright fringe, to one level of 255."""
    kind = precision.split("_")[0]
    white = np.iinfo(TYPES[kind]).max if np.dtype(TYPES[kind]).kind == "u" else 1
    below = np.full((HEIGHT, WIDTH, 4), ground * white, TYPES[kind])
    below[..., 3] = white
    layer = np.full((90, 110, 4), 0.5 * white, TYPES[kind])
    layer[..., 3] = (disc(110, 90, soft=30) * white).astype(TYPES[kind])
    x, y, w, h = gimp.run(f"""
{opened(gimp, below, layer, precision)}
new = tools.blend(image, layer, method="poisson", keep_colours=1.0, hide_original="yes")["layer"]
tools.save(new, "{gimp.folder}/new")
tools.composite(image, "{gimp.folder}/seen")
answer = [*list(new.get_offsets())[1:], new.get_width(), new.get_height()]
image.delete()
""")

    def perceptual(values: np.ndarray) -> np.ndarray:
        values = values.astype(np.float64) / white
        if "NON" in precision:
            return values
        return np.where(values <= 0.0031308, 12.92 * values, 1.055 * np.maximum(values, 1e-9) ** (1 / 2.4) - 0.055)

    new = loaded(gimp.folder / "new", below, w, h).astype(np.float64)
    alpha = new[..., 3:] / white
    assert ((alpha > 0.05) & (alpha < 0.95)).mean() > 0.2
    meant = perceptual(new[..., :3]) * alpha + ground * (1 - alpha)
    seen = loaded(gimp.folder / "seen", below, WIDTH, HEIGHT)[y : y + h, x : x + w]
    assert np.abs(perceptual(seen[..., :3]) - meant).max() <= 1.001 / 255


def test_sixteen_bits_stay_sixteen_bits(gimp: Gimp):
    """A ramp finer than 8 bits comes back with its own steps."""
    below = picture(WIDTH, HEIGHT, 4, "U16")
    layer = np.full((90, 110, 4), 65535, np.uint16)
    layer[..., :3] = (30000 + np.arange(110) * 7)[None, :, None]
    w, h = gimp.run(f"""
{opened(gimp, below, layer, "U16_NON_LINEAR")}
new = tools.blend(image, layer, style=0.3)["layer"]
tools.save(new, "{gimp.folder}/new")
answer = [new.get_width(), new.get_height()]
image.delete()
""")
    new = loaded(gimp.folder / "new", below, w, h)
    assert len(np.unique(new[..., 0])) > 2000
    assert np.count_nonzero(new[..., 0] % 257) > 0.9 * new[..., 0].size
