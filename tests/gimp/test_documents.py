"""What is read of a document, and what is put into it: compared with the engine alone, fed with whole pictures."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from gimp import Gimp
from pictures import disc, engine, loaded, picture, stored

WIDTH, HEIGHT = 200, 160
BELOW = picture(WIDTH, HEIGHT, 4)
LAYER = picture(110, 90, 4, seed=11)
OPEN = f"""
image = tools.new_image({WIDTH}, {HEIGHT})
tools.new_layer(image, FOLDER + "/below", "below", {WIDTH}, {HEIGHT})
layer = tools.new_layer(image, FOLDER + "/layer", "Boat", 110, 90, X, Y)
"""
CLOSE = """
answer["box"] = [*list(new.get_offsets())[1:], new.get_width(), new.get_height()]
tools.save(new, FOLDER + "/new")
with open(FOLDER + "/mask", "wb") as file:
    file.write(tools.raw(image.get_selection().get_buffer()))
image.delete()
"""


def run(gimp: Gimp, script: str, layer: np.ndarray = LAYER, at: tuple[int, int] = (40, 30), end: str = CLOSE) -> Any:
    """Execute a script in a document of ``BELOW`` and a layer; ``new`` is what is looked at."""
    stored(gimp.folder / "below", BELOW)
    stored(gimp.folder / "layer", layer)
    opened = f"FOLDER, X, Y = {str(gimp.folder)!r}, *{at}\n" + OPEN
    return gimp.run(opened + script + ("" if end is None else end))


def made(gimp: Gimp, answer: Any) -> np.ndarray:
    _, _, w, h = answer["box"]
    return loaded(gimp.folder / "new", BELOW, w, h)


def selection(gimp: Gimp) -> np.ndarray:
    return loaded(gimp.folder / "mask", BELOW, WIDTH, HEIGHT)[..., 0]


@pytest.mark.parametrize(
    ("select", "settings"),
    [
        ("pass", {}),
        ("image.select_rectangle(Gimp.ChannelOps.REPLACE, 60, 50, 70, 40)", {}),
        ("image.select_ellipse(Gimp.ChannelOps.REPLACE, 50, 40, 80, 60)", {"gradients": "mixed"}),
        ("image.select_ellipse(Gimp.ChannelOps.REPLACE, 50, 40, 80, 60); Gimp.Selection.feather(image, 20)", {}),
        ("image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 70, 60)", {"keep_colours": 0.0}),
        ("Gimp.Selection.all(image)", {"feather_px": 9.0}),
        ("image.select_rectangle(Gimp.ChannelOps.REPLACE, 70, 60, 30, 20)", {"grow_px": 12.5}),
        ("image.select_rectangle(Gimp.ChannelOps.REPLACE, 60, 50, 70, 40)", {"grow_px": -6.0, "feather_px": 4.0}),
    ],
    ids=["none", "rectangle", "ellipse", "soft", "partly-outside", "all", "grown", "shrunk"],
)
def test_selections(gimp: Gimp, select: str, settings: dict):
    layer = LAYER.copy()
    layer[..., 3] = (disc(110, 90, 12) * 255).round()
    script = select + '\nanswer = {}\nnew = tools.blend(image, layer, method="poisson", **' + f'{settings})["layer"]\n'
    answer = run(gimp, script, layer)
    chosen = None if select == "pass" else selection(gimp)
    expected, box = engine(layer, (40, 30), BELOW, chosen, method="poisson", **settings)
    assert answer["box"] == list(box)
    np.testing.assert_array_equal(made(gimp, answer), expected)


@pytest.mark.parametrize(
    ("at", "size"),
    [
        ((-60, -40), (110, 90)),
        ((150, 120), (110, 90)),
        ((-30, -20), (300, 240)),
        ((0, 0), (200, 160)),
        ((80, 70), (1, 1)),
    ],
    ids=["left-above", "right-below", "larger-than-the-canvas", "as-large", "one-pixel"],
)
def test_layers_anywhere(gimp: Gimp, at: tuple[int, int], size: tuple[int, int]):
    layer = picture(*size, 4, seed=5)
    stored(gimp.folder / "big", layer)
    script = f"""
