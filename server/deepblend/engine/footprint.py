"""How much memory a blend takes: planned from what was asked; where there is too little, it is refused in time."""

from __future__ import annotations

import torch
from deepblend_protocol.errors import DeviceMemory
from deepblend_protocol.geometry import Rect, shadow_reach
from deepblend_protocol.settings import Settings

from . import memory
from .request import Request

# Bytes a pixel, as measured (docs/performance.md), and more.
SEAMLESS = 150
"""Of Omega's box and its margin: the arrays of the region, and the solver's of one channel."""
PHOTOGRAPH = 240
"""The same where the object's edges, light or grain are looked at."""
PAINTING = 280
"""The same where it is painted. (What the network takes is planned by tiles.)"""
PAPER = 6000
"""Of the published algorithm: all features of the canvas, and a hundred steps of its optimiser."""
SHADOW = 80
"""Of what the shadow may reach."""
SELECTING = 24
"""Of the document's part that was sent: alpha and selection, as they are laid on it,"""
SHAPING = 60
"""and where a selection is grown or feathered."""
DECODING = 32
"""Of a picture that is decoded whole."""


def check(request: Request, device: str, pixels: int, each: int) -> None:
    """Raise DeviceMemory where so many pixels, each of so many bytes, are more than may be taken."""
    asked = pixels * each
    limit = request.memory_limit
    if limit is None:
        limit = free(device)
    if limit is not None and asked > limit:
        raise DeviceMemory.planned(device, asked, limit)


def check_frame(request: Request, device: str) -> None:
    """Raise DeviceMemory where laying the selection on the background takes more than may be taken."""
    shaped = request.settings.feather_px or request.settings.grow_px
    check(request, device, _area(request.background.rect), SHAPING if shaped else SELECTING)


def check_region(request: Request, device: str, box: Rect, rect: Rect) -> None:
    """Raise DeviceMemory where the stages take more than may be taken: by Omega's box, and the box with its margin."""
    settings = request.settings
    check(request, device, _area(rect), _each(settings))
    if settings.shadow_length:
        outer = box.grown(shadow_reach(settings.shadow_length)).intersection(request.background.rect)
        check(request, device, _area(outer or box), SHADOW)


def free(device: str) -> int | None:
    """Bytes of a device's memory that nobody uses; None where that is not known."""
    if device.startswith("cuda"):
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    return memory.available()


def _each(settings: Settings) -> int:
    if settings.method == "paper":
        return PAPER
    if settings.method == "deep" and settings.style > 0:
        return PAINTING
    plain = settings.keep_colours == settings.match == settings.grain == 0 and settings.edges != "object"
    return SEAMLESS if plain else PHOTOGRAPH


def _area(rect: Rect) -> int:
    return rect.w * rect.h
