"""Planes to the engine's work arrays and back.

Work arrays are float32 levels, 0..255 from black to white, perceptually encoded (the sRGB
curve), alpha straight. Values beyond 0..255 survive both ways in float planes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from deepblend_protocol.errors import NotFinite, PlaneInvalid
from deepblend_protocol.sample_types import BY_NUMPY_NAME
from torch import Tensor

from .request import Plane, Rect

_ORDERS = {"RGBA": ((0, 1, 2), 3), "BGRA": ((2, 1, 0), 3), "RGB": ((0, 1, 2), None), "YA": ((0,), 1), "Y": ((0,), None)}
"""By channel order: where the colours lie, red first, and where alpha does."""
_ENCODINGS = ("perceptual", "linear", "profile")
FARTHEST = 1e6
"""The greatest value of a float sample, where white is 1: squares of squares of it are still finite."""
LUMA = (0.299, 0.587, 0.114)
"""Rec. 601 luma of perceptual RGB."""


def colours(plane: Plane) -> int:
    """1 for gray, 3 for colour."""
    return len(_ORDERS[plane.channels][0])


def check(plane: Plane, role: str) -> None:
    """Raise PlaneInvalid or NotFinite where a plane contradicts itself."""

    def refuse(reason: str) -> None:
        raise PlaneInvalid(role=role, reason=reason)

    samples, rect = plane.samples, plane.rect
    if plane.channels not in _ORDERS:
        refuse(f"its channels are '{plane.channels}', not one of {', '.join(_ORDERS)}")
    if plane.encoding not in _ENCODINGS:
        refuse(f"its encoding is '{plane.encoding}', not one of {', '.join(_ENCODINGS)}")
    if samples.dtype.name not in BY_NUMPY_NAME:
        refuse(f"its samples are {samples.dtype}, not one of {', '.join(BY_NUMPY_NAME)}")
    if rect.w < 1 or rect.h < 1 or samples.size == 0:
        refuse(f"its rectangle of {rect.w} x {rect.h} pixels is empty")
    if not (np.isfinite(plane.scale) and plane.scale > 0):
        refuse(f"its scale is {plane.scale}, not a number above 0")
    size = tuple(max(1, round(side * plane.scale)) for side in (rect.h, rect.w))
    expected = (*size, len(plane.channels))
    if samples.shape != expected and not (len(plane.channels) == 1 and samples.shape == size):
        refuse(f"its samples have the shape {samples.shape}, its rectangle, scale and channels ask for {expected}")
    if samples.dtype.kind == "f":
        count = samples.size - int(np.isfinite(samples).sum())
        if count:
            raise NotFinite(role=role, count=count)
        farthest = max(float(samples.max()), -float(samples.min()))
        if farthest > FARTHEST:
            refuse(f"it holds a value of {farthest:.3g} where white is 1; {FARTHEST:g} at most can be computed with")


def decode(plane: Plane, channels: int, device: str) -> tuple[Tensor, Tensor]:
    """A plane's colours and alpha on a device.

    Args:
        channels: 1 takes the luma of a coloured plane, 3 repeats a gray one.

    Shape:
        colours: (channels, H, W), levels. alpha: (H, W), 0..1; ones where the plane has none.
    """
    order, alpha_at = _ORDERS[plane.channels]
    values = _values(plane, device)
    image = values[list(order)]
    alpha = values[alpha_at].clamp(0, 1) if alpha_at is not None else torch.ones_like(values[0])
    if plane.encoding == "linear":
        image = to_perceptual(image)
    if channels == 1 and len(image) == 3:
        image = luma(image)
    return image.expand(channels, -1, -1) * 255, alpha


def opacity(plane: Plane, device: str) -> Tensor:
    """A plane's alpha alone, as :func:`decode` gives it."""
    at = _ORDERS[plane.channels][1]
    if at is None:
        return torch.ones(plane.samples.shape[:2], device=device)
    return _values(replace(plane, samples=plane.samples[:, :, at : at + 1]), device)[0].clamp_(0, 1)


def coverage(mask: Plane, device: str) -> Tensor:
    """A mask's values, (H, W), kept within 0..1: like alpha, they have no curve, whatever its encoding is called."""
    return _values(mask, device)[0].clamp(0, 1)


def _values(plane: Plane, device: str) -> Tensor:
    """Samples as they stand, (all channels, H, W), 0..1 from black to white."""
    samples = plane.samples if plane.samples.ndim == 3 else plane.samples[:, :, None]
    values = np.array(samples.transpose(2, 0, 1), np.float32, order="C")  # a copy, which may be divided in place
    return torch.from_numpy(values).to(device).div_(BY_NUMPY_NAME[samples.dtype.name].white)


def encode(image: Tensor, alpha: Tensor, like: Plane, rect: Rect, scale: float = 1.0) -> Plane:
    """Work arrays as a plane of the type, encoding and profile of another, with alpha: RGBA or YA.

    Whole-number types are rounded and cut off at their ends; nothing else is.

    Shape:
        image: (1 or 3, H, W), levels. alpha: (H, W), 0..1.
    """
    values = image / 255
    if like.encoding == "linear":
        values = to_linear(values)
    values = torch.cat([values, alpha[None]]).permute(1, 2, 0).cpu().numpy()
    dtype = like.samples.dtype
    if dtype.kind == "u":
        white = BY_NUMPY_NAME[dtype.name].white
        values = np.rint(values.clip(0, 1) * white)
    samples = np.ascontiguousarray(values.astype(dtype))
    return Plane(samples, rect, "YA" if len(image) == 1 else "RGBA", like.encoding, like.profile, scale)


def luma(image: Tensor) -> Tensor:
    """The luma of an image: (..., 3, H, W) to (..., 1, H, W); gray stays."""
    if image.shape[-3] == 1:
        return image
    weights = image.new_tensor(LUMA).view(3, 1, 1)
    return (image * weights).sum(-3, keepdim=True)


def to_perceptual(x: Tensor) -> Tensor:
    """The sRGB curve (IEC 61966-2-1), continued odd-symmetrically below 0 and as it stands above 1."""
    size = x.abs()
    return torch.sign(x) * torch.where(
        size <= 0.0031308, 12.92 * size, 1.055 * size.clamp(min=1e-9) ** (1 / 2.4) - 0.055
    )


def to_linear(x: Tensor) -> Tensor:
    """The inverse of :func:`to_perceptual`."""
    size = x.abs()
    return torch.sign(x) * torch.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4)
