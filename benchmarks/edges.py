"""How well edges are found, where the truth is known: python -m benchmarks.edges CUT-OUTS PHOTOGRAPHS

CUT-OUTS is a folder of PNG pictures with alpha (--names: a file that names those to use, a line each, without .png),
PHOTOGRAPHS one of pictures, each in whatever folders below. A cut-out is laid on one photograph, selected there 0, 5,
20 or 60 pixels too wide or with a circle, and blended into another at style 0: with edges automatic and as selected,
and by OpenCV's seamlessClone. Right is the cut-out on the other photograph by its own alpha. Which go together, how
large and where is drawn by the composite's number: the same for the same folders.

The mean absolute error, in levels, is that of a band of 10 pixels on either side of the object's outline. The alpha
error is the sum of the absolute differences of the layer's alpha and the cut-out's own (SAD), in thousands of pixels,
and as a part of the object's area.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import torch
from deepblend import Layer, Plane, Rect, Request, blend
from deepblend_protocol.settings import resolve
from PIL import Image

from .cases import markdown

WIDER = (0, 5, 20, 60)
"""Pixels that a selection is too wide."""
SELECTIONS = (*(f"{px} px" for px in WIDER), "circle")
AROUND = 90
"""Pixels of photograph around a cut-out."""
CIRCLE_PX = 8
"""Pixels that the circle keeps from the object."""
SIZES = (0.8, 1.6)
"""What cut-outs are enlarged by: the least, and the most."""
LARGEST = 1000
"""Pixels: a cut-out with a longer side is reduced to it first."""
NOISE = 1.5
"""Levels, a deviation: what the layer's pixels differ by from a composite's."""
BAND = 10
PAINTED = {"preset": "painting", "style": 0.0}
"""Nothing is matched: the truth has the cut-out's own light."""
SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"}


