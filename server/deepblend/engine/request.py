"""What goes into the engine and what comes out: planes, a request, a layer, and the observer's step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from deepblend_protocol.geometry import Rect
from deepblend_protocol.settings import Settings, resolve


@dataclass(frozen=True)
class Plane:
    """Samples of a part of the document.

    Shape:
        samples: (rows, columns, channels), or (rows, columns) for one channel; uint8 and
        uint16 span their whole range, float16 and float32 have 0..1 as black..white.
    """

    samples: np.ndarray
    rect: Rect
    """What the samples cover, in document pixels."""
    channels: str = "RGBA"
    """RGBA, BGRA, RGB, YA or Y; alpha is straight."""
    encoding: str = "perceptual"
    """perceptual (the sRGB curve), linear, or profile (the profile's own curve)."""
    profile: bytes | None = None
    """The ICC profile; None is sRGB."""
    scale: float = 1.0
    """Samples per document pixel along either axis: 0.25 for a picture reduced to a quarter."""


@dataclass(frozen=True)
class Request:
    """One blend, whole.

    The layer, mask and background are at native scale and on one pixel grid. The mask
    (one channel) is the selection times the layer mask, None where there is neither; the
    engine multiplies it by the layer's alpha. The background is a crop that holds the
    blended region and a margin; where it ends, the document ends. The style picture is
    the whole background, reduced, or with ``style_from`` "picture" any other; what the
    settings leave undecided is decided by the whole background, or else by the crop.
    """

    layer: Plane
    mask: Plane | None
    background: Plane
    style: Plane | None = None
    settings: Settings = field(default_factory=lambda: resolve({}))
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    features: str = "shipped"
    """shipped, or torchvision for VGG16_Weights.IMAGENET1K_V1."""
    memory_limit: int | None = None
    """Bytes of the device's memory that the deep method plans with, see ``tiles``; None is the default."""


@dataclass(frozen=True)
class Layer:
    """A blend's result: RGBA (or YA) over the blended region's box, alpha = the mask, or the object's in it.

    Type, encoding and profile are the background's.
    """

    plane: Plane
    report: Mapping[str, Any]
    """method, device, settings, what the background looks like where that was asked, sizes, levels, seconds by stage,
    peak memory, notes; JSON-ready."""
    stopped: bool = False
    """True where the observer stopped the run: the best result so far."""
    shadow: Plane | None = None
    """What lies directly below it: the contact shadow, as the plane is but over a rectangle of its own, which
    goes as far as the background at most. None where none was asked for, or nothing of it lies there."""


@dataclass(frozen=True)
class Step:
    """What the observer is told between two evaluations of the loss."""

    progress: float
    """0..1; 1 only when the layer is ready."""
    stage: str
    """poisson, optimise, ..."""
    losses: Callable[[], dict[str, float]]
    """The weighted losses by name at the last evaluation. Reading them waits for the device."""
    preview: Callable[[int], Plane]
    """The blend as it stands, an RGBA (or YA) plane whose longer side is at most the given number of samples."""


Observer = Callable[[Step], bool | None]
"""Called between evaluations; returns True to stop the run."""
