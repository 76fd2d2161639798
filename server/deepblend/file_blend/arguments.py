"""The options that say a blend: its pictures, its place, the machine and its settings."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any

from deepblend_protocol.settings import PRESET_NAMES, Setting, Settings, resolve, table

from .blend import FileBlend

_OPTIONS = {"feather_px": "--feather", "grow_px": "--grow"}  # the others bear their setting's name
_SPELLINGS = (("color", "colour"), ("centre", "center"), ("grey", "gray"), ("normaliz", "normalis"))
_BY_PRESET = "the preset's"


def option(name: str) -> str:
    """A setting's option, with its dashes."""
    return _OPTIONS.get(name, "--" + name.replace("_", "-"))


def spelled(name: str, known: Collection[str]) -> str:
    """An option's or column's name as it is known here: American and British spellings are one."""
    for pair in _SPELLINGS:
        for there, here in (pair, pair[::-1]):
            if name not in known and (other := name.replace(there, here)) in known:
                return other
    return name


def nearest(name: str, known: Iterable[str]) -> str:
    """Which name may have been meant, as the end of a clause; empty where none is near."""
    found = difflib.get_close_matches(name, list(known), 1, 0.6)
    return f" (did you mean {found[0]}?)" if found else ""


def add_arguments(parser: argparse.ArgumentParser, document: bool = False) -> None:
    """The pictures, the place, and what to compute on.

    Args:
        document: whether a layered document may stand for source and target.
    """
    group = parser.add_argument_group(
        "pictures",
        "PNG, TIFF, JPEG, WebP, OpenEXR and others; docs/files.md lists them. One of them may be -, standard input.",
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
            help="instead of source and target: a layered document (OpenRaster, as Krita and GIMP write it, or PSD), of"
            " which a layer is blended into what is visible below it; --mask is then of the document's size",
        )
        group.add_argument(
            "--layer-name", metavar="NAME", help="the document's layer to blend in (default: the topmost visible one)"
        )
    group = parser.add_argument_group("place")
    group.add_argument(
        "--center",
        metavar="COL,ROW",
        type=_center,
        help="the source's centre in target pixels, from the left and from the top; either may "
        "be negative (default: a source as large as the target is aligned, another is centred)",
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
        help="what a blend may take of the device's memory, about, in GiB: less makes smaller tiles, and takes longer; "
        "what cannot be done with it is refused (default: 3.7, or half of the memory where that is less)",
    )


def add_settings(parser: argparse.ArgumentParser) -> None:
    """The settings of a blend, from their table."""
    group = parser.add_argument_group(
        "settings", "A preset sets style, keep-colours, style-from, match and grain; those given here prevail."
    )
    for setting in table().values():
        if setting.name == "style_from":
            group.add_argument(
                "--style-from",
                metavar="background|surroundings|FILE",
                help=f"{setting.help} (default: {_BY_PRESET})",
            )
            continue
        metavar = "|".join(setting.choices) or setting.unit.upper() or "X"
        told = setting.help if setting.choices else f"{setting.help} {setting.accepts().capitalize()}."
        default = f"{setting.default:g}" if isinstance(setting.default, float | int) else setting.default
        default = _BY_PRESET if setting.name in PRESET_NAMES else default
        group.add_argument(
            option(setting.name),
            dest=setting.name,
            metavar=metavar,
            type=_reader(setting),
            help=f"{told} (default: {default})",
        )


def file_blend(args: argparse.Namespace, settings: Settings | None = None) -> FileBlend:
    """The blend that parsed arguments say; where its results go is left to the caller.

    Args:
        args: of add_arguments, and of add_settings unless ``settings`` are given.

    Raises SettingOutOfRange.
    """
    chosen = settings or _settings(args)
    return FileBlend(
        settings=chosen,
        source=args.source,
        mask=args.mask,
        target=args.target,
        document=getattr(args, "document", None),
        layer_name=getattr(args, "layer_name", None),
        style=args.style_from if chosen.style_from == "picture" else None,
        center=args.center,
        source_size=args.source_size,
        target_size=args.target_size,
        device=args.device,
        features=args.features,
        memory_limit=args.memory_limit,
    )


def _settings(args: argparse.Namespace) -> Settings:
    given: dict[str, Any] = {}
    for name, setting in table().items():
        value = getattr(args, name)
        if value is not None:
            is_file = name == "style_from" and (value == "picture" or value not in setting.choices)
            given[name] = "picture" if is_file else value
    return _resolved(tuple(given.items()))


@lru_cache(maxsize=1024)  # a batch's jobs have few that differ
def _resolved(given: tuple[tuple[str, Any], ...]) -> Settings:
    return resolve(dict(given))


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
