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
from .background import background, check_ground
from .content import Content, content_of
from .kept import Origin
from .samples import SCREEN, Samples, buffer_of, canvas_of
from .selection import mask_box, mask_plane
from .subject import Refused, Subject

_NO_STYLE = _("Style is to come from another layer, and none was chosen.")


@dataclass(frozen=True)
class Reading:
    """A blend's request, and what it was made of at that moment."""

    request: Request
    origin: Origin

    @property
    def pixels(self) -> int:
        """Of the layer that are read."""
        return self.request.layer.rect.w * self.request.layer.rect.h


def read(subject: Subject, picture: Gimp.Drawable | None, settings: Settings, given: Mapping[str, Any]) -> Reading:
    """What is read for a blend.

    Args:
        picture: where style comes from with ``style_from`` "picture".
        settings: the settings in full.
        given: the settings as they are sent.

    Raises MaskEmpty, MaskOutside, Refused.
    """
    image, layer = subject.image, subject.layer
    wanted = style_wanted(settings)
    if wanted == "picture" and (picture is None or not picture.is_valid()):
        raise Refused(_NO_STYLE)
    known, canvas = Samples(image), canvas_of(image)
    with content_of(layer) as content:
        crop, inside = _needed(content, canvas, subject, known, settings.grow_px, settings.shadow_length)
        source = gegl.read(content.buffer, inside.relative_to(content.box), known.colour)
        mask = mask_plane(content, subject.selection, inside, known)
    whole = wanted == "background"
    below, frame = background(image, layer, None if whole else crop)
    check_ground(below, crop.relative_to(frame), layer)
    ground = gegl.read(below, crop.relative_to(frame), known.colour)
    style = None
    if whole:
        style = _style(below, canvas, known)
    elif wanted == "picture" and picture is not None:
        with content_of(picture) as shown:
            style = _style(shown.buffer, Rect(0, 0, *shown.box.size), known, like=below)
    request = Request(
        layer=Plane(inside, inside.size, known.type, known.channels, source, known.encoding),
        background=Plane(crop, crop.size, known.type, known.channels, ground, known.encoding, profile=known.profile),
        mask=mask,
        style=style,
        settings=given,
    )
    return Reading(request, Origin.of(layer, subject.selection))


def _needed(
    content: Content, canvas: Rect, subject: Subject, known: Samples, grow_px: float, shadow_px: float
) -> tuple[Rect, Rect]:
    """What is needed of the background, and of the layer. Raises MaskEmpty, MaskOutside."""
    box = mask_box(content, canvas, subject.selection, known)
    crop = geometry.needed(box, content.box, canvas, grow_px, shadow_px)
    inside = crop.intersection(content.box) if crop is not None else None
    assert crop is not None and inside is not None  # mask_box has looked
    return crop, inside


def _style(buffer: Gegl.Buffer, box: Rect, known: Samples, like: Gegl.Buffer | None = None) -> Plane:
    """A style picture of a buffer, in the colour space of another one where that is given."""
    scale = geometry.style_scale(*box.size)
    size = box.scaled(scale).size
    samples = gegl.read(buffer, Rect(0, 0, *size), known.colour, scale, like=like)
    return Plane(box, size, known.type, known.channels, samples, known.encoding, scale)


class Reduced:
    """A small copy of what a blend reads, in 8 bits and sRGB, for previews; read once.

    Args:
        longest: pixels of its longer side, at most.
        grow_px: how far the mask may grow with it.
        shadow_px: how long a shadow may be.

    Raises MaskEmpty, MaskOutside, Refused.
    """

    def __init__(self, subject: Subject, longest: int, grow_px: float, shadow_px: float) -> None:
        self.grow_px, self.shadow_px = grow_px, shadow_px
        image, layer = subject.image, subject.layer
        known, canvas = Samples(image), canvas_of(image)
        with content_of(layer) as content:
            crop, inside = _needed(content, canvas, subject, known, grow_px, shadow_px)
            self.crop = crop
            """What is shown, in the image's pixels."""
            self.scale = min(1.0, longest / max(crop.size))
            self.frame = crop.scaled(self.scale)
            place = inside.scaled(self.scale)
            self.layer = self._plane(content.buffer, place, content.box.scaled(self.scale))
            mask = mask_plane(content, subject.selection, inside, known)
        self._mask = None
        if mask is not None:
            self._mask = self._plane(buffer_of(mask.samples, known.mask, inside), place, name="Y u8", channels="Y")
        below, _frame = background(image, layer, None)
        check_ground(below, crop, layer)
        self.background = self._plane(below, self.frame)
        whole = canvas.scaled(self.scale)
        self._style = self._reduced(below, whole, whole.relative_to(self.frame))
        self._picture: Plane | None = None

    def take_picture(self, picture: Gimp.Drawable | None) -> None:
        """Take style from another picture from now on."""
        self._picture = None
        if picture is not None and picture.is_valid():
            with content_of(picture) as shown:
                box = Rect(0, 0, *shown.box.size).scaled(self.scale)
                self._picture = self._reduced(shown.buffer, box, box)

    def request(self, given: Mapping[str, Any], previews: Previews) -> Request:
        """The request of a preview with these settings. Raises Refused where its style picture is missing."""
        scaled = reduced(given, self.scale)
        wanted = style_wanted(resolve(scaled))
        if wanted == "picture" and self._picture is None:
            raise Refused(_NO_STYLE)
        style = {"background": self._style, "picture": self._picture}[wanted] if wanted is not None else None
        return Request(self.layer, self.background, self._mask, style, scaled, previews=previews)

    def _plane(
        self, buffer: Gegl.Buffer, box: Rect, own: Rect | None = None, name: str = SCREEN, channels: str = "RGBA"
    ) -> Plane:
        """A box of a buffer that lies at the corner of ``own``; None is the image's. Both are reduced."""
        place = box if own is None else box.relative_to(own)
        samples = gegl.read(buffer, place, name, self.scale, srgb=name == SCREEN)
        return Plane(box.relative_to(self.frame), box.size, "u8", channels, samples)

    def _reduced(self, buffer: Gegl.Buffer, box: Rect, rect: Rect) -> Plane:
        """A style picture of a buffer that is reduced to a box; ``rect`` is its place in the frame."""
        scale = geometry.style_scale(*box.size)
        size = box.scaled(scale).size
        samples = gegl.read(buffer, Rect(0, 0, *size), SCREEN, self.scale * scale, srgb=True)
        return Plane(rect, size, "u8", "RGBA", samples, scale=scale)
