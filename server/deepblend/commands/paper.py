"""``deepblend paper``: the published script, with its own arguments, defaults and output names."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from deepblend_protocol import words
from deepblend_protocol.errors import SizeMismatch
from deepblend_protocol.settings import PaperSettings, resolve, table

from .terminal import printable

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from ..engine.stages import Update
    from ..video import Recorder
    from .canvas import Canvas
    from .progress import Progress

NAME = "paper"
HELP = "Run the published two-pass algorithm, with the published script's own arguments."
_EPILOG = """\
The algorithm of Zhang, Wen and Shi, Deep Image Blending (WACV 2020), as its public
code runs, for reproduction. To blend pictures, 'deepblend blend' is better and far
faster. DIR gets
  first_pass.png      the whole picture after pass 1, written as soon as that ends
  second_pass.png     the whole picture after pass 2, which changes the background too
  recon_process.mp4   with --save_video: the picture taking shape (.webp without the extra 'video')

examples:
  deepblend paper --source_file car.png --mask_file car-mask.png --target_file wood.png \\
      --ss 384 --ts 512 --x 320 --y 256 --output_dir results/car
  a small and quick one:
  deepblend paper ... --ss 150 --ts 256 --x 100 --y 117 --num_steps 300
  without the style loss, with a histogram loss:
  deepblend paper ... --style_weight 0 --hist_weight 1"""
_ROLES = {
    "source": "picture that holds the object",
    "mask": "mask, of its size: what is not black counts",
    "target": "picture to blend it into",
}
_VIDEO_FRAMES = 120
_TOLD_EVERY = 20  # evaluations: a step of the published optimiser


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    group = parser.add_argument_group("as in the published script")
    for role, what in _ROLES.items():
        group.add_argument(
            f"--{role}_file", metavar="FILE", default=f"data/1_{role}.png", help=f"the {what} (default: %(default)s)"
        )
    group.add_argument(
        "--output_dir", metavar="DIR", default="results/1", help="made where missing (default: %(default)s)"
    )
    sizes = (("ss", 300, "source and mask are resized to N x N"), ("ts", 512, "the target is resized to N x N"))
    places = (("x", 200, "the source's centre: row of the target"), ("y", 235, "and column of the target"))
    for name, default, what in (*sizes, *places):
        metavar = "N" if name in ("ss", "ts") else "ROW" if name == "x" else "COL"
        group.add_argument(
            f"--{name}", metavar=metavar, type=int, default=default, help=f"{what} (default: %(default)s)"
        )
    group.add_argument(
        "--gpu_id", "--gpu", metavar="N", type=int, help="the same as --device cuda:N, where there is CUDA"
    )
    group.add_argument("--save_video", action="store_true", help="record the picture taking shape")
    _add_settings(parser)
    group = parser.add_argument_group("machine and report")
    group.add_argument(
        "--device", metavar="NAME", default="auto", help="auto, cpu, cuda, cuda:N or mps (default: %(default)s)"
    )
    group.add_argument(
        "--features",
        choices=("shipped", "torchvision"),
        default="shipped",
        help="the network: the one that is shipped, or torchvision's IMAGENET1K_V1 of the published code, "
        "which is downloaded (default: %(default)s)",
    )
    group.add_argument(
        "--report", metavar="FILE", help="JSON: settings, sizes, seconds, every 20th evaluation's losses"
    )
    group.add_argument("--json", action="store_true", help="print the report, or the error, as JSON")
    group.add_argument("--quiet", action="store_true", help="print errors only")


def _add_settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "numbers and oddities", "The defaults are the published script's. A weight of 0 leaves its loss out."
    )
    for setting in table(PaperSettings).values():
        option = f"--{setting.name}"
        if setting.kind == "switch":
            default = option if setting.default else f"--no-{setting.name}"
            group.add_argument(
                option, action=argparse.BooleanOptionalAction, default=None, help=f"{setting.help} (default: {default})"
            )
            continue
        kind = int if setting.kind == "integer" else float
        metavar = "N" if setting.kind == "integer" else "X"
        group.add_argument(option, metavar=metavar, type=kind, help=f"{setting.help} (default: {setting.default:g})")


def settings(args: argparse.Namespace) -> PaperSettings:
    """The settings that the arguments give. Raises SettingOutOfRange."""
    given = {name: value for name in table(PaperSettings) if (value := getattr(args, name)) is not None}
    return resolve({"paper": given}).paper


def run(args: argparse.Namespace) -> int:
    """Blend and write. Raises FileUnreadable, SizeAbsurd, SizeMismatch, MaskEmpty, MaskOutside, SettingOutOfRange,
    DeviceUnknown, DeviceMemory, FeaturesUnavailable and WriteFailed."""
    from .. import files
    from ..pictures import eight_bit
    from ..video import Recorder
    from . import canvas as canvases
    from .progress import Progress

    started = time.perf_counter()
    chosen = settings(args)
    with Progress(args.quiet or args.json) as progress, ExitStack() as stack:
        progress.update(0, "Reading")
        canvas = _read(args)
        device, notes = _device(args)
        folder = files.make_folder(args.output_dir)
        results = {"first_pass": folder / "first_pass.png"}
        if chosen.second_pass:
            results["second_pass"] = folder / "second_pass.png"
        made = {path.name: path for path in results.values()} | ({"--report": args.report} if args.report else {})
        for path in made.values():
            files.check_place(path)
        files.check_apart(made, {f"--{role}_file": getattr(args, f"{role}_file") for role in _ROLES})

        progress.update(0, "Starting")
        recorder = stack.enter_context(Recorder(folder / "recon_process.mp4")) if args.save_video else None
        if recorder is not None:
            results["video"] = recorder.path
            if recorder.path.suffix != ".mp4":
                notes.append("mp4 needs the extra 'video', so the film is " + recorder.path.name + ".")
        loaded = time.perf_counter()
        evaluations = (chosen.num_steps + 1) * (1 + chosen.second_pass)
        watch = _Watch(recorder, results["first_pass"], progress, evaluations)
        result, device, told = canvases.run(canvas, chosen, device, args.features, watch)
        blended = time.perf_counter()
        progress.update(1, "Writing")
        eight_bit.write_picture(results["first_pass"], canvases.to_picture(result.first))
        if result.second is not None:
            eight_bit.write_picture(results["second_pass"], canvases.to_picture(result.second))
    ended = time.perf_counter()
    report = {
        "method": "paper",
        "device": device,
        "features": args.features,
        "files": {name: str(path) for name, path in results.items()},
        "sizes": {"source": [args.ss, args.ss], "target": [args.ts, args.ts], "square": list(canvas.square)},
        "settings": {name: getattr(chosen, name) for name in table(PaperSettings)},
        "evaluations": result.evaluations,
        "losses": {stage: _sampled(losses) for stage, losses in result.history.items()},
        "seconds": {"load": loaded - started, "optimise": blended - loaded, "write": ended - blended},
        "notes": notes + told,
    }
    if args.report:
        files.write_json(args.report, report)
    if args.json:
        print(json.dumps(report))
    elif not args.quiet:
        _tell(report)
    return 0


def _read(args: argparse.Namespace) -> Canvas:
    """The pictures, resized with Pillow's default filter and placed as in the published script."""
    from ..pictures.decoding import check_size
    from ..pictures.eight_bit import open_picture
    from .canvas import lay

    check_size("The source", args.ss, args.ss)
    check_size("The target", args.ts, args.ts)
    source, mask, target = (open_picture(getattr(args, f"{role}_file"), role) for role in _ROLES)
    if mask.size != source.size:
        raise SizeMismatch(
            mask_width=mask.width, mask_height=mask.height, source_width=source.width, source_height=source.height
        )
    small = (args.ss, args.ss)
    return lay(
        source.convert("RGB").resize(small),
        mask.convert("L").resize(small),
        target.convert("RGB").resize((args.ts, args.ts)),
        left=math.floor(args.y - args.ss / 2),
        top=math.floor(args.x - args.ss / 2),
    )


