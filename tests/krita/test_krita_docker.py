"""The docker as a person uses it: preview, blend, cancel, undo, history, several documents."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from krita_desk import AT, BELOW, LAYER, Desk, ellipse, previewed, rectangle
from pictures import engine, picture
from screen import Screen
from waiting import wait_for

ELLIPSE = ellipse((50, 40, 80, 60))


def test_the_preview_follows_and_touches_nothing(desk: Desk):
    desk.open(mask=ELLIPSE)
    desk.run("settings(style=0.0); before = state(document)")
    desk.run("live(True)")
    seamless = previewed(desk)
    desk.run("settings(style=1.0)")
    strong = previewed(desk)
    assert strong != seamless

    desk.run("button = widget('before'); button.setDown(True); button.pressed.emit()")
    raw = desk.run("answer = preview_look()")
    desk.run("button.setDown(False); button.released.emit()")
    assert raw not in (seamless, strong)
    assert desk.run("answer = preview_look()") == strong

    desk.run("settings(style=0.0)")
    assert previewed(desk) == seamless, "the same settings, the same preview"
    for style in (0.1, 0.2, 0.3, 0.0):  # those before the last are abandoned
        desk.run(f"settings(style={style})")
        time.sleep(0.15)
    assert previewed(desk) == seamless
    assert desk.run("answer = state(document) == before"), "the preview has changed the document"
    desk.run("live(False)")
    assert desk.run("answer = preview_look()") is None


def test_the_preview_is_read_anew(desk: Desk):
    """On another selection, another layer, and on Refresh where pixels have changed."""
    desk.open(mask=ELLIPSE)
    desk.run("settings(style=0.0); live(True)")
    first = previewed(desk)

    def another() -> str:
        return wait_for(lambda: (now := previewed(desk)) != first and now, "another preview")

    desk.store("mask", rectangle((60, 50, 70, 40)))
    desk.run("select(document, 200, 160)")
    selected = first = another()
    desk.store("other", picture(110, 90, 4, seed=4))
    desk.run("other = new_layer(document, 'Other', 110, 90, 40, 30, file='other'); ready(document, other)")
    desk.activate("other")
    first = another()
    desk.activate()
    wait_for(lambda: previewed(desk) == selected, "the first layer's preview")
    first = selected
    desk.run("layer.setPixelData(samples('other'), 40, 30, 110, 90); ready(document, layer); widget('refresh').click()")
    another()
    desk.run("live(False)")


def test_work_is_given_up_in_the_midst_of_a_step(desk: Desk):
    """Krita handles events while a step waits for it, so that a click may end what runs."""
    desk.run("""
from deepblend_krita.steps import Stepper
told = []


def work(stop_at):
    for number in range(3):
        if number == stop_at:
            stepper.stop()
        try:
            yield 0
        finally:
            told.append(number)
    return "done"


