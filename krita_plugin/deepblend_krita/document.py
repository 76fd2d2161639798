"""What a blend reads of a document: the layer, the selection, the background below. Nothing of it is touched.

Reading is a generator: between its steps, Krita handles what its user does. What is read is of one moment all the same:
the layer is read, and a copy of the document made, in one step. Krita's copies share their pixels until they change.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any, cast

import krita
from deepblend_protocol import geometry
from deepblend_protocol.errors import MaskEmpty
from deepblend_protocol.geometry import Rect
from deepblend_protocol.messages import Plane, Request
from deepblend_protocol.plugins.refused import Refused
from deepblend_protocol.plugins.region import no_style, nothing_below, parts
from deepblend_protocol.settings import Settings, style_wanted
from deepblend_protocol.words import _
from krita import Document, Node

from . import nodes, profiles
from .nodes import Subject
from .pictures import Row, reducing
from .place import Place
from .samples import Format, alpha_bytes, view
from .spaces import Space, converted, working

if TYPE_CHECKING:
    from krita import SelectionMask

Steps = Generator[float, None, Any]
"""Each step yields the milliseconds to wait for the next one; the last one returns something."""
BUSY_S = 5.0
"""How long a document may be busy, with a brush stroke, say."""


class Selection:
    """What is selected, and where."""

    def __init__(self, chosen: krita.Selection) -> None:
        self._chosen = chosen
        self.box = Rect(chosen.x(), chosen.y(), chosen.width(), chosen.height())

    @classmethod
    def of(cls, subject: Subject) -> Selection | None:
        """The layer's own selection mask, or the document's; None where there is none: that means everything."""
        own = [one for one in subject.node.childNodes() if one.type() == "selectionmask" and one.visible()]
        chosen = cast("SelectionMask", own[0]).selection() if own else subject.document.selection()
        return cls(chosen) if chosen is not None else None

    def samples(self, box: Rect) -> memoryview:
        """8 bits a pixel."""
        return view(self._chosen.pixelData(*box))

    def sign(self) -> tuple[Any, ...]:
        """Another one for another selection, nearly always, and at little cost."""
        x, y, w, h = self.box
        rows = sorted({y + h * part // 8 for part in range(8)}) if w and h else []
        return (self.box, *(hash(bytes(self._chosen.pixelData(x, row, w, 1))) for row in rows))


def canvas_of(document: Document) -> Rect:
    return Rect(0, 0, document.width(), document.height())


def box_of(node: Node, canvas: Rect) -> Rect | None:
    """Where a layer has pixels; None where it has none."""
    bounds = node.bounds()
    box = Rect(bounds.x(), bounds.y(), bounds.width(), bounds.height())
    return box.intersection(canvas if node.type() == "filllayer" else box)  # with itself: None where it is empty


def reading(subject: Subject, settings: Settings, given: Mapping[str, Any], style: Plane | None = None) -> Steps:
    """Steps that read a blend's request; the last one returns it.

    Args:
        settings: the settings in full.
        given: the settings as they are sent.
        style: the style picture, where it is known already.

    They raise MaskEmpty, MaskOutside, Refused.
    """
    until = time.monotonic() + BUSY_S
    while not subject.document.tryBarrierLock():
        if time.monotonic() > until:
            raise Refused(_("Krita is still at work on this picture. Finish what you do there, then blend again."))
        yield 50
    try:
        moment = _Moment(subject, settings)
    finally:
        subject.document.unlock()
    try:
        yield 0
        request = yield from moment.request(settings, given, style)
        yield 0  # Krita takes its time to close a large copy
        return request
    finally:
        moment.close()


class _Moment:
    """What a document is at a moment: the layer's pixels, and a copy of all else."""

    def __init__(self, subject: Subject, settings: Settings) -> None:
        document, node = subject.document, subject.node
        subject.place = Place.of(document, node)
        if not nodes.anything_below(node):
            raise nothing_below(node.name())
        self._canvas = canvas_of(document)
        self._space = Space.of(document)
        self._work = working(self._space)
        self._picture = subject.picture
        self._copy = document.clone()
        try:
            self._copy.setBatchmode(True)
            twin = nodes.found(self._copy, subject.id)
            assert twin is not None  # a copy has all of them
            self._node = twin
            with nodes.drawn(self._copy, node, self._node) as source:
                self._read(source, Selection.of(subject), settings)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._copy.setModified(False)
        self._copy.close()

    def _read(self, source: Node, selection: Selection | None, settings: Settings) -> None:
        """Read the layer. Raises MaskEmpty, MaskOutside."""
        own = box_of(source, self._canvas)
        chosen = own if own is None or selection is None else own.intersection(selection.box)
        if own is None or chosen is None:
            raise MaskEmpty()
        self._layer_space = Space.of(source)
        mask = _visible(view(source.projectionPixelData(*chosen)), chosen, self._layer_space.format)
        crop, inside = parts(mask, own, self._canvas, settings.grow_px, settings.shadow_length)
        self._crop, self._inside = crop, inside
        self._layer = source.projectionPixelData(*inside)
        self._mask = None
        if selection is not None:
            self._mask = Plane(inside, inside.size, "u8", "Y", selection.samples(inside))

    def request(self, settings: Settings, given: Mapping[str, Any], style: Plane | None) -> Steps:
        """Steps whose last one returns the request."""
        layer = self._plane(self._layer, self._inside, self._layer_space)
        yield 0
        wanted = style_wanted(settings)
        whole = wanted == "background" and style is None
        nodes.hide_from(self._node)
        yield from self._draw(whole)
        ground = self._plane(self._below(self._crop), self._crop, self._space)
        background = Plane(*_parts(ground), profile=profiles.bytes_of(self._work.profile))
        yield 0
        if whole:
            style = yield from self._style(
                lambda y: self._below(Rect(0, y, self._canvas.w, 1)), self._canvas, self._space
            )
        elif wanted == "picture":
            style = yield from self._style_of_picture()
        return Request(layer, background, self._mask, style if wanted is not None else None, given)

    def _draw(self, whole: bool) -> Steps:
        """Draw what is below in the copy: as little of it as is needed."""
        self._frame = self._canvas
        if not whole and self._crop != self._canvas and nodes.is_plain(self._copy):
            self._copy.crop(*self._crop)
            self._frame = self._crop
            yield 0
        self._copy.refreshProjection()
        self._copy.waitForDone()
        yield 0

    def _below(self, box: Rect) -> Any:
        return self._copy.pixelData(*box.relative_to(self._frame))

    def _plane(self, samples: Any, box: Rect, space: Space) -> Plane:
        """Samples in the space that the blend is made in."""
        known = self._work.format
        assert known is not None
        samples = converted(samples, box.size, space, self._work, self._copy)
        return Plane(box, box.size, known.type, known.channels, samples, self._work.encoding)

    def _style(self, row: Row, box: Rect, space: Space) -> Steps:
        """Steps that return a style picture of rows over a box."""
        scale = geometry.style_scale(*box.size)
        if scale == 1.0:
            samples = b"".join(bytes(view(row(y))) for y in range(box.h))
            return self._plane(samples, box, space)
        size = box.scaled(scale).size
        known, encoding = self._work.format, self._work.encoding
        assert known is not None
        if space != self._work:
            row = self._converted_rows(row, box.w, space)
        samples = yield from reducing(row, box.size, known, encoding, size)
        curve = "perceptual" if encoding == "linear" else encoding
        return Plane(box, size, "u8", known.channels, samples, curve, scale)

    def _converted_rows(self, row: Row, columns: int, space: Space) -> Row:
        return lambda y: converted(row(y), (columns, 1), space, self._work, self._copy)

    def _style_of_picture(self) -> Steps:
        picture = self._picture
        box = box_of(picture, self._canvas) if picture is not None else None
        if picture is None or box is None:
            raise no_style()
        x, y, w, h = box
        style = yield from self._style(
            lambda row: picture.projectionPixelData(x, y + row, w, 1), Rect(0, 0, w, h), Space.of(picture)
        )
        return style


def _parts(plane: Plane) -> tuple[Any, ...]:
    return (plane.rect, plane.size, plane.type, plane.channels, plane.samples, plane.encoding)


def _visible(samples: memoryview, box: Rect, known: Format | None) -> Rect:
    """The box of what is visible, in document pixels. Raises MaskEmpty."""
    pixel = len(samples) // (box.w * box.h)
    # The last channel is alpha in every space of Krita's.
    alpha = alpha_bytes(samples, known) if known is not None else bytes(samples[pixel - 1 :: pixel])
    found = geometry.bounds(alpha, box.w, 1)
    if found is None:
        raise MaskEmpty()
    return found.moved(box.x, box.y)
