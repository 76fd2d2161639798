"""What a blend reads from a GIMP image, at full size and reduced for previews."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deepblend_protocol import geometry
from deepblend_protocol.geometry import Rect
from deepblend_protocol.messages import Plane, Previews, Request
from deepblend_protocol.settings import Settings, reduced, resolve, style_wanted
from deepblend_protocol.words import _
from gi.repository import Gegl, Gimp

from . import gegl
from .samples import SCREEN, Samples, box_of, buffer_of, canvas_of
from .selection import Selection, mask_box, mask_plane


@dataclass(frozen=True)
class Subject:
    """What is to be blended."""

    image: Gimp.Image
    layer: Gimp.Layer
    selection: Selection | None
    picture: Gimp.Drawable | None = None
    """Where style comes from with ``style_from`` "picture"."""

    def gone(self) -> str:
        """In a sentence, what of it the user has closed or deleted meanwhile; empty where all is there."""
        if not self.image.is_valid():
            return _("The image was closed meanwhile; nothing was blended.")
        if not self.layer.is_valid() or self.layer.get_image() is None:
            return _("The layer was deleted meanwhile; nothing was blended.")
        return ""


def read(subject: Subject, settings: Settings, given: Mapping[str, Any]) -> Request:
    """A blend's request.

    Args:
        settings: the settings in full.
        given: the settings as they are sent.

    Raises MaskEmpty, MaskOutside.
    """
    image, layer = subject.image, subject.layer
    known = Samples(image)
    own, canvas = box_of(layer), canvas_of(image)
    crop = geometry.needed(
        mask_box(image, layer, subject.selection), own, canvas, settings.grow_px, settings.shadow_length
    )
    inside = crop.intersection(own) if crop is not None else None
    assert crop is not None and inside is not None  # mask_box has looked
    source = gegl.read(layer.get_buffer(), inside.relative_to(own), known.colour)
    wanted = style_wanted(settings)
    whole = wanted == "background"
    below, frame = background(image, layer, None if whole else crop)
    ground = gegl.read(below, crop.relative_to(frame), known.colour)
    style = None
    if whole:
        style = _reduced(below, canvas, known)
    elif wanted == "picture" and subject.picture is not None:
        style = _style_of(subject.picture, below, known)
    return Request(
        layer=Plane(inside, inside.size, known.type, known.channels, source, known.encoding),
        background=Plane(crop, crop.size, known.type, known.channels, ground, known.encoding, profile=known.profile),
        mask=mask_plane(layer, subject.selection, inside, known),
        style=style,
        settings=given,
    )


class Reduced:
    """A small copy of what a blend reads, in 8 bits and sRGB, for previews; read once.

    Args:
        longest: pixels of its longer side, at most.
        grow_px: how far the mask may grow with it.
        shadow_px: how long a shadow may be.

    Raises MaskEmpty, MaskOutside.
    """

    def __init__(self, subject: Subject, longest: int, grow_px: float, shadow_px: float) -> None:
        self.grow_px, self.shadow_px = grow_px, shadow_px
        image, layer = subject.image, subject.layer
        known = Samples(image)
        own, canvas = box_of(layer), canvas_of(image)
        crop = geometry.needed(mask_box(image, layer, subject.selection), own, canvas, grow_px, shadow_px)
        inside = crop.intersection(own) if crop is not None else None
        assert crop is not None and inside is not None
        self.scale = min(1.0, longest / max(crop.size))
        self._frame, place = crop.scaled(self.scale), inside.scaled(self.scale)
        self.layer = self._plane(layer.get_buffer(), place, own.scaled(self.scale))
        mask = mask_plane(layer, subject.selection, inside, known)
        self._mask = None
        if mask is not None:
            self._mask = self._plane(buffer_of(mask.samples, known.mask, inside), place, name="Y u8", channels="Y")
        below, _ = background(image, layer, None)
        self.background = self._plane(below, self._frame)
        whole = canvas.scaled(self.scale)
        scale = geometry.style_scale(*whole.size)
        size = whole.scaled(scale).size
        samples = gegl.read(below, Rect(0, 0, *size), SCREEN, self.scale * scale, srgb=True)
        self._style = Plane(whole.relative_to(self._frame), size, "u8", "RGBA", samples, scale=scale)
        self._picture: Plane | None = None

    def take_picture(self, picture: Gimp.Drawable | None) -> None:
        """Take style from another picture from now on."""
        self._picture = self._picture_of(picture)

    def request(self, given: Mapping[str, Any], previews: Previews) -> Request:
        """The request of a preview with these settings."""
        scaled = reduced(given, self.scale)
        wanted = style_wanted(resolve(scaled))
        if wanted == "picture" and self._picture is None:
            scaled["style_from"], wanted = "surroundings", None
        style = {"background": self._style, "picture": self._picture}[wanted] if wanted is not None else None
        return Request(self.layer, self.background, self._mask, style, scaled, previews=previews)

    def _plane(
        self, buffer: Gegl.Buffer, box: Rect, own: Rect | None = None, name: str = SCREEN, channels: str = "RGBA"
    ) -> Plane:
        """A box of a buffer that lies at the corner of ``own``; None is the image's. Both are reduced."""
        place = box if own is None else box.relative_to(own)
        samples = gegl.read(buffer, place, name, self.scale, srgb=name == SCREEN)
        return Plane(box.relative_to(self._frame), box.size, "u8", channels, samples)

    def _picture_of(self, picture: Gimp.Drawable | None) -> Plane | None:
        if picture is None or not picture.is_valid():
            return None
        box = Rect(0, 0, picture.get_width(), picture.get_height()).scaled(self.scale)
        scale = geometry.style_scale(*box.size)
        size = box.scaled(scale).size
        samples = gegl.read(picture.get_buffer(), Rect(0, 0, *size), SCREEN, self.scale * scale, srgb=True)
        return Plane(box, size, "u8", "RGBA", samples, scale=scale)


