"""The engine's one door: ``blend(request, observer) -> layer``."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from deepblend_protocol.settings import as_given

from . import colour, matting
from .automatic import decided
from .budget import DEFAULT, Budget
from .device import on_device
from .methods import plan
from .region import prepare
from .request import Layer, Observer, Plane, Rect, Request, Step
from .stages import Driver, Update
from .work import Picture, Work


def blend(request: Request, observer: Observer | None = None, budget: Budget = DEFAULT) -> Layer:
    """Blend a layer into its background.

    Same request, device kind and thread count: same layer, bit for bit on the CPU. Where a
    GPU's memory does not suffice, the CPU does it, and the report's notes say so.

    Args:
        request: see ``Request``.
        observer: called between evaluations with a ``Step``; returns True to stop. What it
            then gets is the best result so far, ``stopped``.
        budget: how much work it may do.

    Raises PlaneInvalid, NotFinite, MaskEmpty, MaskOutside, DeviceUnknown, DeviceMemory,
    FeaturesUnavailable.
    """
    return on_device(request.device, lambda device, notes: _blend(request, observer, budget, device, notes))


def _blend(request: Request, observer: Observer | None, budget: Budget, device: str, notes: list[str]) -> Layer:
    started = time.perf_counter()
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)

    def tell(progress: float, stage: str, update: Update[Picture]) -> bool | None:
        return observer(_step(progress, stage, update, request, box)) if observer is not None else None

    driver = Driver[Picture](device, tell)
    with driver.timed("prepare"):
        request, looks_like = decided(request, device)
        region = prepare(request, device)
        box, omega, crop = region.box, int(region.omega.sum()), region.rect
        work = Work(request, device, budget, region, notes=notes)
        del region  # it is the work's, which frees it
    image = driver.run(plan(work))
    with driver.timed("encode"):
        plane = _plane(*_layer(image, work, box), request, box)
    total = time.perf_counter() - started
    report: dict[str, Any] = {
        "method": request.settings.method,
        "device": device,
        "threads": torch.get_num_threads(),
        "features": request.features,
        "settings": as_given(request.settings),
        "looks_like": looks_like,
        "sizes": {"box": box._asdict(), "crop": crop._asdict(), "omega": omega},
        "sample_type": plane.samples.dtype.name,
        "levels": [],
        **driver.report,
        "seconds": {name: round(value, 4) for name, value in {**driver.seconds, "total": total}.items()},
        "peak_memory_bytes": _peak_memory(device),
        "notes": notes,
    }
    return Layer(plane, report, driver.stopped)


def _layer(image: torch.Tensor, work: Work, box: Rect) -> Picture:
    """Colours and alpha of the result."""
    if work.matte is None:
        return image, work.mask
    below = work.request.background
    part = replace(below, samples=below.samples[box.relative_to(below.rect).slices], rect=box)
    return matting.lifted(image, work.mask, work.matte, *colour.decode(part, len(image), work.device))


def _step(progress: float, stage: str, update: Update[Picture], request: Request, box: Rect) -> Step:
    def losses() -> dict[str, float]:
        return {name: float(value) for name, value in update.losses.items()}

    @torch.no_grad()
    def preview(longer_side: int) -> Plane:
        return _plane(*_reduced(*update.picture(), box, longer_side), request, box)

    return Step(progress, stage, losses, preview)


def _plane(image: torch.Tensor, alpha: torch.Tensor, request: Request, box: Rect) -> Plane:
    scale = max(alpha.shape) / max(box.w, box.h)
    return colour.encode(image, alpha, request.background, box, scale)


def _reduced(image: torch.Tensor, alpha: torch.Tensor, box: Rect, longer_side: int) -> Picture:
    """Colours (C, h, w) and alpha (h, w) over a box, as long as asked for or as the box: also of a coarser picture."""
    scale = min(1.0, longer_side / max(box.w, box.h))
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
