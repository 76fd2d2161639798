"""GIMP in a window with a document open, as a person has it before them."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import numpy as np
from deepblend_protocol.client import Client, InfoReceived
from deepblend_protocol.connection import Installation
from gimp import Gimp
from harness import Served
from pictures import ABOVE, LEFT, example, stored
from screen import Screen
from waiting import wait_for

DIALOG, AGAIN, PROGRESS = "Deep Image Blending", "Blend Again", "Blending 'Kingfisher'"
OK = (848, 614)
"""Where the dialog's button is, in its window."""
SLIDER = (90, 672, 640, 600, 580)
"""The style slider: its row, and the columns from its knob to beyond its beginning."""
FILLED = 80
"""Green of the progress bar where it is filled, at least; of 255."""


class Desk:
    """A GIMP in a window, with a document open."""

    def __init__(self, gimp: Gimp, shots: Path) -> None:
        self.gimp = gimp
        self.screen = Screen(gimp, shots)
        gimp.run("answer = True")
        self.open()

    def open(self) -> None:
        """The example's painting with the bird's photograph on it, the bird selected; anything else is closed."""
        known, folder = example(), self.gimp.folder
        stored(folder / "below", known.target)
        stored(folder / "layer", known.source)
        stored(folder / "mask", known.mask)
        (height, width), (rows, columns), (mask_rows, mask_columns) = (one.shape[:2] for one in known)
        self.gimp.run(
            f"""
for display in Gimp.get_images() and [one for one in shared_displays]:
    display.delete()
image = tools.new_image({width}, {height})
tools.new_layer(image, "{folder}/below", "Starry Night", {width}, {height})
layer = tools.new_layer(image, "{folder}/layer", "Kingfisher", {columns}, {rows}, {LEFT}, {ABOVE})
channel = Gimp.Channel.new(image, "mask", {width}, {height}, 100, Gegl.Color.new("black"))
image.insert_channel(channel, None, 0)
buffer = channel.get_buffer()
with open("{folder}/mask", "rb") as file:
    place = Gegl.Rectangle.new({LEFT}, {ABOVE}, {mask_columns}, {mask_rows})
    buffer.set(place, "Y u8", file.read())
buffer.flush()
channel.update(0, 0, {width}, {height})
image.select_item(Gimp.ChannelOps.REPLACE, channel)
image.remove_channel(channel)
image.set_selected_layers([layer])
image.clean_all()
shared_displays = [Gimp.Display.new(image)]
was = tools.state(image)
answer = True
""".replace("[one for one in shared_displays]", "globals().get('shared_displays', [])")
        )
        window = self.screen.await_window("\\[Untitled\\]|\\*\\[Untitled\\]")
        self.screen.do("xdotool", "windowsize", window, "1400", "876")
        self.screen.do("xdotool", "windowmove", window, "0", "0")
        self.screen.activate(window)
        self.main = window

    def state(self) -> dict[str, Any]:
        return self.gimp.run("answer = tools.state(image)")

    def names(self) -> list[str]:
        return [one["name"] for one in self.state()["layers"]]

    def unchanged(self) -> bool:
        return self.gimp.run("answer = tools.state(image) == was")

    def choose(self, *keys: str) -> None:
        """Filters > Combine, and there the item with a mnemonic, or what other keys lead to."""
        self.screen.activate(self.main)
        for key in ("alt+r", "o"):
            self.screen.key(key)
            time.sleep(0.3)  # menus slide in; nothing tells when they have
        self.screen.key(*keys)

    def dialog(self, letter: str = "b") -> str:
        """Open a dialog from the menu; its window. A busy GIMP may lose a key: then once more."""
        for _ in range(3):
            self.choose(letter)
            with contextlib.suppress(AssertionError):
                window = self.screen.await_window(AGAIN if letter == "g" else DIALOG, 40)
                self.screen.activate(window)
                return window
            self.screen.key("Escape", "Escape", "Escape")
        raise AssertionError("the menu did not open the dialog")

    def picture(self, window: str) -> np.ndarray:
        """The dialog's preview, as it is on the screen."""
        return self.screen.pixels(window)[66:456, 24:446].astype(int)

    def await_preview(self, window: str) -> np.ndarray:
        """The preview when its bar is full."""

        def full() -> bool:
            bar = self.screen.pixels(window)[520:546, 104:448, 1].max(0)
            return bar[0] > FILLED and bar[-1] > FILLED

        time.sleep(0.3)  # until a changed setting has begun a new one
        wait_for(full, "the preview's end")
        return self.picture(window)

    def await_other(self, window: str, than: np.ndarray, by: float) -> np.ndarray:
        """The preview when its bar is full and it differs from a picture by more than so many levels on average."""

        def other() -> list[np.ndarray]:
            seen = self.await_preview(window)
            return [seen] if np.abs(seen - than).mean() > by else []

        return wait_for(other, "another preview")[0]

    def style(self, value: float) -> None:
        """Type a value into the field for the style, after another: what it shows already is not the user's own."""
        for typed in (0.77, value):
            self.screen.key("alt+t", "ctrl+a")
            self.screen.type(f"{typed:g}")
            self.screen.key("Tab")

    def closed(self) -> None:
        """Whatever a test left open."""
        for _ in range(4):
            if (
                self.screen.window(DIALOG)
                or self.screen.window(AGAIN)
                or self.screen.window("GIMP Message")
                or self.screen.window(PROGRESS)
            ):
                self.screen.key("Escape")
                time.sleep(0.2)
        for title in (DIALOG, AGAIN):
            self.screen.await_no_window(title)


def busy(served: Served) -> bool:
    """Whether a job runs on a server; asked as any client would."""
    with Client(Installation(served.path), "test") as client:
        client.connect()
        client.ask_info()
        for _ in range(200):
            for event in client.poll():
                if isinstance(event, InfoReceived):
                    return event.known["running"] > 0
            client.wait(0.05)
    return False
