"""A small copy of what a blend reads, in 8 bits, for the preview: the same request, at another scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepblend_protocol.geometry import Rect
from deepblend_protocol.messages import Plane, Previews, Request
from deepblend_protocol.plugins.preview import Reduction

from .document import Steps
from .pictures import reducing_plane


class Reduced(Reduction):
    """What a preview is made of; ``steps`` makes one.

    Args:
        request: of a blend, as ``document.reading`` returns it.
        longest: pixels of the preview's longer side, at most.
    """

    def __init__(self, request: Request, longest: int) -> None:
        super().__init__(request.background.rect, longest)
        self.profile = request.background.profile
        self.linear = request.background.encoding == "linear"
        self.background: Plane
        self.layer: Plane
        self._mask: Plane | None = None
        self._style: Plane | None = None

    @classmethod
    def steps(cls, request: Request, longest: int) -> Steps:
        """Steps whose last one returns it."""
        made = cls(request, longest)
        made.background = yield from made._plane(request.background)
        made.layer = yield from made._plane(request.layer)
        if request.mask is not None:
            made._mask = yield from made._plane(request.mask)
        if request.style is not None:
            made._style = yield from made._style_plane(request.style)
        return made

    def preview(self, given: Mapping[str, Any], previews: Previews) -> Request:
        """The request of a preview with these settings. Raises Refused where its style picture is missing."""
        return self.request(self.layer, self.background, self._mask, lambda _from: self._style, given, previews)

    def _plane(self, plane: Plane) -> Steps:
        rect = self.place(plane.rect)
        samples = yield from reducing_plane(plane, rect.size)
        return Plane(rect, rect.size, "u8", plane.channels, samples, self._curve(plane))

    def _style_plane(self, plane: Plane) -> Steps:
        """The same picture, of a document that is as much smaller as all else."""
        whole = Rect(0, 0, *plane.rect.scaled(self.scale).size)
        scale = min(1.0, plane.scale / self.scale)
        size = whole.scaled(scale).size
        samples = yield from reducing_plane(plane, size)
        return Plane(whole, size, "u8", plane.channels, samples, self._curve(plane), scale)

    @staticmethod
    def _curve(plane: Plane) -> str:
        return "perceptual" if plane.encoding == "linear" else plane.encoding
