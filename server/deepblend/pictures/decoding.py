"""What all decoders have in common: the most pixels that they take, and their faults in a user's words."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from deepblend_protocol.errors import DeepBlendError, FileUnreadable, SizeAbsurd
from PIL import UnidentifiedImageError

from ..files import not_a_file, reason

PIXEL_LIMIT = 2**28
"""The most pixels a picture may have: 16 384 x 16 384. A file that claims more is taken for a decompression bomb."""


def check_size(what: str, width: int, height: int, limit: int = PIXEL_LIMIT) -> None:
    """Raise SizeAbsurd for a side below 1 or more than ``limit`` pixels."""
    if width < 1 or height < 1 or width * height > limit:
        raise SizeAbsurd(what=what, width=width, height=height, limit=limit)


@contextmanager
def reading(path: str | os.PathLike[str], role: str) -> Iterator[None]:
    """Turn whatever a decoder raises within into FileUnreadable; deepblend's own errors pass."""

    def fail(why: str, error: Exception | None = None) -> NoReturn:
        raise FileUnreadable(role=role, path=str(path), reason=why) from error

    if (why := not_a_file(path)) is not None:
        fail(why)
    try:
        with warnings.catch_warnings():
            # Decoders warn of oddities in metadata; what matters of them is an error below.
            warnings.simplefilter("ignore")
            yield
    except DeepBlendError:
        raise
    except UnidentifiedImageError as error:
        empty = os.path.getsize(path) == 0
        fail("the file is empty" if empty else "it is not a picture of a known kind", error)
    except MemoryError as error:
        fail("there is not enough memory for it", error)
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error and more for damage
        if isinstance(error, OSError) and error.errno:
            fail(reason(error), error)
        fail("the file is damaged or cut off", error)
