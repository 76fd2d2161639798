"""The contact shadow in files: below the object in a flat picture and in its layer, and a layer of a document."""

from __future__ import annotations

import re
import struct
from dataclasses import replace

import imagecodecs
import numpy as np
import pytest
from deepblend import pictures as rooms
from deepblend.engine.blend import blend as engine
from deepblend.engine.request import Plane, Rect
from deepblend.file_blend import FileBlend
from deepblend_protocol.settings import resolve
from PIL import Image
from test_file_blend import Told
from test_openraster import AT, deep, disc, document, members, one, stacked

SETTINGS = resolve({"method": "poisson", "shadow": 0.8, "shadow_px": 20, "shadow_angle": 60})


@pytest.fixture
def job(pictures):
    read = {role: str(getattr(pictures, role)) for role in ("source", "mask", "target")}
    more = {"output": str(pictures.output), "layer": str(pictures.folder / "layer.png")}
    return FileBlend(SETTINGS, **read, center=(44, 30), device="cpu", **more)


def png(path):
    return imagecodecs.png_decode(path.read_bytes())


def test_a_flat_picture_has_it_below_the_object(job, pictures):
    report, _ = job.run(Told())
    request, placed = job.read()
    made = engine(request)
    assert made.shadow is not None and report["shadow"] == made.shadow.rect._asdict()
    expected = rooms.flatten(rooms.flatten(placed.target, made.shadow), made.plane)
    np.testing.assert_array_equal(png(pictures.output), expected.samples)
    # The layer alone holds both: laid on the target it is the same picture.
    alone = rooms.open_picture(job.layer, "source")
    content = (pictures.folder / "layer.png").read_bytes()
    rect = Rect(*struct.unpack_from(">ii", content, content.index(b"oFFs") + 4), *alone.size)
    assert {made.shadow.rect.intersection(rect), made.plane.rect.intersection(rect)} == {
        made.shadow.rect,
        made.plane.rect,
    }
    laid = rooms.flatten(placed.target, Plane(alone.samples, rect))
    assert np.abs(laid.samples.astype(int) - expected.samples).max() <= 2


def test_the_background_reaches_as_far_as_it(job):
    """So that it is not cut off at the margin that the blend itself needs."""
    large = rooms.Picture.of(Image.new("RGB", (900, 700), (120, 110, 100)))
    source, mask = (rooms.open_picture(path, role) for path, role in ((job.source, "source"), (job.mask, "mask")))
    placed = rooms.place(source, mask, large, (450, 350))
    crops = [
        rooms.to_request(placed, replace(SETTINGS, shadow=dark, shadow_px=200.0), "cpu", "shipped").background.rect
        for dark in (0.0, 0.5)
    ]
    assert crops[1] == crops[0].grown(300 - 64)


def test_a_document_has_it_as_a_layer_between(pictures):
    stack = stacked(one("object", AT), one("ground"))
    layers = {"object": disc("u2"), "ground": deep.grain(80, 96, seed=2).astype("u2") * 257}
    path = document(pictures.folder / "in.ora", stack, layers)
    output = pictures.folder / "out.ora"
    job = FileBlend(SETTINGS, document=str(path), output=str(output), device="cpu")
    job.run(Told())
    after = members(output)
    names = re.findall(r'<layer name="([^"]*)"', after["stack.xml"].decode())
    assert names == ["Deep blend (object)", "Deep blend (object) shadow", "object", "ground"]
    request, placed = job.read()
    made = engine(request)
    for name, plane in (("data/deepblend.png", made.plane), ("data/deepblend1.png", made.shadow)):
        np.testing.assert_array_equal(imagecodecs.png_decode(after[name]), plane.samples)
        assert f'src="{name}" x="{plane.rect.x}" y="{plane.rect.y}"' in after["stack.xml"].decode()
    flat = rooms.flatten(rooms.flatten(placed.target, made.shadow), made.plane).samples
    merged = imagecodecs.png_decode(after["mergedimage.png"])
    assert np.abs(merged.astype(int) - flat[..., : merged.shape[2]]).max() <= 257  # rounded in between, or not
    # Opened again, the topmost layer is the result, and its shadow lies below it.
    again = FileBlend(resolve({"method": "poisson"}), document=str(output), output=str(pictures.output), device="cpu")
    _, placed = again.read()
    assert placed.document.chosen.name == "Deep blend (object)"


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", ["RGBA", "YA"])
def test_merging_follows_the_formula_and_leaves_what_hides_or_lies_beside(dtype, channels):
    white = 1 if dtype is np.float32 else np.iinfo(dtype).max
    random = np.random.default_rng(5)

    def made(rect):
        samples = random.uniform(0, 1, (rect.h, rect.w, len(channels)))
        samples[:, :4, -1], samples[:, 4:8, -1] = 0, 1
        return Plane((np.rint(samples * white) if white > 1 else samples).astype(dtype), rect, channels)

    upper, lower = made(Rect(3, 4, 20, 10)), made(Rect(10, -2, 22, 12))
    both = rooms.merged(upper, lower)
    assert both.rect == Rect(3, -2, 29, 16)
    assert rooms.merged(upper, None) is upper
    whole = np.zeros((2, 16, 29, len(channels)))
    for at, plane in enumerate((lower, upper)):
        whole[at][plane.rect.relative_to(both.rect).slices] = plane.samples / white
    below, above = whole
    alpha = above[..., -1:] + below[..., -1:] * (1 - above[..., -1:])
    mixed = above[..., :-1] * above[..., -1:] + below[..., :-1] * below[..., -1:] * (1 - above[..., -1:])
    seen = alpha[..., 0] > 0
    found = both.samples / white
    np.testing.assert_allclose(found[..., -1:], alpha, atol=0.51 / white if white > 1 else 1e-6)
    np.testing.assert_allclose(found[seen][:, :-1], (mixed / np.maximum(alpha, 1e-9))[seen], atol=0.51 / white + 1e-6)
    inside = upper.rect.relative_to(both.rect).slices
    alone = (upper.samples[..., -1] == white) | (below[inside][..., -1] == 0)
    np.testing.assert_array_equal(both.samples[inside][alone], upper.samples[alone])
