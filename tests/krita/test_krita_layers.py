"""Layers of every kind, blended and blended into, with masks; and another layer that style comes from."""

from __future__ import annotations

import numpy as np
import pytest
from deepblend.engine.blend import blend
from deepblend.engine.request import Plane, Rect, Request
from deepblend_protocol.settings import resolve
from krita_desk import AT, BELOW, HEIGHT, LAYER, SRGB, WIDTH, Desk, ellipse
from pictures import disc, engine, picture
from PIL import Image
from waiting import wait_for

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


SUBJECTS = {
    "a-group": """
group = document.createGroupLayer("Fleet")
document.rootNode().addChildNode(group, None)
document.rootNode().removeChildNode(layer)
new_layer(document, "Boat", 110, 90, 40, 30, parent=group)
layer = group
""",
    "a-pass-through-group": """
group = document.createGroupLayer("Fleet")
document.rootNode().addChildNode(group, None)
document.rootNode().removeChildNode(layer)
new_layer(document, "Boat", 110, 90, 40, 30, parent=group)
group.setPassThroughMode(True)
layer = group
""",
    "a-hidden-group": """
group = document.createGroupLayer("Fleet")
document.rootNode().addChildNode(group, None)
group.setVisible(False)
document.rootNode().removeChildNode(layer)
new_layer(document, "Boat", 110, 90, 40, 30, parent=group)
layer = group
""",
    "a-clone": """
layer.setVisible(False)
clone = document.createCloneLayer("Clone", layer)
document.rootNode().addChildNode(clone, None)
layer = clone
""",
}


@pytest.mark.parametrize("kind", SUBJECTS)
def test_a_layer_is_blended_as_what_it_shows(desk: Desk, kind: str):
    desk.open(script=SUBJECTS[kind])
    desk.blend(style=0.0)
    new, box = desk.made()
    desk.close()
    expected, whole = engine(LAYER, AT, BELOW, style=0.0)
    assert box == whole
    np.testing.assert_array_equal(new, expected)


def test_a_vector_layer(desk: Desk):
    """What of it is drawn; of the engine's own kind, as the same pixels on a paint layer show."""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}px" height="{HEIGHT}px" viewBox="0 0 {WIDTH} {HEIGHT}">'
    )
    svg += '<rect x="50" y="40" width="60" height="50" fill="#ff8000"/></svg>'
    script = f"""
document.rootNode().removeChildNode(layer)
layer = document.createVectorLayer("Sign")
document.rootNode().addChildNode(layer, None)
layer.addShapesFromSvg({svg!r})
"""
    desk.open(script=script)
    wait_for(lambda: desk.run("answer = layer.bounds().width()"), "the vectors to be drawn")
    desk.blend(style=0.0)
    new, box = desk.made()
    x, y, w, h = box
    desk.run(f"keep('drawn', layer.projectionPixelData({x}, {y}, {w}, {h}))")
    drawn = desk.loaded("drawn", BELOW, w, h)
    desk.close()
    assert drawn[..., 3].any()
    expected, whole = engine(drawn, (x, y), BELOW, style=0.0)
    np.testing.assert_array_equal(new, expected[:h, :w])
    assert whole[:2] == (x, y)


def test_a_transparency_mask_counts(desk: Desk):
    mask = (disc(110, 90, 25) * 255).round().astype(np.uint8)
    whole_mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    whole_mask[30:120, 40:150] = mask
    (desk.folder / "edge").write_bytes(whole_mask.tobytes())
    script = f"""
edge = document.createTransparencyMask("edge")
part = Selection()
part.setPixelData(samples("edge"), 0, 0, {WIDTH}, {HEIGHT})
edge.setSelection(part)
layer.addChildNode(edge, None)
"""
    desk.open(script=script)
    for subject in ("layer", "edge"):  # a mask that is edited stands for its layer
        desk.activate(subject)
        desk.blend(style=0.0)
        new, box = desk.made()
        layer = LAYER.copy()
        layer[..., 3] = mask
        expected, whole = engine(layer, AT, BELOW, style=0.0)
        x, y = box[0] - whole[0], box[1] - whole[1]
        np.testing.assert_array_equal(new, expected[y : y + box[3], x : x + box[2]])
    desk.close()


def test_a_layer_of_another_depth_than_its_document(desk: Desk):
    """It is blended in the document's own colour space."""
    desk.open(mask=ELLIPSE)
    desk.run(f"layer.setColorSpace('RGBA', 'U16', '{SRGB}'); document.waitForDone()")
    desk.blend(style=0.0)
    new, _ = desk.made()
    desk.close()
    expected, _ = engine(LAYER, AT, BELOW, ELLIPSE, style=0.0)
    np.testing.assert_array_equal(new, expected)


def test_the_edge_as_a_transparency_mask_looks_the_same(desk: Desk):
    desk.open(mask=ellipse((50, 40, 80, 60), 20))
    desk.run("layer.setVisible(False); before = state(document)")
    desk.blend(style=0.0)
    seen = desk.seen().astype(int)
    desk.run("new.remove(); document.waitForDone(); widget('as_mask').setChecked(True)")
    desk.blend(style=0.0)
    masked = desk.seen().astype(int)
    children = desk.run("widget('as_mask').setChecked(False); answer = [one.type() for one in new.childNodes()]")
    desk.run("Krita.instance().action('edit_undo').trigger()")
    desk.run("document.waitForDone()")
    left = ["below", "Boat", "Selection Mask"]
    wait_for(lambda: desk.run("answer = names(document.rootNode())") == left, "the result to be gone")
    desk.close()
    assert children == ["transparencymask"]
    assert np.abs(seen - masked).max() <= 1
