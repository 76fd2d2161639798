"""GIMP as a person uses it: menus, the dialog and its preview, progress, cancel, repeat, undo."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hosts_root
import numpy as np
import pytest
from desk import DIALOG, OK, PROGRESS, SLIDER, Desk
from gimp import Gimp, rewrite
from harness import Served
from waiting import wait_for


def test_from_the_menu_to_the_new_layer_and_back(desk: Desk):
    if hosts_root.GIMP == "3.0":  # where it is the third item
        desk.choose("Down", "Down")
        time.sleep(0.5)
        desk.screen.keep("menu")
        desk.screen.key("Escape", "Escape", "Escape")
    window = desk.dialog()
    desk.screen.activate(window)
    desk.await_preview(window)
    desk.screen.keep("dialog")

    desk.style(0.5)
    first = desk.await_preview(window)
    desk.screen.drag(window, *SLIDER)
    seamless = desk.await_other(window, first, 1.5)  # it follows the slider
    desk.screen.keep("dialog_style_0")
    desk.style(1)
    strong = desk.await_other(window, seamless, 3)
    desk.screen.keep("dialog_style_1")

    desk.screen.key("alt+o")
    wait_for(lambda: np.abs(desk.picture(window) - strong).mean() > 10, "the picture as it was before")
    desk.screen.keep("dialog_before")
    desk.screen.key("alt+o")

    desk.screen.click(window, *OK)
    desk.screen.await_window(PROGRESS)
    wait_for(lambda: desk.screen.window(DIALOG) is None, "the dialog's end")
    time.sleep(1)
    desk.screen.keep("progress")
    desk.screen.await_no_window(PROGRESS, 300)
    assert desk.names() == ["Kingfisher, blended (style 1)", "Kingfisher", "Starry Night"]
    time.sleep(1)
    desk.screen.keep("result")
    after = desk.state()
    assert after["layers"][1].pop("visible") is False
    was = desk.gimp.run("answer = was['layers']")
    del was[0]["visible"]
    assert after["layers"][1:] == was, "another layer was changed"
    after = desk.state()
    assert after["selection"] == desk.gimp.run("answer = was['selection']")

    desk.screen.activate(desk.main)
    desk.screen.key("ctrl+z")
    wait_for(desk.unchanged, "one undo takes it all back")
    desk.screen.key("ctrl+y")
    wait_for(lambda: desk.state() == after, "redo brings it again")


def test_cancel_stops_at_once_and_changes_nothing(desk: Desk):
    desk.gimp.run("image.scale(2112, 1656)")  # as it was, a blend could end before it was cancelled
    desk.gimp.run("layer.set_name('Heron'); layer.set_name('Kingfisher'); was = tools.state(image)")
    window = desk.dialog()
    desk.screen.key("alt+n")
    progress = desk.screen.await_window(PROGRESS)
    desk.screen.activate(progress)
    wait_for(lambda: np.ptp(desk.screen.pixels(progress)[:40, 210:]) > 100, "the time left, at the right side")
    desk.screen.keep("progress_time_left")
    desk.screen.key("alt+c")
    desk.screen.await_no_window(PROGRESS)
    assert desk.unchanged()  # it was not the blend that ended; how soon it stops is in docs/gimp.md
    assert desk.screen.window(window) is None
    # Nothing came into the undo history: one undo takes back what was done before.
    desk.screen.activate(desk.main)
    desk.screen.key("ctrl+z")
    wait_for(lambda: "Heron" in desk.names(), "the undo of what was before")


def test_cancel_in_the_dialog_changes_nothing(desk: Desk):
    window = desk.dialog()
    desk.await_preview(window)
    desk.screen.dismiss(DIALOG)
    assert desk.unchanged()


def test_repeat_last_blends_again_without_a_dialog(desk: Desk):
    window = desk.dialog()
    desk.style(0)
    desk.screen.key("alt+n")
    wait_for(lambda: "Kingfisher, seamless" in desk.names(), "the first blend")
    desk.screen.await_no_window(PROGRESS)
    desk.screen.activate(desk.main)
    desk.screen.key("ctrl+f")  # the result is the active layer by now
    wait_for(lambda: len(desk.names()) == 4, "the second blend")
    assert desk.names() == ["Kingfisher, seamless #1", "Kingfisher, seamless", "Kingfisher", "Starry Night"]
    hidden = [True, False, False, True]
    wait_for(lambda: [one["visible"] for one in desk.state()["layers"]] == hidden, "the blend's end")
    assert desk.screen.window(window) is None
    first, second = (one["pixels"] for one in desk.state()["layers"] if "seamless" in one["name"])
    assert first == second


def test_blend_again_opens_with_the_layers_own_settings(desk: Desk):
    desk.gimp.run("""
