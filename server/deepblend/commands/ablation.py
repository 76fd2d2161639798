"""``deepblend ablation``: what each loss of the published algorithm does, by leaving it out."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from deepblend_protocol.settings import resolve

from ..file_blend import arguments
from .terminal import printable

if TYPE_CHECKING:
    from ..pictures import Placed
    from .canvas import Canvas

NAME = "ablation"
HELP = "Leave out each loss of the published algorithm in turn, and lay the results side by side."
_EPILOG = """\
The sheet shows the object pasted, the published algorithm's first pass with all its
losses, and the same from the same noise without each of them. It works on reduced
pictures and with fewer evaluations than published, which shows the differences in minutes;
as published it is: --size 512 --num-steps 1000 --second-pass (hours on a CPU).

example:
  deepblend ablation --source car.png --mask car-mask.png --target wood.png --center 640,800 --output sheet.png"""
_SIZE, _NUM_STEPS = 192, 400
_LEFT_OUT = {
    "All losses": {},
    "Without the gradient loss": {"grad_weight": 0.0},
    "Without the style loss": {"style_weight": 0.0, "second_style_weight": 0.0},
    "Without the content loss": {"content_weight": 0.0, "second_content_weight": 0.0},
    "Without total variation": {"tv_weight": 0.0, "second_tv_weight": 0.0},
}
_WITH_HISTOGRAM = {"With a histogram loss": {"hist_weight": 1.0, "second_hist_weight": 1.0}}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    arguments.add_arguments(parser)
    group = parser.add_argument_group("extent")
    group.add_argument(
        "--size",
        metavar="N",
        type=int,
        default=_SIZE,
        help="reduce the pictures until the target's longer side is N pixels (default: %(default)s)",
    )
    group.add_argument(
        "--num-steps", metavar="N", type=int, default=_NUM_STEPS, help="evaluations a pass (default: %(default)s)"
    )
    group.add_argument("--seed", metavar="N", type=int, default=0, help="seed of the noise (default: %(default)s)")
    group.add_argument(
        "--second-pass",
        action="store_true",
        help="run the second pass too, and show what it leaves; twice the time",
    )
    group.add_argument("--histogram", action="store_true", help="show the algorithm with a histogram loss as well")
    group = parser.add_argument_group("results")
    group.add_argument("--output", metavar="FILE", required=True, help="the contact sheet: PNG, JPEG, TIFF or WebP")
    group.add_argument("--json", action="store_true", help="print what was done, or the error, as JSON")
    group.add_argument("--quiet", action="store_true", help="print errors only")


def run(args: argparse.Namespace) -> int:
    """Blend once with all losses and once without each, and write the sheet. Raises the errors of FileBlend.read,
    DeviceUnknown, DeviceMemory, FeaturesUnavailable and WriteFailed."""
    from ..contact_sheet import sheet
    from ..pictures import copy_paste, decoding, eight_bit
    from .canvas import run as run_on
    from .canvas import to_picture
    from .progress import Progress

    started = time.perf_counter()
    eight_bit.check_output(args.output)
    decoding.check_size("The reduced target", args.size, args.size)
    numbers = {"num_steps": args.num_steps, "seed": args.seed, "second_pass": args.second_pass}
    chosen = resolve({"method": "paper", "paper": numbers})
    with Progress(args.quiet or args.json) as progress:
        progress.update(0, "Reading")
        blend = replace(arguments.file_blend(args, chosen), output=args.output)
        blend.check_apart()
        _, placed = blend.read()
        canvas = _reduced(placed, args.size)
        pasted = copy_paste(placed).image().convert("RGB").resize((canvas.target.shape[1], canvas.target.shape[0]))
        shown = [("Pasted", pasted)]
        variants = {**_LEFT_OUT, **(_WITH_HISTOGRAM if args.histogram else {})}
        notes = list(placed.notes)
        losses: dict[str, dict[str, dict[str, float]]] = {}
        device = args.device
        for index, (label, weights) in enumerate(variants.items()):

            def watch(fraction: float, *_: object, done: int = index, label: str = label) -> None:
                progress.update((done + fraction) / len(variants), label)

            settings = replace(chosen.paper, **weights)
            result, device, told = run_on(canvas, settings, args.device, args.features, watch)
            notes += [f"{label}: {note}" for note in told]
            shown.append((label, to_picture(result.last)))
            losses[label] = {stage: {n: v[-1] for n, v in parts.items()} for stage, parts in result.history.items()}
        progress.update(1, "Writing")
        eight_bit.write_picture(args.output, sheet(shown))
    seconds = time.perf_counter() - started
    if args.json:
        report = {"method": "paper", "device": device, "files": {"output": args.output}, "seconds": seconds}
        print(json.dumps({**report, "settings": asdict(chosen.paper), "losses": losses, "notes": notes}))
    elif not args.quiet:
        for note in notes:
            print(f"deepblend: {printable(note)}", file=sys.stderr)
        print(f"{printable(args.output)}: {len(shown)} pictures, on {device}, {seconds:.0f} seconds")
    return 0


def _reduced(placed: Placed, longest_px: int) -> Canvas:
    """The placed pictures as a canvas whose longer side is at most ``longest_px``. Raises MaskEmpty, MaskOutside."""
    from PIL import Image, ImageChops

    from .canvas import lay

    scale = min(1.0, longest_px / max(placed.target.size))

    def small(picture: Image.Image) -> Image.Image:
        return picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))))

    source = placed.source.image()
    masks = [placed.mask.image()] if placed.mask is not None else []
    masks += [source.getchannel("A")] if placed.source.has_alpha else []
    mask = masks[0] if len(masks) == 1 else ImageChops.multiply(*masks)
    return lay(
        small(source.convert("RGB")),
        small(mask),
        small(placed.target.image().convert("RGB")),
        round(placed.left * scale),
        round(placed.top * scale),
    )
