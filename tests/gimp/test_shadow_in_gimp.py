"""The contact shadow in GIMP: a layer of its own below the result, in one undo step, and in the dialog's preview."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from desk import Desk
from gimp import Gimp
from pictures import engine_shadow, loaded
from test_documents import BELOW, HEIGHT, LAYER, WIDTH, run
from waiting import wait_for

ASKED = {"shadow": 0.7, "shadow_angle": 30.0, "shadow_px": 60.0}
"""Longer than the margin that a blend needs else."""
SELECT = "image.select_rectangle(Gimp.ChannelOps.REPLACE, 60, 40, 24, 60)"


def test_it_is_a_layer_below_the_result(gimp: Gimp):
    script = f"""
{SELECT}
was = tools.state(image)
new = tools.blend(image, layer, method="poisson", **{ASKED})["layer"]
answer = {{"order": [one.get_name() for one in image.get_layers()]}}
shadow = image.get_layers()[1]
answer["mode"] = shadow.get_mode().value_nick
answer["kept"] = bytes(shadow.get_parasite("deepblend-settings").get_data()).decode()
answer["place"] = [*list(shadow.get_offsets())[1:], shadow.get_width(), shadow.get_height()]
answer["selected"] = [one.get_name() for one in image.get_selected_layers()]
tools.save(shadow, FOLDER + "/shadow")
"""
    answer = run(gimp, script)
    name = "Boat, seamless"
    assert answer["order"] == [name, f"{name} shadow", "Boat", "below"]
    assert answer["selected"] == [name]
    assert answer["mode"] == "normal"
    assert json.loads(answer["kept"])["settings"]["shadow-px"] == 60
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[40:100, 60:84] = 255
    wanted, rect = engine_shadow(LAYER, (40, 30), BELOW, mask, method="poisson", **ASKED)
    assert answer["place"] == list(rect)
    np.testing.assert_array_equal(loaded(gimp.folder / "shadow", BELOW, *rect.size), wanted)


def test_blend_again_takes_a_shadow_for_its_result(gimp: Gimp):
    script = f"""
{SELECT}
first = tools.blend(image, layer, method="poisson", **{ASKED})["layer"]
shadow = image.get_layers()[1]
new = tools.blend(image, shadow, procedure="deepblend-again", method="poisson")["layer"]
answer = {{"order": [one.get_name() for one in image.get_layers()]}}
image.remove_layer(first)
image.remove_layer(new)
new = tools.blend(image, shadow, procedure="deepblend-again", method="poisson", **{ASKED})["layer"]
answer["alone"] = [one.get_name() for one in image.get_layers()]
"""
    answer = run(gimp, script)
    name = "Boat, seamless"
    assert answer["order"] == [f"{name} #1", name, f"{name} shadow", "Boat", "below"]
    assert answer["alone"] == [f"{name}", f"{name} shadow #1", f"{name} shadow", "Boat", "below"]


def test_one_undo_takes_both_back_and_the_preview_shows_it(start: Callable[..., Gimp], shots: Path):
    desk = Desk(start(window=True), shots)
    window = desk.dialog()
    without = desk.await_preview(window)
    desk.closed()
    asked = {"shadow": 1.0, "shadow_angle": 100.0, "shadow_px": 40.0}
    desk.gimp.run(f"""
new = tools.blend(image, layer, hide_original="yes", **{asked})["layer"]
Gimp.displays_flush()
""")
    name = "Kingfisher, blended (style 0.5)"
    assert desk.names() == [name, f"{name} shadow", "Kingfisher", "Starry Night"]
    desk.screen.keep("shadow")
    desk.screen.activate(desk.main)
    desk.screen.key("ctrl+z")
    wait_for(desk.unchanged, "one undo takes it all back")
    desk.screen.key("ctrl+y")
    wait_for(lambda: len(desk.names()) == 4, "redo brings it again")
    window = desk.dialog("g")

    def shown() -> bool:
        darker = (without - desk.picture(window)).mean(2)
        return darker.max() > 40 and (darker > 10).mean() > 0.01

    wait_for(shown, "the preview's shadow")
    desk.screen.keep("shadow_dialog")
    desk.closed()
