"""How long a blend still takes, from how far it has come and how long blends like it took before."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, MutableMapping

_TRUSTED = 0.25
"""The part of a blend after which its own pace alone counts."""
_GUESSES = {False: 1.5, True: 25.0}
"""Seconds per megapixel before anything is known: of a seamless blend, and of one that is painted."""
_START_S = 0.5
"""Seconds that every blend takes, however small it is."""


def read_paces(text: str) -> dict[str, float]:
    """Seconds per megapixel by kind of blend, out of the JSON that is kept of them; none where that is damaged."""
    try:
        return {str(kind): float(seconds) for kind, seconds in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError):
        return {}


class TimeLeft:
    """The estimate of how long one blend still takes.

    Args:
        pixels: of the region that is blended.
        painted: whether its style is above 0.
        known: seconds per megapixel of earlier blends, by kind; it learns of this one when that has ended.
    """

    def __init__(
        self,
        pixels: int,
        painted: bool,
        known: MutableMapping[str, float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._megapixels = max(pixels, 1) / 1e6
        self._kind = "painted" if painted else "seamless"
        self._known = known
        self._clock = clock
        self._pace = known.get(self._kind, _GUESSES[painted])
        self._fraction = 0.0
        self._began: float | None = None
        self._told_at = 0.0

    def told(self, fraction: float) -> None:
        """Say that the blend runs and how much of it is done, 0..1."""
        now = self._clock()
        if self._began is None:
            self._began = now
        if fraction > self._fraction:
            self._fraction, self._told_at = fraction, now

    def ended(self) -> None:
        """Say that the blend has ended; its pace is kept for the next ones."""
        if self._began is not None:
            took = self._clock() - self._began
            self._known[self._kind] = max(0.0, took - _START_S) / self._megapixels

    @property
    def seconds(self) -> float:
        """Seconds that the blend still takes from now on, at least 0; may be asked before it runs."""
        expected = _START_S + self._pace * self._megapixels
        if self._began is None:
            return expected
        now = self._clock()
        left = expected * (1 - self._fraction) - (now - max(self._told_at, self._began))
        if self._fraction > 0:
            own = (self._told_at - self._began) / self._fraction * (1 - self._fraction) - (now - self._told_at)
            trust = min(1.0, self._fraction / _TRUSTED)
            left += trust * (own - left)
        return max(0.0, left)
