"""What a preview is made of: a small copy of what a blend reads, and pictures on the way that are worth showing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..geometry import Rect
from ..messages import Plane, Previews, Request
from ..settings import Settings, reduced, resolve, style_wanted
from .region import no_style

LONGEST, MOST = 420, 1600
"""Pixels of a preview's longer side: at first, and where it is enlarged far."""
INTERVAL_MS = 150
"""Milliseconds between two pictures of a running blend."""
SETTLE_MS = 120
"""Milliseconds without a change after which a dragged slider counts as at rest."""
SHARPEN_MS = 400
"""The same for a view that is being enlarged."""
_SHARP = 0.8
"""How sharp a picture has to be to be shown, as a share of the sharpness of its blend's first one."""
_ROWS = 32
"""Rows of a picture that are looked at, about."""


def room(settings: Settings) -> tuple[float, float]:
    """How far a mask may grow, and how long a shadow may be, in document pixels, before a preview reads anew."""
    return max(64.0, 1.5 * settings.grow_px), max(40.0, 1.5 * settings.shadow_length)


class Reduction:
    """How much smaller a preview is, and where things are in it.

    Args:
        crop: what is shown, in document pixels.
        longest: pixels of its longer side, at most.
    """

    def __init__(self, crop: Rect, longest: int) -> None:
        self.crop = crop
        self.scale = min(1.0, longest / max(crop.size))
        self.frame = crop.scaled(self.scale)
        """The same place in the smaller document."""

    def place(self, rect: Rect) -> Rect:
        """Where a place of the document is in what is shown."""
        return rect.scaled(self.scale).relative_to(self.frame)

    def request(
        self,
        layer: Plane,
        background: Plane,
        mask: Plane | None,
        style: Callable[[str], Plane | None],
        given: Mapping[str, Any],
        previews: Previews,
    ) -> Request:
        """The request of a preview.

        Args:
            style: gives the style picture by where it is from: "background" or "picture".
            given: the settings as they are sent for the document itself.

        Raises Refused where its style picture is missing.
        """
        scaled = reduced(given, self.scale)
        wanted = style_wanted(resolve(scaled))
        picture = style(wanted) if wanted is not None else None
        if wanted == "picture" and picture is None:
            raise no_style()
        return Request(layer, background, mask, picture, scaled, previews=previews)


class Sharpness:
    """Compares the pictures of one running blend: its first ones are coarse, and would look like a step back."""

    def __init__(self) -> None:
        self._first = 0.0

    def allows(self, plane: Plane) -> bool:
        """Whether a picture in 8 bits is about as sharp as the first one of its blend, and may be shown."""
        now = sharpness(plane)
        self._first = self._first or now
        return now >= _SHARP * self._first


def sharpness(plane: Plane) -> float:
    """By how many levels neighbours in a row of a plane in 8 bits differ on average, where it is opaque."""
    channels, (columns, rows) = len(plane.channels), plane.size
    length = columns * channels
    samples = memoryview(plane.samples).cast("B")
    total = count = 0
    for y in range(0, rows, max(1, rows // _ROWS)):
        row = bytes(samples[y * length : (y + 1) * length])
        middle, alpha = row[1 if channels > 2 else 0 :: channels], row[channels - 1 :: channels]
        steps = [abs(a - b) for a, b, seen in zip(middle, middle[1:], alpha) if seen > 127]
        total, count = total + sum(steps), count + len(steps)
    return total / count if count else 0.0
