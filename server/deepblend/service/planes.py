"""Planes of the wire and planes of the engine: one in the other's form, without copying samples."""

from __future__ import annotations

import numpy as np
from deepblend_protocol import messages, wire
from deepblend_protocol.sample_types import BY_NUMPY_NAME, SAMPLE_TYPES

from ..engine.request import Plane


def to_engine(plane: messages.Plane) -> Plane:
    """The engine's form of a plane; its samples are copied only if they lie in several chunks."""
    columns, rows = plane.size
    buffer = plane.samples.joined() if isinstance(plane.samples, wire.Chunks) else plane.samples
    kind = np.dtype(SAMPLE_TYPES[plane.type].numpy).newbyteorder("<")
    samples = np.frombuffer(buffer, kind).reshape(rows, columns, len(plane.channels))
    return Plane(samples, plane.rect, plane.channels, plane.encoding, plane.profile, plane.scale)


def to_wire(plane: Plane) -> messages.Plane:
    """The wire's form of a plane; its samples are copied only if they do not lie row after row."""
    samples = np.ascontiguousarray(plane.samples)
    rows, columns = samples.shape[:2]
    return messages.Plane(
        plane.rect,
        (columns, rows),
        BY_NUMPY_NAME[samples.dtype.name].name,
        plane.channels,
        samples.reshape(-1).view(np.uint8),
        plane.encoding,
        plane.scale,
        plane.profile,
    )