stepper = Stepper(work(None), told.append, told.append)
""")
    wait_for(lambda: desk.run("answer = told") == [0, 1, 2, "done"], "the steps")
    desk.run("told.clear(); stepper = Stepper(work(1), told.append, told.append)")
    wait_for(lambda: desk.run("answer = told") == [0, 1], "the end of the steps")
    time.sleep(0.1)
    assert desk.run("answer = told") == [0, 1]


def test_what_the_preview_says_where_there_is_nothing_to_show(desk: Desk):
    desk.open(below=BELOW, layer=BELOW, at=(0, 0))
    desk.run("live(True)")
    wait_for(lambda: "Select the object" in desk.shown()["preview_words"], "the hint")
    desk.activate("document.topLevelNodes()[0]")

    def refreshed() -> str:  # again and again: the docker itself looks as well, and has the hint for this layer
        desk.run("widget('refresh').click()")
        return desk.shown()["preview_words"]

    wait_for(lambda: "Nothing is visible below 'below'" in refreshed(), "the reason")
    desk.run("live(False)")


def test_cancel(desk: Desk):
    desk.open_large()
    desk.run("before = state(document)")
    desk.press(style=0.7)
    wait_for(lambda: desk.shown()["words"] == "Painting in", "the blend")
    desk.run("widget('cancel').click()")
    assert desk.ended() == "Cancelled."
    assert desk.run("answer = state(document) == before")
    assert desk.shown()["history"] == 0


def test_undo_and_redo(desk: Desk):
    desk.open(mask=ELLIPSE)
    desk.run("before = state(document)")
    desk.blend(style=0.0)
    new, _ = desk.made()
    desk.run("after = state(document); Krita.instance().action('edit_undo').trigger(); document.waitForDone()")
    undone = "now = state(document); answer = [now['layers'] == before['layers'], now['selection']]"
    wait_for(lambda: desk.run(undone) == [True, [50, 40, 80, 60]], "all to be taken back")
    desk.run("Krita.instance().action('edit_redo').trigger(); document.waitForDone()")
    wait_for(lambda: desk.run("answer = state(document)['layers'] == after['layers']"), "the result again")
    again, _ = desk.made()
    np.testing.assert_array_equal(again, new)


def test_variations_lie_on_one_another(desk: Desk):
    """With a result active, the layer that it was made of is blended again; its settings are kept in the file."""
    desk.open(mask=ELLIPSE)
    desk.blend(style=0.0)
    desk.activate("new")
    desk.press(style=0.0, keep_colours=1.0)
    assert desk.ended() == "'Boat, seamless' was made."
    names, kept = desk.run("answer = [names(document.rootNode()), bytes(document.annotation('deepblend')).decode()]")
    assert names == ["below", "Boat", "Boat, seamless", "Boat, seamless", "Selection Mask"]
    results = json.loads(kept).values()
    assert [one["settings"]["keep_colours"] for one in results] == [0.5, 1.0]
    assert len({one["layer"] for one in results}) == 1
    file = desk.folder / "kept.kra"
    kept = desk.run(f"""
document.saveAs("{file}")
other = Krita.instance().openDocument("{file}")
answer = bytes(other.annotation("deepblend")).decode()
other.close()
settings(style=0.9, keep_colours=0.1)
""")
    desk.activate("document.topLevelNodes()[3]")
    assert [one["settings"]["keep_colours"] for one in json.loads(kept).values()] == [0.5, 1.0]
    wait_for(lambda: desk.run("answer = widget('recall').isVisibleTo(docker())"), "the button")
    values = desk.run("widget('recall').click(); answer = docker().widget().form.values()")
    assert (values["style"], values["keep_colours"]) == (0.0, 1.0)


def test_the_history(desk: Desk):
    desk.open(mask=ELLIPSE)
    desk.blend(style=0.0)
    first, box = desk.made()
    desk.blend(style=1.0, keep_colours=0.2)
    wait_for(lambda: desk.shown()["history"] == 2, "the thumbnails")
    desk.run("listed = widget('history'); listed.setCurrentRow(1)")
    shown, told = desk.run("answer = [preview_look(), listed.item(1).toolTip()]")
    desk.run("listed.setCurrentRow(0)")
    assert desk.run("answer = preview_look()") != shown
    assert told.split("\n")[:2] == ["Boat, seamless", "Style: 0"]

    desk.run("listed.setCurrentRow(1); widget('history_restore').click()")
    assert desk.run("answer = docker().widget().form.values()")["style"] == 0.0
    desk.run("listed.setCurrentRow(1); widget('history_apply').click(); document.waitForDone()")
    desk.run("new = document.topLevelNodes()[-2]")
    applied, where = desk.made()
    assert where == box
    np.testing.assert_array_equal(applied, first)
    assert desk.run("answer = len(document.topLevelNodes())") == 6  # two layers, three results, the selection
    desk.run("listed.setCurrentRow(0); widget('history_delete').click()")
    assert desk.shown()["history"] == 1
    left = desk.run("""
