"""Pairs of object and ground to judge blends by: python -m benchmarks.pairs --output FOLDER

The pictures are those of two Debian packages with free licences, tuxpaint-stamps-default (objects with alpha) and
plasma-workspace-wallpapers (painted and photographed grounds). They are fetched with apt-get and unpacked with dpkg
into FOLDER/packages; nothing is installed. Run again, it fetches nothing anew.

Each pair is a folder with source.png, mask.png, target.png (512 x 512) and place.json (source_size, row, column), as
benchmarks.quality and benchmarks.blend take them, and the same once more at the ground's own resolution, the object
in proportion: full_source.png, full_mask.png, full_target.png and full_place.json. FOLDER/copy_paste.png shows all.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

PACKAGES = ("tuxpaint-stamps-default", "plasma-workspace-wallpapers")
STAMPS, WALLPAPERS = "usr/share/tuxpaint/stamps", "usr/share/wallpapers"
SIDE = 512
FULL_SIDE = 4096
"""Pixels: no full target is larger."""
BORDER = 0.06
"""Transparent border around the object, as a part of its longer side: a mask that ends in the picture, not with it."""


@dataclass(frozen=True)
class Pair:
    name: str
    object: str
    """A stamp; or a wallpaper with ``cut``."""
    ground: str
    """A wallpaper and its folder of pictures."""
    crop: tuple[float, float, float]
    """The square of the ground: its centre as parts of width and height, its side as a part of the shorter side."""
    size: int
    """The object's longer side on a target of 512 pixels."""
    row: int
    column: int
    cut: tuple[float, float, float, float] | None = None
    """An ellipse of a wallpaper with soft edges: centre and half axes as parts of width and height."""
    why: str = ""


PAIRS = (
    Pair("peahen", "animals/birds/albino_peahen", "Path/images", (0.3, 0.5, 1), 300, 330, 262, why="light on dark"),
    Pair("rhino", "animals/mammals/rhino_black", "Volna/images", (0.3, 0.5, 1), 300, 330, 190, why="dark on light"),
    Pair(
        "firetruck",
        "vehicles/emergency/firetruck",
        "ColdRipple/images",
        (0.5, 0.5, 1),
        320,
        350,
        256,
        why="vivid on gray",
    ),
    Pair(
        "tiger",
        "animals/mammals/cats/tiger_sumatran",
        "OneStandsOut/images",
        (0.4, 0.5, 1),
        330,
        250,
        256,
        why="textured ground",
    ),
    Pair(
        "bear",
        "animals/mammals/bears/european-bear",
        "SafeLanding/images",
        (0.35, 0.5, 1),
        200,
        350,
        300,
        why="painted ground",
    ),
    Pair(
        "heron",
        "animals/birds/heron_greatblue_flying",
        "summer_1am/images",
        (0.5, 0.5, 1),
        280,
        170,
        250,
        why="flat ground",
    ),
    Pair(
        "fire",
        "naturalforces/fire",
        "EveningGlow/images",
        (0.5, 0.5, 1),
        260,
        330,
        256,
        why="soft edges, on a photograph",
    ),
    Pair(
        "cherimoya",
        "food/fruit/cherimoya",
        "ColorfulCups/images",
        (0.5, 0.5, 1),
        210,
        270,
        256,
        why="fine texture on smooth shapes",
    ),
    Pair(
        "otter", "animals/mammals/aquatic/otter", "BytheWater/images", (0.5, 0.5, 1), 260, 370, 250, why="fur on boards"
    ),
    Pair(
        "capybara",
        "animals/mammals/rodents/capybara",
        "Autumn/images",
        (0.75, 0.5, 1),
        260,
        420,
        200,
        why="dull on vivid paint",
    ),
    Pair(
        "anemone",
        "plants/flowers/anemone_red",
        "DarkestHour/images",
        (0.5, 0.5, 1),
        240,
        250,
        250,
        why="vivid on dark and flat",
    ),
    Pair(
        "leaf",
        "FallenLeaf/images",
        "Grey/images",
        (0.5, 0.5, 1),
        300,
        256,
        256,
        (0.67, 0.55, 0.17, 0.30),
        "soft ellipse, hard ground",
    ),
)


