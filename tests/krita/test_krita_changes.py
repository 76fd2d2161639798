"""The picture changes meanwhile: the preview follows, and a result comes to where it belongs by now, or is refused."""

from __future__ import annotations

import numpy as np
import pytest
from krita_desk import AT, BELOW, LAYER, SRGB, Desk, ellipse, previewed
from pictures import picture
from waiting import wait_for

ELLIPSE = ellipse((50, 40, 80, 60))
SQUARE = picture(100, 100, 4, seed=11)
APPLY = """
document.waitForDone()
widget('history').setCurrentRow(0)
widget('history_apply').click()
document.waitForDone()
"""
ACTION = "Krita.instance().action('{}').trigger()"
REFUSED = "was scaled, turned, mirrored or cut meanwhile"


def looked_twice(desk: Desk) -> None:
    """The docker has looked twice since."""
    desk.run("since = QtCore.QTime.currentTime()")
    wait_for(lambda: desk.run("answer = since.msecsTo(QtCore.QTime.currentTime()) > 1300"), "two looks")


@pytest.mark.parametrize(
    "change",
    [
        "layer.move(52, 36)",
        "layer.setPixelData(samples('other'), 40, 30, 110, 90)",
        "ground.setVisible(False)",
        "ground.setOpacity(100)",
        "ground.setPixelData(samples('other'), 60, 50, 110, 90)",
        f"document.setColorSpace('RGBA', 'U16', '{SRGB}')",
    ],
    ids=["moved", "painted", "hidden", "paler", "ground-painted", "sixteen-bits"],
)
def test_the_preview_follows_what_changes(desk: Desk, change: str):
    script = "ground = new_layer(document, 'Ground', 200, 160, file='ground', above=document.topLevelNodes()[0])"
    desk.store("ground", picture(200, 160, 4, seed=8))
    desk.store("other", picture(110, 90, 4, seed=4))
    desk.open(mask=ELLIPSE, script=script)
    desk.run("settings(style=0.0); live(True); reads = []; own = docker()._preview; told_read = own.read")
    first = previewed(desk)
    desk.run("own.read = lambda *given, **named: (reads.append(1), told_read(*given, **named))")
    looked_twice(desk)
    assert desk.run("answer = reads") == [], "nothing has changed"
    desk.run(f"{change}; document.refreshProjection(); document.waitForDone()")
    wait_for(lambda: desk.run("answer = reads"), "the preview's new beginning")
    if "U16" not in change:  # which looks the same
        wait_for(lambda: previewed(desk) != first, "another preview")
    desk.run("own.read = told_read; live(False)")


def test_the_preview_stays_as_it_is_after_a_blend(desk: Desk):
    """Neither the blend nor its new layer, which becomes the active one, is a change to what is previewed."""
    desk.open(mask=ELLIPSE)
    desk.run("settings(style=0.0); live(True); began = []; own = docker()._preview; told_begin = own._begin")
    first = previewed(desk)
    desk.run("own._begin = lambda: (began.append(1), told_begin())")
    desk.press(style=0.0)
    assert "was made" in desk.ended()
    looked_twice(desk)
    assert previewed(desk) == first
    desk.run("settings(style=0.0)")
    assert desk.run("own._begin = told_begin; live(False); answer = began") == []


@pytest.mark.parametrize(
    ("change", "dx", "dy"),
    [
        ("layer.move(7, -5)", 7, -5),
        ("document.crop(10, 6, 180, 140)", -10, -6),
        ("document.resizeImage(-9, -4, 260, 200)", 9, 4),
        ("layer.setPixelData(bytes([9, 9, 9, 255]) * 600, 30, 30, 10, 60)", 0, 0),
    ],
    ids=["moved", "cropped", "canvas", "painted"],
)
def test_a_result_comes_to_lie_where_its_layer_is_now(desk: Desk, change: str, dx: int, dy: int):
    desk.open(mask=ELLIPSE)
    desk.blend(style=0.0)
    first, (x, y, w, h) = desk.made()
    wait_for(lambda: desk.shown()["history"] == 1, "the thumbnail")
    desk.run("new.remove()")
    desk.run(change + APPLY)
    assert "was made" in desk.shown()["said"]
    desk.run("new = next(one for one in document.topLevelNodes() if one.name() == 'Boat, seamless')")
    again, where = desk.made()
    assert tuple(where) == (x + dx, y + dy, w, h)
    np.testing.assert_array_equal(again, first)


