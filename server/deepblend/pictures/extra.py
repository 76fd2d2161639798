"""The libraries of the extras ``files``, ``heif`` and ``psd``, or a sentence that names the extra."""

from __future__ import annotations

import importlib
import logging
from typing import Any

from deepblend_protocol.errors import ExtraMissing

_EXTRAS = {"pillow_heif": "heif", "psd_tools": "psd"}


def need(module: str, what: str) -> Any:
    """A module of an extra. Raises ExtraMissing, beginning with ``what``, where it is not installed."""
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        raise ExtraMissing(what=what, extra=_EXTRAS.get(module, "files")) from error
    if module == "tifffile":  # its oddities in metadata are nobody's concern; damage is raised
        logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)
    return found
