"""Layers that GIMP has from 3.2 on, and that are not of pixels alone: links to files, and vectors."""

from __future__ import annotations

import numpy as np
import pytest
from gimp import Gimp
from hosts_root import GIMP
from pictures import engine, loaded, picture, stored
from PIL import Image

pytestmark = pytest.mark.skipif(GIMP == "3.0", reason="GIMP 3.0 has no such layers")
WIDTH, HEIGHT = 200, 160
BELOW = picture(WIDTH, HEIGHT, 4)
LINKED = picture(110, 90, 4, seed=11)
LINK = """
from gi.repository import Gio
layer = Gimp.LinkLayer.new(image, Gio.File.new_for_path(FOLDER + "/linked.png"))
image.insert_layer(layer, None, 0)
layer.set_name("Boat")
layer.set_offsets(40, 30)
"""
VECTOR = """
path = Gimp.Path.new(image, "outline")
image.insert_path(path, None, 0)
path.bezier_stroke_new_ellipse(95, 75, 50, 40, 0)
layer = Gimp.VectorLayer.new(image, path)
image.insert_layer(layer, None, 0)
layer.set_name("Boat")
layer.set_enable_fill(True)
layer.refresh()
"""


@pytest.mark.parametrize("kind", [LINK, VECTOR], ids=["link", "vector"])
def test_it_is_blended_as_it_is_drawn_and_stays_what_it_is(gimp: Gimp, kind: str):
    stored(gimp.folder / "below", BELOW)
    Image.fromarray(LINKED).save(gimp.folder / "linked.png")
    answer = gimp.run(f"""
FOLDER = {str(gimp.folder)!r}
image = tools.new_image({WIDTH}, {HEIGHT})
tools.new_layer(image, FOLDER + "/below", "below", {WIDTH}, {HEIGHT})
{kind}
kind, was = type(layer).__name__, tools.state(image)
tools.save(layer, FOLDER + "/drawn")
new = tools.blend(image, layer, method="poisson")["layer"]
tools.save(new, FOLDER + "/new")
box = lambda one: [*list(one.get_offsets())[1:], one.get_width(), one.get_height()]
answer = dict(kind=kind, still=type(layer).__name__, name=new.get_name(), of=box(layer), box=box(new))
image.remove_layer(new)
now = tools.state(image)
answer["same"] = [one["pixels"] for one in now["layers"]] == [one["pixels"] for one in was["layers"]]
image.delete()
""")
    assert answer["kind"] == answer["still"] == ("LinkLayer" if kind == LINK else "VectorLayer")
    assert answer["name"] == "Boat, seamless" and answer["same"]
    x, y, w, h = answer["of"]
    drawn = loaded(gimp.folder / "drawn", BELOW, w, h)
    assert drawn[..., 3].any()
    if kind == LINK:
        np.testing.assert_array_equal(drawn, LINKED)
    expected, box = engine(drawn, (x, y), BELOW, None, method="poisson")
    assert answer["box"] == list(box)
    np.testing.assert_array_equal(loaded(gimp.folder / "new", BELOW, box[2], box[3]), expected)