image.remove_layer(layer)
layer = tools.new_layer(image, FOLDER + "/big", "big", {size[0]}, {size[1]}, {at[0]}, {at[1]})
image.select_ellipse(Gimp.ChannelOps.REPLACE, 5, 5, 190, 150)
answer = {{}}
new = tools.blend(image, layer, method="poisson")["layer"]
"""
    answer = run(gimp, script)
    expected, box = engine(layer, at, BELOW, selection(gimp), method="poisson")
    assert answer["box"] == list(box)
    np.testing.assert_array_equal(made(gimp, answer), expected)


def test_the_layer_mask_and_the_selection_multiply(gimp: Gimp):
    mask = (disc(110, 90, 25) * 255).round().astype(np.uint8)
    stored(gimp.folder / "layer-mask", mask)
    script = """
layer.add_mask(layer.create_mask(Gimp.AddMaskType.WHITE))
with open(FOLDER + "/layer-mask", "rb") as file:
    tools.fill(layer.get_mask(), file.read())
image.select_ellipse(Gimp.ChannelOps.REPLACE, 45, 35, 80, 60)
Gimp.Selection.feather(image, 15)
answer = {}
new = tools.blend(image, layer, method="poisson")["layer"]
"""
    answer = run(gimp, script)
    both = np.zeros((HEIGHT, WIDTH))
    both[30:120, 40:150] = mask / 255.0
    both = (both * (selection(gimp) / 255.0) * 255).round().astype(np.uint8)
    expected, box = engine(LAYER, (40, 30), BELOW, both, method="poisson")
    assert answer["box"] == list(box)
    difference = np.abs(made(gimp, answer).astype(int) - expected.astype(int))
    assert difference[..., 3].max() <= 1  # the product is rounded by another
    assert difference[..., :3][expected[..., 3] > 2].max() <= 2


def test_a_layer_mask_that_is_edited_stands_for_its_layer(gimp: Gimp):
    script = """
layer.add_mask(layer.create_mask(Gimp.AddMaskType.WHITE))
answer = {}
new = tools.blend(image, layer.get_mask(), method="poisson")["layer"]
"""
    answer = run(gimp, script)
    expected, _ = engine(LAYER, (40, 30), BELOW, method="poisson")
    np.testing.assert_array_equal(made(gimp, answer), expected)


def test_the_whole_blend_is_the_engines_own(gimp: Gimp):
    """Deep, by a painting's settings: through GIMP, the wire and the server, bit for bit."""
    script = """
image.select_ellipse(Gimp.ChannelOps.REPLACE, 50, 40, 80, 60)
answer = {}
done = tools.blend(image, layer)
new, answer["report"] = done["layer"], done["report"]
"""
    answer = run(gimp, script)
    expected, box = engine(LAYER, (40, 30), BELOW, selection(gimp))
    assert answer["box"] == list(box)
    np.testing.assert_array_equal(made(gimp, answer), expected)
    assert answer["report"]["settings"]["style"] == 0.5
    assert answer["report"]["method"] == "deep"


def test_style_from_another_layer(gimp: Gimp):
    other = picture(64, 64, 4, seed=21)
    stored(gimp.folder / "other", other)
    script = """
strokes = tools.new_image(64, 64)
picture = tools.new_layer(strokes, FOLDER + "/other", "strokes", 64, 64)
image.select_ellipse(Gimp.ChannelOps.REPLACE, 50, 40, 80, 60)
answer = {"none": tools.blend(image, layer, wanted=False, style_from="picture")["said"]}
new = tools.blend(image, layer, style_from="picture", style_picture=picture)["layer"]
strokes.delete()
"""
    answer = run(gimp, script)
    ordinary, _ = engine(LAYER, (40, 30), BELOW, selection(gimp))
    assert "none was chosen" in answer["none"]
    inside = ordinary[..., 3] > 0
    assert np.abs(made(gimp, answer)[inside].astype(int) - ordinary[inside].astype(int)).mean() > 1