made = tools.blend(image, layer, style=0.2, keep_colours=0.9, method="poisson")["layer"]
Gimp.Selection.none(image)
image.set_selected_layers([made])
Gimp.displays_flush()
""")
    window = desk.dialog("g")
    preview = desk.await_preview(window)
    desk.screen.keep("again")
    desk.screen.key("alt+n")
    wait_for(lambda: len(desk.names()) == 4, "the second blend")
    assert desk.names()[0] == "Kingfisher, blended (style 0.2)"
    kept = desk.gimp.run("answer = bytes(image.get_layers()[0].get_parasite('deepblend-settings').get_data()).decode()")
    assert '"keep-colours": 0.9' in kept
    assert np.abs(preview - preview.mean()).max() > 50


def test_presets_are_saved_found_again_and_deleted(desk: Desk):
    window = desk.dialog()
    desk.style(0.35)
    desk.screen.key("alt+v")
    asked = desk.screen.await_window("Save preset")
    desk.screen.activate(asked)
    desk.screen.type("Boats at night")
    desk.screen.key("Return")
    desk.screen.await_no_window("Save preset")
    file = desk.gimp.folder / "profile" / "deepblend-presets.json"
    wait_for(lambda: file.exists() and "Boats at night" in file.read_text(), "the preset in its file")
    desk.screen.activate(window)
    time.sleep(0.5)
    desk.screen.keep("presets")
    desk.screen.key("alt+d")
    wait_for(lambda: "Boats at night" not in file.read_text(), "the preset's end")


def kept(desk: Desk, position: int) -> dict[str, Any]:
    """The arguments that a layer keeps, by its place from the top."""
    script = f"answer = bytes(image.get_layers()[{position}].get_parasite('deepblend-settings').get_data()).decode()"
    return json.loads(desk.gimp.run(script))["settings"]


def test_automatic_is_kept_and_a_slider_that_it_sets_is_the_users_own(desk: Desk):
    """Own values are so until a preset is chosen; what is not of presets leaves them alone."""
    window = desk.dialog()
    desk.screen.key("alt+p", "Home")
    desk.await_preview(window)
    desk.screen.keep("dialog_automatic")
    desk.screen.key("alt+w", "ctrl+a")
    desk.screen.type("3")
    desk.screen.key("Tab")
    desk.await_preview(window)
    desk.screen.key("alt+n")
    wait_for(lambda: len(desk.names()) == 3, "the blend")
    assert desk.names()[0] in ("Kingfisher, seamless", "Kingfisher, blended (style 0.5)")
    first = kept(desk, 0)
    assert (first["preset"], first["grow-px"]) == ("automatic", 3)
    desk.screen.await_no_window(PROGRESS)

    desk.gimp.run("image.set_selected_layers([layer]); Gimp.displays_flush()")
    desk.dialog()
    desk.style(0)
    desk.screen.key("alt+n")
    wait_for(lambda: "Kingfisher, seamless" in desk.names(), "the blend")
    second = kept(desk, desk.names().index("Kingfisher, seamless"))
    assert (second["preset"], second["style"], second["grow-px"]) == ("own", 0, 3)
    desk.screen.await_no_window(PROGRESS)

    desk.gimp.run("image.set_selected_layers([image.get_layers()[0]]); Gimp.displays_flush()")
    window = desk.dialog("g")
    desk.await_preview(window)
    desk.screen.keep("again_automatic")
    desk.screen.key("alt+n")
    wait_for(lambda: len(desk.names()) == 5, "the blend")
    assert desk.names()[0].startswith(desk.names()[1])
    assert kept(desk, 0) == first


def test_found_by_search(desk: Desk):
    desk.screen.activate(desk.main)
    desk.screen.key("slash")
    search = desk.screen.await_window("Search Actions")
    desk.screen.activate(search)
    desk.screen.type("deep image")
    time.sleep(1.5)
    desk.screen.keep("search")

    def opened() -> str | None:  # nothing tells when it has found something: Return does nothing before
        desk.screen.key("Return")
        with contextlib.suppress(AssertionError):
            return desk.screen.await_window(DIALOG, 40)
        return None

    wait_for(opened, "the dialog")


@pytest.mark.parametrize("what", ["image", "layer"])
def test_closed_or_deleted_meanwhile(desk: Desk, what: str):
    desk.dialog()
    desk.screen.key("alt+n")
    desk.screen.await_window(PROGRESS)
    undo = {
        "image": "for display in shared_displays: display.delete()\nshared_displays = []",
        "layer": "image.remove_layer(layer)\nGimp.displays_flush()",
    }
    desk.gimp.run(undo[what] + "\nanswer = True")
    desk.screen.await_window("GIMP Message")
    desk.screen.await_no_window(PROGRESS)
    desk.screen.keep(f"{what}_gone")
    desk.screen.key("Return")
    desk.screen.await_no_window("GIMP Message")
    if what == "layer":
        assert desk.names() == ["Starry Night"]


@pytest.mark.parametrize("what", ["image", "layer"])
def test_closed_or_deleted_while_the_dialog_is_open(desk: Desk, what: str):
    """A setting is moved so far that the picture would be read anew; then Blend is pressed."""
    window = desk.dialog()
    desk.await_preview(window)
    undo = {
        "image": "for display in shared_displays: display.delete()\nshared_displays = []",
        "layer": "image.remove_layer(layer)\nGimp.displays_flush()",
    }
    desk.gimp.run(undo[what] + "\nanswer = True")
    desk.screen.activate(window)
    desk.screen.key("alt+w", "ctrl+a")  # Grow, in pixels
    desk.screen.type("300")
    desk.screen.key("Tab")
    time.sleep(1)
    desk.screen.keep(f"dialog_{what}_gone")
    assert desk.screen.window(DIALOG), "the plug-in has ended"
    desk.screen.key("alt+n")
    desk.screen.await_window("GIMP Message")
    desk.screen.keep(f"blend_{what}_gone")
    desk.screen.key("Return")
    desk.screen.await_no_window("GIMP Message")


def test_a_server_that_cannot_be_had_is_said_in_the_dialog_and_after(
    start: Callable[..., Gimp], shots: Path, tmp_path: Path, gimp_server: Served
):
    (tmp_path / "nowhere").mkdir(mode=0o700)
    gimp = start(window=True, server=tmp_path / "nowhere" / "connection.json")
    rewrite(gimp.folder, command=("/no/such/python",))
    desk = Desk(gimp, shots)
    desk.dialog()
    time.sleep(1.5)
    desk.screen.keep("error_dialog")
    desk.screen.key("alt+n")
    desk.screen.await_window("GIMP Message")
    desk.screen.keep("error")
    assert desk.unchanged()
    desk.screen.key("Return")
    gimp.end()
