"""How blends do at every size: python -m benchmarks.sizes look|borders|growth

look     one picture enlarged and reduced to several sizes and blended at each; the results, reduced to the smallest,
         against the one blended there: mean and 99th percentile of the difference inside the mask, of the blend, of a
         seamless one and of a copy-paste; the content figure at each size; a picture of the blends side by side.
borders  whether tile borders can be seen: steps across them, against steps across the same lines shifted.
growth   time and memory against the selection's area with the document fixed, and against the document's size with
         the selection fixed, each blend in a process of its own; a plot.

look and borders take a pair that benchmarks.pairs has written, or the shipped example; growth makes its pictures.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from deepblend import Plane, Rect, Request, Step, blend
from deepblend.engine.memory import reuse
from PIL import Image, ImageDraw

from . import figures, plot
from .cases import Case, load_full, machine, markdown
from .quality import cropped, settings_of

# look -----------------------------------------------------------------------------------------------------------------


def look(args: argparse.Namespace) -> None:
    full, settings = load_full(args.pair), settings_of(args.set)
    sizes = sorted(args.sizes)
    small = full.resized(sizes[0])
    inside = small.laid()[1] > 0
    print(
        f"{machine()}; {full.name}, its own size {max(full.target.size)}; "
        f"{' '.join(args.set) or 'settings for a painting'}\n"
    )
    rows, shown, kept = [], [], {}
    for size in sizes:
        case = full.resized(size)
        began = time.perf_counter()
        layer = blend(case.request(settings, args.device))
        seconds = time.perf_counter() - began
        result = case.flattened(layer)
        seamless = blend(case.request(replace(settings, style=0.0), args.device))
        whole = {"blend": result, "seamless": case.flattened(seamless), "copy-paste": case.copy_paste()}
        reduced = {kind: reduce(picture, small) for kind, picture in whole.items()}
        kept = kept or reduced
        cells = []
        for kind, picture in reduced.items():
            difference = np.abs(levels(picture) - levels(kept[kind]))[inside]
            cells += [f"{difference.mean():.2f}", f"{np.percentile(difference, 99):.1f}"]
        source, mask = case.laid()
        inner = figures.within(torch.from_numpy(mask > 0), 4)
        kept_detail = figures.content(figures.levels(source), figures.levels(np.asarray(result)), inner)
        rows.append([f"{case.target.width} x {case.target.height}", *cells, f"{kept_detail:.3f}", f"{seconds:.1f}"])
        shown.append((f"blended at {size}", reduced["blend"], result, case))
    titles = ["size", "mean", "99th", "seamless mean", "99th", "copy-paste mean", "99th", "content there", "seconds"]
    print(markdown(titles, rows))
    print(f"\nLevels of 255, inside the mask, reduced to {sizes[0]}.")
    print("seamless: the same of style 0, where the network has no part; copy-paste: where only resampling has.")
    if args.sheet:
        compare(args.sheet, small, shown)
        print(args.sheet)


def reduce(picture: Image.Image, to: Case) -> Image.Image:
    return picture.resize(to.target.size, Image.Resampling.LANCZOS)


def levels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture, np.float32)


def compare(path: Path, small: Case, shown: list[tuple[str, Image.Image, Image.Image, Case]]) -> None:
    """Above, all reduced to one size; in the middle, ten times the difference; below, a detail at its own size."""
    side = 512
    sheet = Image.new("RGB", (len(shown) * (side + 4), 3 * (side + 18)), "white")
    pen = ImageDraw.Draw(sheet)
    first = levels(shown[0][1])
    for column, (title, reduced, result, case) in enumerate(shown):
        inside = np.argwhere(case.laid()[1] > 0)
        y, x = (
            int(np.clip(middle - side / 2, 0, max(length - side, 0)))
            for middle, length in zip(inside.mean(0), (result.height, result.width), strict=True)
        )
        difference = Image.fromarray(np.clip(128 + 10 * (levels(reduced) - first), 0, 255).astype(np.uint8))
        rows = (
            (title, cropped(reduced, small)),
            ("difference to the first, 10 times", cropped(difference, small)),
            (
                "the middle, pixel for pixel",
                result.crop((x, y, min(x + side, result.width), min(y + side, result.height))),
            ),
        )
        for row, (words, picture) in enumerate(rows):
            pen.text((column * (side + 4) + 4, row * (side + 18) + 2), words, "black")
            sheet.paste(picture, (column * (side + 4), row * (side + 18) + 16))
    sheet.save(path)


# borders --------------------------------------------------------------------------------------------------------------


def borders(args: argparse.Namespace) -> None:
    case = load_full(args.pair)
    case = case.resized(args.size) if args.size else case
    layer = blend(case.request(settings_of(args.set), args.device))
    by_level = tiles_of(layer.report)
    if not by_level or args.tile:
        if not args.tile:
            raise SystemExit("the report has no tiles; say how large they are with --tile")
        by_level = {f"every {args.tile}": regular(case.box(), args.tile)}
    source, mask = case.laid()
    region = layer.plane.rect
    print(f"{machine()}; {case.name}, {case.target.width} x {case.target.height}\n")
    print("Steps across tile borders, in levels, and across these lines shifted (p: shifts with as large a step)\n")
    result = levels(case.flattened(layer))
    pictures = {"result": result, "change": result - source}
    rows = []
    for level, tiles in by_level.items():
        for kind, picture in pictures.items():
            for width in args.widths:
                rows.append([level, kind, str(width), *verdict(picture, mask > 0, tiles, width)])
    print(markdown(["tiles", "picture", "width", "pixels", "step", "shifted", "sd", "z", "p"], rows))
    print(f"\nchange: result less source. Blended region {region.w} x {region.h}.")


def tiles_of(report: dict[str, Any]) -> dict[str, list[Rect]]:
    """Boxes of the tiles by level, of levels that have several."""
    return {
        f"level {k}": [Rect(*tile) for tile in level["tiles"]]
        for k, level in enumerate(report["levels"])
        if level["tiles"]
    }


def regular(box: Rect, side: int) -> list[Rect]:
    """Tiles from a box's corner on."""
    corners = [(left, top) for top in range(box.y, box.bottom, side) for left in range(box.x, box.right, side)]
    return [tile for corner in corners if (tile := Rect(*corner, side, side).intersection(box)) is not None]


