"""How processes that are ours import torch."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_once() -> Iterator[None]:
    """Look for no garbage while something large is imported, nor ever again among what there is then.

    Torch makes some hundred thousand objects that stay. Looking through them is a seventh of its import, and at a
    process's end as much again.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()
