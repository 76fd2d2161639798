"""Make the pictures of README.md and docs/ anew: python docs/make_pictures.py

Blends are made of the shipped example, screenshots are cut out of what the tests have kept in ``build/screenshots``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import deepblend
from deepblend import pictures
from deepblend.contact_sheet import sheet
from deepblend.pictures import eight_bit
from deepblend_protocol.settings import resolve
from PIL import Image

HERE = Path(__file__).parent / "pictures"
EXAMPLE = Path(deepblend.__file__).parent / "example"
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


def example() -> pictures.Placed:
    opened = [eight_bit.open_picture(next(EXAMPLE.glob(f"{role}.*")), role) for role in ("source", "mask", "target")]
    center = json.loads((EXAMPLE / "place.json").read_text(encoding="utf-8"))["center"]
    return pictures.place(*opened, center=tuple(center))


def blended(placed: pictures.Placed, **settings: Any) -> Image.Image:
    layer = deepblend.blend(pictures.to_request(placed, resolve({"preset": "painting", **settings}), "auto", "shipped"))
    return pictures.flatten(placed.target, layer.plane).image()


def write(name: str, shown: list[tuple[str, Image.Image]], columns: int, longest_px: int) -> None:
    eight_bit.write_picture(HERE / f"{name}.jpg", sheet(shown, columns, longest_px), quality=84)


def main() -> None:
    placed = example()
    styles = {style: blended(placed, style=style) for style in (0.0, 0.25, 0.5, 0.75, 1.0)}
    whole = [
        ("Pasted", pictures.copy_paste(placed).image()),
        ("Seamless only", styles[0.0]),
        ("Style 0.5", styles[0.5]),
        ("Style 1", styles[1.0]),
    ]
    write("demo", whole, 2, 560)
    write("style", [(f"style {style:g}", picture.crop(DETAIL)) for style, picture in styles.items()], 5, 330)
    kept = {keep: blended(placed, keep_colours=keep) for keep in (0.0, 1.0)} | {0.5: styles[0.5]}
    for name, box in CUTS.items():
        shot = Image.open(SHOTS / f"{name}.png").convert("RGB").crop(box)
        eight_bit.write_picture(HERE / f"{name.replace('/', '_')}.jpg", shot, quality=88)
    write("keep_colours", [(f"keep-colours {keep:g}", kept[keep].crop(DETAIL)) for keep in sorted(kept)], 3, 330)


if __name__ == "__main__":
    main()
