"""How good blends are, in figures and pictures: python -m benchmarks.quality [CASE ...] [--pairs FOLDER]

A case is a folder with source.png, mask.png, target.png and place.json (source_size, row, column, on a target of
512 x 512). Without any, those in the folder that DEEPBLEND_CASES names are blended, and those that benchmarks.pairs
has written to --pairs. Prints the figures of benchmarks.figures at 512 x 512, with wall and processor seconds of each
blend (the network loaded, the first blend not counted), as a Markdown table. In the JSON that --save writes and
--against reads, the figures are kept; the results lie in a folder beside it that has its name without extension.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from deepblend import blend
from deepblend_protocol.settings import Settings, resolve, table
from PIL import Image, ImageDraw

from .cases import Case, folders, load, machine, markdown
from .figures import FIGURES, Judge, Network

LIMIT = 0.03
"""A figure that is worse by more than this part is flagged."""
CASES_A_SHEET = 4
CELL = 512


def parser() -> argparse.ArgumentParser:
    own = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    own.add_argument("cases", nargs="*", type=Path, metavar="CASE", help="case folders")
    own.add_argument("--pairs", type=Path, help="folder that benchmarks.pairs wrote")
    own.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the blends")
    own.add_argument("--device", default="auto")
    own.add_argument("--repeat", type=int, default=1, help="blends of each case; the quickest one's time counts")
    own.add_argument("--save", type=Path, metavar="FILE.json", help="keep figures and results")
    own.add_argument("--against", type=Path, metavar="FILE.json", help="compare with what --save kept")
    own.add_argument(
        "--sheet", type=Path, metavar="FILE.png", help="pictures: copy-paste, result, result of --against; four a file"
    )
    return own


def settings_of(given: list[str]) -> Settings:
    """Settings from NAME=VALUE; where they name no preset, a painting's, whose figures the documents have."""
    kinds = {name: setting.kind for name, setting in table().items()}
    values: dict[str, object] = {}
    for one in given:
        name, _, value = one.partition("=")
        values[name] = float(value) if kinds.get(name) in ("number", "integer") else value
    return resolve({"preset": "painting", **values})


def timed(case: Case, settings: Settings, device: str, repeat: int) -> tuple[Image.Image, dict[str, float]]:
    """The result, and seconds on the wall and of the processor."""
    request = case.request(settings, device)
    taken = []
    for _ in range(repeat):
        wall, processor = time.perf_counter(), time.process_time()
        layer = blend(request)
        taken.append((time.perf_counter() - wall, time.process_time() - processor))
    wall, processor = (min(values) for values in zip(*taken, strict=True))
    return case.flattened(layer), {"wall s": wall, "cpu s": processor}


def worse(name: str, before: float, now: float) -> float:
    """By what part of what it was a figure is worse; below 0 where it is better."""
    if name == "outside":
        return now - before
    if name in ("content", "chroma"):
        return (before - now) / before
    if name == "tone":
        return (abs(1 - now) - abs(1 - before)) / abs(before)
    return (now - before) / before


def mean(rows: dict[str, dict[str, float]]) -> dict[str, float]:
    return {key: float(np.mean([row[key] for row in rows.values()])) for key in next(iter(rows.values()))}


def compare(rows: dict[str, dict[str, float]], before: dict[str, dict[str, float]]) -> str:
    """Changes in per cent; ! marks what is worse by more than LIMIT."""
    both = {name: row for name, row in rows.items() if name in before}
    if not both:
        return "no case in common"
    old = {name: before[name] for name in both}
    lines, flags = [], 0
    for name, now, then in [*((n, both[n], old[n]) for n in both), ("mean", mean(both), mean(old))]:
        cells = [name]
        for key in now:
            if key == "outside":
                change = f"{now[key] - then[key]:+.0f}"
            else:
                change = f"{100 * (now[key] / then[key] - 1):+.1f}%" if then[key] else "-"
            bad = key in FIGURES and worse(key, then[key], now[key]) > LIMIT
            flags += bad
            cells.append(change + (" !" if bad else ""))
        lines.append(cells)
    titles = ["change", *next(iter(both.values()))]
    return f"{markdown(titles, lines)}\n\n{flags} figures are worse by more than {LIMIT:.0%} (tone: further from 1)"


def cropped(picture: Image.Image, case: Case) -> Image.Image:
    """The object and a third of its size around it, as large as a cell."""
    x, y, w, h = case.box()
    side = min(round(max(w, h) * 1.67), *picture.size)
    left = min(max(x + w // 2 - side // 2, 0), picture.width - side)
    top = min(max(y + h // 2 - side // 2, 0), picture.height - side)
    return picture.crop((left, top, left + side, top + side)).resize((CELL, CELL), Image.Resampling.LANCZOS)


def sheets(path: Path, shown: list[tuple[Case, list[Image.Image]]]) -> list[Path]:
    """Files with a row of pictures for each case."""
    written = []
    for first in range(0, len(shown), CASES_A_SHEET):
        some = shown[first : first + CASES_A_SHEET]
        columns = max(len(pictures) for _, pictures in some)
        sheet = Image.new("RGB", (columns * (CELL + 4), len(some) * (CELL + 18)), "white")
        draw = ImageDraw.Draw(sheet)
        for row, (case, pictures) in enumerate(some):
            titles = ("copy-paste", "result", "result of --against")
            for column, picture in enumerate(pictures):
                corner = (column * (CELL + 4), row * (CELL + 18))
                draw.text((corner[0] + 4, corner[1] + 2), f"{case.name}: {titles[column]}", "black")
                sheet.paste(cropped(picture, case), (corner[0], corner[1] + 16))
        written.append(path.with_name(f"{path.stem}_{first // CASES_A_SHEET + 1}{path.suffix}"))
        sheet.save(written[-1])
    return written


def main() -> None:
    args = parser().parse_args()
    found = folders(args.cases, args.pairs)
    if not found:
        parser().error("no case: name folders, set DEEPBLEND_CASES, or give --pairs")
    settings, network = settings_of(args.set), Network()
    print(f"{machine()}; device {args.device}; {' '.join(args.set) or 'settings for a painting'}\n")
    blend(load(found[0]).request(settings, args.device))
    kept = args.save.with_suffix("") if args.save else None
    if kept:
        kept.mkdir(parents=True, exist_ok=True)
    rows: dict[str, dict[str, float]] = {}
    shown = []
    for folder in found:
        case = load(folder)
        result, seconds = timed(case, settings, args.device, args.repeat)
        rows[case.name] = {**Judge(case, network)(result), **seconds}
        earlier = args.against.with_suffix("") / f"{case.name}.png" if args.against else None
        others = [Image.open(earlier)] if earlier and earlier.exists() else []
        shown.append((case, [case.copy_paste(), result, *others]))
        if kept:
            result.save(kept / f"{case.name}.png")
    titles = ["case", *FIGURES, "wall s", "cpu s"]
    lines = [
        [name, *(f"{row[key]:.0f}" if key == "outside" else f"{row[key]:.3f}" for key in titles[1:])]
        for name, row in [*rows.items(), ("mean", mean(rows))]
    ]
    print(markdown(titles, lines))
    if args.save:
        args.save.write_text(json.dumps({"machine": machine(), "set": args.set, "cases": rows}, indent=1), "utf-8")
    if args.against:
        print("\n" + compare(rows, json.loads(args.against.read_text("utf-8"))["cases"]))
    if args.sheet:
        for file in sheets(args.sheet, shown):
            print(file)


if __name__ == "__main__":
    main()
