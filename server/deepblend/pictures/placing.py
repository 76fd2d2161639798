"""From pictures to the engine's planes, and from its layer back to a picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from deepblend_protocol import geometry
from deepblend_protocol.errors import ArgumentInvalid, MaskEmpty, MaskOutside, SizeMismatch
from deepblend_protocol.geometry import Rect
from deepblend_protocol.sample_types import BY_NUMPY_NAME
from deepblend_protocol.settings import Settings
from PIL import Image, ImageChops

from ..engine.request import Plane, Request
from .colours import into_colours_of
from .picture import Picture, rounded, scaled

if TYPE_CHECKING:
    from .document import Document


@dataclass(frozen=True)
class Placed:
    """The pictures of one blend, on the target's pixel grid and in its colour space."""

    source: Picture
    mask: Picture | None
    """One channel, of the source's size; None where the source's alpha is the mask."""
    target: Picture
    left: int
    """The target's column that the source's first column lies on; may be negative."""
    top: int
    document: Document | None = None
    """The layered document that they come from."""

    @property
    def rect(self) -> Rect:
        """What the source covers, in the target's pixels; it may stick out."""
        return Rect(self.left, self.top, *self.source.size)

    @property
    def notes(self) -> list[str]:
        """Sentences for the user about what was changed when the pictures were read."""
        mask = self.mask.notes if self.mask is not None else ()
        return list(dict.fromkeys([*self.source.notes, *mask, *self.target.notes]))


