"""How a plug-in finds the pyzmq that its installer brought along. Standard library only.

A plug-in's folder ``vendor`` holds this package, and in ``py39``, ``py310`` … a pyzmq for each Python it may run in.
"""

from __future__ import annotations

import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path


def prepare(vendor: Path) -> None:
    """Make what came along importable.

    It is preferred to what the system has, as it is what this version was tested with. If nothing that came along
    fits this Python, the system's pyzmq stays in reach.
    """
    for folder in (vendor, zmq_folder(vendor)):
        if folder is not None and folder.is_dir() and str(folder) not in sys.path:
            sys.path.insert(0, str(folder))


def zmq_folder(vendor: Path) -> Path | None:
    """The folder with the pyzmq that this Python can load: its own version's, or one for all later ones (abi3)."""
    for minor in range(sys.version_info[1], 8, -1):
        folder = vendor / f"py3{minor}"
        extension = folder / "zmq" / "backend" / "cython" / "_zmq"
        if any(extension.with_name(extension.name + suffix).is_file() for suffix in EXTENSION_SUFFIXES):
            return folder
    return None
