"""A Krita with a document on its desk: opening one, blending, and looking at what became of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from krita_app import Krita
from pictures import ABOVE, LEFT, example, picture, stored
from screen import Screen
from waiting import wait_for

WIDTH, HEIGHT = 200, 160
AT, SIZE = (40, 30), (110, 90)
BELOW = picture(WIDTH, HEIGHT, 4)
LAYER = picture(*SIZE, 4, seed=11)
QUIET_S = 2.0
"""Krita looks at changed layers once a second."""
SRGB, LINEAR = "sRGB-elle-V2-srgbtrc.icc", "sRGB-elle-V2-g10.icc"


def ellipse(box: tuple[int, int, int, int], soft: float = 1.0) -> np.ndarray:
    """(HEIGHT, WIDTH), 0..255: an ellipse in a box, soft for so many pixels inward."""
    x, y, w, h = box
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    radius = np.hypot((columns - x - w / 2) / (w / 2), (rows - y - h / 2) / (h / 2))
    return (np.clip((1 - radius) * min(w, h) / 2 / soft, 0, 1) * 255).round().astype(np.uint8)


def rectangle(box: tuple[int, int, int, int]) -> np.ndarray:
    x, y, w, h = box
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[y : y + h, x : x + w] = 255
    return mask


def bgra(samples: np.ndarray) -> np.ndarray:
    """RGBA as Krita stores whole numbers, or the other way round; other samples as they are."""
    if samples.ndim == 3 and samples.shape[2] == 4 and samples.dtype.kind == "u":
        return samples[..., [2, 1, 0, 3]]
    return samples


class Desk:
    """Scripts know the document as ``document``, and the layer to blend as ``layer``."""

    def __init__(self, krita: Krita) -> None:
        self.krita = krita
        self.folder: Path = krita.folder
        self.run = krita.run

    def store(self, name: str, samples: np.ndarray) -> None:
        stored(self.folder / name, bgra(samples))

    def open(
        self,
        below: np.ndarray = BELOW,
        layer: np.ndarray = LAYER,
        at: tuple[int, int] = AT,
        mask: np.ndarray | None = None,
        space: tuple[str, str, str] = ("RGBA", "U8", SRGB),
        script: str = "",
        active: bool = True,
    ) -> None:
        """A document of two layers.

        Args:
            mask: what is selected; None is nothing, hence all.
            script: what else is to be done before Krita draws it.
            active: whether to have the layer be the active one.
        """
        self.store("below", below)
        self.store("layer", layer)
        if mask is not None:
            stored(self.folder / "mask", mask)
        height, width = below.shape[:2]
        model, depth, profile = space
        self.run(f"""
live(False)
document = new_document({width}, {height}, "{model}", "{depth}", "{profile}")
layer = new_layer(document, "Boat", {layer.shape[1]}, {layer.shape[0]}, {at[0]}, {at[1]})
select(document, {width}, {height}, {"mask" if mask is not None else ""!r})
{script}
ready(document, layer)
document.setModified(False)
""")
        if active:
            self.activate()

    def open_example(self) -> None:
        """The example's painting with the bird's photograph on it, the bird selected."""
        below, layer, mask = example()
        whole = np.zeros(below.shape[:2], np.uint8)
        part = mask[: whole.shape[0] - ABOVE, : whole.shape[1] - LEFT]
        whole[ABOVE : ABOVE + part.shape[0], LEFT : LEFT + part.shape[1]] = part
        self.open(below, layer, (LEFT, ABOVE), whole, script='layer.setName("Kingfisher")')

    def open_large(self) -> None:
        """A document whose blend takes a few seconds."""
        self.open(picture(360, 300, 4), picture(220, 180, 4, seed=11), (70, 60))

    def activate(self, node: str = "layer") -> None:
        script = f"document.setActiveNode({node}); answer = document.activeNode() == {node}"
        wait_for(lambda: self.run(script), "the active layer")

    def shown(self) -> dict[str, Any]:
        return self.run("answer = shown()")

    def press(self, **settings: Any) -> None:
        self.run(f"settings(**{settings!r}); widget('blend').click()")

    def ended(self) -> str:
        """What the docker says when the blend has ended."""
        wait_for(lambda: not self.shown()["running"], "the blend's end")
        return self.shown()["said"]

    def blend(self, **settings: Any) -> None:
        """Blend to its end; the new layer is known to scripts as ``new``."""
        self.press(**settings)
        said = self.ended()
        assert "was made." in said, said  # more may follow
        self.run("""
document.waitForDone()
siblings = layer.parentNode().childNodes()
new = siblings[[one.uniqueId() for one in siblings].index(layer.uniqueId()) + 1]
""")

    def made(self, like: np.ndarray = BELOW) -> tuple[np.ndarray, tuple[int, int, int, int]]:
        """The new layer's samples, RGBA, and where they lie."""
        box = tuple(
            self.run("""
bounds = new.bounds()
box = (bounds.x(), bounds.y(), bounds.width(), bounds.height())
save_node(new, "new", box)
answer = box
""")
        )
        return self.loaded("new", like, box[2], box[3]), box

    def seen(self, like: np.ndarray = BELOW) -> np.ndarray:
        """The whole picture, as Krita shows it."""
        height, width = like.shape[:2]
        self.run(f"""
document.refreshProjection()
document.waitForDone()
keep("seen", document.pixelData(0, 0, {width}, {height}))
""")
        return self.loaded("seen", like, width, height)

    def loaded(self, name: str, like: np.ndarray, width: int, height: int) -> np.ndarray:
        samples = np.frombuffer((self.folder / name).read_bytes(), like.dtype)
        return bgra(samples.reshape(height, width, -1))

    def close(self) -> None:
        self.run("close(document)")

    def close_all(self) -> None:
        """At last: what ``close`` has put off."""
        self.run("for one in documents(): close(one)")
        time.sleep(QUIET_S)
        while self.run("answer = close_retired()"):
            pass

    def keep(self, screen: Screen, name: str) -> None:
        """Keep a screenshot, when Krita has drawn everything."""
        self.run("QtWidgets.QApplication.processEvents()")
        time.sleep(0.4)
        screen.keep(name)


def previewed(desk: Desk) -> str:
    """The preview's picture, when it is done: asked in one script, since another may begin between two."""
    return wait_for(lambda: desk.run("answer = preview_look() if shown()['preview_done'] else None"), "the preview")