@pytest.mark.parametrize(
    "change",
    [
        "document.scaleImage(100, 80, 72, 72, 'Bicubic')",
        "document.rotateImage(1.5707963)",
        ACTION.format("mirrorImageHorizontal"),
        ACTION.format("rotateImage180"),
        ACTION.format("mirrorNodeY"),
        ACTION.format("rotateLayerCW90"),
        "layer.scaleNode(QtCore.QPointF(90, 80), 150, 150, 'Bicubic')",
    ],
    ids=["scaled", "turned", "mirrored", "upside-down", "layer-mirrored", "square-layer-turned", "layer-scaled"],
)
def test_a_result_of_what_was_scaled_or_turned_is_refused(desk: Desk, change: str):
    desk.open(layer=SQUARE, mask=ELLIPSE)
    desk.blend(style=0.0)
    wait_for(lambda: desk.shown()["history"] == 1, "the thumbnail")
    desk.run("document.setActiveNode(layer); before = len(document.topLevelNodes())")
    desk.activate()
    desk.run("select(document, 200, 160, '')")
    now = "document.waitForDone(); now = state(document); now = [now['layers'], now['size']]"
    desk.run(f"{now}; was = now\n{change}")
    wait_for(lambda: desk.run(f"{now}; answer = now != was"), "the change")
    desk.run("document.waitForDone()")
    desk.run("before = len(document.topLevelNodes())" + APPLY)
    assert REFUSED in desk.shown()["said"]
    assert desk.run("answer = len(document.topLevelNodes()) == before")


@pytest.mark.parametrize("space", [("RGBA", "U16", SRGB), ("RGBA", "U8", "ClayRGB-elle-V2-g22.icc")], ids=str)
def test_a_result_of_another_colour_space_is_converted(desk: Desk, space: tuple[str, str, str]):
    desk.open(mask=ELLIPSE)
    desk.run("layer.setVisible(False)")
    desk.blend(style=0.0)
    before = desk.seen().astype(int)
    wait_for(lambda: desk.shown()["history"] == 1, "the thumbnail")
    desk.run(f"new.remove(); document.setColorSpace{space}; document.waitForDone()" + APPLY)
    assert "was made" in desk.shown()["said"]
    desk.run(f"""
document.refreshProjection()
document.waitForDone()
document.setColorSpace("RGBA", "U8", "{SRGB}")
document.waitForDone()
""")
    assert np.abs(desk.seen().astype(int) - before).max() <= 3


def test_nothing_is_left_of_the_wrong_place_during_a_blend(desk: Desk):
    """A crop while a blend runs: its layer comes to lie where it would have been cropped to."""
    desk.open(mask=ELLIPSE)
    desk.blend(style=0.0)
    first, (x, y, w, h) = desk.made()
    desk.run("new.remove(); document.waitForDone()")
    desk.run("settings(style=0.0); widget('blend').click(); QtWidgets.QApplication.processEvents()")
    wait_for(lambda: desk.shown()["words"] != "Reading the picture", "the reading")
    desk.run("document.crop(10, 6, 180, 140); document.waitForDone()")
    assert "was made" in desk.ended()
    desk.run("new = next(one for one in document.topLevelNodes() if one.name() == 'Boat, seamless')")
    again, where = desk.made()
    assert tuple(where) == (x - 10, y - 6, w, h)
    np.testing.assert_array_equal(again, first)


GROUPED = """
group = document.createGroupLayer("Crowd")
document.rootNode().addChildNode(group, None)
document.rootNode().removeChildNode(layer)
ground = new_layer(document, "Ground", 200, 160, parent=group, file="below")
group.addChildNode(layer, None)
"""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("group.setVisible(False)", "the group 'Crowd' is hidden"),
        ("group.setOpacity(120)", "The group 'Crowd' is not opaque"),
        ("group.setBlendingMode('multiply')", "The group 'Crowd' has a blending mode"),
        ("", ""),
    ],
    ids=["hidden", "pale", "multiplied", "plain"],
)
def test_what_a_group_does_to_a_result_is_said(desk: Desk, change: str, words: str):
    desk.open(BELOW, LAYER, AT, ELLIPSE, script=GROUPED + change)
    desk.press(style=0.0)
    said = desk.ended()
    assert said.startswith("'Boat, seamless' was made.")
    assert words in said if words else said == "'Boat, seamless' was made."