def verdict(picture: np.ndarray, mask: np.ndarray, tiles: list[Rect], width: int) -> list[str]:
    """Cells: border pixels, their mean step, that of shifted lines with its spread, z, p."""
    luma = picture @ np.float32([0.299, 0.587, 0.114])
    steps = [step(luma, mask, width), step(luma.T, mask.T, width)]  # along the last axis: columns, then rows
    lines: list[dict[int, list[tuple[int, int]]]] = [{}, {}]  # likewise: where a border lies, and from where to where
    for tile in tiles:
        for at in (tile.x, tile.right):
            lines[0].setdefault(at, []).append((tile.y, tile.bottom))
        for at in (tile.y, tile.bottom):
            lines[1].setdefault(at, []).append((tile.x, tile.right))

    def mean(shift: int) -> tuple[float, int]:
        total, count = 0.0, 0
        for axis, (value, valid) in enumerate(steps):
            for at, spans in lines[axis].items():
                moved = at + shift
                if not 0 < moved < value.shape[1] or (shift and any(abs(moved - o) < 2 * width for o in lines[axis])):
                    continue
                rows = np.zeros(len(value), bool)
                for first, last in spans:
                    rows[max(first, 0) : max(last, 0)] = True
                rows &= valid[:, moved]
                total, count = total + float(value[rows, moved].sum()), count + int(rows.sum())
        return (total / count if count else float("nan")), count

    own, count = mean(0)
    if not count:
        return ["0", *["-"] * 5]
    shifts = [s for k in range(2 * width, 2 * width + 60) for s in (-k, k)]
    others = np.array([value for value, pixels in map(mean, shifts) if pixels > count // 4])
    if len(others) < 8:
        return [str(count), f"{own:.3f}", *["-"] * 4]
    spread = others.std(ddof=1)
    p = (1 + (others >= own).sum()) / (1 + len(others))
    cells = (f"{own:.3f}", f"{others.mean():.3f}", f"{spread:.3f}", f"{(own - others.mean()) / max(spread, 1e-9):+.1f}")
    return [f"{count:,}", *cells, f"{p:.3f}"]


def step(luma: np.ndarray, mask: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Per pixel the size of the step between the means of ``width`` pixels before it and from it on; where it holds.

    A wide step shows what enlarging a coarse level has smeared.
    """
    before = np.cumsum(np.pad(luma, ((0, 0), (1, 0))), axis=1, dtype=np.float64)  # sums of what lies before
    inside = np.cumsum(np.pad(mask, ((0, 0), (1, 0))), axis=1)
    value, valid = np.zeros(luma.shape), np.zeros(luma.shape, bool)
    columns = np.arange(width, luma.shape[1] - width + 1)
    last = columns[columns < luma.shape[1]]
    sums = [before[:, last + width] - before[:, last], before[:, last] - before[:, last - width]]
    value[:, last] = np.abs(sums[0] - sums[1]) / width
    valid[:, last] = inside[:, last + width] - inside[:, last - width] == 2 * width
    return value, valid


# growth ---------------------------------------------------------------------------------------------------------------


def growth(args: argparse.Namespace) -> None:
    print(f"{machine()}; device {args.device}, {args.sample}, {' '.join(args.set) or 'settings for a painting'}\n")
    titles = [
        "document",
        "selection, Mpixel",
        "prepare s",
        "blend s",
        "cpu s",
        "s a Mpixel",
        "longest step s",
        "MB before",
        "peak MB",
        "evaluations",
    ]
    panels = []
    kinds = (
        ("time and memory against the selection", [(args.document, area) for area in args.areas]),
        ("time and memory against the document", [(document, args.area) for document in args.documents]),
    )
    for title, runs in kinds:
        found = []
        for document, area in runs:
            if area * 1e6 > 0.7 * document * document * 2 / 3:
                continue
            found.append(apart(args, document, area))
        if not found:
            continue
        print(markdown(titles, [cells(one) for one in found]) + "\n", flush=True)
        selection = "selection" in title
        across = [one["area"] if selection else one["pixels"] / 1e6 for one in found]
        label = f"selection, megapixels (document {args.document} wide)" if selection else "document, megapixels"
        for name, key, scale in (("seconds of a blend", "blend s", 1), ("peak memory, GB", "peak MB", 1 / 1024)):
            points = [(x, one[key] * scale) for x, one in zip(across, found, strict=True)]
            panels.append(plot.Panel(name, label, {name: points}))
    if args.plot and panels:
        plot.draw(args.plot, panels)
        print(args.plot)


def apart(args: argparse.Namespace, document: int, area: float) -> dict[str, Any]:
    """One blend in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.sizes", "growth", "--device", args.device, "--sample", args.sample]
    command += [part for one in args.set for part in ("--set", one)]
    command += ["--one", f"{document},{area}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"a blend of {area} megapixels failed ({done.returncode}):\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def cells(one: dict[str, Any]) -> list[str]:
    return [
        f"{one['document'][0]} x {one['document'][1]}",
        f"{one['area']:.2f}",
        f"{one['prepare s']:.2f}",
        f"{one['blend s']:.2f}",
        f"{one['cpu s']:.2f}",
        f"{one['blend s'] / one['area']:.1f}",
        f"{one['longest step s']:.2f}",
        f"{one['before MB']:.0f}",
        f"{one['peak MB']:.0f}",
        one["evaluations"],
    ]


def one_growth(args: argparse.Namespace) -> None:
    reuse()  # as the server's workers and the commands do
    document, area = args.one.split(",")
    case = painted(int(document), float(area) * 1e6)
    began = time.perf_counter()
    request = deeper(case.request(settings_of(args.set), args.device), args.sample)
    prepared = time.perf_counter() - began
    held, processor, stamps = peak(), time.process_time(), [time.perf_counter()]

    def note(_: Step) -> None:
        stamps.append(time.perf_counter())

    layer = blend(request, note)
    stamps.append(time.perf_counter())
    levels_of = layer.report["levels"]
    print(
        json.dumps(
            {
                "document": case.target.size,
                "pixels": case.target.width * case.target.height,
                "area": float((layer.plane.samples[..., 3] > 0).sum()) / 1e6,
                "prepare s": prepared,
                "blend s": stamps[-1] - stamps[0],
                "cpu s": time.process_time() - processor,
                "longest step s": float(np.diff(stamps).max()),
                "before MB": held / 2**20,
                "peak MB": (layer.report["peak_memory_bytes"] if layer.report["device"] != "cpu" else peak()) / 2**20,
                "evaluations": "+".join(str(one["evaluations"]) for one in levels_of) or "-",
            }
        )
    )


def peak() -> int:
    """Bytes that this process has held at most."""
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def deeper(request: Request, sample: str) -> Request:
    """The request with samples of another type."""

    def changed(plane: Plane) -> Plane:
        wide = plane.samples.astype(np.uint16) * 257 if sample == "u16" else np.float32(plane.samples) / 255
        return replace(plane, samples=wide)

    if sample == "u8":
        return request
    assert request.mask is not None and request.style is not None
    return replace(
        request,
        layer=changed(request.layer),
        mask=changed(request.mask),
        background=changed(request.background),
        style=changed(request.style),
    )


def painted(width: int, area: float) -> Case:
    """A disc of noise of many grains on other noise, 3 : 2."""
    height = width * 2 // 3
    side = int(2 * (area / np.pi) ** 0.5) + 8
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    disc = Image.fromarray(((np.hypot(x, y) < (area / np.pi) ** 0.5) * 255).astype(np.uint8))
    source, target = noise(side, side, 1, (170, 120, 70)), noise(height, width, 2, (70, 110, 150))
    return Case("noise", source, disc, target, (width - side) // 2, (height - side) // 2)


def noise(height: int, width: int, seed: int, colour: tuple[int, int, int]) -> Image.Image:
    """Noise with as much of every grain from 1 to 256 pixels; a small piece repeated, which takes no memory to make."""
    side, generator = 1024, torch.Generator().manual_seed(seed)
    total = torch.zeros(1, 3, side, side)
    for grain in (2**k for k in range(9)):
        size = (side // grain, side // grain)
        total += F.interpolate(torch.randn((1, 3, *size), generator=generator), (side, side), mode="bilinear")
    total = total / total.std() * 25 + torch.tensor(colour).view(1, 3, 1, 1)
    piece = total[0].permute(1, 2, 0).round_().clamp_(0, 255).to(torch.uint8).numpy()
    return Image.fromarray(np.tile(piece, (-(-height // side), -(-width // side), 1))[:height, :width])


def numbers(of: type) -> Any:
    return lambda text: [of(one) for one in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--device", default="auto")
    shared.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the blends")

    own = parts.add_parser("look", parents=[shared], help="the same picture at several sizes")
    own.add_argument("pair", type=Path, help="a pair's folder")
    own.add_argument("--sizes", type=numbers(int), default=[512, 1024, 2048, 4096], help="longer sides: 512,1024,...")
    own.add_argument("--sheet", type=Path, metavar="FILE.png", help="write a picture to compare them by")
    own.set_defaults(run=look)

    own = parts.add_parser("borders", parents=[shared], help="steps across tile borders")
    own.add_argument("pair", type=Path, help="a pair's folder")
    own.add_argument("--size", type=int, help="the target's longer side; the pair's own otherwise")
    own.add_argument("--tile", type=int, help="judge lines every so many pixels, not the report's tiles")
    own.add_argument("--widths", type=numbers(int), default=[1, 4, 16], help="pixels on each side: 1,4,16")
    own.set_defaults(run=borders)

    own = parts.add_parser("growth", parents=[shared], help="time and memory by size")
    own.add_argument("--areas", type=numbers(float), default=[0.1, 0.25, 0.5, 1, 2, 3, 4.5, 6], help="megapixels")
    own.add_argument("--document", type=int, default=6000, help="its width, with --areas; 3 : 2")
    own.add_argument("--documents", type=numbers(int), default=[1500, 3000, 4500, 6000, 9000], help="widths")
    own.add_argument("--area", type=float, default=0.5, help="megapixels selected, with --documents")
    own.add_argument("--sample", choices=("u8", "u16", "f32"), default="u16")
    own.add_argument("--plot", type=Path, metavar="FILE.png", help="draw time and memory there")
    own.add_argument("--one", help=argparse.SUPPRESS)
    own.set_defaults(run=growth)
    args = parser.parse_args()
    one_growth(args) if getattr(args, "one", None) else args.run(args)


if __name__ == "__main__":
    main()
