"""What lies below a layer is put together in tiles, so that GIMP is not held; they are what GIMP shows at once."""

from __future__ import annotations

import numpy as np
import pytest
from gimp import Gimp
from pictures import loaded, picture, stored

WIDTH, HEIGHT = 250, 170
ROUNDED = {"U8": 0, "U16": 8, "HALF": 2**-11, "FLOAT": 1e-6}
"""By how much a picture differs from what GIMP shows of it the next time: babl chooses how to convert."""


@pytest.mark.parametrize("precision", ["U8_NON_LINEAR", "U16_NON_LINEAR", "FLOAT_LINEAR", "HALF_PERCEPTUAL"])
@pytest.mark.parametrize("box", [None, (13, 21, 201, 140)], ids=["all", "a-box"])
def test_tiles_are_what_gimp_shows(gimp: Gimp, adobe, precision: str, box: tuple[int, int, int, int] | None):
    kind = precision.split("_")[0]
    below = picture(WIDTH, HEIGHT, 4, kind)
    stored(gimp.folder / "below", below)
    stored(gimp.folder / "layer", picture(110, 90, 4, kind, seed=5))
    script = f"""
import sys

sys.path.insert(0, {str(gimp.folder / "profile" / "plug-ins" / "deepblend-gimp")!r})
from deepblend_gimp import host

host.prepare()
from deepblend_gimp import background as own, gegl
from deepblend_gimp.samples import Samples
from deepblend_protocol.geometry import Rect

image = tools.new_image({WIDTH}, {HEIGHT}, precision="{precision}", profile={str(adobe)!r})
tools.new_layer(image, "{gimp.folder}/below", "below", {WIDTH}, {HEIGHT})
group = Gimp.GroupLayer.new(image, "group")
image.insert_layer(group, None, 0)
group.set_mode(Gimp.LayerMode.MULTIPLY)
faint = tools.new_layer(image, "{gimp.folder}/layer", "faint", 110, 90, 30, 70, parent=group)
faint.set_opacity(40)
layer = tools.new_layer(image, "{gimp.folder}/layer", "Boat", 110, 90, 60, 20)
own._TILE = (64, 50)
was = len(Gimp.get_images())
made, frame = own.background(image, layer, Rect(*{box}) if {box} else None)
left = len(Gimp.get_images()) - was
layer.set_visible(False)
if {box}:
    image.crop(*{box and (*box[2:], *box[:2])})
seen = Gimp.Layer.new_from_visible(image, image, "seen")
for buffer, file in ((made, "made"), (seen.get_buffer(), "seen")):
    with open(f"{gimp.folder}/{{file}}", "wb") as out:
        out.write(gegl.read(buffer, Rect(0, 0, *frame.size), Samples(image).colour))
answer = [left, list(frame)]
image.delete()
"""
    left, frame = gimp.run(script)
    assert left == 0, "a copy was left behind"
    assert frame == list(box or (0, 0, WIDTH, HEIGHT))
    made, seen = (loaded(gimp.folder / name, below, *frame[2:]).astype(float) for name in ("made", "seen"))
    assert seen.std() > 0.1
    assert np.abs(made - seen).max() <= ROUNDED[kind]
