"""What this machine can compute on, for people to read."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from .device import available


def devices(free: bool = True) -> list[dict[str, Any]]:
    """Name, title, memory and free memory (bytes or None) of each device, the one that ``auto`` takes first.

    Args:
        free: whether to ask for the free memory of GPUs, which takes some memory of each.
    """
    found: list[dict[str, Any]] = []
    for name in available():
        unused = None
        if name.startswith("cuda"):
            title = torch.cuda.get_device_name(name)
            unused = torch.cuda.mem_get_info(name)[0] if free else None
        elif name == "mps":
            title = "Apple GPU, which shares the main memory"
        else:
            title = f"{_processor()}, {os.cpu_count()} logical processors"
        found.append({"name": name, "title": title, "memory": memory(name), "free": unused})
    return found


def memory(device: str) -> int | None:
    """Bytes of a device's memory in all; the main memory where it has none of its own."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_properties(device).total_memory
    return _main_memory()


def _processor() -> str:
    """The processor's name, as far as the system tells it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _main_memory() -> int | None:
    """Bytes of main memory."""
    if sys.platform == "win32":

        class Status(ctypes.Structure):  # MEMORYSTATUSEX
            _fields_ = (
                ("dwLength", ctypes.c_ulong),
                ("dwMemoryLoad", ctypes.c_ulong),
                *((name, ctypes.c_ulonglong) for name in ("ullTotalPhys", "b", "c", "d", "e", "f", "g")),
            )

        status = Status(dwLength=ctypes.sizeof(Status))
        return status.ullTotalPhys if ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)) else None
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None
