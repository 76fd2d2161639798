"""The arguments that name the pictures of a blend, its settings and the machine; and the request they make."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from deepblend_protocol.errors import ArgumentInvalid
from deepblend_protocol.settings import Setting, Settings, resolve, table

if TYPE_CHECKING:
    from ..engine.request import Request
    from ..pictures import Placed

_OPTIONS = {"feather_px": "--feather", "grow_px": "--grow"}  # the others bear their setting's name


def add_arguments(parser: argparse.ArgumentParser, document: bool = False) -> None:
    """The pictures, the place, and what to compute on.

    Args:
        document: whether a layered document may stand for source and target.
    """
    group = parser.add_argument_group(
        "pictures", "PNG, TIFF, JPEG, WebP and what else Pillow reads, and OpenEXR; docs/files.md has the depths."
    )
    group.add_argument("--source", metavar="FILE", required=not document, help="the picture that holds the object")
    group.add_argument(
        "--mask",
        metavar="FILE",
        help="what to blend in, white on black, of the source's size; soft edges are kept "
        "(default: the source's own transparency)",
    )
    group.add_argument("--target", metavar="FILE", required=not document, help="the picture to blend it into")
    if document:
        group.add_argument(
            "--document",
            metavar="FILE",
            help="instead of source and target: a layered document (OpenRaster, as Krita and GIMP write it), of which "
            "a layer is blended into what is visible below it; --mask is then of the document's size",
        )
        group.add_argument(
            "--layer-name", metavar="NAME", help="the document's layer to blend in (default: the topmost visible one)"
        )
    group = parser.add_argument_group("place")
    group.add_argument(
        "--center",
        metavar="COL,ROW",
        type=_center,
        help="the source's centre in target pixels, from the left and from the top; a negative one is written "
        "--center=-20,40 (default: a source as large as the target is aligned, another is centred)",
    )
    group.add_argument(
        "--source-size",
        metavar="N|WxH",
        type=_size,
        help="resize source and mask first, to N x N or W x H pixels (default: as they are)",
    )
    group.add_argument(
        "--target-size",
        metavar="N|WxH",
        type=_size,
        help="resize the target first, to N x N or W x H pixels (default: as it is)",
    )
    group = parser.add_argument_group("machine")
    group.add_argument(
        "--device", metavar="NAME", default="auto", help="auto, cpu, cuda, cuda:N or mps (default: %(default)s)"
    )
    add_memory_limit(group)
    group.add_argument(
        "--features",
        choices=("shipped", "torchvision"),
        default="shipped",
        help="the network: the one that is shipped, or torchvision's IMAGENET1K_V1 of the published code, "
        "which is downloaded (default: %(default)s)",
    )


def add_memory_limit(group: argparse._ArgumentGroup) -> None:
    """How much memory a blend plans with, in bytes once it is read."""
    group.add_argument(
        "--memory-limit",
        metavar="GIB",
        type=_bytes,
        help="what a blend may take of the device's memory, about, in GiB: less makes smaller tiles, and takes longer "
        "(default: 3.7, or half of the memory where that is less)",
    )


def add_settings(parser: argparse.ArgumentParser) -> None:
    """The settings of a blend, from their table."""
    group = parser.add_argument_group(
        "settings", "A preset sets style, keep-colours and style-from; those given here prevail."
    )
    for setting in table().values():
        if setting.name == "style_from":
            group.add_argument(
                "--style-from",
                metavar="background|surroundings|FILE",
                help=f"{setting.help} (default: {setting.default})",
            )
            continue
        option = _OPTIONS.get(setting.name, "--" + setting.name.replace("_", "-"))
        metavar = "|".join(setting.choices) or setting.unit.upper() or "X"
        told = setting.help if setting.choices else f"{setting.help} {setting.accepts().capitalize()}."
        default = f"{setting.default:g}" if isinstance(setting.default, float | int) else setting.default
        group.add_argument(
            option, dest=setting.name, metavar=metavar, type=_reader(setting), help=f"{told} (default: {default})"
        )


def settings(args: argparse.Namespace) -> Settings:
    """The settings that the arguments of add_settings give. Raises SettingOutOfRange."""
    given: dict[str, Any] = {}
    for name, setting in table().items():
        value = getattr(args, name, None)
        if value is not None:
            is_file = name == "style_from" and (value == "picture" or value not in setting.choices)
            given[name] = "picture" if is_file else value
    return resolve(given)


def request(args: argparse.Namespace, chosen: Settings | None = None) -> tuple[Request, Placed]:
    """The pictures read and placed, and the request for the engine.

    Args:
        args: with the arguments of add_arguments, and those of add_settings unless ``chosen`` is given.

    Raises FileUnreadable, SizeAbsurd, SizeMismatch, MaskEmpty, MaskOutside, ArgumentInvalid, SettingOutOfRange,
    NotFinite, ExtraMissing.
    """
    from ..pictures import open_picture, to_request

    chosen = chosen or settings(args)
    check_named(args)
    placed = _document(args) if getattr(args, "document", None) is not None else _placed(args)
    style = open_picture(args.style_from, "style") if chosen.style_from == "picture" else None
    request = to_request(placed, chosen, args.device, args.features, style)
    return replace(request, memory_limit=args.memory_limit), placed


def check_named(args: argparse.Namespace, others: tuple[str, ...] = ()) -> None:
    """Raise ArgumentInvalid unless a source and a target are named, or a document alone, and ``others``."""
    if getattr(args, "document", None) is not None:
        for name in ("source", "target", "center", "source_size", "target_size"):
            if getattr(args, name) is not None:
                option = name.replace("_", "-")
                raise ArgumentInvalid(reason=f"--{option} does not go with --document, whose layers have their places.")
    pictures = () if getattr(args, "document", None) is not None else ("source", "target")
    if missing := [f"--{name}" for name in (*pictures, *others) if getattr(args, name) is None]:
        instead = " (or --document)" if set(missing) & {"--source", "--target"} else ""
        raise ArgumentInvalid(
            reason=f"The following arguments are required: {', '.join(missing)}{instead}. "
            "To see what it takes: deepblend blend --help"
        )
    if getattr(args, "layer_name", None) is not None and getattr(args, "document", None) is None:
        raise ArgumentInvalid(reason="--layer-name goes with --document: give the layered document, too.")


def _placed(args: argparse.Namespace) -> Placed:
    from ..pictures import open_picture, place
    from ..pictures.decoding import check_size

    for what, size in (("The source", args.source_size), ("The target", args.target_size)):
        if size is not None:
            check_size(what, *size)
    return place(
        open_picture(args.source, "source"),
        open_picture(args.mask, "mask") if args.mask is not None else None,
        open_picture(args.target, "target"),
        args.center,
        args.source_size,
        args.target_size,
    )


def _document(args: argparse.Namespace) -> Placed:
    from ..pictures import open_picture
    from ..pictures.openraster import open_document

    mask = open_picture(args.mask, "mask") if args.mask is not None else None
    return open_document(args.document, args.layer_name, mask)


def _center(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([+-]?\d{1,9}),([+-]?\d{1,9})", text)
    if not found:
        raise argparse.ArgumentTypeError(f"'{text}' is not COL,ROW: two whole numbers of target pixels, as in 235,200")
    return int(found[1]), int(found[2])


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,9})(?:x(\d{1,9}))?", text)
    width, height = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if width < 1 or height < 1:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a size: pixels as one number or as WxH, as in 512 or 640x480"
        )
    return width, height


def _bytes(text: str) -> int:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.5 <= value <= 4096:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of GiB from 0.5 to 4096")
    return round(value * 2**30)


def _reader(setting: Setting) -> Any:
    def read(text: str) -> Any:
        try:
            return text if setting.choices else float(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{text}' is not {setting.accepts()}") from None

    return read