import deepblend_krita.history
entry = shared().results.of(document)[0]
kept = deepblend_krita.history.Kept(most=int(2.5 * entry.nbytes))
for number in range(5):
    kept.add(deepblend_krita.history.Entry(**{**vars(entry), "title": str(number)}))
answer = [one.title for one in kept.of(document)]
""")
    assert left == ["4", "3"], "the oldest ones go where there are too many bytes"


def test_two_documents_at_once(desk: Desk):
    """Each result comes into its own document, also when another one is in front."""
    desk.open_large()
    desk.run("first, its_layer = document, layer")
    desk.press(style=0.5)
    desk.open(mask=ELLIPSE)
    desk.blend(style=0.0)
    new, _ = desk.made()
    expected, _ = engine(LAYER, AT, BELOW, ELLIPSE, style=0.0)
    np.testing.assert_array_equal(new, expected)
    wait_for(lambda: len(desk.run("answer = names(first.rootNode())")) == 3, "the other document's result")
    assert desk.run("answer = names(first.rootNode())")[2] == "Boat, blended (style 0.5)"
    assert desk.run("answer = names(document.rootNode())")[1:3] == ["Boat", "Boat, seamless"]
    desk.run("front(first)")
    wait_for(lambda: desk.shown()["said"] == "'Boat, blended (style 0.5)' was made.", "the words of that document")


def test_a_document_that_is_closed_and_a_layer_that_is_deleted(desk: Desk):
    desk.open(mask=ELLIPSE)
    desk.run("kept = document")
    desk.open_large()
    desk.press(style=0.5)
    wait_for(lambda: desk.shown()["words"] == "Painting in", "the blend")
    time.sleep(2)  # Krita looks at changed layers once a second
    desk.run("document.setModified(False); Krita.instance().action('file_close').trigger()")
    wait_for(lambda: "was closed during the blend" in desk.shown()["said"], "what is said")

    desk.run("document = kept")
    desk.open_large()
    desk.press(style=0.3)
    wait_for(lambda: desk.shown()["words"] == "Painting in", "the blend")
    desk.run("layer.remove()")
    assert "The layer was deleted" in desk.ended()
    wait_for(lambda: desk.shown()["history"] == 1, "the result in the history")
    desk.run("widget('history').setCurrentRow(0); widget('history_apply').click(); document.waitForDone()")
    assert desk.run("answer = names(document.rootNode())") == ["below", "Boat, blended (style 0.3)"]


FILTER = """
filtered = document.createFilterLayer("filter", Krita.instance().filter("invert"), Selection())
document.rootNode().addChildNode(filtered, None)
layer = filtered
"""
REFUSED = {
    "nothing-there": ("", rectangle((0, 0, 20, 20)), "The mask is empty"),
    "outside-the-canvas": ("layer.move(300, 20)", None, "lies wholly outside"),
    "nothing-visible": ("layer.setPixelData(bytes(110 * 90 * 4), 40, 30, 110, 90)", None, "The mask is empty"),
    "nothing-below": ("layer = document.topLevelNodes()[0]", ELLIPSE, "Nothing is visible below 'below'"),
    "a-filter": (FILTER, None, "'filter' is a filter layer"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_blended_is_said(desk: Desk, kind: str):
    script, mask, words = REFUSED[kind]
    desk.open(mask=mask, script=script)
    desk.run("before = state(document)")
    desk.press(style=0.0)
    assert words in desk.ended()
    assert desk.run("answer = state(document) == before")


def test_real_clicks_and_pictures(desk: Desk, screen: Screen):
    """From the press of the mouse to the new layer; each state of the docker is kept as a picture."""
    desk.close_all()
    desk.open_example()
    desk.run("arrange(); settings(style=0.8); live(False)")
    desk.keep(screen, "docker_idle")

    def click(name: str) -> None:
        x, y = desk.run(f"answer = place({name!r})")
        screen.do("xdotool", "mousemove", str(x), str(y), "sleep", "0.2", "click", "1")

    click("live")
    after = previewed(desk)
    desk.keep(screen, "docker_preview")
    x, y = desk.run("answer = place('before')")
    screen.do("xdotool", "mousemove", str(x), str(y), "sleep", "0.2", "mousedown", "1")
    wait_for(lambda: desk.run("answer = preview_look()") != after, "the picture as it was")
    desk.keep(screen, "docker_before")
    screen.do("xdotool", "mouseup", "1")
    wait_for(lambda: desk.run("answer = preview_look()") == after, "the preview")

    click("blend")
    wait_for(lambda: (desk.shown()["fraction"] or 0) > 0.2, "the blend")
    desk.keep(screen, "docker_running")
    click("cancel")
    assert desk.ended() == "Cancelled."
    assert desk.run("answer = len(document.topLevelNodes())") == 3

    desk.run("live(False); settings(style=0.0)")
    click("blend")
    wait_for(lambda: desk.shown()["said"] == "'Kingfisher, seamless' was made.", "the new layer")
    wait_for(lambda: desk.shown()["history"] == 1, "the thumbnail")
    desk.run("live(True); settings(style=0.0, keep_colours=1.0)")
    previewed(desk)
    desk.run("Krita.instance().action('deepblend_blend').trigger()")
    assert desk.ended() == "'Kingfisher, seamless' was made."
    wait_for(lambda: desk.shown()["history"] == 2, "the thumbnail")
    x, y = desk.run("""
