"""PGM and PPM of more than 8 bits, which Pillow would cut down."""

from __future__ import annotations

import os
import re

import numpy as np
from deepblend_protocol.errors import FileUnreadable

from .decoding import check_size, reading
from .picture import Picture

_HEADER = re.compile(rb"P([2356])" + rb"(?:\s|#[^\n]*\n)+(\d{1,9})" * 3 + rb"(?:#[^\n]*\n)*\s")
_START_BYTES = 65536
_MOST = 65535


def is_deep(start: bytes) -> bool:
    """Whether a file's beginning is that of a PGM or PPM whose white is more than 255."""
    found = _HEADER.match(start)
    return found is not None and int(found[4]) > 255


def is_float(start: bytes) -> bool:
    """Whether a file's beginning is that of a PFM."""
    return re.match(rb"P[fF]\s", start) is not None


def read(path: str | os.PathLike[str], role: str) -> Picture:
    """The first picture of a PGM or PPM that ``is_deep``, spread over 16 bits. Raises FileUnreadable, SizeAbsurd."""
    with reading(path, role), open(path, "rb") as file:
        found = _HEADER.match(file.read(_START_BYTES))
        if found is None:
            raise ValueError("no header")
        kind, width, height, white = (int(one) for one in found.groups())
        check_size(f"The {role}", width, height)
        if not 0 < white <= _MOST:
            raise FileUnreadable(role=role, path=str(path), reason=f"its white is {white}; 65535 is the most")
        channels = 3 if kind in (3, 6) else 1
        count = width * height * channels
        file.seek(found.end())
        if kind in (2, 3):
            words = file.read(count * 8 + _START_BYTES).split()[:count]
            values = np.array(words, np.uint32)
        else:
            values = np.frombuffer(file.read(count * 2), ">u2")
        if values.size != count:
            raise ValueError("fewer samples than its header says")
    if white < _MOST:
        values = np.rint(values.clip(0, white) * (_MOST / white))
    samples = values.astype(np.uint16).reshape((height, width, 3) if channels == 3 else (height, width))
    return Picture(samples, "RGB" if channels == 3 else "Y")
