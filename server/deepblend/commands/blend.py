"""``deepblend blend``: one blend, from files to files."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepblend_protocol.errors import ArgumentInvalid

from . import inputs

if TYPE_CHECKING:
    from ..engine.request import Layer, Plane, Request
    from ..pictures import Placed
    from .progress import Bar
    from .watch import Watch

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
  a seamless border and nothing else, at once:
    deepblend blend ... --method poisson
  a layer of a document from Krita or GIMP, and the result as a new layer above it:
    deepblend blend --document picture.ora --layer-name boat --output blended.ora
  fully painted in, and a film of it:
    deepblend blend ... --style 1 --video film.mp4

Outside the mask nothing changes, not by a single bit (a JPEG is compressed anew as a whole)."""
_READ = ("source", "mask", "target", "document")
FILES = ("output", "layer", "report", "video")
"""The arguments that name results."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    inputs.add_arguments(parser, document=True)
    inputs.add_settings(parser)
    group = parser.add_argument_group("server", "Saves the engine's start, from the second blend on.")
    group.add_argument("--server", action="store_true", help="blend on the server, which is started where none runs")
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
    group.add_argument("--json", action="store_true", help="print the report, or the error, as JSON")
    group.add_argument("--quiet", action="store_true", help="print errors only")


def run(args: argparse.Namespace) -> int:
    """Blend, write, and say what was written. Raises what blend_files does."""
    from .progress import Progress

    if args.server and (args.device != "auto" or args.memory_limit is not None):
        option = "--device" if args.device != "auto" else "--memory-limit"
        raise ArgumentInvalid(
            reason=f"{option} does not go with --server: give it to 'deepblend serve', which starts it, instead."
        )
    with Progress(args.quiet or args.json) as progress:
        report, size = blend_files(args, _blender(args), progress)
    _tell(args, report, size)
    return 0


def blend_files(
    args: argparse.Namespace, door: Callable[[Request, Watch], Layer] | None, bar: Bar
) -> tuple[dict[str, Any], tuple[int, int]]:
    """One blend from files to files: read, blend, write; every result whole or not at all.

    Args:
        args: with all arguments of add_arguments.
        door: what blends; None is the engine, which is imported while ``bar`` shows that it starts.
        bar: is told how far the blend is, 0..1.

    Returns the report, and the width and height of the output in pixels.

    Raises the errors of inputs.request, those of the engine or the server, ArgumentInvalid, WriteFailed.
    """
    from .. import files

    started = time.perf_counter()
    inputs.check_named(args, ("output",))
    check_outputs(args)
    with ExitStack() as stack:
        bar.update(0, "Reading")
        request, placed = inputs.request(args)
        _check_depth(args, placed)
        loaded = time.perf_counter()

        blend = door or _engine()
        from ..video import Recorder
        from .watch import Film, Watch

        film = None
        if args.video is not None:
            recorder = stack.enter_context(Recorder(args.video))
            args.video = str(recorder.path)
            film = Film(recorder, placed)
        bar.update(0, "Starting")
        imported = time.perf_counter()
        layer = blend(request, Watch(bar, film))
        blended = time.perf_counter()
        bar.update(1, "Writing")
        if film is not None:
            film.end(layer.plane)
        stack.close()  # the film is whole now
        notes = _write(args, placed, layer.plane)
    ended = time.perf_counter()
    seconds = {"load": loaded - started, "import": imported - loaded, **layer.report["seconds"]}
    seconds |= {"write": ended - blended, "total": ended - started}
    report = {
        **layer.report,
        "files": {name: value for name in _READ + FILES if (value := getattr(args, name))},
        "layer": layer.plane.rect._asdict(),
        "seconds": {stage: round(value, 4) for stage, value in seconds.items()},
        "notes": [*placed.notes, *layer.report.get("notes", ()), *notes],
    }
    if args.report is not None:
        files.write_json(args.report, report)
    return report, placed.target.size


def _engine() -> Callable[[Request, Watch], Layer]:
    from .. import blend
    from ..engine.memory import reuse

    reuse()
    return blend


def _blender(args: argparse.Namespace) -> Callable[[Request, Watch], Layer] | None:
    """The server's door, or None for the engine's."""
    if not args.server:
        return None
    from . import served

    return lambda request, watch: served.blend(request, watch, args.connection)


def summary(report: dict[str, Any], output: str, size: tuple[int, int]) -> str:
    """The line that says what one blend made."""
    how = f"{report['method']} on {report['device']}, {report['seconds']['total']:.1f} seconds"
    return f"{output}: {size[0]} x {size[1]} pixels, {how}"


def _tell(args: argparse.Namespace, report: dict[str, Any], size: tuple[int, int]) -> None:
    if args.json:
        print(json.dumps(report))
    elif not args.quiet:
        for note in report.get("notes", ()):
            print(f"deepblend: {note}", file=sys.stderr)
        print(summary(report, args.output, size))
        for name in FILES[1:]:
            if getattr(args, name):
                print(f"{getattr(args, name)}: {name}")


def check_outputs(args: argparse.Namespace) -> None:
    """Raise now what would spoil the end: a place that cannot be written, or one place for two results."""
    from .. import files, pictures

    if _is_document(args):
        files.check_place(args.output)
    else:
        pictures.check_output(args.output)
    if args.layer is not None:
        pictures.check_output(args.layer, alpha=True)
    if args.report is not None:
        files.check_place(args.report)
    places: dict[str, str] = {}
    for name in FILES:
        path = getattr(args, name)
        if path is not None and (other := places.setdefault(os.path.realpath(path), name)) != name:
            raise ArgumentInvalid(reason=f"--{other} and --{name} are one file, {path}: give each its own.")


def _is_document(args: argparse.Namespace) -> bool:
    """Whether the result is the document with a layer more."""
    return args.document is not None and args.output.lower().endswith(".ora")


def _check_depth(args: argparse.Namespace, placed: Placed) -> None:
    """Raise now what keeps results of the target's channels and depth from being written."""
    from .. import pictures

    if not _is_document(args):
        pictures.check_output(args.output, placed.target.has_alpha, placed.target)
    if args.layer is not None:
        pictures.check_output(args.layer, True, placed.target)


def _write(args: argparse.Namespace, placed: Placed, plane: Plane) -> list[str]:
    """Write the pictures; returns notes of what was changed for their formats."""
    from .. import pictures

    notes: list[str] = []
    if placed.document is None:
        notes += pictures.write_picture(args.output, pictures.flatten(placed.target, plane))
    elif _is_document(args):
        placed.document.write(args.output, plane)
    else:
        notes += pictures.write_picture(args.output, placed.document.with_layer(plane))
    if args.layer is not None:
        notes += pictures.write_picture(args.layer, pictures.layer(placed.target, plane), offset=plane.rect[:2])
    return notes
