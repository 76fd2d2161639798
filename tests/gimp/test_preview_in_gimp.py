"""The preview as it is used: made larger, enlarged, compared; and the manual's page beside it."""

from __future__ import annotations

import time

import hosts_root
import numpy as np
from desk import Desk
from waiting import wait_for

HANDLER = """[Desktop Entry]
Type=Application
Name=Show
Exec=sh -c 'echo "$1" >> "HOME/shown"' sh %u
MimeType=text/html;
"""


def mean(picture: np.ndarray) -> float:
    return float(np.abs(np.diff(picture, axis=1)).mean())


def test_it_grows_is_enlarged_and_compared(desk: Desk):
    window = desk.dialog()
    desk.screen.key("alt+p", "End", "Up")  # seamless only
    desk.await_preview(window)
    desk.screen.do("xdotool", "windowmove", window, "10", "20")
    desk.screen.do("xdotool", "windowsize", window, "1300", "830")
    wait_for(lambda: desk.screen.pixels(window).shape[:2] == (830, 1300), "the larger window", 20)
    time.sleep(3)  # read and blended anew with more pixels
    large = desk.screen.pixels(window).astype(int)
    desk.screen.keep("preview_large")
    view = large[60:640, 40:820]
    assert (view.std(2).mean(0) > 4).mean() > 0.95, "the picture does not fill the view"

    desk.screen.do("xdotool", "mousemove", "--window", window, "400", "300")
    desk.screen.do("xdotool", "click", "4", "click", "4", "click", "4")
    wait_for(lambda: np.abs(desk.screen.pixels(window).astype(int)[60:640, 40:820] - view).mean() > 10, "a larger one")
    time.sleep(3)
    near = desk.screen.pixels(window).astype(int)[60:640, 40:820]
    desk.screen.keep("preview_enlarged")
    drag = ("mousedown", "1", "mousemove", "--window", window, "440", "340", "sleep", "0.1")
    desk.screen.do("xdotool", *drag, "mousemove", "--window", window, "500", "360", "sleep", "0.2", "mouseup", "1")
    wait_for(lambda: np.abs(desk.screen.pixels(window).astype(int)[60:640, 40:820] - near).mean() > 5, "a moved one")
    moved = desk.screen.pixels(window).astype(int)[60:640, 40:820]
    np.testing.assert_allclose(moved[100:500, 200:600], near[40:440, 100:500], atol=3)

    desk.screen.do("xdotool", "mousemove", "--window", window, "500", "360", "click", "1")  # back to all of it
    wait_for(lambda: np.abs(desk.screen.pixels(window).astype(int)[60:640, 40:820] - view).mean() < 3, "all of it")

    line = (
        "mousemove",
        "--window",
        window,
        "13",
        "200",
        "mousedown",
        "1",
        "mousemove",
        "--window",
        window,
        "100",
        "200",
    )
    desk.screen.do("xdotool", *line, "sleep", "0.1", "mousemove", "--window", window, "450", "200", "sleep", "0.2")
    desk.screen.do("xdotool", "mouseup", "1")
    time.sleep(0.5)
    split = desk.screen.pixels(window).astype(int)[60:640, 40:820]
    desk.screen.keep("preview_split")
    assert np.abs(split - view)[:, :400].mean() > 3, "left of the line the picture is not as it was"
    assert np.abs(split - view)[:, 420:].mean() < 1


def test_help_is_the_page_that_came_along(desk: Desk):
    home = desk.gimp.folder / "home"
    applications = home / ".local" / "share" / "applications"
    applications.mkdir(parents=True, exist_ok=True)
    (applications / "show.desktop").write_text(HANDLER.replace("HOME", str(home)))
    (applications / "mimeapps.list").write_text("[Default Applications]\ntext/html=show.desktop\n")
    shown = home / "shown"
    wanted = str(desk.gimp.folder / "profile" / "plug-ins" / "deepblend-gimp" / "help" / "en" / "deepblend.html")

    def pages() -> list[str]:
        return [line.replace("file://", "") for line in shown.read_text().split()] if shown.exists() else []

    if hosts_root.GIMP == "3.0":  # where it is the third item
        desk.choose("Down", "Down", "F1")
        wait_for(pages, "the page, from the menu", 40)
        assert pages() == [wanted]
        desk.screen.key("Escape", "Escape", "Escape")
        shown.unlink()
    desk.dialog()
    for count, key in ((1, "F1"), (2, "alt+h")):
        desk.screen.key(key)
        wait_for(lambda count=count: len(pages()) == count, f"the page, by {key}", 20)
    desk.screen.key("Escape")
    assert pages() == [wanted] * 2
