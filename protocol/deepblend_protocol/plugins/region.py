"""The rule of what is read of a document for a blend, and what is refused by it."""

from __future__ import annotations

from ..errors import MaskOutside
from ..geometry import Rect, needed
from ..settings import Settings
from ..words import _
from .refused import Refused


def parts(mask: Rect, layer: Rect, canvas: Rect, grow_px: float, shadow_px: float) -> tuple[Rect, Rect]:
    """What is needed of the background, and of the layer; both in document pixels.

    Args:
        mask: the box of what is selected and visible; it lies in the layer's.
        shadow_px: how long a shadow is made; 0 where none is.

    Raises MaskOutside where nothing of the mask, grown, lies on the canvas.
    """
    crop = needed(mask, layer, canvas, grow_px, shadow_px)
    inside = crop.intersection(layer) if crop is not None else None
    if crop is None or inside is None:
        raise MaskOutside(
            left=mask.x,
            right=mask.right - 1,
            top=mask.y,
            bottom=mask.bottom - 1,
            width=canvas.w,
            height=canvas.h,
        )
    return crop, inside


def is_painted(settings: Settings) -> bool:
    """Whether a blend will repaint its object in the background's style, which takes long, as far as settings tell.

    With the preset "automatic" the answer is True: a wait that ends early is better than one that lasts longer.
    """
    return settings.method != "poisson" and (settings.style > 0 or "style" in settings.undecided)


def nothing_below(layer: str) -> Refused:
    """There is no background for a layer of this name."""
    return Refused(
        _("Nothing is visible below '%s' that it could be blended into. Put the picture on a layer below it.") % layer
    )


def no_style() -> Refused:
    """There is no picture that style could come from."""
    return Refused(_("Style is to come from another layer, and none was chosen."))
