"""Make the pictures of README.md and docs/ anew: python docs/make_pictures.py [NAME ...]

Blends are made of the shipped examples, screenshots are cut out of what the tests have kept in ``build/screenshots``.
With names, such as ``demo`` or ``wrong_rim``, only these blends are made.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import deepblend
from deepblend import examples, pictures
from deepblend.contact_sheet import sheet
from deepblend.pictures import eight_bit
from deepblend_protocol.settings import resolve
from PIL import Image, ImageOps

HERE = Path(__file__).parent / "pictures"
DETAIL = (190, 70, 520, 430)
"""Columns and rows of the example that show the object."""


SHOTS = Path(__file__).parents[1] / "build" / "screenshots"
DOCKER = (1096, 243, 1400, 874)
CUTS = {
    "gimp/menu": (0, 0, 1060, 620),
    "gimp/dialog": (242, 110, 1152, 792),
    "gimp/progress": (190, 180, 1165, 770),
    "gimp/result": (190, 24, 1400, 860),
    "gimp/error": (310, 180, 1110, 770),
    "krita/docker_idle": DOCKER,
    "krita/docker_preview": DOCKER,
    "krita/docker_running": DOCKER,
    "krita/docker_error": DOCKER,
    "krita/docker_history": (450, 60, 1400, 874),
    "krita/docker_light": DOCKER,
    "krita/docker_light_error": DOCKER,
}
"""Columns and rows of a screenshot that are shown: left, top, right, bottom."""


Box = tuple[int, int, int, int]


class Sheet(NamedTuple):
    """Details of one example's blends side by side."""

    example: str
    box: Box
    """Columns and rows that are shown: left, top, right, bottom."""
    shown: dict[str, dict[str, Any]]
    """Settings by label."""
    longest_px: int = 420


PANDA, SHEEP, DOG, WOOL = (330, 130, 800, 500), (150, 255, 397, 495), (400, 215, 720, 475), (0, 150, 420, 423)
STYLES = {f"style {style:g}": {"style": style} for style in (0.0, 0.25, 0.5, 0.75, 1.0)}
KEPT = {f"keep-colours {keep:g}": {"keep_colours": keep} for keep in (0.0, 0.5, 1.0)}
SHEETS = {
    "style": Sheet("starry_night", DETAIL, STYLES, 330),
    "keep_colours": Sheet("starry_night", DETAIL, KEPT, 330),
    "wrong_pasted": Sheet("church", SHEEP, {"style 0": {"style": 0.0}, "style 0.5": {"style": 0.5}}, 360),
    "wrong_lost": Sheet("church", SHEEP, {"style 1": {"style": 1.0}, "style 0.5": {"style": 0.5}}, 360),
    "wrong_dyed": Sheet("great_wall", PANDA, {"keep-colours 0": {"keep_colours": 0.0}, "keep-colours 0.5": {}}),
    "wrong_light": Sheet("abbey", WOOL, {"match 0": {"match": 0.0}, "match 1": {"match": 1.0}}),
    "wrong_rim": Sheet(
        "great_wall", PANDA, {"edges selected": {"edges": "selected"}, "edges object": {"edges": "object"}}
    ),
    "wrong_texture": Sheet(
        "church", SHEEP, {"style-from background": {}, "style-from surroundings": {"style_from": "surroundings"}}, 360
    ),
    "wrong_mixed": Sheet("castle", DOG, {"gradients mixed": {"gradients": "mixed"}, "gradients source": {}}),
}
"""By the name of their file."""


def blended(placed: pictures.Placed, **settings: Any) -> Image.Image:
    layer = deepblend.blend(pictures.to_request(placed, resolve(settings), "auto", "shipped"))
    below = pictures.flatten(placed.target, layer.shadow) if layer.shadow is not None else placed.target
    return pictures.flatten(below, layer.plane).image()


def write(name: str, shown: list[tuple[str, Image.Image]], columns: int, longest_px: int) -> None:
    eight_bit.write_picture(HERE / f"{name}.jpg", sheet(shown, columns, longest_px), quality=84)


def details(name: str) -> None:
    made = SHEETS[name]
    placed = examples.read(made.example)
    shown = [(label, blended(placed, **given).crop(made.box)) for label, given in made.shown.items()]
    write(name, shown, len(shown), made.longest_px)


def demo() -> None:
    placed = examples.read()
    steps = [("Seamless only", 0.0), ("Style 0.5", 0.5), ("Style 1", 1.0)]
    shown = [(label, blended(placed, style=style)) for label, style in steps]
    write("demo", [("Pasted", pictures.copy_paste(placed).image()), *shown], 2, 560)


def all_examples() -> None:
    shown = []
    for name, known in examples.EXAMPLES.items():
        placed = examples.read(name)
        middle = (placed.left + placed.source.width / 2) / placed.target.width
        fitted = ImageOps.fit(blended(placed), (400, 300), centering=(min(middle, 1.0), 1.0))
        shown.append((known.title, fitted))
    write("examples", shown, 3, 400)


def screenshots() -> None:
    for name, box in CUTS.items():
        shot = Image.open(SHOTS / f"{name}.png").convert("RGB").crop(box)
        eight_bit.write_picture(HERE / f"{name.replace('/', '_')}.jpg", shot, quality=88)


def main() -> None:
    blends: dict[str, Callable[[], None]] = {"demo": demo, "examples": all_examples}
    for name in sys.argv[1:] or [*blends, *SHEETS]:
        blends[name]() if name in blends else details(name)
    if not sys.argv[1:]:
        screenshots()


if __name__ == "__main__":
    main()
