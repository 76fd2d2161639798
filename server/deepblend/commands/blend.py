"""``deepblend blend``: one blend, from files to files."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepblend_protocol import words
from deepblend_protocol.errors import ArgumentInvalid

from ..file_blend import arguments
from . import standard_input
from .progress import Progress
from .terminal import printable

if TYPE_CHECKING:
    from ..engine.request import Layer, Request
    from ..file_blend.watch import Watch

NAME = "blend"
HELP = "Blend an object into a picture."
_EPILOG = """\
examples:
  put a boat on a painted sea, its centre at column 640, row 420:
    deepblend blend --source boat.jpg --mask boat-mask.png --target sea.jpg --center 640,420 --output out.png
  a cut-out with transparency needs no mask; keep the layer, to go on in GIMP or Krita:
    deepblend blend --source boat.png --target sea.jpg --center 640,420 --output out.png --layer layer.png
  into a photograph, and keep more of the object's own colours:
    deepblend blend ... --preset photograph --keep-colours 0.8
  its outline found, though it was selected roughly, and a shadow on the ground before it:
    deepblend blend ... --edges object --shadow 0.5 --shadow-angle 60
  a seamless border and nothing else, at once:
    deepblend blend ... --method poisson
  a layer of a document from Krita or GIMP, and the result as a new layer above it:
    deepblend blend --document picture.ora --layer-name boat --output blended.ora
  a picture from another program:
    convert boat.psd png:- | deepblend blend --source - --target sea.jpg --output out.png
  fully painted in, and a film of it:
    deepblend blend ... --style 1 --video film.mp4

Outside the mask nothing changes, not by a single bit (a JPEG is compressed anew as a whole)."""
_BESIDE = ("layer", "report", "video")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    arguments.add_arguments(parser, document=True)
    arguments.add_settings(parser)
    group = parser.add_argument_group(
        "server", "Saves the engine's start. One that runs, is idle and gives the same pixels is used, and said."
    )
    group.add_argument(
        "--server",
        action=argparse.BooleanOptionalAction,
        help="blend on the server, which is started where none runs; --no-server: never (default: if it runs)",
    )
    group.add_argument(
        "--connection", metavar="FILE", type=Path, help="the server's connection file (default: the user's own)"
    )
    how = "Pictures are written as PNG, TIFF, OpenEXR, JPEG or WebP, by their extension, as deep as the target."
    group = parser.add_argument_group("results", how)
    group.add_argument(
        "--output",
        metavar="FILE",
        help="the target with the object blended in; of a document, an .ora gets the blend as a layer",
    )
    group.add_argument(
        "--layer",
        metavar="FILE",
        help="the blended object alone, with transparency; GIMP opens a PNG in its place",
    )
    group.add_argument(
        "--report", metavar="FILE", help="JSON: settings, sizes, evaluations and losses by level, seconds, peak memory"
    )
    group.add_argument(
        "--video", metavar="FILE", help="a film of the blend taking shape: .mp4 (with the extra 'video') or .webp"
    )
    group.add_argument("--overwrite", action="store_true", help="allow a result in the place of a picture that is read")
    group.add_argument("--json", action="store_true", help="print the report, or the error, as JSON")
    group.add_argument("--quiet", action="store_true", help="print errors only")


def run(args: argparse.Namespace) -> int:
    """Blend, write, and say what was written. Raises SettingOutOfRange, and what FileBlend.run does."""
    if args.server and (args.device != "auto" or args.memory_limit is not None):
        option = "--device" if args.device != "auto" else "--memory-limit"
        raise ArgumentInvalid(
            reason=f"{option} does not go with --server: give it to 'deepblend serve', which starts it, instead."
        )
    results = {"output": args.output, "layer": args.layer, "report": args.report, "video": args.video}
    named = replace(arguments.file_blend(args), **results, overwrite=args.overwrite)
    with standard_input.received(named) as blend, Progress(args.quiet or args.json) as progress:
        report, size = blend.run(progress, _blender(args))
    if args.json:
        print(json.dumps(report))
    elif not args.quiet:
        _tell(report, size)
    return 0


def _blender(args: argparse.Namespace) -> Callable[[Request, Watch], Layer] | None:
    """The server's door; or None for the engine's."""
    from . import served

    if args.server:
        return lambda request, watch: served.blend(request, watch, args.connection)
    # A film is made of previews, which a server sends at its own pace.
    if args.server is None and args.device == "auto" and args.memory_limit is None and args.video is None:
        return served.running(args.connection)
    return None


def summary(report: dict[str, Any], size: tuple[int, int]) -> str:
    """The line that says what one blend made."""
    where = f"{report['device']} by the server" if "server" in report else report["device"]
    how = f"{report['method']} on {where}, {report['seconds']['total']:.1f} seconds"
    return printable(f"{report['files']['output']}: {size[0]} x {size[1]} pixels, {how}")


def _tell(report: dict[str, Any], size: tuple[int, int]) -> None:
    for note in report["notes"]:
        print(f"deepblend: {printable(note)}", file=sys.stderr)
    print(summary(report, size))
    if (kind := report.get("looks_like")) in words.LOOKS and report["method"] == "deep":
        other = next(name for name in words.LOOKS if name != kind)
        print(f"{words.LOOKS[kind]}. If it is none: --preset {other}")
    for name in _BESIDE:
        if name in report["files"]:
            print(f"{printable(report['files'][name])}: {name}")
