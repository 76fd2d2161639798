"""What the benchmarks blend: an object's pictures placed on a target, as the engine takes them and gives them back."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from deepblend import Layer, Plane, Rect, Request
from deepblend_protocol import geometry
from deepblend_protocol.settings import Settings
from PIL import Image


@dataclass(frozen=True)
class Case:
    """An object on a target."""

    name: str
    source: Image.Image
    """RGB."""
    mask: Image.Image
    """L, of the source's size."""
    target: Image.Image
    """RGB."""
    left: int
    """The target's column of the source's first; may be negative."""
    top: int

    def laid(self) -> tuple[np.ndarray, np.ndarray]:
        """Source (H, W, 3) and mask (H, W) on the target's grid, uint8; 0 where the source does not reach."""
        source, mask = Image.new("RGB", self.target.size), Image.new("L", self.target.size)
        source.paste(self.source, (self.left, self.top))
        mask.paste(self.mask, (self.left, self.top))
        return np.asarray(source), np.asarray(mask)

    def box(self) -> Rect:
        """The mask's box on the target."""
        x, y, right, bottom = Image.fromarray(self.laid()[1]).getbbox() or (0, 0, 0, 0)
        return Rect(x, y, right - x, bottom - y)

    def copy_paste(self) -> Image.Image:
        picture = self.target.copy()
        picture.paste(self.source, (self.left, self.top), self.mask)
        return picture

    def resized(self, side: int) -> Case:
        """The same picture with a target of this longer side.

        Object and target are resized on one grid, so that no rounding moves one against the other.
        """
        size = Rect(0, 0, *self.target.size).scaled(side / max(self.target.size)).size
        source, mask = (Image.fromarray(one) for one in self.laid())
        source, target = (one.resize(size, Image.Resampling.LANCZOS) for one in (source, self.target))
        # A filter with more lobes would leave a ring of faint mask around the object.
        mask = mask.resize(size, Image.Resampling.BICUBIC)
        laid = Case(self.name, source, mask, target, 0, 0)
        box = laid.box()
        box = box.grown(16).intersection(Rect(0, 0, *size)) or box
        return replace(laid, source=_cut(source, box), mask=_cut(mask, box), left=box.x, top=box.y)

    def request(self, settings: Settings, device: str = "auto") -> Request:
        box = self.box()
        whole = Rect(0, 0, *self.target.size)
        crop = box.grown(geometry.margin(*box.size)).intersection(whole) or whole
        if settings.method == "paper":
            crop = whole
        where = Rect(self.left, self.top, *self.source.size)
        scale = geometry.style_scale(*self.target.size)
        style = self.target
        if scale < 1:
            style = style.resize(whole.scaled(scale).size, Image.Resampling.LANCZOS)
        return Request(
            layer=Plane(np.asarray(self.source), where, "RGB"),
            mask=Plane(np.asarray(self.mask), where, "Y"),
            background=Plane(np.asarray(_cut(self.target, crop)), crop, "RGB"),
            style=Plane(np.asarray(style), whole, "RGB", scale=scale),
            settings=settings,
            device=device,
        )

    def flattened(self, layer: Layer) -> Image.Image:
        """The target with a blend's result over it."""
        whole = np.array(self.target)
        below, samples = whole[layer.plane.rect.slices], layer.plane.samples.astype(np.float32)
        alpha = samples[..., 3:] / 255
        below[...] = np.rint(samples[..., :3] * alpha + below * (1 - alpha))
        return Image.fromarray(whole)


def _cut(picture: Image.Image, box: Rect) -> Image.Image:
    return picture.crop((box.x, box.y, box.right, box.bottom))


def load(folder: Path, side: int = 512) -> Case:
    """A folder's source, mask and target, resized as its place.json says for a target of 512 x 512.

    A place.json with "center" (column and row) is that of pictures that keep their sizes.
    """
    place = json.loads((folder / "place.json").read_text(encoding="utf-8"))
    roles = (("source", "RGB"), ("mask", "L"), ("target", "RGB"))
    source, mask, target = (Image.open(next(folder.glob(f"{role}.*"))).convert(mode) for role, mode in roles)
    if "center" in place:
        column, row = place["center"]
        return Case(folder.name, source, mask, target, column - source.width // 2, row - source.height // 2)
    size, row, column = (place[key] * side // 512 for key in ("source_size", "row", "column"))
    source, mask, target = source.resize((size, size)), mask.resize((size, size)), target.resize((side, side))
    return Case(folder.name, source, mask, target, column - size // 2, row - size // 2)


def load_full(folder: Path) -> Case:
    """A pair at its ground's own resolution, as benchmarks.pairs writes it; or an example that has only one."""
    if not (folder / "full_place.json").exists():
        return load(folder)
    place = json.loads((folder / "full_place.json").read_text(encoding="utf-8"))
    pictures = (
        Image.open(folder / f"full_{role}.png").convert(mode)
        for role, mode in (("source", "RGB"), ("mask", "L"), ("target", "RGB"))
    )
    half = place["source_size"] // 2
    return Case(folder.name, *pictures, place["column"] - half, place["row"] - half)


def folders(given: list[Path], pairs: Path | None = None) -> list[Path]:
    """Case folders: those given; else what DEEPBLEND_CASES names and those of ``pairs``."""
    if given:
        return given
    roots = [Path(os.environ["DEEPBLEND_CASES"])] if "DEEPBLEND_CASES" in os.environ else []
    found = [
        sorted(path.parent for path in root.glob("*/place.json")) for root in [*roots, *([pairs] if pairs else [])]
    ]
    return [folder for one in found for folder in one]


def machine() -> str:
    """The processor, its cores, and the load that others put on it at present."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        name = models[0].split(":", 1)[1].strip() if models else name
    load_now = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    return f"{name}, {os.cpu_count()} logical processors{load_now}"


def markdown(titles: list[str], rows: list[list[str]]) -> str:
    """A table whose first column is left-aligned."""
    widths = [max(len(row[k]) for row in [titles, *rows]) for k in range(len(titles))]

    def line(cells: list[str]) -> str:
        first, *others = (
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "| " + " | ".join([first, *others]) + " |"

    rule = "|" + "|".join("-" * (width + 1) + ("-" if k == 0 else ":") for k, width in enumerate(widths)) + "|"
    return "\n".join([line(titles), rule, *map(line, rows)])