def background(image: Gimp.Image, layer: Gimp.Layer, box: Rect | None) -> tuple[Gegl.Buffer, Rect]:
    """The composite of all that is visible below a layer, and what it covers.

    Args:
        box: what is needed of it; None is all.

    The image itself is not touched: a copy of it is, whose pixels are shared until they are changed.
    """
    copy = image.duplicate()
    try:
        siblings = copy.get_layers()
        *groups, last = _path(image, layer)
        for position in groups:
            _hide(siblings[:position])
            siblings = siblings[position].get_children()
        _hide(siblings[: last + 1])
        if box is not None and not _any_filter(copy.get_layers()):
            copy.crop(box.w, box.h, box.x, box.y)
        else:
            box = None
        below = Gimp.Layer.new_from_visible(copy, copy, "background")
        return below.get_buffer(), box or canvas_of(image)
    finally:
        copy.delete()


def _hide(layers: list[Gimp.Layer]) -> None:
    for one in layers:
        one.set_visible(False)


def _any_filter(layers: list[Gimp.Layer]) -> bool:
    """Whether a layer has a filter that may look beyond the box that is needed, as a blur does."""
    return any(one.get_filters() or (one.is_group() and _any_filter(one.get_children())) for one in layers)


def _path(image: Gimp.Image, item: Gimp.Item) -> list[int]:
    """An item's position among its siblings, and before it those of the groups that it lies in."""
    path = []
    while item is not None:
        path.insert(0, image.get_item_position(item))
        item = item.get_parent()
    return path


def _reduced(buffer: Gegl.Buffer, box: Rect, known: Samples, like: Gegl.Buffer | None = None) -> Plane:
    """A style picture of a buffer, in the colour space of another one where that is given."""
    scale = geometry.style_scale(*box.size)
    size = box.scaled(scale).size
    samples = gegl.read(buffer, Rect(0, 0, *size), known.colour, scale, like=like)
    return Plane(box, size, known.type, known.channels, samples, known.encoding, scale)


def _style_of(picture: Gimp.Drawable, like: Gegl.Buffer, known: Samples) -> Plane:
    return _reduced(picture.get_buffer(), Rect(0, 0, picture.get_width(), picture.get_height()), known, like)