tabs = widget("tabs").tabBar()
middle = tabs.mapToGlobal(tabs.tabRect(1).center())
answer = [middle.x(), middle.y()]
""")
    screen.do("xdotool", "mousemove", str(x), str(y), "sleep", "0.2", "click", "1")
    wait_for(lambda: desk.run("answer = widget('history').isVisible()"), "the results")
    desk.run("layer.setVisible(False); document.refreshProjection(); widget('history').setCurrentRow(1)")
    seen = desk.run("""
view = docker().widget()
parts = [view.rect().contains(QtCore.QRect(one.mapTo(view, QtCore.QPoint()), one.size()))
         for one in map(widget, ("preview", "history", "history_told", "history_apply", "blend"))]
answer = parts
""")
    desk.keep(screen, "docker_history")
    assert all(seen), "something lies outside of the docker"
    desk.run("live(False); widget('tabs').setCurrentIndex(0)")
    assert desk.run("answer = names(document.rootNode())") == [
        "below",
        "Kingfisher",
        "Kingfisher, seamless",
        "Kingfisher, seamless",
        "Selection Mask",
    ]


REACHED = """
own, seen = docker(), []
Krita.instance().activeWindow().qwindow().activateWindow()
widget("live").setFocus(QtCore.Qt.FocusReason.TabFocusReason)
for _ in range(60):
    now = QtWidgets.QApplication.focusWidget()
    if now is None or now.objectName() in seen:
        break
    seen.append(now.objectName())
    own.widget().focusNextPrevChild(True)
answer = seen
"""


def test_the_keyboard_reaches_everything(desk: Desk):
    desk.run("widget('more').setChecked(True)")
    reached = desk.run(REACHED)
    desk.run("widget('more').setChecked(False)")
    wanted = ("style", "keep_colours", "style_from", "match", "grain", "gradients", "edges", "grow_px", "feather_px")
    for name in ("live", "before", "refresh", "preset", *wanted, "more", "shadow", "as_mask", "blend"):
        assert any(one.startswith(f"deepblend_{name}") for one in reached) or name == "before", (name, reached)
    assert "qt_tabwidget_tabbar" in reached
    desk.open(mask=ELLIPSE)
    desk.blend(style=0.0)
    wait_for(lambda: desk.shown()["history"] == 1, "the result")
    desk.run("widget('tabs').setCurrentIndex(1); widget('history').setCurrentRow(0)")
    reached = desk.run(REACHED)
    desk.run("widget('tabs').setCurrentIndex(0)")
    for name in ("history", "history_apply", "history_restore", "history_delete", "blend"):
        assert f"deepblend_{name}" in reached, (name, reached)
