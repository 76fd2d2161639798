"""How fast everything is, in one table from one run: python -m benchmarks.speed [CASE]

CASE is a folder with source.png, mask.png, target.png and place.json; without it the first in the folder that
DEEPBLEND_CASES names, else the shipped example. What is measured:

512       a blend with a painting's settings, warm, and the published algorithm on the same pictures and machine: the
          time of 20 evaluations of either pass, scaled to its 2 x 1001; its constants are computed in every one, as
          published
preview   the case reduced to 256: from a move of the style slider to the first preview that is more than the seamless
          start, with the server warm and busy with the move before; the median of five
poisson   a disc of 785 000 pixels at 1250 x 1250, all colours, beside OpenCV's seamlessClone on the same pictures
          (which works in 8 bits and on the rectangle): best of seven, in turns; and 24 megapixels, once
large     3 megapixels of a 24-megapixel document, 16 bits, in a process of its own
start     the server from its start until its socket answers and until its engine is ready, and deepblend --help: the
          best of three
commands  whole commands, python and all imports included: the demo, and the case blended with a painting's settings by
          a process that has nothing yet (no server is asked)

Each is timed on the CPU and on a GPU, if there is one. Needs the extra "test", for OpenCV.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import deepblend

from . import blend, poisson, service, sizes
from .cases import Case, folders, load, machine, markdown

Row = tuple[str, str, str, str, str]
"""What, the goal on the CPU, what the CPU took, the goal on the GPU, what that took."""
ABSENT = "not at hand"


class Devices:
    """Runs a measurement on the CPU and on the GPU."""

    def __init__(self, wanted: str) -> None:
        import torch

        self.gpu = torch.cuda.get_device_name() if torch.cuda.is_available() and wanted != "cpu" else None
        self.cpu = wanted != "cuda"
        self.threads = torch.get_num_threads()

    def both(self, work: Callable[[str], str]) -> tuple[str, str]:
        return work("cpu") if self.cpu else "left out", self.on_gpu(work)

    def on_gpu(self, work: Callable[[str], str]) -> str:
        return work("cuda") if self.gpu else ABSENT


def default_quality(case: Path, devices: Devices) -> Iterator[Row]:
    found = {}

    def run(device: str) -> str:
        found[device] = blend.apart(case, device)
        return f"{found[device]['warm s']:.2f} s"

    cpu, gpu = devices.both(run)
    yield "512, a painting's settings", "2 s", cpu, "0.15 s", gpu
    for title, key, unit, goals in (
        ("the published algorithm, scaled from 40 evaluations", "published s", " s", ("", "")),
        ("times as fast as that", "ratio", "x", ("4000x", "200x")),
        ("the first blend of a process", "cold s", " s", ("", "")),
        ("a further one into the same background", "again s", " s", ("", "")),
    ):
        values = [f"{found[d][key]:.2f}{unit}" if d in found else "" for d in ("cpu", "cuda")]
        yield title, goals[0], values[0], goals[1], values[1] or ABSENT


def preview(case: Path, devices: Devices) -> Iterator[Row]:
    small = load(case)
    small = small.resized(256)

    def run(device: str) -> str:
        return f"{statistics.median(service.after_a_move(small, device)):.3f} s"

    cpu, gpu = devices.both(run)
    yield "preview at 256, slider moved to first refined one", "0.5 s", cpu, "0.06 s", gpu


def gradient_domain(_: Path, devices: Devices) -> Iterator[Row]:
    size, radius = 1250, 500
    works = {name: work for name, work in poisson.disc_at(size, radius) if "mixed" not in name}
    taken: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(poisson.ROUNDS + 1):  # in turns, so that what else the machine does slows all alike
        for name, work in works.items():
            began = time.perf_counter()
            work()
            if turn:
                taken[name].append(time.perf_counter() - began)
    best = {name: f"{min(values):.3f} s" for name, values in taken.items()}
    clone = best["seamlessClone"]
    yield "Poisson, 1250 x 1250", clone, best["cpu, source"], "", best.get("cuda, source", ABSENT)
    yield "OpenCV's seamlessClone on the same", "", clone, "", ""
    cpu, gpu = devices.both(lambda device: f"{poisson.large(6000, 4000, device):.2f} s")
    yield "Poisson, 24 megapixels", "6 s", cpu, "", gpu


def large(_: Path, devices: Devices) -> Iterator[Row]:
    def run(device: str) -> str:
        one = sizes.apart(argparse.Namespace(device=device, sample="u16", set=[]), 6000, 3)
        return f"{one['blend s']:.2f} s, {one['peak MB'] / 1024:.1f} GB"

    cpu, gpu = devices.both(run)
    yield "3 megapixels of 24, 16 bits", "25 s", cpu, "3 s", gpu


def start(_: Path, devices: Devices) -> Iterator[Row]:
    found: dict[str, list[tuple[float, float]]] = {}

    def run(device: str) -> str:
        found[device] = [service.started(device) for _ in range(3)]
        return f"{min(ready for _, ready in found[device]):.2f} s"

    cpu, gpu = devices.both(run)
    listens = min((listening for starts in found.values() for listening, _ in starts), default=float("nan"))
    yield "server, start to ready", "2 s", cpu, "", gpu
    yield "server, start to listening", "", f"{listens:.2f} s", "", ""
    yield "deepblend --help", "0.3 s", f"{min(blend.command_seconds('--help') for _ in range(3)):.2f} s", "", ""


def commands(case: Path, devices: Devices) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        pictures = laid(load(case), Path(folder))

        def demo(device: str) -> str:
            return f"{blend.command_seconds('demo', '--output', folder, '--device', device):.1f} s"

        def first(device: str) -> str:
            output = ("--output", str(Path(folder) / "output.png"))
            options = ("--preset", "painting", "--no-server", "--device", device)
            return f"{blend.command_seconds('blend', *pictures, *options, *output):.1f} s"

        cpu, gpu = devices.both(demo)
        yield "deepblend demo, all of it", "10 s", cpu, "", gpu
        cpu, gpu = devices.both(first)
        yield "deepblend blend of the case, all of it", "3 s", cpu, "", gpu


def laid(case: Case, folder: Path) -> list[str]:
    """A case's pictures as files, and the options of ``deepblend blend`` that name and place them."""
    source, mask = (str(folder / name) for name in ("source.png", "mask.png"))
    target = str(folder / "target.png")
    case.source.save(source)
    case.mask.save(mask)
    case.target.save(target)
    center = f"{case.left + case.source.width // 2},{case.top + case.source.height // 2}"
    return ["--source", source, "--mask", mask, "--target", target, "--center", center]


