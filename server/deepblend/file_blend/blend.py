"""One blend from files to files: what it reads, its settings, and where its results go."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from deepblend_protocol.errors import ArgumentInvalid
from deepblend_protocol.geometry import Rect
from deepblend_protocol.settings import Settings

from ..files import check_apart, check_place, real, write_json
from ..importing import at_once

if TYPE_CHECKING:
    from ..engine.request import Layer, Plane, Request
    from ..pictures import Picture, Placed
    from .watch import Bar, Watch

_READ = ("source", "mask", "target", "document", "style")
_MADE = ("output", "layer", "report", "video")


@dataclass(frozen=True)
class FileBlend:
    """One blend from files to files, which knows how to check itself and how to be done.

    Files are paths. There is a source and a target, or a document that holds both. Errors
    name what is wrong as the options of ``deepblend blend``, which users know.
    """

    settings: Settings
    source: str | None = None
    """The picture that holds the object."""
    mask: str | None = None
    """White on black, of the source's or the document's size; None takes the transparency."""
    target: str | None = None
    """The picture that the object is blended into."""
    document: str | None = None
    """A layered document, of which a layer is blended into what is visible below it."""
    layer_name: str | None = None
    """The document's layer; None takes the topmost visible one."""
    style: str | None = None
    """The picture to take style from; given where the settings' ``style_from`` is "picture"."""
    center: tuple[int, int] | None = None
    """Column and row of the target for the source's centre; see ``pictures.place`` for None."""
    source_size: tuple[int, int] | None = None
    """Width and height in pixels that the source and its mask are resized to first; None leaves them."""
    target_size: tuple[int, int] | None = None
    """The same for the target."""
    device: str = "auto"
    features: str = "shipped"
    memory_limit: int | None = None
    """Bytes; these three are as in the engine's ``Request``."""
    output: str | None = None
    """The blended picture, or the document with a layer more where it ends in .ora. Needed to be done."""
    layer: str | None = None
    """The blended object alone, with transparency."""
    report: str | None = None
    """The report, as JSON."""
    video: str | None = None
    """A film of the blend taking shape."""

    overwrite: bool = False
    """Whether a result may take the place of a picture that is read."""

    @cached_property
    def inputs(self) -> dict[str, str]:
        """The files that it reads: path by field."""
        return {name: path for name in _READ if (path := getattr(self, name)) is not None}

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The files that it makes: path by field."""
        return {name: path for name in _MADE if (path := getattr(self, name)) is not None}

    @property
    def files(self) -> dict[str, str]:
        """The files that a report names: what is blended, and the results."""
        return {name: path for name, path in {**self.inputs, **self.outputs}.items() if name != "style"}

    def check_named(self, output: bool = False) -> None:
        """Raise ArgumentInvalid unless a source and a target are named, or a document alone.

        Args:
            output: whether the output has to be named as well.
        """
        is_document = self.document is not None
        if is_document:
            for name in ("source", "target", "center", "source_size", "target_size"):
                if getattr(self, name) is not None:
                    option = name.replace("_", "-")
                    why = f"--{option} does not go with --document, whose layers have their places."
                    raise ArgumentInvalid(reason=why)
        needed = (*(() if is_document else ("source", "target")), *(("output",) if output else ()))
        if missing := [f"--{name}" for name in needed if getattr(self, name) is None]:
            instead = " (or --document)" if set(missing) & {"--source", "--target"} else ""
            raise ArgumentInvalid(
                reason=f"The following arguments are required: {', '.join(missing)}{instead}. "
                "To see what it takes: deepblend blend --help"
            )
        if self.layer_name is not None and not is_document:
            raise ArgumentInvalid(reason="--layer-name goes with --document: give the layered document, too.")

    def check_outputs(self, placed: Placed | None = None) -> None:
        """Find out before the work whether results can be written, and that no two of them are one file.

        Args:
            placed: where the pictures have been read: also what keeps results of their channels, depth and size from
                being written.

        Raises WriteFailed, ArgumentInvalid, ExtraMissing.
        """
        from ..pictures import check_output

        target = placed.target if placed is not None else None
        seen = placed.rect.intersection(Rect(0, 0, *placed.target.size)) if placed is not None else None
        places: dict[str, str] = {}
        for name, path in self.outputs.items():
            if name == "layer":
                check_output(path, True, target, seen.size if seen is not None else None)
            elif name == "output" and not self._gives_document:
                alpha, size = (target.has_alpha, target.size) if target is not None else (False, None)
                check_output(path, alpha, target, size)
            elif name != "video":  # whose place its recorder checks
                check_place(path)
        for name, path in self.outputs.items():
            if (other := places.setdefault(real(path), name)) != name:
                raise ArgumentInvalid(reason=f"--{other} and --{name} are one file, {path}: give each its own.")
        if not self.overwrite:
            self.check_apart(", or say --overwrite")

    def check_apart(self, remedy: str = "") -> None:
        """Raise ArgumentInvalid where a result would take the place of a picture that is read.

        Args:
            remedy: what else can be done than giving another place; as the end of a clause.
        """
        read = {f"--{'style-from' if name == 'style' else name}": path for name, path in self.inputs.items()}
        check_apart({f"--{name}": path for name, path in self.outputs.items()}, read, remedy)

    def read(self) -> tuple[Request, Placed]:
        """The pictures read and placed, and the request for the engine.

        Raises FileUnreadable, SizeAbsurd, SizeMismatch, MaskEmpty, MaskOutside, ArgumentInvalid, NotFinite,
        ExtraMissing.
        """
        from ..pictures import open_picture, to_request

        self.check_named()
        placed = self._placed()
        style = open_picture(self.style, "style") if self.style is not None else None
        request = to_request(placed, self.settings, self.device, self.features, style)
        return replace(request, memory_limit=self.memory_limit), placed

    def run(
        self, bar: Bar, door: Callable[[Request, Watch], Layer] | None = None
    ) -> tuple[dict[str, Any], tuple[int, int]]:
        """Read, blend, write; every result whole or not at all.

        Args:
            bar: is told how far the blend is, 0..1.
            door: what blends; None is the engine, which is imported while ``bar`` shows that it starts.

        Returns the report, and the width and height of the output in pixels.

        Raises the errors of read and check_outputs, and those of the engine or the server.
        """
        started = time.perf_counter()
        self.check_named(output=True)
        self.check_outputs()
        done = self
        with ExitStack() as stack:
            bar.update(0, "Reading")
            request, placed = self.read()
            self.check_outputs(placed)
            loaded = time.perf_counter()

            blend = door or engine()
            from ..pictures import merged
            from ..video import Recorder
            from .watch import Film, Watch

            film = None
            if self.video is not None:
                recorder = stack.enter_context(Recorder(self.video))
                done = replace(self, video=str(recorder.path))  # .webp where .mp4 cannot be written
                film = Film(recorder, placed)
            bar.update(0, "Starting")
            imported = time.perf_counter()
            layer = blend(request, Watch(bar, film))
            blended = time.perf_counter()
            bar.update(1, "Writing")
            if film is not None:
                film.end(merged(layer.plane, layer.shadow))
            stack.close()  # the film is whole now
            notes = self._write(placed, layer.plane, layer.shadow)
        ended = time.perf_counter()
        seconds = {"load": loaded - started, "import": imported - loaded, **layer.report["seconds"]}
        seconds |= {"write": ended - blended, "total": ended - started}
        report = {
            **layer.report,
            "files": done.files,
            "layer": layer.plane.rect._asdict(),
            "seconds": {stage: round(value, 4) for stage, value in seconds.items()},
            "notes": [*placed.notes, *layer.report.get("notes", ()), *notes],
        }
        if self.report is not None:
            write_json(self.report, report)
        return report, placed.target.size

    @property
    def _gives_document(self) -> bool:
        """Whether the output is the document with a layer more."""
        return self.document is not None and self.output is not None and self.output.lower().endswith(".ora")

    def _placed(self) -> Placed:
        from ..pictures import open_mask, open_picture, place
        from ..pictures.decoding import check_size
        from ..pictures.document import open_document

        def mask() -> Picture | None:
            return open_mask(self.mask) if self.mask is not None else None

        if self.document is not None:
            return open_document(self.document, self.layer_name, mask())
        assert self.source is not None and self.target is not None  # check_named has said so
        for what, size in (("The source", self.source_size), ("The target", self.target_size)):
            if size is not None:
                check_size(what, *size)
        return place(
            open_picture(self.source, "source", spare_alpha=self.mask is None),
            mask(),
            open_picture(self.target, "target"),
            self.center,
            self.source_size,
            self.target_size,
        )

    def _write(self, placed: Placed, plane: Plane, shadow: Plane | None) -> list[str]:
        """Write the pictures; returns notes of what was changed for their formats."""
        from ..pictures import flatten, layer, merged, write_picture

        assert self.output is not None  # check_named has said so
        notes: list[str] = []
        if placed.document is None:
            ground = flatten(placed.target, shadow) if shadow is not None else placed.target
            notes += write_picture(self.output, flatten(ground, plane))
        elif self._gives_document:
            placed.document.write(self.output, plane, shadow)
        else:
            notes += write_picture(self.output, placed.document.with_layer(plane, shadow))
        if self.layer is not None:
            alone = merged(plane, shadow)
            notes += write_picture(self.layer, layer(placed.target, alone), offset=alone.rect[:2])
        return notes


def engine() -> Callable[[Request, Watch], Layer]:
    """The engine's ``blend`` in this process; importing it takes seconds."""
    with at_once():
        from ..engine.blend import blend
        from ..engine.memory import reuse

    reuse()
    return blend
