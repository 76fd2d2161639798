"""Layered documents: a layer and what is visible below it, and the document with one layer more."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol
from xml.etree import ElementTree

import numpy as np
from deepblend_protocol.errors import ArgumentInvalid, FileUnreadable
from deepblend_protocol.geometry import Rect

from ..engine.request import Plane
from . import compositing, openraster, psd, stack
from .colours import into_colours_of
from .decoding import check_size, reading
from .picture import Picture, rounded, scaled
from .placing import Placed, as_mask, layer, place

_LAYERS = 4096
_PIXELS = 2**27
"""The most pixels of a document: 11 585 x 11 585."""
_LAYER_PIXELS = 2**31
"""The most pixels of its layers together."""
_BAND, _STRIP = 2**24, 2**20  # pixels that are put together, and laid, at a time: they bound the float copies


class Layers(Protocol):
    """The pictures of a document's layers."""

    @property
    def names(self) -> set[str]:
        """The names of all files in the document."""
        ...

    def size(self, source: str) -> tuple[int, int]:
        """Width and height of a layer's picture, as its file claims. Raises stack.Refused, SizeAbsurd."""
        ...

    def picture(self, source: str) -> Picture:
        """A layer's picture, in its own space."""
        ...


@dataclass(frozen=True)
class Document:
    """A document of layers, and the one that is blended."""

    path: str
    root: ElementTree.Element
    """Of a stack.xml, as OpenRaster has it."""
    layers: Layers
    chosen: stack.Entry
    place: tuple[int, int]
    """Column and row of the chosen layer's first pixel."""
    made: dict[str, Picture] = field(default_factory=dict)
    """Layers that are not in the file yet, by their names in it."""

    @property
    def size(self) -> tuple[int, int]:
        return int(self.root.get("w", "0")), int(self.root.get("h", "0"))

    @property
    def name(self) -> str:
        """What the blend's layer is called."""
        return f"Deep blend ({self.chosen.name})"

    @cached_property
    def like(self) -> Picture:
        """One pixel of the lowest visible layer: the document's colour space."""
        shown = [one for one, seen in stack.layers(self._top) if seen]
        lowest = self.layer(shown[-1] if shown else self.chosen)
        return lowest.with_samples(lowest.samples[:1, :1])

    @property
    def _top(self) -> ElementTree.Element:
        top = self.root.find("stack")
        assert top is not None
        return top

    def layer(self, entry: stack.Entry) -> Picture:
        """A layer's picture, in its own space; read each time, for many would fill the memory."""
        source = entry.element.get("src", "")
        if source in self.made:
            return self.made[source]
        return self.layers.picture(source)

    def below(self) -> Picture:
        """What is visible below the chosen layer: in the depth of the deepest, without alpha where it is opaque.

        Raises stack.Refused where nothing is.
        """
        return self._composited(self._top, self.chosen.element)

    def with_layer(self, plane: Plane, shadow: Plane | None = None) -> Picture:
        """The document's picture with a blend's layer and its shadow in place, and the chosen one hidden."""
        root, made = self._extended(plane, shadow)
        with_it = replace(self, root=root, made=made)
        top = root.find("stack")
        assert top is not None
        return with_it._composited(top, None)

    def write(self, path: str | os.PathLike[str], plane: Plane, shadow: Plane | None = None) -> None:
        """Write the document with a blend's layer above the chosen one, which is hidden; whole or not at all.

        Args:
            shadow: becomes a layer between the two.

        The other layers' files are as they were, byte for byte.
        Raises WriteFailed, ExtraMissing.
        """
        root, made = self._extended(plane, shadow)
        files = self.layers if isinstance(self.layers, openraster.Archive) else None
        openraster.write(path, files, root, made, self.with_layer(plane, shadow))

    def _extended(self, plane: Plane, shadow: Plane | None) -> tuple[ElementTree.Element, dict[str, Picture]]:
        """The stack with the blend's layers above the chosen one; and their files."""
        root = stack.parse(stack.serialised(self.root))
        chosen = _same(root, self.root, self.chosen.element)
        group = stack.path_to(root, chosen)
        taken = self.layers.names
        names = (f"data/deepblend{n or ''}.png" for n in range(len(taken) + 2))
        free = (name for name in names if name not in taken)
        chosen.set("visibility", "hidden")
        made: dict[str, Picture] = {}
        for one, title in ((plane, self.name), (shadow, f"{self.name} shadow")):
            if one is None:
                continue
            name = next(free)
            made[name] = layer(self.like, one)
            x, y = (at - origin for at, origin in zip(one.rect[:2], _origin(group), strict=True))
            words = {"name": title, "src": name, "x": str(x), "y": str(y)}
            words |= {"opacity": chosen.get("opacity", "1"), "visibility": "visible", "composite-op": "svg:src-over"}
            group[-1].insert(list(group[-1]).index(chosen), ElementTree.Element("layer", words))
        for one in root.iter("layer"):
            one.attrib.pop("selected", None)
        return root, made

    def _composited(self, top: ElementTree.Element, end: ElementTree.Element | None) -> Picture:
        """The visible layers of a group over each other, but ``end`` and what is above it."""
        width, height = self.size
        samples: np.ndarray | None = None
        opaque = True
        rows = max(1, _BAND // width)
        for start in range(0, height, rows):
            band = np.zeros((min(rows, height - start), width, 4), np.float32)
            band, depths = self._over(band, top, (0, -start), end)
            if not depths:
                raise stack.Refused(f"nothing visible lies below its layer '{self.chosen.name}'")
            if samples is None:
                samples = np.zeros((height, width, 4), np.uint16 if np.dtype(np.uint16) in depths else np.uint8)
            alpha, white = band[:, :, 3:], np.iinfo(samples.dtype).max
            band[:, :, :3] /= np.maximum(alpha, 1e-7)
            opaque = opaque and bool((alpha * white >= white - 0.25).all())
            band *= np.float32(white)
            samples[start : start + rows] = rounded(band, samples.dtype)
        assert samples is not None
        samples = np.ascontiguousarray(samples[:, :, :3]) if opaque else samples
        like = self.like
        profile = None if like.is_gray else like.profile
        return Picture(
            samples, "RGB" if opaque else "RGBA", "perceptual" if profile is None else like.encoding, profile
        )

    def _over(
        self, canvas: np.ndarray, group: ElementTree.Element, origin: tuple[int, int], end: ElementTree.Element | None
    ) -> tuple[np.ndarray, set[np.dtype[Any]]]:
        """A group's visible layers laid over a canvas; and their sample types."""
        depths: set[np.dtype[Any]] = set()
        entries = stack.children(group)
        inside = [at for at, one in enumerate(entries) if end is not None and _holds(one.element, end)]
        for one in reversed(entries[inside[0] if inside else 0 :]):
            if one.element is end or not one.visible:
                continue
            at = origin[0] + one.x, origin[1] + one.y
            if not one.is_group:
                picture = self.layer(one)
                depths.add(picture.samples.dtype)
                canvas = _laid(canvas, picture, self.like, at, one.opacity, one.mode)
            elif one.is_isolated:
                alone, more = self._over(np.zeros_like(canvas), one.element, at, end)
                depths |= more
                canvas = compositing.over(canvas, alone * np.float32(one.opacity), one.mode)
            else:
                canvas, more = self._over(canvas, one.element, at, end)
                depths |= more
        return canvas, depths


def open_document(path: str | os.PathLike[str], name: str | None = None, mask: Picture | None = None) -> Placed:
    """A layer of a document, placed over what is visible below it.

    Args:
        name: the layer's; None takes the topmost visible one.
        mask: of the document's size; None takes the layer's transparency.

    Raises FileUnreadable, SizeAbsurd, ArgumentInvalid, ExtraMissing.
    """
    with reading(path, "document"):
        try:
            document = _read(str(path), name)
            below, source = document.below(), document.layer(document.chosen)
        except stack.Refused as error:
            raise FileUnreadable(role="document", path=str(path), reason=str(error)) from error
    left, top = document.place
    if mask is not None:
        if mask.size != document.size:
            raise ArgumentInvalid(
                reason=f"The mask is {mask.width} x {mask.height} pixels, but the document is "
                f"{document.size[0]} x {document.size[1]}. Give a mask of the document's size."
            )
        mask = _cut(as_mask(mask), left, top, source)
    center = left + source.width // 2, top + source.height // 2
    return replace(place(source, mask, below, center), document=document)


def _read(path: str, name: str | None) -> Document:
    with open(path, "rb") as file:
        is_psd = file.read(4) == psd.MAGIC
    root, layers = psd.read_layers(path) if is_psd else openraster.read(path)
    try:
        width, height = int(root.get("w", "")), int(root.get("h", ""))
    except ValueError:
        raise stack.Refused("its stack.xml gives no size") from None
    check_size("The document", width, height, _PIXELS)
    top = root.find("stack")
    assert top is not None
    stack.check(top, layers.names)
    found = list(stack.layers(top))
    _check_layers([one for one, _ in found], layers)
    if name is None:
        chosen = next((one for one, shown in found if shown), None)
        if chosen is None:
            raise stack.Refused("none of its layers is visible; name one with --layer-name")
    else:
        named = [one for one, _ in found if one.name == name]
        if len(named) != 1:
            known = ", ".join(f"'{one.name}'" for one, _ in found[:12])
            count = f"{len(named)} layers are" if named else "no layer is"
            raise ArgumentInvalid(reason=f"In {path} {count} called '{name}'. Its layers are: {known}.")
        chosen = named[0]
    x, y = _origin(stack.path_to(root, chosen.element))
    return Document(path, root, layers, chosen, (x + chosen.x, y + chosen.y))


def _check_layers(found: list[stack.Entry], layers: Layers) -> None:
    """Raise stack.Refused, before a pixel is unpacked, for more than can be worth it."""
    if len(found) > _LAYERS:
        raise stack.Refused(f"it has {len(found)} layers, and {_LAYERS} are the most")
    total = 0
    for one in found:
        width, height = layers.size(one.element.get("src", ""))
        total += width * height
    if total > _LAYER_PIXELS:
        raise stack.Refused(f"its layers have {total} pixels together, and {_LAYER_PIXELS} are the most")


def _values(picture: Picture, like: Picture) -> np.ndarray:
    """A layer's picture for compositing, in the document's space: (H, W, 4) float32, premultiplied."""
    picture = picture if picture.space == like.space else into_colours_of(picture, like)
    colours = scaled(picture.colours(), np.float32)
    colours = np.dstack([colours] * 3) if colours.ndim == 2 else colours
    alpha = scaled(picture.alpha(), np.float32)[:, :, None]
    return np.concatenate([colours * alpha, alpha], axis=2)


def _laid(
    canvas: np.ndarray, picture: Picture, like: Picture, at: tuple[int, int], opacity: float, mode: str
) -> np.ndarray:
    """A layer over a canvas, its first pixel at a column and row; beyond it the layer is transparent."""
    height, width = canvas.shape[:2]
    own = Rect(*at, *picture.size)
    seen = own.intersection(Rect(0, 0, width, height))
    reaches_beyond = mode in ("svg:dst-in", "svg:dst-atop")
    whole = np.zeros_like(canvas) if reaches_beyond else canvas
    if seen is not None:
        part, ground = picture.samples[seen.relative_to(own).slices], whole[seen.slices]
        rows = max(1, _STRIP // seen.w)
        for top in range(0, seen.h, rows):
            strip = _values(picture.with_samples(part[top : top + rows]), like) * np.float32(opacity)
            below = ground[top : top + rows]
            below[:] = strip if reaches_beyond else compositing.over(below, strip, mode)
    return compositing.over(canvas, whole, mode) if reaches_beyond else canvas


def _cut(mask: Picture, left: int, top: int, source: Picture) -> Picture:
    """A document's mask as one of a layer's size, 0 where the layer sticks out."""
    cut = np.zeros((source.height, source.width), mask.samples.dtype)
    own = Rect(left, top, *source.size)
    seen = own.intersection(Rect(0, 0, *mask.size))
    if seen is not None:
        cut[seen.relative_to(own).slices] = mask.samples[seen.slices]
    return Picture(cut, "Y", notes=mask.notes)


def _origin(groups: list[ElementTree.Element]) -> tuple[int, int]:
    """Where groups in each other put the zero of their layers."""
    entries = [stack.entry(group) for group in groups]
    return sum(one.x for one in entries), sum(one.y for one in entries)


def _holds(element: ElementTree.Element, wanted: ElementTree.Element) -> bool:
    return any(one is wanted for one in element.iter())


def _same(root: ElementTree.Element, other: ElementTree.Element, wanted: ElementTree.Element) -> ElementTree.Element:
    """The element of one tree that stands where another stands in its copy."""
    return next(one for one, two in zip(root.iter(), other.iter(), strict=True) if two is wanted)
