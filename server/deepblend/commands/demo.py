"""``deepblend demo``: an example that is shipped, blended by each method."""

from __future__ import annotations

import argparse
import json
import sys
import time

from ..examples import DEFAULT, EXAMPLES, read
from .terminal import printable

NAME = "demo"
HELP = "Blend an example that is shipped, and lay the methods side by side on a contact sheet."
_EPILOG = """\
DIR gets three pictures:
  blend.png          the example, with the preset for its background
  layer.png          the blended object alone, with transparency
  contact_sheet.png  pasted; seamless only (poisson); blended as by default; fully painted in (style 1)"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.add_argument(
        "--output",
        metavar="DIR",
        default="deepblend-demo",
        help="the folder for the results, made where missing (default: ./%(default)s)",
    )
    parser.add_argument(
        "--example",
        metavar="NAME",
        choices=EXAMPLES,
        default=DEFAULT,
        help=f"which of them: {', '.join(EXAMPLES)} (default: %(default)s)",
    )
    parser.add_argument(
        "--device", metavar="NAME", default="auto", help="auto, cpu, cuda, cuda:N or mps (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print what was done, or the error, as JSON")


def run(args: argparse.Namespace) -> int:
    """Blend the example three times and write the pictures. Raises WriteFailed, DeviceUnknown, DeviceMemory."""
    from deepblend_protocol.settings import resolve

    from .. import pictures
    from ..files import make_folder
    from ..pictures import eight_bit
    from .progress import Progress

    started = time.perf_counter()
    folder = make_folder(args.output)
    with Progress(args.json) as progress:
        progress.update(0, "Starting")
        placed = read(args.example)

        from ..contact_sheet import sheet
        from ..file_blend.blend import engine
        from ..file_blend.watch import Watch

        blend = engine()
        shown = [("Pasted", pictures.copy_paste(placed).image())]
        layers = []
        wanted = ({"method": "poisson"}, {}, {"style": 1.0})
        for index, given in enumerate(wanted):
            request = pictures.to_request(placed, resolve(given), args.device, "shipped")
            layer = blend(request, Watch(progress, start=index / 3, end=(index + 1) / 3))
            layers.append(layer)
            style = layer.report["settings"]["style"]
            label = "Poisson: seamless only" if "method" in given else f"Deep, style {style:g}"
            shown.append((label, pictures.flatten(placed.target, layer.plane).image()))
        default, blended = layers[1], shown[2][1]
        progress.update(1, "Writing")
        results = {
            "blend": (folder / "blend.png", blended),
            "layer": (folder / "layer.png", pictures.to_picture(default.plane).image()),
            "contact_sheet": (folder / "contact_sheet.png", sheet(shown)),
        }
        for path, picture in results.values():
            eight_bit.write_picture(path, picture)
    report = {
        "files": {name: str(path.resolve()) for name, (path, _) in results.items()},
        "device": default.report["device"],
        "seconds": {
            "poisson": layers[0].report["seconds"]["total"],
            "deep": default.report["seconds"]["total"],
            "total": round(time.perf_counter() - started, 3),
        },
    }
    if args.json:
        print(json.dumps(report))
        return 0
    for note in default.report.get("notes", ()):
        print(f"deepblend: {printable(note)}", file=sys.stderr)
    for path in report["files"].values():
        print(printable(path))
    seconds = report["seconds"]
    print(
        f"On {report['device']}: {seconds['deep']:.1f} seconds for the blend, "
        f"{seconds['poisson']:.2f} for Poisson alone, {seconds['total']:.1f} for all of this."
    )
    return 0
