"""Layers of other kinds: file and fill layers, blended and blended into; and another layer that style comes from."""

from __future__ import annotations

import numpy as np
import pytest
from deepblend.engine.blend import blend
from deepblend.engine.request import Plane, Rect, Request
from deepblend_protocol.settings import resolve
from harness import wait_for
from krita_desk import AT, BELOW, HEIGHT, LAYER, WIDTH, Desk, ellipse
from pictures import engine, picture
from PIL import Image

ELLIPSE = ellipse((50, 40, 80, 60))
FILE = 'other = document.createFileLayer("Photo", FOLDER + "/photo.png", "None")'
FILL = """
from krita import InfoObject
red = InfoObject()
red.setProperty("color", QtGui.QColor(200, 90, 30))
everywhere = Selection()
everywhere.select(0, 0, document.width(), document.height(), 255)
other = document.createFillLayer("Red", "color", red, everywhere)
"""
KINDS = {"a-file-layer": FILE, "a-fill-layer": FILL}
PHOTO = picture(WIDTH, HEIGHT, 4, seed=8)


def opened(desk: Desk, kind: str, above: str) -> np.ndarray:
    """A document with such a layer, known to scripts as ``other``, above another one; what it shows."""
    Image.fromarray(PHOTO).save(desk.folder / "photo.png")
    desk.open(mask=ELLIPSE, script=f"{KINDS[kind]}\ndocument.rootNode().addChildNode(other, {above})")
    drawn = f"keep('drawn', other.projectionPixelData(0, 0, {WIDTH}, {HEIGHT}))"

    def shown() -> np.ndarray | None:
        desk.run(f"document.refreshProjection(); document.waitForDone(); {drawn}")
        samples = desk.loaded("drawn", BELOW, WIDTH, HEIGHT)
        return samples if samples[..., 3].all() else None

    wait_for(lambda: shown() is not None, "the file or the colour")
    samples = shown()
    assert samples is not None
    if kind == "a-file-layer":
        assert np.abs(samples.astype(int) - PHOTO).max() <= 1  # its profile is Krita's affair
    else:
        assert len(np.unique(samples.reshape(-1, 4), axis=0)) == 1
    return samples


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_blended(desk: Desk, kind: str):
    samples = opened(desk, kind, "layer")
    desk.run("layer.setVisible(False); layer = other; ready(document, layer)")
    desk.activate()
    desk.blend(style=0.0)
    new, box = desk.made()
    desk.close()
    expected, whole = engine(samples, (0, 0), BELOW, ELLIPSE, style=0.0)
    x, y = box[0] - whole[0], box[1] - whole[1]
    np.testing.assert_array_equal(new, expected[y : y + box[3], x : x + box[2]])
    assert box[2:] >= (80, 60)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_blended_into(desk: Desk, kind: str):
    samples = opened(desk, kind, "document.topLevelNodes()[0]")
    assert desk.run("answer = names(document.rootNode()).index('Boat')") == 2
    desk.activate()
    desk.blend(style=0.0)
    new, box = desk.made()
    desk.close()
    expected, whole = engine(LAYER, AT, samples, ELLIPSE, style=0.0)
    assert box == whole
    np.testing.assert_array_equal(new, expected)


def test_style_from_another_layer(desk: Desk):
    """It takes what the docker's list names; without a name that is said."""
    other = picture(70, 50, 4, seed=21)
    desk.store("other", other)
    desk.open(mask=ELLIPSE, script='other = new_layer(document, "Strokes", 70, 50, 120, 20, file="other")')
    desk.run("other.setVisible(False)")
    desk.press(style=1.0, style_from="picture")
    assert desk.ended() == "Style is to come from another layer, and none was chosen."
    listed = desk.run("""
chooser = widget("picture")
chooser.look()
chooser.setCurrentIndex(chooser.findText("Strokes"))
answer = [chooser.isVisibleTo(docker()), *(chooser.itemText(one) for one in range(chooser.count()))]
""")
    assert listed == [True, "Strokes", "Boat", "below"]
    desk.blend(style=1.0, style_from="picture")
    new, box = desk.made()
    desk.close()
    canvas = Rect(0, 0, WIDTH, HEIGHT)
    request = Request(
        layer=Plane(LAYER, Rect(*AT, *LAYER.shape[1::-1]), encoding="profile"),
        mask=Plane(ELLIPSE[..., None], canvas, "Y"),
        background=Plane(BELOW, canvas, encoding="profile"),
        style=Plane(other, Rect(0, 0, 70, 50), encoding="profile"),
        settings=resolve({"preset": "painting", "style": 1.0, "style_from": "picture"}),
        device="cpu",
    )
    made = blend(request).plane
    assert box == made.rect
    np.testing.assert_array_equal(new, made.samples)
