"""The published examples with the settings for paintings, measured beside the authors' own results.

The folder of examples (1/ and 3/, each with source, mask, target, place.json and the published second pass) is named by
the environment variable DEEPBLEND_CASES; without it these tests are skipped.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from deepblend.engine.blend import blend
from deepblend.engine.request import Layer, Plane, Rect, Request
from deepblend_protocol.settings import resolve
from PIL import Image
from scipy import ndimage

FOLDER = os.environ.get("DEEPBLEND_CASES")
SIDE = 512

pytestmark = pytest.mark.skipif(not FOLDER, reason="DEEPBLEND_CASES names no folder of published examples")


@dataclass(frozen=True)
class Example:
    """Pictures of SIDE x SIDE, (h, w, 3) float64 in levels; the source is 0 beyond its square."""

    request: Request
    source: np.ndarray
    target: np.ndarray
    mask: np.ndarray
    published: np.ndarray


def picture(path: Path, mode: str, side: int) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert(mode).resize((side, side)))


@pytest.fixture(scope="module", params=["1", "3"])
def example(request) -> Example:
    folder = Path(FOLDER or "") / request.param
    place = json.loads((folder / "place.json").read_text())
    side = place["source_size"]
    corner = Rect(place["column"] - side // 2, place["row"] - side // 2, side, side)
    source, target = picture(folder / "source.png", "RGB", side), picture(folder / "target.png", "RGB", SIDE)
    mask = picture(folder / "mask.png", "L", side)  # resized, so its edge is a little soft, as on the command line
    whole = Rect(0, 0, SIDE, SIDE)

    def laid(array: np.ndarray) -> np.ndarray:
        canvas = np.zeros((SIDE + 2 * side, SIDE + 2 * side, *array.shape[2:]))
        canvas[corner.y + side : corner.y + 2 * side, corner.x + side : corner.x + 2 * side] = array
        return canvas[side:-side, side:-side]

    return Example(
        request=Request(
            layer=Plane(source, corner, "RGB"),
            mask=Plane(mask, corner, "Y"),
            background=Plane(target, whole, "RGB"),
            style=Plane(target, whole, "RGB"),
            settings=resolve({"preset": "painting"}),
            device="cpu",
        ),
        source=laid(source),
        target=target.astype(float),
        mask=laid(mask) > 0,
        published=picture(folder / "published_second_pass.png", "RGB", SIDE).astype(float),
    )


@pytest.fixture(scope="module")
def blended(example) -> Layer:
    return blend(example.request)


def over(layer: Layer, target: np.ndarray) -> np.ndarray:
    """The layer over the target, in whole levels."""
    x, y, w, h = layer.plane.rect
    result = target.copy()
    samples = layer.plane.samples.astype(float)
    alpha = samples[..., 3:] / 255
    part = result[y : y + h, x : x + w]
    result[y : y + h, x : x + w] = np.rint(part + alpha * (samples[..., :3] - part))
    return result


def light(image: np.ndarray) -> np.ndarray:
    return image @ np.array([0.299, 0.587, 0.114])


def seam(image: np.ndarray, example: Example) -> float:
    """How much the steps across the mask's border differ from the source's or the target's, whichever is nearer."""
    total = count = 0.0
    for axis in (0, 1):
        crossing = np.diff(example.mask, axis=axis)
        ours, source, target = (np.diff(a, axis=axis)[crossing] for a in (image, example.source, example.target))
        total += np.minimum(np.abs(ours - source), np.abs(ours - target)).mean(1).sum()
        count += crossing.sum()
    return total / count


def tone(image: np.ndarray, example: Example) -> float:
    """The slope of the image's light on the source's, both blurred over 5 pixels within the mask."""
    inside = example.mask.astype(float)
    cover = np.maximum(ndimage.uniform_filter(inside, 5, mode="constant"), 1e-6)
    blurred = [
        (ndimage.uniform_filter(light(a) * inside, 5, mode="constant") / cover)[example.mask]
        for a in (example.source, image)
    ]
    own, found = (values - values.mean() for values in blurred)
    return float((own * found).sum() / (own * own).sum())


def chroma(image: np.ndarray, example: Example) -> float:
    """Mean strength of colour (Cb and Cr) inside the mask, over the source's."""

    def strength(a: np.ndarray) -> float:
        y = light(a)
        return float(np.hypot(0.564 * (a[..., 2] - y), 0.713 * (a[..., 0] - y))[example.mask].mean())

    return strength(image) / strength(example.source)


def test_nothing_changes_outside(example, blended):
    image = over(blended, example.target)
    assert np.array_equal(image[~example.mask], example.target[~example.mask])


def test_the_seam_is_hardly_more_than_poissons(example, blended):
    exact = Request(
        **{
            **vars(example.request),
            "settings": resolve({"method": "poisson", "preset": "seamless", "edges": "selected"}),
        },
    )
    ours, poissons = (seam(over(layer, example.target), example) for layer in (blended, blend(exact)))
    pasted = np.where(example.mask[..., None], example.source, example.target)
    assert ours <= 1.3 * poissons
    assert ours < 0.5 * seam(pasted, example)


def test_tones_hold_as_well_as_in_the_published_result(example, blended):
    """By a painting's settings the object takes on the painting's palette; keep_colours 1 holds its own."""
    kept = blend(Request(**{**vars(example.request), "settings": resolve({"preset": "painting", "keep_colours": 1.0})}))
    published = tone(example.published, example)
    assert tone(over(kept, example.target), example) >= 0.9 * published
    assert tone(over(blended, example.target), example) >= 0.75 * published


def test_colours_hold(example, blended):
    ours, published = chroma(over(blended, example.target), example), chroma(example.published, example)
    assert ours >= 0.7 * min(published, 1)
