"""Which samples an image has, and how they are read and written: its own type, encoding and colour space."""

from __future__ import annotations

from deepblend_protocol.geometry import Rect
from deepblend_protocol.sample_types import SAMPLE_TYPES
from gi.repository import Gegl, Gimp

from . import gegl

_COMPONENTS = {
    "u8": ("u8", "u8"),
    "u16": ("u16", "u16"),
    "u32": ("float", "f32"),
    "half": ("half", "f16"),
    "float": ("float", "f32"),
    "double": ("float", "f32"),
}
"""By GIMP's component type: babl's name of what is read, and the protocol's. 32 bits and double travel as float."""
_CURVES = {"non-linear": ("'", "profile"), "linear": ("", "linear"), "perceptual": ("~", "perceptual")}
"""By GIMP's encoding: babl's sign, and the protocol's name."""
SCREEN = "R'G'B'A u8"
"""What is shown; read with ``srgb``."""


class Samples:
    """An image's formats, by the protocol's names and by babl's."""

    def __init__(self, image: Gimp.Image) -> None:
        component, _, curve = image.get_precision().value_nick.partition("-")
        known, self.type = _COMPONENTS[component]
        sign, self.encoding = _CURVES[curve]
        gray = image.get_base_type() == Gimp.ImageBaseType.GRAY
        self.channels = "YA" if gray else "RGBA"
        self.colour = (f"Y{sign}A" if gray else f"R{sign}G{sign}B{sign}A") + f" {known}"
        self.mask = f"Y {known}"  # Y' would bend soft edges
        self.alpha = f"A {known}"
        self.alpha_bytes = SAMPLE_TYPES[self.type].size
        self.profile = bytes(image.get_effective_color_profile().get_icc_profile())


def box_of(item: Gimp.Drawable) -> Rect:
    """A drawable's place in the image."""
    _, x, y = item.get_offsets()
    return Rect(x, y, item.get_width(), item.get_height())


def canvas_of(image: Gimp.Image) -> Rect:
    return Rect(0, 0, image.get_width(), image.get_height())


def buffer_of(samples: bytes | bytearray, name: str, box: Rect) -> Gegl.Buffer:
    """A buffer of its own that holds samples of babl's format ``name`` over a box."""
    Gegl.init(None)
    made = Gegl.Buffer.new(name, *box)
    gegl.write(made, name, samples)
    return made
