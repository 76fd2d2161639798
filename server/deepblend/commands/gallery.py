"""``deepblend gallery``: a page of before-and-after sliders, of the examples or of a picture of one's own."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from deepblend_protocol.errors import ArgumentInvalid

from ..examples import EXAMPLES, read
from ..file_blend import FileBlend, arguments
from .progress import Progress
from .terminal import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL import Image

    from ..engine.request import Layer, Request
    from ..file_blend.watch import Watch
    from ..pictures import Placed

NAME = "gallery"
HELP = "Make a page of before-and-after sliders: a picture of yours, or the examples, at several settings."
STEPS = (0.0, 0.5, 1.0)
GRID = [{"style": style, "keep_colours": keep} for style in STEPS for keep in STEPS]
ROWS = {"painting": [{"style": style} for style in STEPS], "photograph": [{"keep_colours": keep} for keep in STEPS]}
"""What is varied of each example where all are shown, by what its background looks like."""
_EPILOG = """\
Without pictures, it shows the examples that are shipped: the paintings at three styles, the photographs at three values
of keep-colours. With --example, or with a source and a target, or a document, it blends one picture nine times; the
page has one row for each style, and in it one picture for each value of keep-colours.

examples:
  deepblend gallery
  deepblend gallery --example bridge
  deepblend gallery --source boat.png --target sea.jpg --center 640,420 --output boat-gallery

DIR gets index.html, which any browser opens, and the pictures that it shows."""
_DRAG = "Drag across a picture: on the left the object as it was pasted, on the right as it was blended. "
_GRID_LEAD = _DRAG + (
    "Downwards it takes on more of the background's texture; to the right it keeps more of its own colours."
)
_ROWS_LEAD = _DRAG + (
    "In a painting, it takes on more of the texture from left to right; in a photograph, it keeps more of its own "
    "colours. All else is as by default."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.add_argument(
        "--example",
        metavar="NAME",
        choices=EXAMPLES,
        help=f"one of the examples instead of pictures: {', '.join(EXAMPLES)}",
    )
    arguments.add_arguments(parser, document=True)
    arguments.add_settings(parser)
    parser.add_argument(
        "--output",
        metavar="DIR",
        default="deepblend-gallery",
        help="the folder for the page, made where missing (default: ./%(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print what was done, or the error, as JSON")


def run(args: argparse.Namespace) -> int:
    """Blend each picture at several settings and write the page.

    Raises WriteFailed, DeviceUnknown, DeviceMemory, and what FileBlend.read does.
    """
    from ..files import make_folder

    wanted = arguments.file_blend(args)
    own = bool(wanted.inputs)
    if own and args.example:
        raise ArgumentInvalid(reason="--example does not go with pictures of your own: leave one of them out.")
    if own:
        wanted.check_named()
    folder = make_folder(args.output)
    with Progress(args.json) as progress:
        progress.update(0, "Reading")
        from .. import gallery, pictures
        from ..file_blend.blend import engine

        chosen = [] if own else [args.example] if args.example else list(EXAMPLES)
        if own:
            shown = [("", GRID, *wanted.read())]
        else:
            shown = [
                (
                    EXAMPLES[name].title,
                    GRID if args.example else ROWS[EXAMPLES[name].background],
                    *_request(wanted, read(name)),
                )
                for name in chosen
            ]
        blends = _Blends(engine(), progress, sum(len(varied) for _, varied, _, _ in shown))
        sections = []
        for heading, varied, request, placed in shown:
            after = [(_caption(given), blends.blended(request, placed, given)) for given in varied]
            middle = round(100 * (placed.left + placed.source.width / 2) / placed.target.width)
            line = min(max(middle, 10), 90)
            sections.append(gallery.Section(pictures.copy_paste(placed).image(), after, heading, line))
        progress.update(1, "Writing")
        title = "Deep Image Blending" if own else "Deep Image Blending: examples"
        page = gallery.write(folder, title, _ROWS_LEAD if len(chosen) > 1 else _GRID_LEAD, sections)
    notes = list(dict.fromkeys([note for *_, placed in shown for note in placed.notes] + blends.notes))
    if args.json:
        print(json.dumps({"page": str(page.resolve()), "seconds": round(blends.seconds, 3), "notes": notes}))
        return 0
    for note in notes:
        print(f"deepblend: {printable(note)}", file=sys.stderr)
    print(printable(page.resolve()))
    print(f"{blends.done} blends in {blends.seconds:.1f} seconds. Open the page in a browser.")
    return 0


def _request(wanted: FileBlend, placed: Placed) -> tuple[Request, Placed]:
    from ..pictures import to_request

    request = to_request(placed, wanted.settings, wanted.device, wanted.features)
    return replace(request, memory_limit=wanted.memory_limit), placed


class _Blends:
    """One blend after another, with what they took and had to say."""

    def __init__(self, blend: Callable[[Request, Watch], Layer], progress: Progress, count: int) -> None:
        self._blend = blend
        self._progress = progress
        self._count = count
        self.done = 0
        self.seconds = 0.0
        self.notes: list[str] = []

    def blended(self, request: Request, placed: Placed, given: dict[str, float]) -> Image.Image:
        """The target with the object blended in, of the request's settings but those that are given."""
        from .. import pictures
        from ..file_blend.watch import Watch

        undecided = tuple(name for name in request.settings.undecided if name not in given)
        settings = replace(request.settings, **given, undecided=undecided)
        watch = Watch(self._progress, start=self.done / self._count, end=(self.done + 1) / self._count)
        layer = self._blend(replace(request, settings=settings), watch)
        below = pictures.flatten(placed.target, layer.shadow) if layer.shadow is not None else placed.target
        self.done += 1
        self.seconds += layer.report["seconds"]["total"]
        self.notes += layer.report.get("notes", ())
        return pictures.flatten(below, layer.plane).image()


def _caption(given: dict[str, float]) -> str:
    return ", ".join(f"{arguments.option(name)[2:]} {value:g}" for name, value in given.items())