def unpacked(folder: Path) -> Path:
    """Where the packages' files are, fetched and unpacked if they are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    root = folder / "root"
    for package in PACKAGES:
        if not list(folder.glob(f"{package}_*.deb")):
            subprocess.run(["apt-get", "download", package], cwd=folder, check=True)
    for folder_of_files, package in zip((STAMPS, WALLPAPERS), PACKAGES, strict=True):
        if not (root / folder_of_files).is_dir():
            subprocess.run(["dpkg", "-x", str(next(folder.glob(f"{package}_*.deb"))), str(root)], check=True)
    return root


def wallpaper(root: Path, name: str) -> Image.Image:
    """The largest picture of a wallpaper that is wider than high."""
    own, folder = name.split("/")
    files = {Path(os.path.realpath(file)) for file in (root / WALLPAPERS / own / "contents" / folder).iterdir()}
    opened = [Image.open(file) for file in sorted(files)]
    return max((one for one in opened if one.width > one.height), key=lambda one: one.width).convert("RGB")


def cut_out(root: Path, pair: Pair) -> Image.Image:
    """The object, RGBA on a square with a transparent border."""
    if pair.cut is None:
        picture = Image.open(root / STAMPS / f"{pair.object}.png").convert("RGBA")
    else:
        picture = wallpaper(root, pair.object)
        x, y, a, b = (part * side for part, side in zip(pair.cut, picture.size * 2, strict=True))
        picture = picture.crop((round(x - a), round(y - b), round(x + a), round(y + b)))
        v, u = np.mgrid[-1 : 1 : picture.height * 1j, -1 : 1 : picture.width * 1j]
        ramp = np.clip((1 - np.hypot(u, v)) / 0.15, 0, 1)
        picture.putalpha(Image.fromarray((255 * ramp**2 * (3 - 2 * ramp)).astype(np.uint8)))
    # Cut-outs have a haze of a few levels of alpha that the eye does not see and a mask > 0 would take in.
    picture.putalpha(picture.getchannel("A").point(lambda alpha: alpha if alpha >= 12 else 0))
    picture = picture.crop(picture.getchannel("A").getbbox())
    side = round(max(picture.size) * (1 + 2 * BORDER))
    square = Image.new("RGBA", (side, side))
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return square


def filled(picture: Image.Image) -> Image.Image:
    """The colours of a cut-out, carried on beyond its edge: a transparent pixel's own colour means nothing."""
    levels = [np.asarray(picture, np.float32)]
    levels[0] = np.concatenate([levels[0][..., :3] * levels[0][..., 3:] / 255, levels[0][..., 3:]], axis=2)
    while min(levels[-1].shape[:2]) > 1:
        last = levels[-1][: levels[-1].shape[0] // 2 * 2, : levels[-1].shape[1] // 2 * 2]
        levels.append((last[::2, ::2] + last[1::2, ::2] + last[::2, 1::2] + last[1::2, 1::2]) / 4)
    colour = levels[-1][..., :3] / np.maximum(levels[-1][..., 3:] / 255, 1e-6)
    for level in reversed(levels[:-1]):
        rows, columns = (
            np.minimum(np.arange(n) // 2, m - 1) for n, m in zip(level.shape[:2], colour.shape[:2], strict=True)
        )
        under, alpha = colour[rows][:, columns], level[..., 3:] / 255
        colour = np.where(alpha > 0.02, level[..., :3] / np.maximum(alpha, 0.02), under)
    return Image.fromarray(np.clip(np.rint(colour), 0, 255).astype(np.uint8))


def write(folder: Path, prefix: str, pair: Pair, cut: Image.Image, ground: Image.Image, side: int) -> None:
    scale = side / SIDE
    size = round(pair.size * (1 + 2 * BORDER) * scale / 2) * 2
    # Premultiplied, so that transparent pixels' colours do not come in at the edge; bicubic, since a filter with
    # more lobes leaves a ring of faint alpha around the object.
    small = cut.convert("RGBa").resize((size, size), Image.Resampling.BICUBIC).convert("RGBA")
    filled(small).save(folder / f"{prefix}source.png")
    small.getchannel("A").save(folder / f"{prefix}mask.png")
    ground.resize((side, side), Image.Resampling.LANCZOS).save(folder / f"{prefix}target.png")
    place = {"source_size": size, "row": round(pair.row * scale), "column": round(pair.column * scale)}
    (folder / f"{prefix}place.json").write_text(json.dumps(place), encoding="utf-8")


def make(pair: Pair, root: Path, output: Path) -> Image.Image:
    """Write a pair; its copy-paste at 512."""
    folder = output / pair.name
    folder.mkdir(parents=True, exist_ok=True)
    whole = wallpaper(root, pair.ground)
    side = round(min(whole.size) * pair.crop[2])
    left = min(max(round(whole.width * pair.crop[0] - side / 2), 0), whole.width - side)
    top = min(max(round(whole.height * pair.crop[1] - side / 2), 0), whole.height - side)
    ground = whole.crop((left, top, left + side, top + side))
    cut = cut_out(root, pair)
    write(folder, "", pair, cut, ground, SIDE)
    write(folder, "full_", pair, cut, ground, min(side, FULL_SIDE))
    picture = Image.open(folder / "target.png")
    place = json.loads((folder / "place.json").read_text(encoding="utf-8"))
    corner = (place["column"] - place["source_size"] // 2, place["row"] - place["source_size"] // 2)
    picture.paste(Image.open(folder / "source.png"), corner, Image.open(folder / "mask.png"))
    return picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="folder for the pairs and the packages")
    args = parser.parse_args()
    root = unpacked(args.output / "packages")
    columns = 4
    sheet = Image.new("RGB", (columns * SIDE, -(-len(PAIRS) // columns) * (SIDE + 20)), "white")
    draw = ImageDraw.Draw(sheet)
    for k, pair in enumerate(PAIRS):
        x, y = k % columns * SIDE, k // columns * (SIDE + 20)
        sheet.paste(make(pair, root, args.output), (x, y + 20))
        draw.text((x + 4, y + 4), f"{pair.name}: {pair.why}", "black")
        print(f"{pair.name:12} {pair.why}")
    sheet.save(args.output / "copy_paste.png")


if __name__ == "__main__":
    main()
