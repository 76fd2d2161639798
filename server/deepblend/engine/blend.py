"""The engine's one door: ``blend(request, observer) -> layer``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import torch
import torch.nn.functional as F
from deepblend_protocol.errors import DeviceMemory
from torch import Tensor

from . import colour, deep, features, light, paper, poisson, screen
from .device import choose, memory_errors
from .display import view_of
from .perception import Eye
from .region import Region, prepare
from .request import Layer, Observer, Plane, Rect, Request, Step
from .tiles import limit_for

POISSON_SHARE = 0.05
"""The part of a deep blend's progress that the Poisson solution takes."""
LIGHT_SHARE = 0.5
"""The part of that which the light takes."""


def blend(request: Request, observer: Observer | None = None) -> Layer:
    """Blend a layer into its background.

    Same request, device kind and thread count: same layer, bit for bit on the CPU. Where a
    GPU's memory does not suffice, the CPU does it, and the report's notes say so.

    Args:
        request: see ``Request``.
        observer: called between evaluations with a ``Step``; returns True to stop. What it
            then gets is the best result so far, ``stopped``.

    Raises PlaneInvalid, NotFinite, MaskEmpty, MaskOutside, DeviceUnknown, DeviceMemory,
    FeaturesUnavailable.
    """
    device = choose(request.device)
    try:
        with memory_errors(device):
            return _Run(request, observer, device, []).layer()
    except DeviceMemory as error:
        if device == "cpu":
            raise
        note = f"{error} The CPU was used instead."
    torch.cuda.empty_cache()
    with memory_errors("cpu"):
        return _Run(request, observer, "cpu", [note]).layer()