PARTS = {
    "512": default_quality,
    "preview": preview,
    "poisson": gradient_domain,
    "large": large,
    "start": start,
    "commands": commands,
}


def revision() -> str:
    """The commit of the working copy, marked where it has changes; empty outside of one."""
    command = ["git", "-C", str(Path(deepblend.__file__).parent), "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", nargs="?", type=Path, metavar="CASE")
    parser.add_argument("--parts", default=",".join(PARTS), help="some of them: %(default)s")
    parser.add_argument("--device", choices=("both", "cpu", "cuda"), default="both")
    args = parser.parse_args()
    unknown = set(args.parts.split(",")) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    found = folders([args.case] if args.case else [])
    case = found[0] if found else Path(deepblend.__file__).parent / "example" / "starry_night"
    devices = Devices(args.device)
    print(f"{machine()}, {devices.threads} threads; GPU: {devices.gpu or ABSENT}")
    print(f"deepblend {deepblend.__version__} {revision()}, case {case.name}\n")
    rows: list[Row] = []
    for name in args.parts.split(","):
        for row in PARTS[name](case, devices):
            rows.append(row)
            print("  ".join(part for part in row if part), file=sys.stderr, flush=True)
    print(markdown(["", "goal, CPU", "CPU", "goal, GPU", "GPU"], [list(row) for row in rows]))


if __name__ == "__main__":
    main()