def place(
    source: Picture | Image.Image,
    mask: Picture | Image.Image | None,
    target: Picture | Image.Image,
    center: tuple[int, int] | None = None,
    source_size: tuple[int, int] | None = None,
    target_size: tuple[int, int] | None = None,
) -> Placed:
    """Resize the pictures where asked, bring the source into the target's colours, and lay it on the target.

    Args:
        source, mask, target: Pillow's pictures may be L, LA, RGB or RGBA.
        center: column and row of the target for the source's centre (pixel (w // 2, h // 2), as
            the published script has it); None aligns a source as large as the target, and centres another.
        source_size, target_size: width and height in pixels; Pillow's default filter, as in the published script.

    Raises SizeMismatch, ArgumentInvalid where neither a mask nor alpha cuts the source out, and ExtraMissing.
    """
    source, target = Picture.of(source), Picture.of(target)
    mask = Picture.of(mask) if mask is not None else None
    if mask is None and not source.has_alpha:
        raise ArgumentInvalid(
            reason="the source has no transparency that would cut the object out: give --mask as well"
        )
    if mask is not None and mask.size != source.size:
        raise SizeMismatch(
            mask_width=mask.width, mask_height=mask.height, source_width=source.width, source_height=source.height
        )
    mask = as_mask(mask) if mask is not None else None
    source = into_colours_of(source, target)
    if source_size is not None:
        source = source.resized(source_size)
        mask = mask.resized(source_size) if mask is not None else None
    if target_size is not None:
        target = target.resized(target_size)
    column, row = center if center is not None else (target.width // 2, target.height // 2)
    return Placed(source, mask, target, column - source.width // 2, row - source.height // 2)


def to_request(
    placed: Placed, settings: Settings, device: str, features: str, style: Picture | Image.Image | None = None
) -> Request:
    """The request for a placed source.

    Args:
        style: the picture to take style from with ``style_from`` "picture"; else the target is.

    Raises MaskEmpty, MaskOutside, ExtraMissing.
    """
    source, target = placed.source, placed.target
    crop = _crop(placed, settings)
    whole = into_colours_of(style, target) if style is not None else target
    reduced, scale = _reduced(whole)
    background = target.with_samples(target.samples[crop.slices])
    return Request(
        layer=_plane(source, placed.rect),
        mask=_plane(placed.mask, placed.rect) if placed.mask is not None else None,
        background=_plane(background, crop),
        style=_plane(reduced, Rect(0, 0, *whole.size), scale),
        settings=settings,
        device=device,
        features=features,
    )


def flatten(target: Picture | Image.Image, layer: Plane) -> Picture:
    """The target with a layer laid over it: Normal mode, in the samples' own values, in the target's own channels.

    Samples where the layer's alpha is 0 are the target's, bit for bit.

    Args:
        layer: RGBA or YA, as the target is; of the target's sample type.
    """
    target = Picture.of(target)
    white, dtype = np.float32(target.white), target.samples.dtype
    whole = target.samples.copy()  # (H, W[, C])
    below = whole[layer.rect.slices]
    below = below if below.ndim == 3 else below[:, :, None]  # a view of whole
    above = layer.samples.astype(np.float32)  # (h, w, C + 1)
    colours = above.shape[2] - 1
    over = above[:, :, colours:] / white
    under = below[:, :, colours:].astype(np.float32) / white if below.shape[2] > colours else np.ones_like(over)
    alpha = over + under * (1 - over)  # 0 only where over is 0, and there nothing is written
    mixed = (above[:, :, :colours] * over + below[:, :, :colours] * under * (1 - over)) / np.maximum(alpha, 1e-6)
    covered = over[:, :, 0] > 0
    result = np.concatenate([mixed, alpha * white], axis=2)[:, :, : below.shape[2]]
    below[covered] = rounded(result[covered], dtype)
    flat = target.with_samples(whole)
    if target.premultiplied is None:
        return flat
    stored = target.premultiplied.copy()
    result[:, :, :-1] *= result[:, :, -1:] / white
    stored[layer.rect.slices][covered] = rounded(result[covered], dtype)
    return replace(flat, premultiplied=stored)


def merged(layer: Plane, below: Plane | None) -> Plane:
    """A layer with another directly below it, its shadow, as one: in Normal mode, in the samples' own values.

    Samples that the lower one does not reach, or the upper one hides, are the upper one's, bit for bit.

    Args:
        below: of the layer's sample type and channels; None gives the layer as it is.
    """
    if below is None:
        return layer
    left, top = min(layer.rect.x, below.rect.x), min(layer.rect.y, below.rect.y)
    right, bottom = max(layer.rect.right, below.rect.right), max(layer.rect.bottom, below.rect.bottom)
    rect = Rect(left, top, right - left, bottom - top)
    whole = np.zeros((rect.h, rect.w, below.samples.shape[2]), below.samples.dtype)
    whole[below.rect.relative_to(rect).slices] = below.samples
    part = whole[layer.rect.relative_to(rect).slices]  # a view
    white = BY_NUMPY_NAME[below.samples.dtype.name].white
    upper, lower = (samples.astype(np.float32) for samples in (layer.samples, part))
    over = upper[:, :, -1:] / white
    under = lower[:, :, -1:] / white * (1 - over)
    alpha = over + under
    mixed = (upper[:, :, :-1] * over + lower[:, :, :-1] * under) / np.maximum(alpha, 1e-6)
    both = rounded(np.concatenate([mixed, alpha * white], axis=2), whole.dtype)
    part[:] = np.where(under > 0, both, layer.samples)
    return replace(layer, samples=whole, rect=rect)


def copy_paste(placed: Placed) -> Picture:
    """The target with the source pasted on it through its mask, unblended; in the target's channels and type."""
    source, target = placed.source, placed.target
    alpha = source.alpha()
    if placed.mask is not None:
        alpha = _product(alpha, placed.mask.samples)
    seen = placed.rect.intersection(Rect(0, 0, *target.size))
    if seen is None:
        return target
    part = seen.relative_to(placed.rect).slices
    dtype = target.samples.dtype
    inside = np.dstack([scaled(source.colours()[part], dtype), scaled(alpha[part], dtype)])
    return flatten(target, Plane(inside, seen, "YA" if source.is_gray else "RGBA"))


def layer(target: Picture, plane: Plane) -> Picture:
    """A blend's layer as a picture of its own: in the target's space, and with its file's primaries and resolution."""
    alone = to_picture(plane)
    words = {"profile": target.profile, "dpi": target.dpi, "attributes": target.attributes}
    return replace(alone, **words, png_chunks=target.png_chunks)


def to_picture(plane: Plane) -> Picture:
    """A plane as a picture."""
    samples = plane.samples[:, :, 0] if plane.samples.ndim == 3 and plane.samples.shape[2] == 1 else plane.samples
    return Picture(np.ascontiguousarray(samples), plane.channels, plane.encoding, plane.profile)


def as_mask(picture: Picture) -> Picture:
    """Luma, times alpha where there is one; in the picture's own type, without a space."""
    coverage = picture.gray()
    if picture.has_alpha:
        coverage = _product(coverage, picture.alpha())
    return Picture(coverage, "Y", notes=picture.notes)


def _product(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The product of two (H, W) arrays of shares; 8 bits of both stay 8 bits, else the result is float32."""
    if one.dtype == other.dtype == np.uint8:
        return np.asarray(ImageChops.multiply(*(Image.fromarray(np.ascontiguousarray(a)) for a in (one, other))))
    return scaled(one, np.float32) * scaled(other, np.float32)


def _plane(picture: Picture, rect: Rect, scale: float = 1.0) -> Plane:
    return Plane(picture.samples, rect, picture.channels, *picture.space, scale)


def _reduced(picture: Picture) -> tuple[Picture, float]:
    """A picture whose longer side is at most geometry.STYLE_LONGEST, and its scale."""
    if max(picture.size) <= geometry.STYLE_LONGEST:
        return picture, 1.0
    scale = geometry.style_scale(*picture.size)
    size = Rect(0, 0, *picture.size).scaled(scale).size
    return picture.resized(size, Image.Resampling.LANCZOS), scale


def _crop(placed: Placed, settings: Settings) -> Rect:
    """The blended region's box with its margin, within the target; the whole target for the published method.

    Raises MaskEmpty, MaskOutside.
    """
    target = placed.target
    seen = placed.source.alpha() > 0
    if placed.mask is not None:
        seen &= placed.mask.samples > 0
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    if rows.size == 0:
        raise MaskEmpty()
    left, top, right, bottom = (int(edge) for edge in (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
    box = Rect(left, top, right - left, bottom - top).moved(placed.left, placed.top)
    whole = Rect(0, 0, *target.size)
    crop = geometry.needed(box, placed.rect, whole, settings.grow_px, settings.shadow_length)
    if crop is None:
        reach = geometry.reach(box, placed.rect, settings.grow_px)
        raise MaskOutside(
            left=reach.x, right=reach.right - 1, top=reach.y, bottom=reach.bottom - 1, width=whole.w, height=whole.h
        )
    return whole if settings.method == "paper" else crop
