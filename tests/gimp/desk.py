"""GIMP in a window with a document open, as a person has it before them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from deepblend.commands import demo
from gimp import Gimp
from harness import wait_for
from pictures import stored
from PIL import Image
from screen import Screen

DIALOG, AGAIN, PROGRESS = "Deep Image Blending", "Blend Again", "Blending 'Kingfisher'"
EXAMPLE = Path(demo.__file__).parents[1] / "example"
FILTERS, OK = (428, 12), (848, 614)
COMBINE = ((459, 262), (459, 281), (459, 290), (560, 290), (720, 290), (720, 339))
"""Where the main window's menu and the dialog's button are, in the windows."""
SLIDER = (90, 672, 640, 600, 580)
"""The style slider: its row, and the columns from its knob to beyond its beginning."""
FILLED = 80
"""Green of the progress bar where it is filled, at least; of 255."""
ABOVE, LEFT = 98, 216
"""Where the example's bird comes to lie."""


class Desk:
    """A GIMP in a window, with a document open."""

    def __init__(self, gimp: Gimp, shots: Path) -> None:
        self.gimp = gimp
        self.screen = Screen(gimp, shots)
        gimp.run("answer = True")
        self.open()

    def open(self) -> None:
        """The example's painting with the bird's photograph on it, the bird selected; anything else is closed."""
        target = Image.open(EXAMPLE / "target.jpg").convert("RGBA")
        source = Image.open(EXAMPLE / "source.png").convert("RGBA")
        mask = Image.open(EXAMPLE / "mask.png").convert("L")
        folder = self.gimp.folder
        stored(folder / "below", np.asarray(target))
        stored(folder / "layer", np.asarray(source))
        stored(folder / "mask", np.asarray(mask))
        self.gimp.run(
            f"""
for display in Gimp.get_images() and [one for one in shared_displays]:
    display.delete()
image = tools.new_image({target.width}, {target.height})
tools.new_layer(image, "{folder}/below", "Starry Night", {target.width}, {target.height})
layer = tools.new_layer(image, "{folder}/layer", "Kingfisher", {source.width}, {source.height}, {LEFT}, {ABOVE})
channel = Gimp.Channel.new(image, "mask", {target.width}, {target.height}, 100, Gegl.Color.new("black"))
image.insert_channel(channel, None, 0)
buffer = channel.get_buffer()
with open("{folder}/mask", "rb") as file:
    place = Gegl.Rectangle.new({LEFT}, {ABOVE}, {mask.width}, {mask.height})
    buffer.set(place, "Y u8", file.read())
buffer.flush()
channel.update(0, 0, {target.width}, {target.height})
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

    def choose(self, letter: str = "b") -> None:
        """Filters > Combine > the item with this mnemonic."""
        self.screen.activate(self.main)
        self.screen.key("alt+r")
        self.screen.key("o")
        time.sleep(0.3)  # the submenu slides in; nothing tells when it has
        self.screen.key(letter)

    def dialog(self, letter: str = "b") -> str:
        self.choose(letter)
        window = self.screen.await_window(AGAIN if letter == "g" else DIALOG)
        self.screen.activate(window)
        return window

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
