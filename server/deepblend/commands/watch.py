"""What a command shows of a running blend: the progress bar, and the film if one is wanted."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..engine.request import Plane, Step
from ..pictures import Placed, copy_paste, to_picture
from ..video import Recorder
from .progress import Progress

_WORDS = {"poisson": "Making the border seamless", "features": "Reading the style", "optimise": "Blending"}


class Film:
    """Frames of the whole target with the blend as it stands.

    Args:
        longest_px: the longer side of a frame, at most.
        frames: recorded while the blend runs, at most; the opening and the end come on top.
    """

    def __init__(self, recorder: Recorder, placed: Placed, longest_px: int = 640, frames: int = 96) -> None:
        target = placed.target.convert("RGB")
        self._recorder = recorder
        self._scale = min(1.0, longest_px / max(target.size))
        self._size = (max(1, round(target.width * self._scale)), max(1, round(target.height * self._scale)))
        self._target = target.resize(self._size)
        self._longest = longest_px
        self._interval = 1 / frames
        self._next = 0.0
        self._show(copy_paste(placed).convert("RGB").resize(self._size))

    def watch(self, step: Step) -> None:
        """Record the step, unless the one before is too near."""
        if step.progress >= self._next:
            self._next = step.progress + self._interval
            self._show(self._laid(step.preview(self._longest)))

    def end(self, layer: Plane, seconds: float = 1.0) -> None:
        """Record the result, and stay on it."""
        for _ in range(max(1, round(seconds * self._recorder.fps))):
            self._show(self._laid(layer))

    def _laid(self, layer: Plane) -> Image.Image:
        x, y, w, h = layer.rect
        left, top, right, bottom = (round(edge * self._scale) for edge in (x, y, x + w, y + h))
        size = (max(1, right - left), max(1, bottom - top))
        frame = self._target.convert("RGBA")
        frame.alpha_composite(to_picture(layer).convert("RGBA").resize(size), (left, top))
        return frame.convert("RGB")

    def _show(self, frame: Image.Image) -> None:
        self._recorder.add(np.asarray(frame))


class Watch:
    """An observer for ``deepblend.blend``.

    Args:
        start, end: the part of the bar that this blend fills, 0..1.
    """

    def __init__(self, progress: Progress, film: Film | None = None, start: float = 0.0, end: float = 1.0) -> None:
        self._progress = progress
        self._film = film
        self._start, self._end = start, end

    def __call__(self, step: Step) -> None:
        words = _WORDS.get(step.stage, step.stage.capitalize())
        self._progress.update(self._start + (self._end - self._start) * step.progress, words)
        if self._film is not None:
            self._film.watch(step)
