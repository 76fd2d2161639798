"""From pictures to the engine's planes, and from its layer back to a picture."""

from __future__ import annotations

import io
import math
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from deepblend_protocol import geometry
from deepblend_protocol.errors import ArgumentInvalid, MaskEmpty, MaskOutside, SizeMismatch
from deepblend_protocol.settings import Settings
from PIL import Image, ImageChops, ImageCms

from .engine.request import Plane, Rect, Request

_CHANNELS = {"L": "Y", "LA": "YA", "RGB": "RGB", "RGBA": "RGBA"}
_MODES = {channels: mode for mode, channels in _CHANNELS.items()}


@dataclass(frozen=True)
class Placed:
    """The pictures of one blend, on the target's pixel grid; modes L, LA, RGB or RGBA."""

    source: Image.Image
    mask: Image.Image | None
    """L, of the source's size; None where the source's alpha is the mask."""
    target: Image.Image
    left: int
    """The target's column that the source's first column lies on; may be negative."""
    top: int


def place(
    source: Image.Image,
    mask: Image.Image | None,
    target: Image.Image,
    center: tuple[int, int] | None = None,
    source_size: tuple[int, int] | None = None,
    target_size: tuple[int, int] | None = None,
) -> Placed:
    """Resize the pictures where asked, bring the source into the target's colours, and lay it on the target.

    Args:
        center: column and row of the target for the source's centre (pixel (w // 2, h // 2), as
            the published script has it); None aligns a source as large as the target, and centres another.
        source_size, target_size: width and height in pixels; Pillow's default filter, as in the published script.

    Raises SizeMismatch, and ArgumentInvalid where neither a mask nor alpha cuts the source out.
    """
    if mask is None and not _has_alpha(source):
        raise ArgumentInvalid(
            reason="the source has no transparency that would cut the object out: give --mask as well"
        )
    if mask is not None and mask.size != source.size:
        raise SizeMismatch(
            mask_width=mask.width, mask_height=mask.height, source_width=source.width, source_height=source.height
        )
    mask = _as_mask(mask) if mask is not None else None
    source = into_colours_of(source, target)
    if source_size is not None:
        source = source.resize(source_size)
        mask = mask.resize(source_size) if mask is not None else None
    if target_size is not None:
        target = _keeping_info(target.resize(target_size), target)
    column, row = center if center is not None else (target.width // 2, target.height // 2)
    return Placed(source, mask, target, column - source.width // 2, row - source.height // 2)


def to_request(
    placed: Placed, settings: Settings, device: str, features: str, style: Image.Image | None = None
) -> Request:
    """The request for a placed source.

    Args:
        style: the picture to take style from with ``style_from`` "picture"; else the target is.

    Raises MaskEmpty, MaskOutside.
    """
    source, target = placed.source, placed.target
    where = Rect(placed.left, placed.top, source.width, source.height)
    crop = _crop(placed, settings)
    reduced, scale = _reduced(into_colours_of(style, target) if style is not None else target)
    whole = style if style is not None else target
    return Request(
        layer=_plane(source, where),
        mask=_plane(placed.mask, where) if placed.mask is not None else None,
        background=Plane(
            _samples(target)[crop.y : crop.y + crop.h, crop.x : crop.x + crop.w], crop, _CHANNELS[target.mode]
        ),
        style=_plane(reduced, Rect(0, 0, whole.width, whole.height), scale),
        settings=settings,
        device=device,
        features=features,
    )


def flatten(target: Image.Image, layer: Plane) -> Image.Image:
    """The target with a layer laid over it: Normal mode, composited perceptually, in the target's own mode.

    Pixels where the layer's alpha is 0 are the target's, bit for bit.
    """
    whole = _samples(target).copy()  # (H, W[, C])
    x, y, w, h = layer.rect
    below = whole[y : y + h, x : x + w]
    below = below if below.ndim == 3 else below[:, :, None]  # a view of whole
    above = layer.samples.astype(np.float32)  # (h, w, C + 1)
    colours = above.shape[2] - 1
    over = above[:, :, colours:] / 255
    under = below[:, :, colours:].astype(np.float32) / 255 if below.shape[2] > colours else np.ones_like(over)
    alpha = over + under * (1 - over)  # 0 only where over is 0, and there nothing is written
    mixed = (above[:, :, :colours] * over + below[:, :, :colours] * under * (1 - over)) / np.maximum(alpha, 1e-6)
    covered = over[:, :, 0] > 0
    result = np.concatenate([mixed, alpha * 255], axis=2)[:, :, : below.shape[2]]
    below[covered] = np.rint(result[covered]).clip(0, 255).astype(np.uint8)
    return _keeping_info(Image.fromarray(whole), target)


def copy_paste(placed: Placed) -> Image.Image:
    """The target with the source pasted on it through its mask, unblended; in the target's mode."""
    source, target = placed.source, placed.target
    alpha = Image.fromarray(_alpha(source))
    if placed.mask is not None:
        alpha = ImageChops.multiply(alpha, placed.mask)
    x0, y0 = max(placed.left, 0), max(placed.top, 0)
    x1, y1 = min(placed.left + source.width, target.width), min(placed.top + source.height, target.height)
    cut_out = source.convert("L" if _is_gray(source) else "RGB")
    cut_out.putalpha(alpha)
    inside = _samples(cut_out)[y0 - placed.top : y1 - placed.top, x0 - placed.left : x1 - placed.left]
    return flatten(target, Plane(inside, Rect(x0, y0, x1 - x0, y1 - y0), _CHANNELS[cut_out.mode]))


def to_picture(plane: Plane) -> Image.Image:
    """An 8-bit plane as a picture."""
    samples = plane.samples[:, :, 0] if plane.samples.ndim == 3 and plane.samples.shape[2] == 1 else plane.samples
    picture = Image.fromarray(np.ascontiguousarray(samples))
    assert picture.mode == _MODES[plane.channels]
    return picture


def into_colours_of(picture: Image.Image, target: Image.Image) -> Image.Image:
    """A picture in the colour space of a target, by both ICC profiles (none is sRGB); gray for a gray target."""
    gray = _is_gray(target)
    own, wanted = picture.info.get("icc_profile"), target.info.get("icc_profile")
    alpha = picture.getchannel("A") if _has_alpha(picture) else None
    plain = picture.convert("L" if _is_gray(picture) and (own or not wanted) else "RGB")
    if own != wanted:
        mode = "L" if wanted is not None and wanted[16:20] == b"GRAY" else "RGB"
        with suppress(ImageCms.PyCMSError):  # a profile that does not fit its own picture says nothing of its colours
            plain = ImageCms.profileToProfile(plain, _profile(own), _profile(wanted), outputMode=mode) or plain
    plain = plain.convert("L" if gray else "RGB")
    if alpha is not None:
        plain.putalpha(alpha)
    return plain


def _profile(data: bytes | None) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(data)) if data else ImageCms.createProfile("sRGB")


def _is_gray(picture: Image.Image) -> bool:
    return picture.mode in ("L", "LA")


def _has_alpha(picture: Image.Image) -> bool:
    return "A" in picture.mode


def _alpha(picture: Image.Image) -> np.ndarray:
    """(H, W) uint8, 255 where there is no transparency."""
    if _has_alpha(picture):
        return np.asarray(picture.getchannel("A"))
    return np.full((picture.height, picture.width), 255, np.uint8)


def _as_mask(picture: Image.Image) -> Image.Image:
    """Luma, times alpha where there is one. L."""
    luma = picture.convert("L")
    if not _has_alpha(picture):
        return luma
    return ImageChops.multiply(luma, picture.getchannel("A"))


def _keeping_info(picture: Image.Image, of: Image.Image) -> Image.Image:
    picture.info = dict(of.info)
    return picture


def _samples(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture)  # (H, W) or (H, W, C), uint8


def _plane(picture: Image.Image, rect: Rect, scale: float = 1.0) -> Plane:
    # The profile stays out: every picture has been brought into the target's colours.
    return Plane(_samples(picture), rect, _CHANNELS[picture.mode], scale=scale)


def _reduced(picture: Image.Image) -> tuple[Image.Image, float]:
    """A picture whose longer side is at most geometry.STYLE_LONGEST, and its scale."""
    if max(picture.size) <= geometry.STYLE_LONGEST:
        return picture, 1.0
    scale = geometry.style_scale(*picture.size)
    return picture.resize(geometry.reduced((0, 0, *picture.size), scale), Image.Resampling.LANCZOS), scale


def _crop(placed: Placed, settings: Settings) -> Rect:
    """The blended region's box with its margin, within the target; the whole target for the published method.

    Raises MaskEmpty, MaskOutside.
    """
    target = placed.target
    seen = _alpha(placed.source) > 0
    if placed.mask is not None:
        seen &= np.asarray(placed.mask) > 0
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    if rows.size == 0:
        raise MaskEmpty()
    grow = max(0, math.ceil(settings.grow_px))
    # The layer's own edge bounds growth.
    left, right = max(columns[0] - grow, 0) + placed.left, min(columns[-1] + grow, seen.shape[1] - 1) + placed.left
    top, bottom = max(rows[0] - grow, 0) + placed.top, min(rows[-1] + grow, seen.shape[0] - 1) + placed.top
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right + 1, target.width), min(bottom + 1, target.height)
    if x0 >= x1 or y0 >= y1:
        raise MaskOutside(
            left=int(left), right=int(right), top=int(top), bottom=int(bottom), width=target.width, height=target.height
        )
    if settings.method == "paper":
        return Rect(0, 0, target.width, target.height)
    box = (int(x0), int(y0), int(x1 - x0), int(y1 - y0))
    whole = geometry.common(geometry.grown(box, geometry.margin(*box[2:])), (0, 0, target.width, target.height))
    assert whole is not None
    return Rect(*whole)
