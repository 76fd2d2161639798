"""Reduced pictures: of planes in any type, in 8 bits, for previews, thumbnails and the style picture."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from typing import Any

from deepblend_protocol.messages import Plane
from deepblend_protocol.sample_types import SAMPLE_TYPES

from .qt import Qt, QtCore, QtGui, image_of
from .samples import Format, eight_bits, picked, view

_HOLD_S = 0.03
"""How long a step may hold Krita, about."""
_BAND = 32
"""Rows that are looked at together."""
_IMAGE = QtGui.QImage.Format
_KINDS = {"BGRA": _IMAGE.Format_ARGB32, "RGBA": _IMAGE.Format_RGBA8888, "Y": _IMAGE.Format_Grayscale8}
Row = Callable[[int], Any]
"""Gives a row's samples by its number."""


def reducing(
    row: Row, size: tuple[int, int], known: Format, encoding: str, wanted: tuple[int, int]
) -> Generator[float, None, bytes]:
    """Steps that make a reduced picture; the last one returns its samples, in 8 bits and the same order.

    Rows and columns are picked as far as that leaves some for each sample to be averaged of.
    """
    fold = 1.5 if SAMPLE_TYPES[known.type].is_float else 2.0  # floats cost more
    step = max(1, int(min(size[0] / wanted[0], size[1] / wanted[1]) / fold))
    rows = range(0, size[1], step)
    parts: list[bytes] = []
    until = time.monotonic() + _HOLD_S
    for first in range(0, len(rows), _BAND):
        band = b"".join(picked(view(row(y)), known.pixel, step) for y in rows[first : first + _BAND])
        parts.append(eight_bits(view(band), known, encoding))
        if time.monotonic() > until:
            yield 0
            until = time.monotonic() + _HOLD_S
    columns = -(-size[0] // step)
    yield 0
    return resized(b"".join(parts), known.channels, (columns, len(rows)), wanted)


def reducing_plane(plane: Plane, wanted: tuple[int, int]) -> Generator[float, None, bytes]:
    """Steps whose last one returns a plane's samples in 8 bits and another size."""
    known = Format(plane.type, plane.channels)
    samples, length = view(plane.samples), plane.size[0] * known.pixel
    return reducing(lambda y: samples[y * length : (y + 1) * length], plane.size, known, plane.encoding, wanted)


def resized(samples: bytes, channels: str, size: tuple[int, int], wanted: tuple[int, int]) -> bytes:
    """Samples of 8 bits in another size."""
    if size == wanted:
        return samples
    image = picture(samples, channels, size)
    modes = (Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
    return samples_of(image.scaled(*wanted, *modes), channels)


def picture(samples: bytes, channels: str, size: tuple[int, int]) -> QtGui.QImage:
    """Samples of 8 bits as a picture."""
    if channels == "YA":
        wide = bytearray(2 * len(samples))
        for place in range(3):
            wide[place::4] = samples[0::2]
        wide[3::4] = samples[1::2]
        samples, channels = bytes(wide), "BGRA"
    return image_of(samples, *size, _KINDS[channels])


def samples_of(image: QtGui.QImage, channels: str) -> bytes:
    """A picture's samples of 8 bits."""
    kind = _KINDS.get(channels, _IMAGE.Format_ARGB32)
    image = image.convertToFormat(kind)
    length = image.width() * (1 if channels == "Y" else 4)
    pointer = image.constBits()
    pointer.setsize(image.bytesPerLine() * image.height())
    rows = memoryview(pointer).cast("B")
    padded = image.bytesPerLine()
    samples = b"".join(bytes(rows[y * padded : y * padded + length]) for y in range(image.height()))
    if channels != "YA":
        return samples
    narrow = bytearray(len(samples) // 2)
    narrow[0::2], narrow[1::2] = samples[0::4], samples[3::4]
    return bytes(narrow)


def showing(plane: Plane, longest: int) -> Generator[float, None, QtGui.QImage]:
    """Steps whose last one returns a plane as a picture whose longer side is so many pixels at most."""
    wanted = within(plane.size, longest)
    samples = yield from reducing_plane(plane, wanted)
    return picture(samples, plane.channels, wanted)


def within(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """A size of the same shape whose longer side is so long at most."""
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def laid(image: QtGui.QImage, ground: QtGui.QImage, place: tuple[float, float, float, float]) -> QtGui.QImage:
    """A picture laid on another at a place of it."""
    result = ground.convertToFormat(_IMAGE.Format_ARGB32_Premultiplied)
    painter = QtGui.QPainter(result)
    painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(QtCore.QRectF(*place), image)
    painter.end()
    return result


def showing_on(planes: Sequence[Plane], background: Plane, longest: int) -> Generator[float, None, QtGui.QImage]:
    """Steps whose last one returns a result's planes, the lowest first, seen on the background it was made for."""
    ground = yield from showing(background, longest)
    scale = ground.width() / background.rect.w
    for plane in planes:
        x, y, w, h = (side * scale for side in plane.rect.relative_to(background.rect))
        image = yield from showing(plane, longest)
        ground = laid(image, ground, (x, y, w, h))
    return for_screen(ground, background.profile, background.encoding == "linear")


def for_screen(image: QtGui.QImage, profile: bytes | None, linear: bool) -> QtGui.QImage:
    """A picture in sRGB.

    Args:
        profile: that its samples are of, but for their curve where they were ``linear``.
    """
    if profile is None or not hasattr(QtGui, "QColorSpace"):
        return image
    space = QtGui.QColorSpace.fromIccProfile(profile)
    srgb = QtGui.QColorSpace(QtGui.QColorSpace.NamedColorSpace.SRgb)
    if linear:
        space = space.withTransferFunction(QtGui.QColorSpace.TransferFunction.SRgb)
    if not space.isValid() or space == srgb or image.isGrayscale():
        return image
    image = image.copy()
    image.setColorSpace(space)
    return image.convertedToColorSpace(srgb)