class _Run:
    """One blend on one device."""

    def __init__(self, request: Request, observer: Observer | None, device: str, notes: list[str]) -> None:
        self.request = request
        self.observer = observer
        self.device = device
        self.notes = notes
        self.started = time.perf_counter()
        self.seconds: dict[str, float] = {}
        self.extra: dict[str, Any] = {}
        self.stopped = False

    def layer(self) -> Layer:
        if self.device.startswith("cuda"):
            torch.cuda.reset_peak_memory_stats(self.device)
        with self._timed("prepare"):
            self.region = region = prepare(self.request, self.device)
            self.box, self.mask = region.box, region.in_box(region.mask).clone()
            self.sizes = {
                "box": region.box._asdict(),
                "crop": region.rect._asdict(),
                "omega": int(region.omega.sum()),
            }
            del region
        image = {"poisson": self._poisson, "deep": self._deep, "paper": self._paper}[self.request.settings.method]()
        with self._timed("encode"):
            plane = self._plane(image, self.mask)
        return Layer(plane, self._report(plane), self.stopped)

    def _poisson(self) -> Tensor:
        """This and the other methods give the colours over Omega's box, (C, h, w)."""
        with self._timed("poisson"):
            solution = self._solved(1.0)
            return self.region.in_box(solution)

    def _deep(self) -> Tensor:
        settings = self.request.settings
        if settings.style == 0:  # by definition the Poisson solution
            return self._poisson()
        with self._timed("poisson"):
            solution = self._solved(POISSON_SHARE)
        reference = self.region.in_box(solution).clone()
        if self.stopped:
            return reference
        with self._timed("network"):
            network = features.load(self.request.features, self.device, False, features.fast_type(self.device))
        eye = Eye(
            network, view_of(self.request.background, self.device), limit_for(self.device, self.request.memory_limit)
        )
        if self._told(POISSON_SHARE, "optimise", {}, lambda: (reference, self.mask)):
            return reference

        def watch(progress: float, losses: dict[str, Tensor], picture: Callable[[], tuple[Tensor, Tensor]]) -> bool:
            whole = POISSON_SHARE + (1 - POISSON_SHARE) * progress
            return self._told(min(whole, 0.999), "optimise", losses, picture)

        with self._timed("optimise"):
            canvas = deep.Canvas.around(self.region, solution)
            del self.region, solution  # as large as what follows
            refined = deep.refine(canvas, self._style(), settings, eye, watch)
        self.extra["levels"] = refined.levels
        return reference + refined.change

    def _solved(self, share: float) -> Tensor:
        """The seamless blend on the region's arrays; its progress fills ``share`` of the whole."""
        region, keep = self.region, self.request.settings.keep_colours
        mixed = self.request.settings.gradients == "mixed"
        weights, done = None, 0.0

        def pasted(image: Tensor) -> Tensor:
            return torch.where(region.omega, image, region.background)

        def tell(progress: float, image: Callable[[], Tensor]) -> bool:
            return self._told(progress * share, "poisson", {}, lambda: (region.in_box(image()), self.mask))

        def on_light(progress: float, image: Callable[[], Tensor]) -> bool:
            return tell(LIGHT_SHARE * progress, lambda: pasted(image()))

        def on_cycle(progress: float, image: Callable[[], Tensor]) -> bool:
            return tell(done + (1 - done) * min(progress, 0.99), image)

        if keep > 0:
            lit, stopped = light.lighted(region, keep, on_light if self.observer else None)
            if stopped:
                return pasted(lit)
            self.region = region = replace(region, source=lit)  # frees the unlit one
            weights, done = (screen.keeping if mixed else light.fading)(region, keep), LIGHT_SHARE
        solution = poisson.solve(
            region.source,
            region.source_alpha,
            region.background,
            region.background_alpha,
            region.omega,
            mixed=mixed,
            screen=weights,
            on_cycle=on_cycle if self.observer else None,
        )
        self.extra["poisson"] = {"cycles": solution.cycles, "residual": solution.residual}
        return solution.image

    def _style(self) -> deep.Style | None:
        plane = self.request.style
        if plane is None or self.request.settings.style_from == "surroundings":
            return None
        image, alpha = colour.decode(plane, 3, self.device)
        return deep.Style(image, alpha, plane.scale, view_of(plane, self.device))

    def _paper(self) -> Tensor:
        settings, region = self.request.settings.paper, self.region
        with self._timed("network"):
            network = features.load(self.request.features, self.device, settings.normalised_input)
        rect, layer = region.rect, self.request.layer.rect
        x0, y0 = max(layer.x, rect.x), max(layer.y, rect.y)
        x1, y1 = min(layer.x + layer.w, rect.x + rect.w), min(layer.y + layer.h, rect.y + rect.h)
        square = Rect(x0 - rect.x, y0 - rect.y, x1 - x0, y1 - y0)

        def on_closure(progress: float, stage: str, losses: dict[str, Tensor], picture: Callable[[], Tensor]) -> bool:
            def reduced() -> tuple[Tensor, Tensor]:
                return region.in_box(self._channels(picture(), region)), self.mask

            return self._told(min(progress, 0.999), stage, losses, reduced)

        with self._timed("optimise"):
            result = paper.run(
                region.source.expand(3, -1, -1),
                region.mask,
                region.background.expand(3, -1, -1),
                settings,
                network,
                on_closure,
                square,
            )
        self.extra["closures"] = result.closures
        self.notes += [f"L-BFGS diverged in the {name} and was begun anew." for name in result.restarted]
        inside = self._channels(result.last, region)
        return region.in_box(torch.where(region.omega, inside, region.background))

    @staticmethod
    def _channels(image: Tensor, region: Region) -> Tensor:
        return colour.luma(image) if len(region.background) == 1 else image

    def _told(
        self,
        progress: float,
        stage: str,
        losses: dict[str, Tensor],
        picture: Callable[[], tuple[Tensor, Tensor]],
    ) -> bool:
        """Tell the observer; True, from then on in ``stopped`` as well, where it wants to stop."""
        if self.observer is None:
            return False

        def preview(longer_side: int) -> Plane:
            with torch.no_grad():
                return self._plane(*_reduced(*picture(), self.box, longer_side))

        def read() -> dict[str, float]:
            return {name: float(value) for name, value in losses.items()}

        self.stopped = bool(self.observer(Step(progress, stage, read, preview)))
        return self.stopped

    def _plane(self, image: Tensor, alpha: Tensor) -> Plane:
        scale = max(alpha.shape) / max(self.box.w, self.box.h)
        return colour.encode(image, alpha, self.request.background, self.box, scale)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        if self.device.startswith("cuda"):
            torch.cuda.synchronize(self.device)
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - started

    def _report(self, plane: Plane) -> dict[str, Any]:
        total = time.perf_counter() - self.started
        return {
            "method": self.request.settings.method,
            "device": self.device,
            "threads": torch.get_num_threads(),
            "features": self.request.features,
            "settings": asdict(self.request.settings),
            "sizes": self.sizes,
            "sample_type": plane.samples.dtype.name,
            "levels": [],
            **self.extra,
            "seconds": {stage: round(value, 4) for stage, value in {**self.seconds, "total": total}.items()},
            "peak_memory_bytes": _peak_memory(self.device),
            "notes": list(self.notes),
        }


def _reduced(image: Tensor, alpha: Tensor, box: Rect, longer_side: int) -> tuple[Tensor, Tensor]:
    """Colours (C, h, w) and alpha (h, w) over a box, no longer than asked for, of the size that their scale says."""
    scale = min(longer_side, max(alpha.shape)) / max(box.w, box.h)
    size = [max(1, round(side * scale)) for side in (box.h, box.w)]
    if size == list(alpha.shape):
        return image, alpha
    both = torch.cat([image, alpha[None]])[None]
    both = F.interpolate(both, size, mode="bilinear", antialias=True, align_corners=False)[0]
    return both[:-1], both[-1].clamp(0, 1)


def _peak_memory(device: str) -> int | None:
    """Bytes: of the device where it counts them, else of this process since its start; None where nobody counts."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
