"""Deep Image Blending for Python: ``blend`` takes pictures of Pillow and arrays of NumPy, and gives back the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
from deepblend_protocol.errors import ArgumentInvalid, NotFinite
from deepblend_protocol.settings import resolve
from PIL import Image, ImageOps

from .engine import blend as engine
from .engine.budget import DEFAULT, Budget
from .engine.request import Layer, Observer, Request
from .pictures import Picture, eight_bit, flatten, mask_from, merged, place, to_picture, to_request
from .pictures.decoding import check_size

Pixels = Image.Image | np.ndarray
"""A picture of Pillow, or an array (H, W), (H, W, 1..4)."""
_CHANNELS = {1: "Y", 2: "YA", 3: "RGB", 4: "RGBA"}
_KEPT = ("uint8", "uint16", "float16", "float32")
"""The sample types that are blended as they are."""


@dataclass(frozen=True, eq=False)
class Blended:
    """What a blend of pictures makes. Its pictures are Pillow's where the target is, and else arrays of its type."""

    picture: Pixels
    """The target with the object blended in, of the target's size and channels."""
    layer: Pixels
    """The object alone, and its shadow below it where one was asked for: RGBA, or gray with alpha, over a part of the
    target."""
    position: tuple[int, int]
    """Column and row of the target for the layer's first pixel."""
    report: Mapping[str, Any]
    """What was done: device, settings, seconds by stage, notes and more; JSON-ready."""


@overload
def blend(source: Request, target: Observer | None = None, /, *, budget: Budget = DEFAULT) -> Layer: ...
@overload
def blend(
    source: Pixels,
    target: Pixels,
    mask: Pixels | None = None,
    *,
    center: tuple[int, int] | None = None,
    device: str = "auto",
    memory_limit: int | None = None,
    observer: Observer | None = None,
    **settings: Any,
) -> Blended: ...
def blend(
    source: Pixels | Request,
    target: Any = None,
    mask: Pixels | None = None,
    *,
    center: tuple[int, int] | None = None,
    device: str = "auto",
    memory_limit: int | None = None,
    observer: Observer | None = None,
    budget: Budget = DEFAULT,
    **settings: Any,
) -> Blended | Layer:
    """Blend an object into a picture.

    Pictures are Pillow's or arrays, in any mixture. An array is (H, W) or (H, W, 1) for gray, (H, W, 2) for gray with
    alpha, (H, W, 3) for RGB, (H, W, 4) for RGBA; uint8 and uint16 span their whole range, floats have 0..1 as
    black..white. Alpha is straight, not premultiplied. Arrays are taken as sRGB, Pillow's pictures as their profile
    says; they are turned upright as their EXIF data say. None of them is changed.

    Args:
        source: the picture that holds the object.
        target: the picture that it is blended into.
        mask: what of the source is the object: white, or True in an array of bool, on black; of the source's size.
            None takes the source's transparency.
        center: column and row of the target, in pixels, where the source's centre comes to lie; None aligns a source
            as large as the target, and centres another.
        device: auto, cpu, cuda, cuda:N or mps.
        memory_limit: bytes of the device's memory that the blend plans with; None is the default.
        observer: called with a ``Step`` again and again; where it returns True, the best result so far is given back.
        settings: style, keep_colours, preset and the others of ``deepblend blend``, with ``_`` for ``-``.
            ``style_from`` may be a picture, too.

    Returns the blended picture, and what else was made.

    A ``Request`` in the place of the source, with an observer in that of the target, is handed to the engine as it
    is, which returns a ``Layer``.

    Raises ArgumentInvalid for what is no picture, SizeMismatch, SizeAbsurd, MaskEmpty, MaskOutside, NotFinite,
    SettingUnknown, SettingOutOfRange, DeviceUnknown, DeviceMemory; all of them are DeepBlendError.
    """
    if isinstance(source, Request):
        return engine.blend(source, target if target is not None else observer, budget)
    style = settings.get("style_from")
    if isinstance(style, (Image.Image, np.ndarray)):
        settings["style_from"] = "picture"
        style = _picture(style, "style")
    else:
        style = None
    chosen = resolve(settings)
    if chosen.style_from == "picture" and style is None:
        raise ArgumentInvalid(reason="style_from='picture' needs the picture: give it as style_from itself.")
    below = _picture(target, "target")
    above = _picture(source, "source")
    if mask is None and not above.has_alpha:
        raise ArgumentInvalid(reason="The source has no transparency that would cut the object out: give a mask.")
    coverage = mask_from(_picture(mask, "mask"), "The mask") if mask is not None else None
    placed = place(above, coverage, below, center)
    request = replace(to_request(placed, chosen, device, "shipped", style), memory_limit=memory_limit)
    made = engine.blend(request, observer, budget)
    ground = flatten(below, made.shadow) if made.shadow is not None else below
    alone = merged(made.plane, made.shadow)
    report = {**made.report, "notes": [*placed.notes, *made.report.get("notes", ())]}
    return Blended(_like(target, flatten(ground, made.plane)), _like(target, to_picture(alone)), alone.rect[:2], report)


def _picture(given: Any, role: str) -> Picture:
    """A picture of Pillow or an array as a Picture. Raises ArgumentInvalid, SizeAbsurd, NotFinite."""
    if isinstance(given, Image.Image):
        check_size(f"The {role}", *given.size)
        upright = ImageOps.exif_transpose(given)
        if upright.mode not in eight_bit.MODES:
            why = f"The {role} is a picture of mode {given.mode}: convert it to RGB, or give it as an array."
            raise ArgumentInvalid(reason=why)
        return Picture.of(eight_bit.plain(upright))
    if not isinstance(given, np.ndarray):
        why = f"The {role} is of type {type(given).__name__}: give a picture of Pillow (Image.open(...)) or an array."
        raise ArgumentInvalid(reason=why)
    channels = 1 if given.ndim == 2 else given.shape[-1]
    if given.ndim not in (2, 3) or channels not in _CHANNELS:
        shape = " x ".join(map(str, given.shape)) or "a number"
        why = f"The {role} is an array of {shape}: give (H, W), or (H, W, channels) with 1 to 4 channels."
        raise ArgumentInvalid(reason=why)
    check_size(f"The {role}", given.shape[1], given.shape[0])
    samples = given[:, :, 0] if given.ndim == 3 and channels == 1 else given
    if samples.dtype == bool:
        samples = samples * np.uint8(255)
    elif samples.dtype == np.float64:
        samples = samples.astype(np.float32)
    elif samples.dtype.name not in _KEPT:
        why = (
            f"The {role} is an array of {samples.dtype.name}: give uint8, uint16, or floats with 0..1 as black..white."
        )
        raise ArgumentInvalid(reason=why)
    if samples.dtype.kind == "f" and (count := samples.size - int(np.isfinite(samples).sum())):
        raise NotFinite(role=role, count=count)
    return Picture(np.ascontiguousarray(samples, samples.dtype.newbyteorder("=")), _CHANNELS[channels])


def _like(target: Pixels, picture: Picture) -> Pixels:
    """A picture as the user gave the target: Pillow's or an array, of its type; equal samples stay as they were."""
    if isinstance(target, Image.Image):
        image = picture.image()
        image.info |= {name: target.info[name] for name in ("icc_profile", "dpi") if name in target.info}
        return image
    samples = picture.samples
    if target.ndim == 3 and samples.ndim == 2:
        samples = samples[:, :, None]
    if target.dtype != np.float64:
        return samples
    if samples.shape != target.shape:
        return samples.astype(np.float64)
    return np.where(samples == target.astype(np.float32), target, samples)
