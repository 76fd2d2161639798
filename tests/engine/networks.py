"""The networks of this process: what passes through them, and what they keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from deepblend.engine.network.vgg import VGG, load
from torch.nn.modules.module import register_module_forward_hook


def forget() -> None:
    """Have them forget the pictures whose findings they keep."""
    networks = [load("shipped", "cpu")]  # ``load`` keeps one for each way in which it is called
    networks += [load("shipped", "cpu", False, dtype=dtype) for dtype in (torch.float32, torch.bfloat16)]
    for network in networks:
        network.cache.clear()


@contextmanager
def counted() -> Iterator[Callable[[], int]]:
    """Counts the pictures that pass through any of them."""
    count = 0

    def hook(module: torch.nn.Module, *_: object) -> None:
        nonlocal count
        count += isinstance(module, VGG)

    handle = register_module_forward_hook(hook)
    try:
        yield lambda: count
    finally:
        handle.remove()
