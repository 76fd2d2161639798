"""The device to compute on, by name, and its lack of memory as one kind of error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import cv2
import torch
from deepblend_protocol.errors import DeviceMemory, DeviceUnknown

T = TypeVar("T")
_NO_MEMORY = ("out of memory", "can't allocate memory", "Insufficient memory", "Failed to allocate", "bad_alloc")
"""What is said where memory does not suffice."""


def available() -> list[str]:
    """The devices of this machine, the one that ``auto`` takes first."""
    gpus = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    return gpus + (["mps"] if torch.backends.mps.is_available() else []) + ["cpu"]


def choose(name: str) -> str:
    """A device's full name.

    Args:
        name: auto, cpu, cuda, cuda:N or mps.

    Raises DeviceUnknown.
    """
    devices = available()
    chosen = {"auto": devices[0], "cuda": "cuda:0"}.get(name, name)
    if chosen not in devices:
        raise DeviceUnknown(device=name, available=", ".join(["auto", *devices]))
    return chosen


@contextmanager
def memory_errors(device: str) -> Iterator[None]:
    """Turn what torch, numpy and OpenCV raise where memory does not suffice into DeviceMemory."""
    try:
        yield
    except (MemoryError, RuntimeError, cv2.error) as error:  # only CUDA's has a class of its own
        words = str(error)
        is_memory = isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError))
        if not is_memory and not any(said in words for said in _NO_MEMORY):
            raise
        raise DeviceMemory(device=device) from error


def on_device(name: str, work: Callable[[str, list[str]], T]) -> T:
    """Do some work on a device; where a GPU's memory does not suffice, on the CPU.

    Args:
        name: as :func:`choose` takes it.
        work: given the device's full name, and notes for the user, to which it may add: of what was done instead.

    Raises DeviceUnknown, DeviceMemory.
    """
    device = choose(name)
    try:
        with memory_errors(device):
            return work(device, [])
    except DeviceMemory as error:
        if device == "cpu":
            raise
        note = f"{error} The CPU was used instead."
    torch.cuda.empty_cache()  # out of the handler, which keeps alive what the failed work has made
    with memory_errors("cpu"):
        return work("cpu", [note])
