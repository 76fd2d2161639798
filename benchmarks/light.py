"""How near ``match`` brings an object to what it was: python -m benchmarks.light --folder FOLDER [--blend]

light_regions.json has objects in photographs, as polygons: a cup, a person, a face, animals, flowers, a building.
Each is changed five times as a camera would (exposure within a stop, white balance within some 1500 K, contrast of 0.7
to 1.4, saturation of 0.6 to 1.5, all at once and at random), is matched to its surroundings, and compared with the
original inside the polygon: by how many decibels the mean squared error falls, in the halves A and B of the objects,
every second one; where it can be seen (pasted, it has less than 25 dB) by itself as well. Photographs: scikit-image's,
and those of some Debian packages with free licences, fetched with apt-get into FOLDER and not installed. Needs opencv
and scikit-image.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from deepblend import Plane, Rect, Request, blend
from deepblend.engine.belonging.light import found
from deepblend_protocol.settings import resolve
from PIL import Image
from torch import Tensor

from .cases import markdown
from .light_training import camera, drawn

PACKAGES = (
    "opencv-doc",
    "plasma-workspace-wallpapers",
    "lomiri-wallpapers-16.04",
    "lomiri-wallpapers-20.04",
    "mate-backgrounds",
)
REGIONS = Path(__file__).with_name("light_regions.json")
LONGEST = 640
CHANGES = 5
WORSE = -0.5
"""Decibels: what is counted as worse than before."""


def fetched(folder: Path) -> Path:
    """Where the packages' files are."""
    folder.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        if not list(folder.glob(f"{package}_*.deb")):
            subprocess.run(["apt-get", "download", package], cwd=folder, check=True)
            subprocess.run(["dpkg", "-x", str(next(folder.glob(f"{package}_*.deb"))), str(folder)], check=True)
    return folder


def regions(root: Path) -> dict[str, tuple[Tensor, Tensor]]:
    """By name: the picture (3, H, W), levels, and the object (H, W), 0 or 1."""
    from skimage import data

    made = {}
    for name, told in json.loads(REGIONS.read_text("utf-8")).items():
        where = told["picture"]
        file = Path(data.__file__).parent / where.split(":")[1] if ":" in where else root / where
        picture = Image.open(file).convert("RGB")
        picture.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
        mask = np.zeros((picture.height, picture.width), np.uint8)
        cv2.fillPoly(mask, [np.rint(np.array(told["polygon"]) * picture.size).astype(np.int32)], 1)
        made[name] = (torch.from_numpy(np.array(picture)).permute(2, 0, 1).float(), torch.from_numpy(mask).float())
    return made


def matched(changed: Tensor, picture: Tensor, mask: Tensor, match: float) -> Tensor:
    """The object by itself."""
    change = found(changed * mask, mask, picture, torch.ones_like(mask))
    return changed if change is None else change.part(match).made(changed).clamp(0, 255).round()


def blended(changed: Tensor, picture: Tensor, mask: Tensor, match: float, keep: float) -> Tensor:
    """The object cut out and blended seamlessly."""
    whole = Rect(0, 0, mask.shape[1], mask.shape[0])
    layer, below = (
        image.permute(1, 2, 0).byte().numpy() for image in (torch.cat([changed, 255 * mask[None]]), picture)
    )
    settings = resolve({"method": "poisson", "style": 0.0, "keep_colours": keep, "match": match})
    plane = blend(Request(Plane(layer, whole), None, Plane(below, whole, "RGB"), None, settings, "cpu")).plane
    out = picture.clone()
    rows, columns = plane.rect.slices
    out[:, rows, columns] = torch.from_numpy(plane.samples[..., :3]).permute(2, 0, 1).float()
    return out


Way = Callable[[Tensor, Tensor, Tensor], Tensor]


def measured(cases: dict[str, tuple[Tensor, Tensor]], ways: dict[str, Way]) -> dict[str, np.ndarray]:
    """By way, and "pasted": PSNR inside, (objects, CHANGES + 1); the last column's object is unchanged."""
    rows: dict[str, list[list[float]]] = {name: [] for name in ("pasted", *ways)}
    rng = np.random.default_rng(7)
    for picture, mask in cases.values():
        inside = mask > 0
        changes = [*(drawn(rng) for _ in range(CHANGES)), None]
        each = {name: [] for name in rows}
        for change in changes:
            changed = camera(picture, *change) if change else picture
            for name, way in {"pasted": lambda *images: images[0], **ways}.items():
                error = float((way(changed, picture, mask) - picture)[:, inside].square().mean())
                each[name].append(10 * math.log10(255**2 / max(error, 0.01)))
        for name, values in each.items():
            rows[name].append(values)
    return {name: np.array(values) for name, values in rows.items()}


def told(found_: dict[str, np.ndarray]) -> str:
    """The table: gains over the pasted object, by half."""
    lines = []
    pasted = found_["pasted"]
    for name, values in found_.items():
        for half, rows in (("A", slice(0, None, 2)), ("B", slice(1, None, 2))):
            before, gain = pasted[rows, :-1], (values - pasted)[rows, :-1]
            seen = gain[before < 25]
            lines.append(
                [
                    name,
                    half,
                    f"{np.median(values[rows, :-1]):.1f}",
                    f"{np.median(gain):+.2f}",
                    f"{gain.mean():+.2f}",
                    f"{(gain < WORSE).sum()} of {gain.size}",
                    f"{np.median(seen):+.2f}",
                    f"{(seen < WORSE).sum()} of {seen.size}",
                    f"{gain.min():+.1f}",
                    f"{np.median(values[rows, -1]):.1f} / {values[rows, -1].min():.1f}",
                ]
            )
    titles = [
        "",
        "half",
        "PSNR",
        "gain",
        "mean gain",
        "worse",
        "gain < 25",
        "worse < 25",
        "worst",
        "unchanged: median / least",
    ]
    return markdown(titles, lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="for the packages")
    parser.add_argument("--blend", action="store_true", help="seamless blends of the cut-outs as well: some minutes")
    args = parser.parse_args()
    ways: dict[str, Way] = {f"match {part:g}": partial(matched, match=part) for part in (0.25, 0.5, 0.75, 1.0)}
    if args.blend:
        for keep in (0.5, 1.0):
            for part in (0.0, 0.5, 1.0):
                ways[f"blend, keep-colours {keep:g}, match {part:g}"] = partial(blended, match=part, keep=keep)
    print(told(measured(regions(fetched(args.folder)), ways)))


if __name__ == "__main__":
    main()
