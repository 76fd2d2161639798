"""The one table of sample types: names, bytes, and the value of white."""

from __future__ import annotations

import struct
from typing import NamedTuple


class SampleType(NamedTuple):
    """A type of samples, little-endian; black is 0 in all of them."""

    name: str
    """The protocol's."""
    size: int
    """Bytes of one sample."""
    white: int
    """The value of white, and of full opacity. Whole numbers end there, floats do not."""
    numpy: str
    """numpy's name."""
    code: str
    """The letter that ``struct`` has for it."""

    @property
    def is_float(self) -> bool:
        return self.name[0] == "f"

    @property
    def white_bytes(self) -> bytes:
        """The bytes of one white sample, little-endian."""
        return struct.pack(f"<{self.code}", self.white)


SAMPLE_TYPES = {
    one.name: one
    for one in (
        SampleType("u8", 1, 255, "uint8", "B"),
        SampleType("u16", 2, 65535, "uint16", "H"),
        SampleType("f16", 2, 1, "float16", "e"),
        SampleType("f32", 4, 1, "float32", "f"),
    )
}
"""By the protocol's names."""
BY_NUMPY_NAME = {one.numpy: one for one in SAMPLE_TYPES.values()}
"""By numpy's names, as ``dtype.name`` has them."""
