"""The published algorithm on pictures: the source laid on the target's canvas, and a run over it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from deepblend_protocol.errors import MaskEmpty, MaskOutside
from deepblend_protocol.geometry import Rect
from deepblend_protocol.settings import PaperSettings
from PIL import Image

from ..engine.device import on_device
from ..engine.network import vgg
from ..engine.paper import passes


@dataclass(frozen=True)
class Canvas:
    """Source, mask and target on one pixel grid.

    Shape:
        source, target: (H, W, 3) uint8; mask: (H, W) uint8. Source and mask are 0 beyond ``square``.
    """

    source: np.ndarray
    mask: np.ndarray
    target: np.ndarray
    square: Rect
    """The part of the canvas that the source covers."""


def lay(source: Image.Image, mask: Image.Image, target: Image.Image, left: int, top: int) -> Canvas:
    """Source (RGB) and mask (L, of its size) laid on the target (RGB), clipped where they stick out.

    Args:
        left, top: the target's column and row for the source's first pixel; may be negative.

    Raises MaskEmpty, and MaskOutside where no pixel of the mask falls on the target.
    """
    selected = np.asarray(mask)
    canvas = np.asarray(target)
    height, width = canvas.shape[:2]
    own = Rect(left, top, source.width, source.height)
    square = own.intersection(Rect(0, 0, width, height))
    if not selected.any():
        raise MaskEmpty()
    if square is None or not selected[square.relative_to(own).slices].any():
        rows, columns = np.flatnonzero(selected.any(1)), np.flatnonzero(selected.any(0))
        raise MaskOutside(
            left=int(columns[0]) + left,
            right=int(columns[-1]) + left,
            top=int(rows[0]) + top,
            bottom=int(rows[-1]) + top,
            width=width,
            height=height,
        )
    laid_source, laid_mask = np.zeros_like(canvas), np.zeros((height, width), np.uint8)
    cut = square.relative_to(own).slices
    laid_source[square.slices] = np.asarray(source)[cut]
    laid_mask[square.slices] = selected[cut]
    return Canvas(laid_source, laid_mask, canvas, square)


def run(
    canvas: Canvas,
    settings: PaperSettings,
    device: str,
    features: str,
    tell: passes.Tell | None = None,
) -> tuple[passes.PaperResult, str, list[str]]:
    """The published algorithm on a canvas: its result, the device it ran on, and notes for the user.

    Where a GPU's memory does not suffice, the CPU does the work.
    Raises DeviceUnknown, DeviceMemory, FeaturesUnavailable.
    """

    def blend(chosen: str, notes: list[str]) -> tuple[passes.PaperResult, str, list[str]]:
        def tensor(array: np.ndarray) -> torch.Tensor:
            return torch.tensor(np.atleast_3d(array)).permute(2, 0, 1).float().contiguous().to(chosen)

        network = vgg.load(features, chosen, settings.normalised_input)
        source, mask, target = tensor(canvas.source), tensor(canvas.mask)[0] / 255, tensor(canvas.target)
        return passes.run(source, mask, target, settings, network, tell, canvas.square), chosen, notes

    result, chosen, notes = on_device(device, blend)
    notes += [
        f"The {stage} ran off to infinity and was begun anew from its best picture; smaller weights may help."
        for stage in result.restarted
    ]
    return result, chosen, notes


def to_picture(picture: torch.Tensor) -> Image.Image:
    """A picture (3, H, W) in levels 0..255 in 8 bits, cut off as published."""
    return Image.fromarray(passes.eight_bit(picture).to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy())
