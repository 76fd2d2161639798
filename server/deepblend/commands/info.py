"""``deepblend info``: what is installed here, what it can compute on, and where things are."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .. import __version__
from .terminal import printable

NAME = "info"
HELP = "Show the version, devices and memory, torch, the network's weights, and where things are."
_PACKAGE = Path(__file__).parents[1]
_SELECTOR = "https://pytorch.org/get-started/locally/"
_GIB = 2**30
_EXTRAS = {
    "files": ("tifffile", "imagecodecs", "OpenEXR"),
    "heif": ("pillow_heif",),
    "psd": ("psd_tools",),
    "ray": ("ray",),
}
"""The modules that each extra brings."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def run(args: argparse.Namespace) -> int:
    """Print what is known. Raises nothing of its own."""
    known = gather()
    print(json.dumps(known, indent=2) if args.json else "\n".join(_lines(known)))
    return 0


def gather() -> dict[str, Any]:
    """All that ``info`` shows, JSON-ready; memory in bytes."""
    import torch
    import torchvision

    from ..engine import machine
    from ..engine.network.vgg import WEIGHTS
    from ..video import ffmpeg

    weights = _PACKAGE / "weights" / WEIGHTS
    return {
        "version": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "cuda_build": torch.version.cuda,
        "rocm_build": torch.version.hip,
        "devices": machine.devices(),
        "threads": torch.get_num_threads(),
        "weights": {
            "file": str(weights),
            "bytes": weights.stat().st_size,
            "licence": "CC BY 4.0, Karen Simonyan and Andrew Zisserman (VGG16)",
        },
        "places": {
            "package": str(_PACKAGE),
            "example": str(_PACKAGE / "example"),
            "python": sys.executable,
            "command": shutil.which("deepblend") or sys.argv[0],
        },
        "video": {"mp4": ffmpeg(), "webp": True},
        "extras": {extra: _installed(*modules) for extra, modules in _EXTRAS.items()},
        "advice": advice(torch.version.cuda is not None, torch.cuda.is_available(), nvidia_present()),
    }


def _installed(*modules: str) -> bool:
    return all(find_spec(module) for module in modules)


def nvidia_present() -> bool:
    """Whether an NVIDIA driver is installed, whatever torch makes of it."""
    tool = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "nvidia-smi.exe")
    places = (Path("/proc/driver/nvidia/version"), Path("/usr/lib/wsl/lib/nvidia-smi"), tool)
    return shutil.which("nvidia-smi") is not None or any(place.exists() for place in places)


def advice(cuda_build: bool, cuda_available: bool, nvidia: bool) -> list[str]:
    """What stands between this machine's NVIDIA GPU and torch, and how to mend it; empty where nothing does."""
    if not nvidia or cuda_available:
        return []
    if not cuda_build:
        return [
            "NVIDIA GPU present, torch is CPU-only. Choose your system and CUDA at "
            f"{_SELECTOR} and run the command shown there in deepblend's environment."
        ]
    return [
        "NVIDIA GPU present, but torch's CUDA build cannot use it. Update the NVIDIA driver, or choose a build for an "
        f"older CUDA at {_SELECTOR}."
    ]


def _missing(what: str, extra: str) -> str:
    return f"for {what}: pip install 'deepblend[{extra}]'"


def _lines(known: dict[str, Any]) -> list[str]:
    build = next(
        (
            f" (CUDA {known[k]})" if k == "cuda_build" else f" (ROCm {known[k]})"
            for k in ("cuda_build", "rocm_build")
            if known[k]
        ),
        " (CPU only)",
    )
    extras = known["extras"]
    rows = [
        ("deepblend", known["version"]),
        ("Python", f"{known['python']} on {known['system']}"),
        ("torch", known["torch"] + build),
        ("torchvision", known["torchvision"]),
    ]
    for index, device in enumerate(known["devices"]):
        memory = f", {device['memory'] / _GIB:.1f} GiB" if device["memory"] else ""
        free = f" ({device['free'] / _GIB:.1f} GiB free)" if device["free"] else ""
        chosen = " <- auto" if index == 0 else ""
        rows.append(("device", f"{device['name']}: {device['title']}{memory}{free}{chosen}"))
    rows += [
        ("threads", str(known["threads"])),
        ("weights", f"{known['weights']['file']} ({known['weights']['licence']})"),
        *((place, path) for place, path in known["places"].items() if place != "python"),
        ("films", "mp4, WebP" if known["video"]["mp4"] else "WebP; " + _missing("mp4", "video")),
        ("pictures", "16 bits, TIFF, OpenEXR" if extras["files"] else _missing("16 bits, TIFF, OpenEXR", "files")),
        ("batches", "here, on a Ray cluster" if extras["ray"] else _missing("a Ray cluster", "ray")),
        *(("advice", sentence) for sentence in known["advice"]),
    ]
    return [f"{name:<12} {printable(value)}" for name, value in rows]