GROUPS = {
    "in-a-group": """
group = Gimp.GroupLayer.new(image, "group")
image.insert_layer(group, None, 0)
image.reorder_item(layer, group, 0)
lower = tools.new_layer(image, FOLDER + "/layer", "lower", 110, 90, 20, 50, parent=group, position=1)
lower.set_opacity(60)
""",
    "in-a-pass-through-group": """
group = Gimp.GroupLayer.new(image, "group")
image.insert_layer(group, None, 0)
group.set_mode(Gimp.LayerMode.PASS_THROUGH)
image.reorder_item(layer, group, 0)
lower = tools.new_layer(image, FOLDER + "/layer", "lower", 110, 90, 20, 50, parent=group, position=1)
lower.set_mode(Gimp.LayerMode.MULTIPLY)
""",
    "above-hidden-and-faint-layers": """
lower = tools.new_layer(image, FOLDER + "/layer", "hidden", 110, 90, 20, 50, position=1)
lower.set_visible(False)
faint = tools.new_layer(image, FOLDER + "/layer", "faint", 110, 90, 60, 10, position=1)
faint.set_opacity(35)
""",
    "below-others": """
for place in range(2):
    tools.new_layer(image, FOLDER + "/layer", "above", 110, 90, 30 * place, 10)
""",
    "itself-hidden-and-faint": """
layer.set_visible(False)
layer.set_opacity(20)
layer.set_mode(Gimp.LayerMode.DIFFERENCE)
""",
    "above-a-blurred-layer": """
blur = Gimp.DrawableFilter.new(image.get_layers()[-1], "gegl:gaussian-blur", "blur")
image.get_layers()[-1].append_filter(blur)
""",
}


@pytest.mark.parametrize("kind", GROUPS)
def test_what_lies_below(gimp: Gimp, kind: str):
    """The background is what is seen when the layer and all above it are hidden."""
    script = (
        GROUPS[kind]
        + """
image.select_ellipse(Gimp.ChannelOps.REPLACE, 50, 40, 80, 60)
before = tools.state(image)
answer = {}
new = tools.blend(image, layer, method="poisson", hide_original="no")["layer"]
after = tools.state(image)
siblings = layer.get_parent().get_children() if layer.get_parent() else image.get_layers()
answer["names"] = [one.get_name() for one in siblings]


def without_new(layers):
    return [{**one, "children": without_new(one["children"])} for one in layers if one["id"] != new.get_id()]


answer["same"] = without_new(after["layers"]) == before["layers"]
answer["images"] = after["images"] - before["images"]
for one in siblings[: answer["names"].index("Boat") + 1]:
    one.set_visible(False)
tools.composite(image, FOLDER + "/seen")
"""
    )
    answer = run(gimp, script)
    seen = loaded(gimp.folder / "seen", BELOW, WIDTH, HEIGHT)
    if seen.shape[2] == 3:
        seen = np.dstack([seen, np.full(seen.shape[:2], 255, np.uint8)])
    expected, box = engine(LAYER, (40, 30), seen, selection(gimp), method="poisson")
    assert answer["box"] == list(box)
    np.testing.assert_array_equal(made(gimp, answer), expected)
    assert answer["names"].index("Boat, seamless") == answer["names"].index("Boat") - 1
    assert answer["same"], "another layer was changed"
    assert answer["images"] == 0, "a copy of the image was left behind"


def test_a_group_is_blended_as_what_it_shows(gimp: Gimp):
    script = """
group = Gimp.GroupLayer.new(image, "Fleet")
image.insert_layer(group, None, 0)
image.reorder_item(layer, group, 0)
answer = {}
new = tools.blend(image, group, method="poisson")["layer"]
answer["name"], answer["visible"] = new.get_name(), group.get_visible()
"""
    answer = run(gimp, script)
    expected, box = engine(LAYER, (40, 30), BELOW, method="poisson")
    assert answer["box"] == list(box)
    np.testing.assert_array_equal(made(gimp, answer), expected)
    assert answer["name"] == "Fleet, seamless"
    assert answer["visible"] is False  # all of it was blended


@pytest.mark.parametrize(("given", "visible"), [("auto", False), ("yes", False), ("no", True)])
def test_the_original_is_hidden_so_that_the_result_is_what_is_seen(gimp: Gimp, given: str, visible: bool):
    script = f"""
image.select_ellipse(Gimp.ChannelOps.REPLACE, 50, 40, 80, 60)
answer = {{}}
new = tools.blend(image, layer, method="poisson", hide_original="{given}")["layer"]
answer["visible"] = layer.get_visible()
"""
    assert run(gimp, script)["visible"] is visible


