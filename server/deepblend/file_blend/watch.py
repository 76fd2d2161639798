"""What is shown of a running blend: how far it is, and the film if one is wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from deepblend_protocol import words
from PIL import Image

from ..engine.request import Plane, Step
from ..pictures import Placed, copy_paste, to_picture
from ..video import Recorder


class Bar(Protocol):
    """Something that shows progress, such as a progress bar."""

    def update(self, fraction: float, words: str) -> None:
        """Show that ``fraction`` (0..1) is done, and in ``words`` what is being done."""
        ...


class Film:
    """Frames of the whole target with the blend as it stands.

    Args:
        longest_px: the longer side of a frame, at most.
        frames: recorded while the blend runs, at most; the opening and the end come on top.
    """

    def __init__(self, recorder: Recorder, placed: Placed, longest_px: int = 640, frames: int = 96) -> None:
        target = placed.target.image().convert("RGB")
        self._recorder = recorder
        self._scale = min(1.0, longest_px / max(target.size))
        self._size = (max(1, round(target.width * self._scale)), max(1, round(target.height * self._scale)))
        self._target = target.resize(self._size)
        self._longest = longest_px
        self._interval = 1 / frames
        self._next = 0.0
        self._show(copy_paste(placed).image().convert("RGB").resize(self._size))

    @property
    def longest_px(self) -> int:
        return self._longest

    def watch(self, progress: float, preview: Callable[[int], Plane]) -> None:
        """Record the blend as it stands, unless the frame before is too near.

        Args:
            preview: as in ``Step``.
        """
        if progress >= self._next:
            self._next = progress + self._interval
            self._show(self._laid(preview(self._longest)))

    def end(self, layer: Plane, seconds: float = 1.0) -> None:
        """Record the result, and stay on it."""
        for _ in range(max(1, round(seconds * self._recorder.fps))):
            self._show(self._laid(layer))

    def _laid(self, layer: Plane) -> Image.Image:
        x, y, w, h = layer.rect
        left, top, right, bottom = (round(edge * self._scale) for edge in (x, y, x + w, y + h))
        size = (max(1, right - left), max(1, bottom - top))
        frame = self._target.convert("RGBA")
        frame.alpha_composite(to_picture(layer).image().convert("RGBA").resize(size), (left, top))
        return frame.convert("RGB")

    def _show(self, frame: Image.Image) -> None:
        self._recorder.add(np.asarray(frame))


class Watch:
    """An observer for ``deepblend.blend``.

    Args:
        start, end: the part of the bar that this blend fills, 0..1.
    """

    def __init__(self, progress: Bar, film: Film | None = None, start: float = 0.0, end: float = 1.0) -> None:
        self._progress = progress
        self._film = film
        self._start, self._end = start, end

    @property
    def longest_px(self) -> int:
        """The longer side of the previews that are wanted; 0: none are."""
        return self._film.longest_px if self._film is not None else 0

    def __call__(self, step: Step) -> None:
        self._bar(step.progress, step.stage)
        if self._film is not None:
            self._film.watch(step.progress, step.preview)

    def heard(self, progress: float, stage: str, preview: Plane | None) -> None:
        """Take progress from a server's message, with a preview or None."""
        self._bar(progress, stage)
        if self._film is not None and preview is not None:
            self._film.watch(progress, lambda longer_side: preview)

    def waiting(self, why: str) -> None:
        """Show why nothing is being done yet."""
        self._progress.update(self._start, why)

    def _bar(self, progress: float, stage: str) -> None:
        self._progress.update(self._start + (self._end - self._start) * progress, words.stage(stage))