def _device(args: argparse.Namespace) -> tuple[str, list[str]]:
    """What --device and --gpu_id ask for, and a note where that cannot be. Raises DeviceUnknown."""
    from ..engine.device import available, choose

    if args.gpu_id is None or args.device != "auto":
        choose(args.device)
        return args.device, []
    if any(name.startswith("cuda") for name in available()):
        return choose(f"cuda:{args.gpu_id}"), []
    return "auto", [f"There is no CUDA device here, so --gpu_id {args.gpu_id} was ignored."]


class _Watch:
    """Shows the evaluations as they pass, records them, and writes the first pass's picture when it is done."""

    def __init__(self, recorder: Recorder | None, first_pass: Path, progress: Progress, evaluations: int) -> None:
        self._recorder = recorder
        self._first_pass = first_pass
        self._progress = progress
        self._interval = max(1, evaluations // _VIDEO_FRAMES)
        self._seen: dict[str, int] = {}

    def __call__(self, progress: float, stage: str, update: Update[Tensor]) -> None:
        import numpy as np

        from ..pictures import eight_bit
        from .canvas import to_picture

        count = self._seen[stage] = self._seen.get(stage, 0) + 1
        self._progress.update(progress, f"{words.stage(stage)}, evaluation {count}")
        if stage == "second pass" and count == 1:  # the picture is still what the first pass left
            eight_bit.write_picture(self._first_pass, to_picture(update.picture()))
        if self._recorder is not None and (sum(self._seen.values()) - 1) % self._interval == 0:
            self._recorder.add(np.asarray(to_picture(update.picture())))


def _sampled(losses: dict[str, list[float]]) -> dict[str, list[Any]]:
    """Every 20th evaluation's losses, and the last one's; null where one was not finite, which JSON cannot say."""
    count = len(next(iter(losses.values()), []))
    kept = sorted({*range(0, count, _TOLD_EVERY), count - 1}) if count else []
    sampled = {n: [v[i] if math.isfinite(v[i]) else None for i in kept] for n, v in losses.items()}
    return {"evaluation": [index + 1 for index in kept], **sampled}


def _tell(report: dict[str, Any]) -> None:
    for note in report["notes"]:
        print(f"deepblend: {printable(note)}", file=sys.stderr)
    for path in report["files"].values():
        print(printable(path))
    seconds = report["seconds"]["optimise"]
    print(f"On {report['device']}: {report['evaluations']} evaluations in {seconds:.0f} seconds.")
