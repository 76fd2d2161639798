"""The preset "automatic": what it sets is decided here, by what the background looks like."""

from __future__ import annotations

from dataclasses import replace

import torch.nn.functional as F
from deepblend_protocol.geometry import STYLE_LONGEST
from deepblend_protocol.settings import decide
from torch import Tensor

from . import colour, footprint, kind
from .network.as_srgb import as_srgb
from .request import Plane, Request


def decided(request: Request, device: str) -> tuple[Request, str | None]:
    """A request with nothing left undecided, and what its background looks like; None where nobody asked.

    The published method has no use for any of it. Raises PlaneInvalid, NotFinite,
    DeviceMemory.
    """
    settings = request.settings
    if not settings.undecided or settings.method == "paper":
        return request, None
    found = kind.looks_like(*_background(request, device))
    return replace(request, settings=decide(settings, found)), found


def _background(request: Request, device: str) -> tuple[Tensor, Tensor]:
    """The whole background's colours, of sRGB, and alpha; where another picture came as style, what there is of it."""
    is_whole = request.style is not None and request.settings.style_from != "picture"
    plane, role = (request.style, "style picture") if is_whole else (request.background, "background")
    assert isinstance(plane, Plane)
    colour.check(plane, role)
    footprint.check(request, device, plane.samples.shape[0] * plane.samples.shape[1], footprint.DECODING)
    image, alpha = colour.decode(plane, colour.colours(plane), device)
    scale = STYLE_LONGEST / max(alpha.shape)
    if scale < 1:
        size = [max(1, round(side * scale)) for side in alpha.shape]
        image, alpha = (F.interpolate(part[None], size, mode="area")[0] for part in (image, alpha[None]))
    return as_srgb(plane, device)(image[None])[0], alpha.view(image.shape[-2:])
