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
    wait_for(lambda: desk.screen.pixels(window).shape[:2] == (830, 1300), "the larger window")

    def seen() -> np.ndarray:
        return desk.screen.pixels(window).astype(int)[60:640, 40:820]

    def still() -> np.ndarray:
        """What is seen when that has not changed for three seconds: it is read and blended anew with more pixels."""
        shown = [seen()]

        def same() -> bool:
            time.sleep(3)
            shown.append(seen())
            return np.array_equal(*shown[-2:])

        wait_for(same, "a picture that stays")
        return shown[-1]

    wait_for(lambda: (seen().std(2).mean(0) > 4).mean() > 0.95, "a picture that fills the view")
    view = still()
    desk.screen.keep("preview_large")

    desk.screen.do("xdotool", "mousemove", "--window", window, "400", "300")
    desk.screen.do("xdotool", "click", "4", "click", "4", "click", "4")
    wait_for(lambda: np.abs(seen() - view).mean() > 10, "a larger one")
    near = still()
    desk.screen.keep("preview_enlarged")
    drag = ("mousedown", "1", "mousemove", "--window", window, "440", "340", "sleep", "0.1")
    desk.screen.do("xdotool", *drag, "mousemove", "--window", window, "500", "360", "sleep", "0.2", "mouseup", "1")
    wait_for(lambda: np.abs(seen()[100:500, 200:600] - near[40:440, 100:500]).max() <= 3, "one that was moved so far")

    desk.screen.do("xdotool", "mousemove", "--window", window, "500", "360", "click", "1")  # back to all of it
    wait_for(lambda: np.abs(seen() - view).mean() < 3, "all of it")

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

    def split() -> bool:
        away = np.abs(seen() - view)
        return away[:, :400].mean() > 3 and away[:, 420:].mean() < 1

    wait_for(split, "the picture as it was, left of the line alone")
    desk.screen.keep("preview_split")


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
        wait_for(pages, "the page, from the menu")
        assert pages() == [wanted]
        desk.screen.key("Escape", "Escape", "Escape")
        shown.unlink()
    desk.dialog()
    for count, key in ((1, "F1"), (2, "alt+h")):
        desk.screen.key(key)
        wait_for(lambda count=count: len(pages()) == count, f"the page, by {key}")
    desk.screen.key("Escape")
    assert pages() == [wanted] * 2
