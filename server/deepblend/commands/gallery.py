"""``deepblend gallery``: a page of before-and-after sliders over a grid of style and keep-colours."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace

from ..file_blend import arguments
from .progress import Progress
from .terminal import printable

NAME = "gallery"
HELP = "Make a page of before-and-after sliders: a picture of yours, or the example, at several settings."
STYLES = (0.0, 0.5, 1.0)
KEPT = (0.0, 0.5, 1.0)
_EPILOG = """\
Without pictures, it shows the example that is shipped. With a source and a target, or a document, it blends these,
nine times; the page has one row for each style, and in it one picture for each value of keep-colours.

examples:
  deepblend gallery
  deepblend gallery --source boat.png --target sea.jpg --center 640,420 --output boat-gallery

DIR gets index.html, which any browser opens, and the pictures that it shows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
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
    """Blend over the grid and write the page.

    Raises WriteFailed, DeviceUnknown, DeviceMemory, and what FileBlend.read does.
    """
    from ..files import make_folder

    wanted = arguments.file_blend(args)
    own = bool(wanted.inputs)
    if own:
        wanted.check_named()
    folder = make_folder(args.output)
    with Progress(args.json) as progress:
        progress.update(0, "Reading")
        from .. import gallery, pictures
        from ..file_blend.blend import engine
        from ..file_blend.watch import Watch
        from .demo import example

        if own:
            request, placed = wanted.read()
        else:
            placed = example()
            request = pictures.to_request(placed, wanted.settings, wanted.device, wanted.features)
        blend = engine()
        grid = [(style, keep) for style in STYLES for keep in KEPT]
        after = []
        seconds = 0.0
        notes: list[str] = list(placed.notes)
        for index, (style, keep) in enumerate(grid):
            undecided = tuple(n for n in request.settings.undecided if n not in ("style", "keep_colours"))
            settings = replace(request.settings, style=style, keep_colours=keep, undecided=undecided)
            watch = Watch(progress, start=index / len(grid), end=(index + 1) / len(grid))
            layer = blend(replace(request, settings=settings), watch)
            below = pictures.flatten(placed.target, layer.shadow) if layer.shadow is not None else placed.target
            caption = f"style {style:g}, keep-colours {keep:g}"
            after.append((caption, pictures.flatten(below, layer.plane).image()))
            seconds += layer.report["seconds"]["total"]
            notes += layer.report.get("notes", ())
        progress.update(1, "Writing")
        page = gallery.write(
            folder,
            gallery.Page(
                "Deep Image Blending" if own else "Deep Image Blending: the example",
                "Drag across a picture: the object as it was pasted on the left, blended on the right. Downwards it "
                "takes on more of the background's texture; to the right it keeps more of its own colours.",
                pictures.copy_paste(placed).image(),
                after,
            ),
        )
    if args.json:
        print(json.dumps({"page": str(page.resolve()), "seconds": round(seconds, 3), "notes": notes}))
        return 0
    for note in dict.fromkeys(notes):
        print(f"deepblend: {printable(note)}", file=sys.stderr)
    print(printable(page.resolve()))
    print(f"{len(after)} blends in {seconds:.1f} seconds. Open the page in a browser.")
    return 0
