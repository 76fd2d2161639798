"""Samples in and out of GEGL buffers in a buffer's own colour space.

Python's binding names formats alone, and a format's name means sRGB: reading an AdobeRGB layer by it converts, with
loss. libgegl and libbabl, called by ctypes, take the name together with the buffer's space.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

from deepblend_protocol.geometry import Rect

_NAMES = {
    "win32": ("libgegl-0.4-0.dll", "libbabl-0.1-0.dll", "libgobject-2.0-0.dll"),
    "darwin": ("libgegl-0.4.0.dylib", "libbabl-0.1.0.dylib", "libgobject-2.0.0.dylib"),
}
_AUTO_ROWSTRIDE = 0
_ABYSS_NONE = 0


class _Rectangle(ctypes.Structure):
    _fields_ = (("x", ctypes.c_int), ("y", ctypes.c_int), ("width", ctypes.c_int), ("height", ctypes.c_int))


def _libraries() -> list[Any]:
    """libgegl, libbabl and libgobject, which GIMP's own binding has loaded already."""
    linux = ("libgegl-0.4.so.0", "libbabl-0.1.so.0", "libgobject-2.0.so.0")
    return [ctypes.CDLL(name) for name in _NAMES.get(sys.platform, linux)]


_gegl, _babl, _gobject = _libraries()
_pointer, _int, _rectangle = ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Rectangle)
for _function, _result, _arguments in (
    (_gegl.gegl_buffer_get_format, _pointer, (_pointer,)),
    (
        _gegl.gegl_buffer_get,
        None,
        (_pointer, _rectangle, ctypes.c_double, _pointer, _pointer, _int, _int),
    ),
    (_gegl.gegl_buffer_set, None, (_pointer, _rectangle, _int, _pointer, _pointer, _int)),
    (_gegl.gegl_buffer_new, _pointer, (_rectangle, _pointer)),
    (_gegl.gegl_buffer_copy, None, (_pointer, _rectangle, _int, _pointer, _rectangle)),
    (_gobject.g_object_unref, None, (_pointer,)),
    (_babl.babl_format_get_space, _pointer, (_pointer,)),
    (_babl.babl_format_with_space, _pointer, (ctypes.c_char_p, _pointer)),
    (_babl.babl_format_get_bytes_per_pixel, _int, (_pointer,)),
    (_babl.babl_format, _pointer, (ctypes.c_char_p,)),
    (_babl.babl_format_exists, _int, (ctypes.c_char_p,)),
):
    _function.restype, _function.argtypes = _result, _arguments


class Buffer:
    """A buffer of this process, at first transparent; ``read`` takes it.

    Args:
        like: has the format and the colour space that it is to have.
    """

    def __init__(self, like: Any, width: int, height: int) -> None:
        rectangle = ctypes.byref(_Rectangle(0, 0, width, height))
        self._pointer = _gegl.gegl_buffer_new(rectangle, _gegl.gegl_buffer_get_format(hash(like)))

    def __hash__(self) -> int:
        return self._pointer

    def __del__(self) -> None:
        _gobject.g_object_unref(self._pointer)

    def take(self, buffer: Any, place: Rect) -> None:
        """Copy another one, from its corner on, to a place."""
        source = ctypes.byref(_Rectangle(0, 0, place.w, place.h))
        _gegl.gegl_buffer_copy(hash(buffer), source, _ABYSS_NONE, self._pointer, ctypes.byref(_Rectangle(*place)))


def _format(buffer: Any, name: str, srgb: bool = False) -> int:
    """A format by name, in a buffer's space or in sRGB. Raises ValueError for a name that babl does not know."""
    if not _babl.babl_format_exists(name.encode()):  # babl would end the process
        raise ValueError(name)
    if srgb:
        return _babl.babl_format(name.encode())
    space = _babl.babl_format_get_space(_gegl.gegl_buffer_get_format(hash(buffer)))
    return _babl.babl_format_with_space(name.encode(), space)


def read(
    buffer: Any,
    box: Rect,
    format_name: str,
    scale: float = 1.0,
    srgb: bool = False,
    like: Any = None,
) -> bytearray:
    """A rectangle's samples, rows from the top without padding; 0 where the buffer has none.

    Args:
        buffer: a Gegl.Buffer.
        box: in pixels of the picture that has been reduced by ``scale``.
        format_name: one of babl's, as in ``R'G'B'A u8``.
        srgb: converted to sRGB, as for a screen.
        like: converted to the colour space of this buffer.
    """
    known = _format(buffer if like is None else like, format_name, srgb)
    samples = bytearray(box.w * box.h * _babl.babl_format_get_bytes_per_pixel(known))
    place = (ctypes.c_char * len(samples)).from_buffer(samples)
    rectangle = ctypes.byref(_Rectangle(*box))
    _gegl.gegl_buffer_get(hash(buffer), rectangle, scale, known, place, _AUTO_ROWSTRIDE, _ABYSS_NONE)
    return samples


def write(buffer: Any, format_name: str, samples: Any) -> None:
    """Fill a whole buffer. Raises ValueError where the samples are not as many as it has."""
    extent = buffer.get_extent()
    known = _format(buffer, format_name)
    expected = extent.width * extent.height * _babl.babl_format_get_bytes_per_pixel(known)
    view = memoryview(samples).cast("B")
    if view.nbytes != expected:
        raise ValueError(f"{view.nbytes} bytes for a layer of {expected}")
    place = (ctypes.c_char * expected).from_buffer(view if not view.readonly else bytearray(view))
    rectangle = ctypes.byref(_Rectangle(extent.x, extent.y, extent.width, extent.height))
    _gegl.gegl_buffer_set(hash(buffer), rectangle, 0, known, place, _AUTO_ROWSTRIDE)
