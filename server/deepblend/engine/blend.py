"""The engine's one door: ``blend(request, observer) -> layer``."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from deepblend_protocol.geometry import shadow_reach
from deepblend_protocol.settings import as_given

from . import colour, matting, profiles, shadow
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
        torch.cuda.init()  # in a process in which nothing has been computed there, the next line fails without it
        torch.cuda.reset_peak_memory_stats(device)

    def tell(progress: float, stage: str, update: Update[Picture]) -> bool | None:
        return observer(_step(progress, stage, update, work, box, tint)) if observer is not None else None

    driver = Driver[Picture](device, tell)
    with driver.timed("prepare"):
        notes += _damaged_profiles(request)
        request, looks_like = decided(request, device)
        region = prepare(request, device)
        box, omega, crop = region.box, int(region.omega.sum()), region.rect
        tint = shadow.colour_of(region) if request.settings.shadow_length > 0 else None
        work = Work(request, device, budget, region, notes=notes)
        del region  # it is the work's, which frees it
    image = driver.run(plan(work))
    with driver.timed("encode"):
        image, alpha = _lifted(image, work.mask, work, box)
        plane = _plane(image, alpha, request, box)
        below = _shadow(alpha, request, box, tint) if tint is not None else None
    total = time.perf_counter() - started
    report: dict[str, Any] = {
        "method": request.settings.method,
        "device": device,
        "threads": torch.get_num_threads(),
        "features": request.features,
        "settings": as_given(request.settings),
        "looks_like": looks_like,
        "sizes": {"box": box._asdict(), "crop": crop._asdict(), "omega": omega},
        "shadow": below.rect._asdict() if below is not None else None,
        "sample_type": plane.samples.dtype.name,
        "levels": [],
        **driver.report,
        "seconds": {name: round(value, 4) for name, value in {**driver.seconds, "total": total}.items()},
        "peak_memory_bytes": _peak_memory(device),
        "notes": notes,
    }
    return Layer(plane, report, driver.stopped, below)


def _damaged_profiles(request: Request) -> list[str]:
    """What the user should know of profiles that are passed over."""
    planes = {"layer": request.layer, "background": request.background, "style picture": request.style}
    by_profile = {plane.profile: role for role, plane in reversed(planes.items()) if plane is not None}
    return [
        f"The colour profile of the {role} is damaged and was passed over: its colours are taken for sRGB's."
        for profile, role in by_profile.items()
        if profiles.is_damaged(profile)
    ]


def _lifted(image: torch.Tensor, mask: torch.Tensor, work: Work, box: Rect) -> Picture:
    """Colours and alpha of the layer that a blend is, as it stands over Omega's box; perhaps reduced."""
    if work.matte is None:
        return image, mask
    below = work.request.background
    part = replace(below, samples=below.samples[box.relative_to(below.rect).slices], rect=box)
    background, exists = colour.decode(part, len(image), work.device)
    arrays = torch.cat([background, exists[None], work.matte.alpha[None]])
    if mask.shape != arrays.shape[-2:]:
        arrays = F.interpolate(arrays[None], mask.shape, mode="area")[0]
    return matting.lifted(image, mask, arrays[-1], arrays[:-2], arrays[-2])


def _step(
    progress: float, stage: str, update: Update[Picture], work: Work, box: Rect, tint: torch.Tensor | None
) -> Step:
    request = work.request

    def losses() -> dict[str, float]:
        return {name: float(value) for name, value in update.losses.items()}

    @torch.no_grad()
    def preview(longer_side: int) -> Plane:
        if tint is not None:
            return _with_shadow(*update.picture(), work, box, tint, longer_side)
        return _plane(*_reduced(*update.picture(), box, min(1.0, longer_side / max(box.size))), request, box)

    return Step(progress, stage, losses, preview)


def _plane(image: torch.Tensor, alpha: torch.Tensor, request: Request, box: Rect) -> Plane:
    scale = max(alpha.shape) / max(box.w, box.h)
    return colour.encode(image, alpha, request.background, box, scale)


def _shadow(alpha: torch.Tensor, request: Request, box: Rect, tint: torch.Tensor) -> Plane | None:
    """The shadow of an object with this alpha (h, w) over its box."""
    made = shadow.cast(alpha, box, request.background.rect, request.settings)
    if made is None:
        return None
    image = tint[:, None, None].expand(-1, *made.alpha.shape)
    return colour.encode(image, made.alpha, request.background, made.rect)


def _with_shadow(
    image: torch.Tensor, mask: torch.Tensor, work: Work, box: Rect, tint: torch.Tensor, longer_side: int
) -> Plane:
    """A preview of an object and of its shadow below it, over all that the shadow may reach."""
    request = work.request
    outer = box.grown(shadow_reach(request.settings.shadow_length)).intersection(request.background.rect)
    assert outer is not None  # the box lies on the background
    scale = min(1.0, longer_side / max(outer.size))
    image, alpha = _lifted(*_reduced(image, mask, box, scale), work, box)
    whole = Rect(0, 0, *outer.scaled(scale).size)
    (h, w), at = alpha.shape, box.relative_to(outer)
    place = Rect(min(round(at.x * scale), whole.w - w), min(round(at.y * scale), whole.h - h), w, h)
    both = image.new_zeros((len(image) + 2, whole.h, whole.w))  # the object, its alpha, the shadow's
    both[(slice(None, -1), *place.slices)] = torch.cat([image, alpha[None]])
    made = shadow.cast(alpha, place, whole, request.settings, scale)
    if made is not None:
        both[-1][made.rect.slices] = made.alpha
    return _plane(*shadow.under(both[:-2], both[-2], both[-1], tint), request, outer)


def _reduced(image: torch.Tensor, alpha: torch.Tensor, box: Rect, scale: float) -> Picture:
    """Colours (C, h, w) and alpha (h, w) over a box, so many samples per pixel of it: also of a coarser picture."""
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