@dataclass(frozen=True)
class Composite:
    """A cut-out on one photograph, to be blended into another; pictures are (h, w, 3), levels."""

    name: str
    selection: str
    layer: np.ndarray
    selected: np.ndarray
    """(h, w), uint8: 0 or 255."""
    background: np.ndarray
    truth: np.ndarray
    alpha: np.ndarray
    """(h, w), 0..1: the cut-out's."""

    @cached_property
    def band(self) -> np.ndarray:
        """(h, w), bool."""
        disc = _disc(BAND)
        grown = cv2.dilate((self.alpha > 0.02).astype(np.uint8), disc)
        return (grown > 0) & (cv2.erode((self.alpha > 0.98).astype(np.uint8), disc) == 0)

    def error(self, picture: np.ndarray) -> float:
        return float(np.abs(picture - self.truth)[self.band].mean())

    def blended(self, edges: str) -> Layer:
        whole = Rect(0, 0, *self.alpha.shape[::-1])
        layer, background = (Plane(picture.astype(np.uint8), whole, "RGB") for picture in (self.layer, self.background))
        settings = resolve({**PAINTED, "edges": edges})
        return blend(Request(layer, Plane(self.selected, whole, "Y"), background, settings=settings, device="cpu"))

    def cloned(self) -> np.ndarray:
        """By OpenCV, which can do nothing at a picture's border."""
        mask = self.selected.copy()
        mask[:2] = mask[-2:] = mask[:, :2] = mask[:, -2:] = 0
        x, y, w, h = cv2.boundingRect(mask)
        pictures = self.layer.astype(np.uint8), self.background.astype(np.uint8), mask
        return cv2.seamlessClone(*pictures, (x + w // 2, y + h // 2), cv2.NORMAL_CLONE).astype(np.float32)


@dataclass(frozen=True)
class Errors:
    """Of one composite."""

    name: str
    selection: str
    automatic: float
    selected: float
    cloned: float
    sad: float
    relative: float
    trust: float
    seconds: float

    @property
    def of_selected(self) -> float:
        return self.automatic / max(self.selected, 1e-6)

    @property
    def of_cloned(self) -> float:
        return self.automatic / max(self.cloned, 1e-6)


def composite(number: int, cut_outs: Sequence[Path], photographs: Sequence[Path]) -> Composite:
    draw = random.Random(number)
    order = list(cut_outs)
    random.Random(0).shuffle(order)
    path = order[number % len(order)]
    object_ = Image.open(path).convert("RGBA")
    size = draw.uniform(*SIZES) * min(1, LARGEST / max(object_.size))
    object_ = object_.resize([round(side * size) for side in object_.size], Image.Resampling.LANCZOS)
    levels = np.pad(np.asarray(object_, np.float32), ((AROUND, AROUND), (AROUND, AROUND), (0, 0)))
    own, alpha = levels[..., :3], levels[..., 3] / 255
    old, new = (photograph(chosen, draw, *alpha.shape) for chosen in draw.sample(list(photographs), 2))
    layer = _over(own, alpha, old) + np.random.default_rng(number).normal(0, NOISE, own.shape)
    selection = SELECTIONS[number % len(SELECTIONS)]
    selected = selected_around(alpha, selection)
    truth = _over(own, alpha, new)
    return Composite(path.stem, selection, np.clip(layer, 0, 255).round(), selected, new, truth, alpha)


def photograph(path: Path, draw: random.Random, height: int, width: int) -> np.ndarray:
    """A part of a photograph, reduced to a quarter at most; of one that is too small, all that has the shape."""
    picture = Image.open(path).convert("RGB")
    least = max(width / picture.width, height / picture.height)
    scale = max(least, min(1.0, max(0.25, least * draw.uniform(1, 1.6))))
    picture = picture.resize(
        (max(width, round(picture.width * scale)), max(height, round(picture.height * scale))),
        Image.Resampling.LANCZOS,
    )
    x, y = draw.randint(0, picture.width - width), draw.randint(0, picture.height - height)
    return np.asarray(picture.crop((x, y, x + width, y + height)), np.float32)


def selected_around(alpha: np.ndarray, selection: str) -> np.ndarray:
    """(h, w), uint8: 0 or 255."""
    if selection != "circle":
        disc = _disc(WIDER[SELECTIONS.index(selection)])
        return 255 * cv2.dilate((alpha > 0.5).astype(np.uint8), disc)
    rows, columns = np.nonzero(alpha > 0.02)
    y, x = (int(places.min() + places.max()) / 2 for places in (rows, columns))
    reach = np.hypot(rows - y, columns - x).max() + CIRCLE_PX
    down, along = np.ogrid[: alpha.shape[0], : alpha.shape[1]]
    return np.where(np.hypot(down - y, along - x) <= reach, 255, 0).astype(np.uint8)


def _disc(radius: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def _over(above: np.ndarray, alpha: np.ndarray, below: np.ndarray) -> np.ndarray:
    return below + alpha[..., None] * (above - below)


def laid(layer: Layer, below: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A blend over its background, levels, and its alpha, (h, w)."""
    picture, whole = below.copy(), np.zeros(below.shape[:2], np.float32)
    where, samples = layer.plane.rect.slices, layer.plane.samples.astype(np.float32)
    whole[where] = samples[..., 3] / 255
    picture[where] = _over(samples[..., :3], whole[where], picture[where])
    return picture, whole


def judged(case: Composite) -> tuple[Errors, np.ndarray]:
    """The errors, and pictures side by side: the layer as selected, alpha, automatic, as selected, cloned, right."""
    layer = case.blended("automatic")
    automatic, alpha = laid(layer, case.background)
    selected, _ = laid(case.blended("selected"), case.background)
    cloned = case.cloned()
    sad = float(np.abs(alpha - case.alpha).sum())
    errors = Errors(
        case.name,
        case.selection,
        case.error(automatic),
        case.error(selected),
        case.error(cloned),
        sad / 1000,
        sad / float(case.alpha.sum()),
        layer.report["edges"]["trust"],
        layer.report["seconds"]["edges"],
    )
    dimmed = case.layer * (0.4 + 0.6 * (case.selected[..., None] > 0))
    gray = np.repeat(255 * alpha[..., None], 3, 2)
    return errors, np.hstack([dimmed, gray, automatic, selected, cloned, case.truth]).clip(0, 255).astype(np.uint8)


def table(found: Sequence[Errors]) -> str:
    """Medians by selection and of all; and a line for each composite."""
    titles = ["selection", "composites", "automatic", "as selected", "seamlessClone", "of selected", "of cloned"]
    titles += ["SAD, 1000 px", "of the area", "worse than selected", "s"]
    medians = []
    for name in (*SELECTIONS, "all"):
        some = [one for one in found if name in (one.selection, "all")]
        if some:
            values = np.median([_row(one) for one in some], 0)
            worse = sum(one.of_selected > 1 for one in some) / len(some)
            medians.append([name, str(len(some)), *_cells(values[:-1]), f"{worse:.0%}", f"{values[-1]:.2f}"])
    each = [
        [one.name, one.selection, *_cells(_row(one)[:-1]), f"{one.trust:.2f}", f"{one.seconds:.2f}"] for one in found
    ]
    names = ["cut-out", "selection", *titles[2:9], "trust", "s"]
    return "\n\n".join(["Medians:", markdown(titles, medians), markdown(names, each)]) + "\n"


def _row(one: Errors) -> list[float]:
    errors = [one.automatic, one.selected, one.cloned, one.of_selected, one.of_cloned]
    return [*errors, one.sad, one.relative, one.seconds]


def _cells(values: Sequence[float] | np.ndarray) -> list[str]:
    return [f"{value:.{places}f}" for value, places in zip(values, (2, 2, 2, 2, 2, 2, 3), strict=True)]


def pictures(folder: Path, suffixes: set[str]) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes)


def cut_outs_in(folder: Path, names: Path | None) -> list[Path]:
    """The PNG pictures in a folder, or those that a file names, a line each, without .png."""
    every = pictures(folder, {".png"})
    if names is None:
        return every
    meant = set(names.read_text(encoding="utf-8").split("\n"))
    return [path for path in every if path.relative_to(folder).with_suffix("").as_posix() in meant]


def sheet(rows: Sequence[np.ndarray], height: int = 220) -> Image.Image:
    shown = [Image.fromarray(row) for row in rows]
    shown = [one.resize((round(one.width * height / one.height), height), Image.Resampling.BOX) for one in shown]
    page = Image.new("RGB", (max(one.width for one in shown), height * len(shown)))
    for k, one in enumerate(shown):
        page.paste(one, (0, k * height))
    return page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cut_outs", type=Path, metavar="CUT-OUTS")
    parser.add_argument("photographs", type=Path, metavar="PHOTOGRAPHS")
    parser.add_argument("--names", type=Path, metavar="FILE.txt", help="the cut-outs to use, a line each")
    parser.add_argument("--count", type=int, default=40, help="composites")
    parser.add_argument("--threads", type=int, default=1, help="torch's, for the seconds")
    parser.add_argument("--output", type=Path, metavar="TABLE.md")
    parser.add_argument("--sheet", type=Path, metavar="FILE.png", help="pictures of all composites")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    cut_outs = cut_outs_in(asked.cut_outs, asked.names)
    photographs = pictures(asked.photographs, SUFFIXES)
    if not cut_outs or len(photographs) < 2:
        parser.error(f"{len(cut_outs)} cut-outs and {len(photographs)} photographs were found; 1 and 2 are needed")
    found, shown = zip(*(judged(composite(k, cut_outs, photographs)) for k in range(asked.count)), strict=True)
    text = table(found)
    print(text)
    if asked.output is not None:
        asked.output.write_text(text, encoding="utf-8")
    if asked.sheet is not None:
        sheet(shown).save(asked.sheet)


if __name__ == "__main__":
    main()
