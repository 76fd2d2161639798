"""What a blend reads from a GIMP image, at full size and reduced for previews."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deepblend_protocol import geometry
from deepblend_protocol.geometry import Rect
from deepblend_protocol.messages import Plane, Previews, Request
from deepblend_protocol.plugins.preview import Reduction
from deepblend_protocol.plugins.region import no_style, parts
from deepblend_protocol.settings import Settings, style_wanted
from gi.repository import Gegl, Gimp

from . import gegl
from .background import background, check_ground
from .content import content_of
from .kept import Origin
from .samples import SCREEN, Samples, buffer_of, canvas_of
from .selection import mask_box, mask_plane
from .subject import Subject


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
        raise no_style()
    known, canvas = Samples(image), canvas_of(image)
    with content_of(layer) as content:
        box = mask_box(content, subject.selection, known)
        crop, inside = parts(box, content.box, canvas, settings.grow_px, settings.shadow_length)
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


def _style(
    buffer: Gegl.Buffer | gegl.Buffer, box: Rect, known: Samples, like: Gegl.Buffer | gegl.Buffer | None = None
) -> Plane:
    """A style picture of a buffer, in the colour space of another one where that is given."""
    scale = geometry.style_scale(*box.size)
    size = box.scaled(scale).size
    samples = gegl.read(buffer, Rect(0, 0, *size), known.colour, scale, like=like)
    return Plane(box, size, known.type, known.channels, samples, known.encoding, scale)


class Reduced(Reduction):
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
            crop, inside = parts(mask_box(content, subject.selection, known), content.box, canvas, grow_px, shadow_px)
            super().__init__(crop, longest)
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

    def preview(self, given: Mapping[str, Any], previews: Previews) -> Request:
        """The request of a preview with these settings. Raises Refused where its style picture is missing."""
        styles = {"background": self._style, "picture": self._picture}
        return self.request(self.layer, self.background, self._mask, styles.get, given, previews)

    def _plane(
        self,
        buffer: Gegl.Buffer | gegl.Buffer,
        box: Rect,
        own: Rect | None = None,
        name: str = SCREEN,
        channels: str = "RGBA",
    ) -> Plane:
        """A box of a buffer that lies at the corner of ``own``; None is the image's. Both are reduced."""
        place = box if own is None else box.relative_to(own)
        samples = gegl.read(buffer, place, name, self.scale, srgb=name == SCREEN)
        return Plane(box.relative_to(self.frame), box.size, "u8", channels, samples)

    def _reduced(self, buffer: Gegl.Buffer | gegl.Buffer, box: Rect, rect: Rect) -> Plane:
        """A style picture of a buffer that is reduced to a box; ``rect`` is its place in the frame."""
        scale = geometry.style_scale(*box.size)
        size = box.scaled(scale).size
        samples = gegl.read(buffer, Rect(0, 0, *size), SCREEN, self.scale * scale, srgb=True)
        return Plane(rect, size, "u8", "RGBA", samples, scale=scale)
