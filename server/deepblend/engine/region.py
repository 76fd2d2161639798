"""From a request's planes to the arrays that the methods work on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NoReturn

import torch
import torch.nn.functional as F
from deepblend_protocol.errors import MaskEmpty, MaskOutside, PlaneInvalid
from deepblend_protocol.geometry import margin
from deepblend_protocol.settings import Settings
from torch import Tensor

from . import colour, footprint, masks
from .request import Plane, Rect, Request

_COVERED = 0.3
"""The part of a reduced pixel that is Omega's from which on the whole pixel is."""


@dataclass(frozen=True)
class Region:
    """A part of the document around the blended region Omega, cut out of layer and background.

    Shape:
        source, background: (C, H, W), levels, C = 1 or 3. The others: (H, W), 0..1.
    """

    rect: Rect
    """What the arrays cover: Omega's box and its margin, as far as the background goes."""
    box: Rect
    """Omega's box, in document pixels."""
    source: Tensor
    source_alpha: Tensor
    background: Tensor
    background_alpha: Tensor
    mask: Tensor
    """Omega is where it is above 0."""

    @property
    def omega(self) -> Tensor:
        """(H, W), bool."""
        return self.mask > 0

    def in_box(self, array: Tensor) -> Tensor:
        """An array (..., H, W) cut to Omega's box."""
        return array[(..., *self.box.relative_to(self.rect).slices)]

    def placed(self, array: Tensor) -> Tensor:
        """The reverse of :meth:`in_box`, for (h, w): (H, W), 0 around."""
        whole = torch.zeros_like(self.mask)
        self.in_box(whole).copy_(array)
        return whole

    def pasted(self) -> Tensor:
        """(C, H, W), levels: the source in Omega, the background around it."""
        return torch.where(self.omega, self.source, self.background)

    def reduction(self, base_px: int) -> int:
        """The smallest power of two by which to reduce, so that Omega's box and its surroundings fit into a base.

        The surroundings are a quarter of the box's longer side on every side.
        Surroundings count as far as the background goes: an object that fills its document is worked on as finely as
        the document, and one that is small in a large document as in that document reduced to the base.

        Args:
            base_px: pixels, see ``Budget``.
        """
        quarter = max(self.box.w, self.box.h) // 4
        around = self.box.grown(quarter).intersection(self.rect)
        assert around is not None
        factor = 1
        while max(around.w, around.h) > base_px * factor:
            factor *= 2
        return factor

    def reduced(self, factor: int) -> Region:
        """The region of a document smaller by a power of two, whose pixels are means of factor x factor of this one's.

        Colours are means of what is there, whatever its alpha. Omega is the pixels of which it covers enough: it
        can be empty, and then its box is the whole region's.
        """
        if factor == 1:
            return self
        r = self.rect
        x0, y0 = r.x // factor, r.y // factor  # the document's grid: the same pixels wherever the box begins
        rect = Rect(x0, y0, -(-(r.x + r.w) // factor) - x0, -(-(r.y + r.h) // factor) - y0)
        left, top = r.x - x0 * factor, r.y - y0 * factor
        padding = (left, rect.w * factor - left - r.w, top, rect.h * factor - top - r.h)

        def mean(array: Tensor) -> Tensor:
            return F.avg_pool2d(F.pad(array, padding)[None], factor)[0]

        def colours(image: Tensor, exists: Tensor, share: Tensor) -> Tensor:
            return torch.stack([mean(channel * exists) / share.clamp(min=1e-6) for channel in image])

        exists, defined = ((alpha > 0).to(alpha) for alpha in (self.source_alpha, self.background_alpha))
        share, defined_share = mean(exists), mean(defined)
        covered = mean(self.omega.to(self.mask))
        covered *= covered >= _COVERED
        inside = covered > 0
        return Region(
            rect=rect,
            box=_box(inside, rect) if bool(inside.any()) else rect,
            source=colours(self.source, exists, share),
            source_alpha=share,
            background=colours(self.background, defined, defined_share),
            background_alpha=defined_share,
            mask=covered,
        )

    def enlarged(self, small: Tensor, factor: int) -> Tensor:
        """The reverse for a smooth array (h, w) on the arrays of :meth:`reduced`: (H, W)."""
        if factor == 1:
            return small
        top, left = self.rect.y % factor, self.rect.x % factor
        large = F.interpolate(small[None, None], scale_factor=factor, mode="bilinear", align_corners=False)[0, 0]
        return large[top : top + self.rect.h, left : left + self.rect.w]


def prepare(request: Request, device: str) -> Region:
    """Check a request's planes and cut out what is worked on.

    Raises PlaneInvalid, NotFinite, MaskEmpty, MaskOutside, DeviceMemory.
    """
    _check(request)
    frame = request.background.rect
    channels = colour.colours(request.background)
    footprint.check_frame(request, device)
    # What lies outside the document cannot be blended. Pixels are decoded where they are needed: a layer, or a
    # document, may be far larger than what is selected of it.
    layer = _cut(request.layer, frame)
    if layer is None:
        _refuse_empty(request, frame)
    layer_alpha = _onto(frame, layer, colour.opacity(layer, device))
    chosen = layer_alpha
    if request.mask is not None:
        mask = _cut(request.mask, frame)
        if mask is None:
            _refuse_empty(request, frame)
        chosen = _onto(frame, mask, colour.coverage(mask, device)) * layer_alpha
    chosen = _shaped(chosen, layer_alpha, request.settings)
    if not bool((chosen > 0).any()):
        _refuse_empty(request, frame)
    box = _box(chosen > 0, frame)
    rect = box.grown(margin(box.w, box.h)).intersection(frame)
    assert rect is not None
    cut = rect.relative_to(frame).slices
    source_alpha, chosen = layer_alpha[cut].clone(), chosen[cut].clone()  # not views: they would hold the whole ones
    del layer_alpha
    footprint.check_region(request, device, box, rect)
    below, below_alpha = colour.decode(_within(request.background, rect), channels, device)
    above = _within(request.layer, rect)
    return Region(
        rect=rect,
        box=box,
        source=_onto(rect, above, colour.decode(above, channels, device)[0]),
        source_alpha=source_alpha,
        background=below,
        background_alpha=below_alpha,
        mask=chosen,
    )


def _check(request: Request) -> None:
    planes: dict[str, Plane | None] = {
        "layer": request.layer,
        "mask": request.mask,
        "background": request.background,
        "style picture": request.style,
    }
    for role, plane in planes.items():
        if plane is None:
            continue
        colour.check(plane, role)
        if role != "style picture" and plane.scale != 1:
            raise PlaneInvalid(role=role, reason=f"its scale is {plane.scale}; only the style picture may be reduced")
    if request.mask is not None and request.mask.channels != "Y":
        raise PlaneInvalid(role="mask", reason=f"it has the channels {request.mask.channels}, not one, Y")
    if request.style is None and request.settings.style_from == "picture":
        raise PlaneInvalid(role="style picture", reason="style is to come from a picture, and none was given")


def _cut(plane: Plane, frame: Rect) -> Plane | None:
    """The part of a plane that lies in a frame, a view; None where none does."""
    shared = plane.rect.intersection(frame)
    if shared is None:
        return None
    return replace(plane, samples=plane.samples[shared.relative_to(plane.rect).slices], rect=shared)


def _within(plane: Plane, frame: Rect) -> Plane:
    """The same of a plane of which some does."""
    part = _cut(plane, frame)
    assert part is not None
    return part


def _onto(frame: Rect, plane: Plane, array: Tensor) -> Tensor:
    """An array (..., h, w) of a plane within a frame on that frame, 0 where it does not reach."""
    if plane.rect == frame:
        return array
    result = array.new_zeros((*array.shape[:-2], frame.h, frame.w))
    result[(..., *plane.rect.relative_to(frame).slices)] = array
    return result


def _shaped(mask: Tensor, alpha: Tensor, settings: Settings) -> Tensor:
    """Grow, then feather inward, never beyond the layer's alpha."""
    if settings.grow_px:
        mask = torch.minimum(masks.grow(mask, settings.grow_px), alpha)
    return masks.feather(mask, settings.feather_px)


def _refuse_empty(request: Request, frame: Rect) -> NoReturn:
    """Raise MaskOutside where something is selected, but not on the background; else MaskEmpty."""
    layer = request.layer
    selected = _cut(layer if request.mask is None else request.mask, layer.rect)
    if selected is not None:
        whole = colour.opacity(_within(layer, selected.rect), "cpu") > 0
        if request.mask is not None:
            whole &= colour.coverage(selected, "cpu") > 0
        found = _box(whole, selected.rect) if bool(whole.any()) else None
        if found is not None and found.intersection(frame) is None:
            left, top = found.x - frame.x, found.y - frame.y
            raise MaskOutside(
                left=left,
                top=top,
                right=left + found.w - 1,
                bottom=top + found.h - 1,
                width=frame.w,
                height=frame.h,
            )
    raise MaskEmpty()


def _box(inside: Tensor, frame: Rect) -> Rect:
    """The bounding box of what is True, in document pixels."""
    rows, columns = (inside.any(axis).nonzero().flatten() for axis in (1, 0))
    top, left = int(rows[0]), int(columns[0])
    return Rect(frame.x + left, frame.y + top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1)
