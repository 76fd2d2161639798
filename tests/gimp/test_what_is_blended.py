"""What is blended, and into what: filters, locks, groups, and what is said where it is not as one might think."""

from __future__ import annotations

import numpy as np
import pytest
from gimp import Gimp
from pictures import engine, picture, stored
from test_documents import BELOW, LAYER, made, refused, run

INVERT = """
def invert(drawable, operation="gegl:invert-gamma", visible=True):
    one = Gimp.DrawableFilter.new(drawable, operation, "")
    drawable.append_filter(one)
    one.set_visible(visible)
"""
IN_A_GROUP = """
group = Gimp.GroupLayer.new(image, "Fleet")
image.insert_layer(group, None, 0)
image.reorder_item(layer, group, 0)
"""
NEGATIVE = np.concatenate([255 - LAYER[..., :3], LAYER[..., 3:]], -1)
BLEND = """
was = tools.state(image)
new = tools.blend(image, active, method="poisson", hide_original="no")["layer"]
after = tools.state(image)
answer = {"same": after["layers"][1:] == was["layers"] and after["images"] == was["images"]}
"""


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("active = layer; invert(layer)", NEGATIVE),
        ("active = layer; invert(layer, visible=False)", LAYER),
        (IN_A_GROUP + "active = group; invert(layer)", NEGATIVE),
        (IN_A_GROUP + "active = group; invert(group)", NEGATIVE),
    ],
    ids=["layer", "switched-off", "group-of-it", "group"],
)
def test_filters_are_blended_as_they_are_seen(gimp: Gimp, before: str, expected: np.ndarray):
    answer = run(gimp, INVERT + before + BLEND)
    wanted, box = engine(expected, (40, 30), BELOW, method="poisson")
    assert answer["same"], "the layers were changed"
    assert answer["box"] == list(box)
    np.testing.assert_array_equal(made(gimp, answer), wanted)


def test_a_filter_that_makes_the_layer_larger(gimp: Gimp):
    answer = run(gimp, INVERT + "active = layer; invert(layer, 'gegl:dropshadow')" + BLEND)
    x, y, w, h = answer["box"]
    assert x + w > 40 + 110 and y + h > 30 + 90


def test_a_layer_that_is_locked_to_be_visible_is_not_its_own_background(gimp: Gimp):
    script = """
layer.set_lock_visibility(True)
done = tools.blend(image, layer, method="poisson")
new, answer = done["layer"], {"notes": done["report"]["notes"], "visible": layer.get_visible()}
"""
    answer = run(gimp, script)
    wanted, _ = engine(LAYER, (40, 30), BELOW, method="poisson")
    np.testing.assert_array_equal(made(gimp, answer), wanted)
    assert answer["visible"] is True
    assert "visibility is locked" in answer["notes"][0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("group.set_visible(False)", "'Fleet', which is hidden"),
        ("group.set_opacity(50)", "'Fleet' has a mode, an opacity"),
        ("group.set_mode(Gimp.LayerMode.MULTIPLY)", "'Fleet' has a mode, an opacity"),
        ("group.set_mode(Gimp.LayerMode.PASS_THROUGH)", None),
    ],
)
def test_a_group_that_changes_the_result_is_said(gimp: Gimp, change: str, words: str | None):
    script = (
        IN_A_GROUP
        + f"""
tools.new_layer(image, FOLDER + "/below", "sea", 200, 160, parent=group, position=1)
{change}
done = tools.blend(image, layer, method="poisson")
new, answer = done["layer"], {{"notes": done["report"]["notes"]}}
"""
    )
    notes = run(gimp, script)["notes"]
    assert (words in notes[0]) if words else not notes


ALONE = "image.remove_layer(image.get_layers()[1])"
HIDDEN_BELOW = "image.get_layers()[1].set_visible(False)"
QUICK = """
layer = Gimp.Channel.new(image, "Qmask", 200, 160, 50, Gegl.Color.new("black"))
image.insert_channel(layer, None, 0)
"""


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (ALONE, "Nothing is visible below 'Boat'"),
        (HIDDEN_BELOW, "Nothing is visible below"),
        (QUICK, "quick mask is on"),
    ],
    ids=["alone", "hidden", "quick-mask"],
)
def test_what_cannot_be_meant_is_said(gimp: Gimp, before: str, words: str):
    refused(gimp, before, "layer", words)


STROKES = picture(70, 50, 4, seed=21)
STYLE = """
import sys

sys.path.insert(0, PLUG_IN)
from deepblend_gimp import host

host.prepare()
from deepblend_gimp import document, subject
from deepblend_protocol.settings import resolve

read, previewed = [], []
given = {"style": 1.0, "style_from": "picture"}
boat = subject.Asked(image, layer, False).subject()
small = document.Reduced(boat, 420, 0, 0)
for one in (picture, negative):
    read.append(list(document.read(boat, one, resolve(given), given).request.style.samples))
    small.take_picture(one)
    previewed.append(list(small._picture.samples))
new, answer = layer, {"read": read, "previewed": previewed, "images": len(Gimp.get_images()) - was}
"""
ELSEWHERE = """
image, own = tools.new_image(70, 50, precision="U16_NON_LINEAR"), image
picture = Gimp.Layer.new_from_drawable(strokes, image)
image.insert_layer(picture, None, 0)
image = own
"""


@pytest.mark.parametrize(
    "where",
    [
        "picture = strokes; picture.set_visible(False); invert(picture)",
        IN_A_GROUP.replace("layer,", "strokes,") + "picture = group; invert(strokes); group.set_visible(False)",
        IN_A_GROUP.replace("layer,", "strokes,") + "picture = group; invert(group); group.set_visible(False)",
        ELSEWHERE + "invert(picture)",
    ],
    ids=["layer", "in-a-group", "group", "another-image"],
)
def test_style_comes_from_a_layer_as_it_is_seen(gimp: Gimp, where: str):
    """For a blend and for its preview the same is read as from a layer whose own pixels are so."""
    stored(gimp.folder / "strokes", STROKES)
    stored(gimp.folder / "negative", np.concatenate([255 - STROKES[..., :3], STROKES[..., 3:]], -1))
    opened = f"PLUG_IN = {str(gimp.folder / 'profile' / 'plug-ins' / 'deepblend-gimp')!r}\n"
    for name in ("negative", "strokes"):
        opened += f'{name} = tools.new_layer(image, FOLDER + "/{name}", "{name}", 70, 50, 120, 20)\n'
    opened += "negative.set_visible(False)\n"
    answer = run(gimp, INVERT + opened + where + "\nwas = len(Gimp.get_images())" + STYLE)
    for shown, expected in (answer["read"], answer["previewed"]):
        assert len(shown) == 70 * 50 * 4
        assert shown == expected
    assert answer["images"] == 0, "a copy was left behind"
