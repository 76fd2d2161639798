"""What happens to the image while the dialog is open, or a blend runs: the result is of the image as it is by then."""

from __future__ import annotations

import numpy as np
import pytest
from desk import PROGRESS, Desk, busy
from harness import Served
from pictures import LEFT
from waiting import wait_for


def box(desk: Desk) -> list[int]:
    """The new layer's."""
    return desk.gimp.run("""
new = image.get_layers()[0]
answer = [*list(new.get_offsets())[1:], new.get_width(), new.get_height()]
""")


@pytest.mark.parametrize(
    ("change", "left", "top"),
    [
        ("image.select_rectangle(Gimp.ChannelOps.REPLACE, 300, 200, 60, 50)", 300, 200),
        ("image.select_rectangle(Gimp.ChannelOps.REPLACE, 300, 200, 60, 50); image.crop(500, 420, 100, 80)", 200, 120),
        (
            "image.select_rectangle(Gimp.ChannelOps.REPLACE, 300, 200, 60, 50)"
            "; image.convert_precision(Gimp.Precision.FLOAT_LINEAR)",
            300,
            200,
        ),
    ],
    ids=["selection", "crop", "precision"],
)
def test_the_dialog_goes_by_the_image_as_it_is(desk: Desk, change: str, left: int, top: int):
    window = desk.dialog()
    desk.screen.key("alt+r")  # a dialog opens with what was last chosen, by another test
    desk.screen.key("alt+p", "End", "Up")  # seamless only: quick
    desk.screen.key("alt+j", "End")  # the selection's own edge
    before = desk.picture(window)
    desk.gimp.run(change + "\nGimp.displays_flush()")
    wait_for(lambda: np.abs(desk.picture(window) - before).mean() > 3, "another preview")
    desk.screen.activate(window)
    desk.screen.key("alt+n")
    wait_for(lambda: len(desk.names()) == 3, "the new layer")
    assert box(desk) == [left, top, 60, 50]


def test_a_result_comes_to_lie_where_its_layer_is_by_then(desk: Desk, gimp_server: Served):
    desk.gimp.run("image.select_rectangle(Gimp.ChannelOps.REPLACE, 300, 150, 200, 200)")
    window = desk.dialog()
    desk.style(0.6)
    desk.await_preview(window)  # so that the server has nothing to do but the blend
    desk.screen.key("alt+n")
    desk.screen.await_window(PROGRESS)
    wait_for(lambda: busy(gimp_server), "the picture to have been read")
    desk.gimp.run("image.resize(800, 700, 33, 44); layer.set_offsets(layer.get_offsets()[1] + 7, 142); was = 0")
    wait_for(lambda: len(desk.names()) == 3, "the new layer", 300)
    assert box(desk)[0] >= 300 + 33 + 7
    inside = desk.gimp.run(f"answer = layer.get_offsets()[1] - {LEFT}")
    assert inside == 40


def test_a_layer_that_is_flipped_during_the_blend_is_said(desk: Desk, gimp_server: Served):
    window = desk.dialog()
    desk.style(0.6)
    desk.await_preview(window)  # so that the server has nothing to do but the blend
    desk.screen.key("alt+n")
    desk.screen.await_window(PROGRESS)
    wait_for(lambda: busy(gimp_server), "the picture to have been read")
    desk.gimp.run("image.flip(Gimp.OrientationType.HORIZONTAL); Gimp.displays_flush()")
    desk.screen.await_window("GIMP Message")
    desk.screen.keep("flipped_meanwhile")
    desk.screen.key("Return")
    desk.screen.await_no_window("GIMP Message")
    assert len(desk.names()) == 2
