"""Pictures of any depth: read, brought into one space, placed, made the engine's planes, flattened and written.

``picture`` is the value that all of it works on; ``reading`` and ``writing`` find the file's format, ``eight_bit`` is
what Pillow reads and writes, ``png``, ``tiff`` and ``exr`` are the formats that hold more, and ``decoding`` is what
all of them share; ``masks`` makes coverage of what a mask's file holds;
``icc`` and ``colours`` know profiles and curves; ``placing`` makes requests; ``openraster`` and ``compositing``
are layered documents.
"""

from __future__ import annotations

from .colours import into_colours_of
from .masks import mask_from, open_mask
from .picture import Picture
from .placing import Placed, copy_paste, flatten, layer, merged, place, to_picture, to_request
from .reading import open_picture
from .writing import check_output, write_picture

__all__ = [
    "Picture",
    "Placed",
    "check_output",
    "copy_paste",
    "flatten",
    "into_colours_of",
    "layer",
    "mask_from",
    "merged",
    "open_mask",
    "open_picture",
    "place",
    "to_picture",
    "to_request",
    "write_picture",
]
