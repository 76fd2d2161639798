"""Seconds and memory of whole blends, beside the published algorithm: python -m benchmarks.blend [--device NAME]

Blends the shipped example and, where the variable DEEPBLEND_CASES names a folder of examples (each a folder with
source.png, mask.png, target.png and place.json: source_size, row, column, on a target of 512 x 512), these as well,
with the settings for a painting, each in a process of its own. The published algorithm's cost is that of some
evaluations in the same process, scaled to its 2 x 1001; like the public code it computes its constants anew in each
and works on the whole picture. "On the crop" is its cost where it is given, as our own method is, the object and some
surroundings only.

cold s: the first blend of a process; warm s: the next one, into a background that is new to it; again s: into that one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .cases import folders, load, machine

if TYPE_CHECKING:
    from deepblend.engine.paper.passes import Tell

PUBLISHED_EVALUATIONS = 1001  # a pass


def measure(folder: Path, device: str) -> dict[str, float | str]:
    """One example, in this process."""
    import deepblend
    from deepblend.commands import canvas
    from deepblend.engine import device as devices
    from deepblend.engine import kept
    from deepblend.engine.memory import reuse
    from deepblend.engine.network import vgg
    from deepblend_protocol.settings import resolve

    reuse()  # as the server's workers and the commands do
    case = load(folder)
    request = case.request(resolve({"preset": "painting"}), device)

    def seconds(first_preview: list[float]) -> dict[str, float]:
        began = time.perf_counter()

        def observer(step: deepblend.Step) -> None:
            if not first_preview and step.stage == "optimise":  # the Poisson solution is there
                step.preview(512)
                first_preview.append(time.perf_counter() - began)

        layer = deepblend.blend(request, observer)
        used.update(layer.report)
        return {**layer.report["seconds"], "all": time.perf_counter() - began}

    used: dict = {}
    cold, warm = [], []
    first = seconds(cold)
    chosen = devices.choose(device)
    vgg.load("shipped", chosen, False, vgg.fast_type(chosen)).cache.clear()
    kept.forget()
    second = seconds(warm)  # the network is there, this background is new to it
    again = seconds(warm)
    evaluations = "+".join(str(level["evaluations"]) for level in used["levels"])
    peak = used["peak_memory_bytes"]

    # One step of the published optimiser a pass, which is 20 evaluations.
    paper = resolve({"method": "paper", "paper": {"num_steps": 1, "recompute_constants": True}})
    laid = canvas.lay(case.source, case.mask, case.target, case.left, case.top)
    whole = published(lambda tell: canvas.run(laid, paper.paper, device, "shipped", tell))
    cropped = published(
        lambda tell: deepblend.blend(case.request(paper, device), lambda step: tell(step.progress, step.stage, step))
    )
    return {
        "example": folder.name,
        "box": f"{used['sizes']['box']['w']} x {used['sizes']['box']['h']}",
        "evaluations": evaluations,
        "preview s": min(cold + warm),
        "cold s": first["all"],
        "warm s": second["all"],
        "again s": again["all"],
        "published s": whole,
        "ratio": whole / second["all"],
        "on the crop s": cropped,
        "peak MB": peak / 2**20 if peak else float("nan"),
    }


def published(run: Callable[[Tell], object]) -> float:
    """Seconds of the published algorithm: those of the evaluations that ``run`` tells of, scaled to its 2 x 1001."""
    stamps: dict[str, list[float]] = {}

    def tell(progress: float, stage: str, update: object) -> None:
        stamps.setdefault(stage, []).append(time.perf_counter())

    run(tell)
    return sum((times[-1] - times[0]) / (len(times) - 1) * PUBLISHED_EVALUATIONS for times in stamps.values())


def apart(folder: Path, device: str) -> dict[str, float | str]:
    """One example, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.blend", "--device", device, "--one", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def command_seconds(*arguments: str) -> float:
    """What a whole command takes, python and its imports included."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "deepblend.commands.cli", *arguments], check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.one, args.device)))
        return

    import deepblend

    examples = [Path(deepblend.__file__).parent / "example" / "starry_night", *folders([])]
    print(f"{machine()}, device {args.device}")
    rows = [apart(folder, args.device) for folder in examples]
    titles = list(rows[0])
    cells = [
        [
            f"{v:.2f}" if isinstance(v, float) and v < 100 else f"{v:.0f}" if isinstance(v, float) else v
            for v in row.values()
        ]
        for row in rows
    ]
    widths = [max(len(line[k]) for line in [titles, *cells]) for k in range(len(titles))]
    for line in [titles, *cells]:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))

    print(f"deepblend --help: {command_seconds('--help'):.2f} s")


if __name__ == "__main__":
    main()