def test_the_edge_as_a_layer_mask_looks_the_same(gimp: Gimp):
    script = """
image.select_ellipse(Gimp.ChannelOps.REPLACE, 50, 40, 80, 60)
Gimp.Selection.feather(image, 20)
answer = {}
new = tools.blend(image, layer, method="poisson", as_layer_mask=True, hide_original="yes")["layer"]
tools.composite(image, FOLDER + "/masked")
tools.save(new.get_mask(), FOLDER + "/edge")
image.remove_layer(new)
new = tools.blend(image, layer, method="poisson", hide_original="yes")["layer"]
tools.composite(image, FOLDER + "/seen")
"""
    answer = run(gimp, script)
    seen, masked = (loaded(gimp.folder / name, BELOW, WIDTH, HEIGHT).astype(int) for name in ("seen", "masked"))
    assert np.abs(seen - masked).max() <= 1
    edge = loaded(gimp.folder / "edge", BELOW, *answer["box"][2:])[..., 0]
    np.testing.assert_array_equal(edge, made(gimp, answer)[..., 3])


def test_what_a_result_keeps(gimp: Gimp):
    script = """
image.select_rectangle(Gimp.ChannelOps.REPLACE, 60, 50, 70, 40)
first = tools.blend(image, layer, style=0.3, keep_colours=0.8, feather_px=3.0)["layer"]
answer = {"name": first.get_name(), "kept": bytes(first.get_parasite("deepblend-settings").get_data()).decode()}
Gimp.Selection.none(image)
new = tools.blend(image, first, procedure="deepblend-again", style=0.3, keep_colours=0.8, feather_px=3.0)["layer"]
answer["order"] = [one.get_name() for one in image.get_layers()]
tools.save(first, FOLDER + "/first")
plain = tools.new_layer(image, FOLDER + "/layer", "plain", 110, 90)
answer["plain"] = tools.blend(image, plain, procedure="deepblend-again", wanted=False)["said"]
image.remove_layer(layer)
answer["gone"] = tools.blend(image, new, procedure="deepblend-again", wanted=False)["said"]
"""
    answer = run(gimp, script)
    kept = json.loads(answer["kept"])["settings"]
    assert answer["name"] == "Boat, blended (style 0.3)"
    assert (kept["preset"], kept["style"], kept["keep-colours"], kept["feather-px"]) == ("painting", 0.3, 0.8, 3.0)
    np.testing.assert_array_equal(made(gimp, answer), loaded(gimp.folder / "first", BELOW, *answer["box"][2:]))
    assert answer["order"] == ["Boat, blended (style 0.3) #1", "Boat, blended (style 0.3)", "Boat", "below"]
    assert "was not made by Deep Image Blending" in answer["plain"]
    assert "is not in the image any more" in answer["gone"]


PASTE = "Gimp.Selection.all(image); Gimp.edit_copy([layer]); Gimp.edit_paste(layer, False)"
INDEXED = "image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.MONO, 2, False, False, '')"
CHANNEL = f"""
channel = Gimp.Channel.new(image, "spot", {WIDTH}, {HEIGHT}, 50, Gegl.Color.new("black"))
image.insert_channel(channel, None, 0)
"""
REFUSED = {
    "nothing-there": ("image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 20, 20)", "layer", "mask is empty"),
    "outside-the-canvas": ("layer.set_offsets(300, 20)", "layer", "lies wholly outside"),
    "two-layers": ("pass", "list(image.get_layers())", "2 layers are selected"),
    "floating-selection": (PASTE, "layer", "floating"),
    "indexed": (INDEXED, "layer", "indexed"),
    "a-channel": (CHANNEL, "channel", "is not a layer"),
    "nothing-visible": ("layer.fill(Gimp.FillType.TRANSPARENT)", "layer", "mask is empty"),
}


def refused(gimp: Gimp, before: str, drawables: str, words: str) -> None:
    """See that a blend of these is refused in these words, and changes nothing."""
    script = f"""
{before}
was = tools.state(image)
answer = tools.blend(image, {drawables}, wanted=False)
answer["same"] = tools.state(image) == was
image.delete()
"""
    answer = run(gimp, script, end="")
    assert answer["status"] in ("execution-error", "calling-error")
    assert words in answer["said"]
    assert answer["same"]


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_blended_is_said(gimp: Gimp, kind: str):
    refused(gimp, *REFUSED[kind])
