"""Blend Again: the original wherever it is by now, with what was selected of it."""

from __future__ import annotations

import numpy as np
import pytest
from gimp import Gimp
from pictures import loaded
from test_documents import BELOW, LAYER, made, run


@pytest.mark.parametrize(
    ("change", "dx", "dy"),
    [
        ("layer.set_offsets(layer.get_offsets()[1] + 9, layer.get_offsets()[2] - 4)", 9, -4),
        ("image.crop(185, 150, 10, 6)", -10, -6),
        ("image.resize(260, 200, 9, 4)", 9, 4),
    ],
    ids=["moved", "cropped", "canvas"],
)
def test_blend_again_works_where_the_layer_is_now(gimp: Gimp, change: str, dx: int, dy: int):
    script = f"""
image.select_rectangle(Gimp.ChannelOps.REPLACE, 60, 50, 70, 40)
first = tools.blend(image, layer, method="poisson")["layer"]
Gimp.Selection.none(image)
{change}
again = tools.blend(image, first, procedure="deepblend-again", method="poisson")["layer"]
image.select_rectangle(Gimp.ChannelOps.REPLACE, {60 + dx}, {50 + dy}, 70, 40)
new = tools.blend(image, layer, method="poisson")["layer"]
tools.save(again, FOLDER + "/again")
answer = {{"places": [list(one.get_offsets())[1:] for one in (again, new)]}}
"""
    answer = run(gimp, script)
    assert answer["places"][0] == answer["places"][1]
    np.testing.assert_array_equal(made(gimp, answer), loaded(gimp.folder / "again", BELOW, *answer["box"][2:]))


def test_blend_again_where_nobody_knows_what_was_selected(gimp: Gimp):
    script = """
image.select_rectangle(Gimp.ChannelOps.REPLACE, 60, 50, 70, 40)
new = tools.blend(image, layer, method="poisson")["layer"]
Gimp.Selection.none(image)
image.scale(100, 80)
answer = {"scaled": tools.blend(image, new, procedure="deepblend-again", method="poisson", wanted=False)["said"]}
image.select_rectangle(Gimp.ChannelOps.REPLACE, 30, 25, 35, 20)
answer["selected"] = tools.blend(image, new, procedure="deepblend-again", method="poisson")["status"]
other = image.duplicate()
copy = next(one for one in other.get_layers() if one.get_name() == new.get_name())
answer["copy"] = tools.blend(other, copy, procedure="deepblend-again", method="poisson")["status"]
foreign = tools.new_image(200, 160)
tools.new_layer(foreign, FOLDER + "/below", "below", 200, 160)
tools.new_layer(foreign, FOLDER + "/layer", "another boat", 110, 90, 40, 30)
brought = Gimp.Layer.new_from_drawable(new, foreign)
foreign.insert_layer(brought, None, 0)
answer["foreign"] = tools.blend(foreign, brought, procedure="deepblend-again", wanted=False)["said"]
"""
    answer = run(gimp, script)
    assert "has another size than when it was blended" in answer["scaled"]
    assert (answer["selected"], answer["copy"]) == ("success", "success")
    assert "is not in the image any more" in answer["foreign"]


TURNS = {
    "layer-flipped": "layer = layer.transform_flip_simple(Gimp.OrientationType.HORIZONTAL, True, 0)",
    "image-flipped": "image.flip(Gimp.OrientationType.VERTICAL)",
    "image-turned": "image.rotate(Gimp.RotationType.DEGREES90)",
    "layer-turned": "layer = layer.transform_rotate_simple(Gimp.RotationType.DEGREES180, True, 0, 0)",
}


@pytest.mark.parametrize("change", TURNS.values(), ids=TURNS)
def test_blend_again_turns_the_selection_with_its_layer(gimp: Gimp, change: str):
    """What is selected by then is marked by a colour of its own, and the same pixels have to be blended."""
    layer = LAYER.copy()
    layer[15:35, 12:40, :3] = (250, 20, 20)
    script = f"""
image.select_rectangle(Gimp.ChannelOps.REPLACE, 40 + 12, 30 + 15, 28, 20)
first = tools.blend(image, layer, method="poisson", edges="selected")["layer"]
Gimp.Selection.none(image)
{change}
image.select_color(Gimp.ChannelOps.REPLACE, layer, Gegl.Color.new("#fa1414"))
marked = list(Gimp.Selection.bounds(image))[2:]
wanted = tools.blend(image, layer, method="poisson", edges="selected")["layer"]
Gimp.Selection.none(image)
new = tools.blend(image, first, procedure="deepblend-again", method="poisson", edges="selected")["layer"]
tools.save(wanted, FOLDER + "/wanted")
answer = {{"places": [list(one.get_offsets())[1:] for one in (wanted, new)], "marked": marked}}
"""
    answer = run(gimp, script, layer)
    x0, y0, x1, y1 = answer["marked"]
    assert answer["places"] == [[x0, y0]] * 2
    assert sorted(answer["box"][2:]) == sorted((x1 - x0, y1 - y0)) == [20, 28]
    np.testing.assert_array_equal(made(gimp, answer), loaded(gimp.folder / "wanted", BELOW, *answer["box"][2:]))
