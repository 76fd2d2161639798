"""How long blends took here, from one call of the plug-in to the next."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from deepblend_protocol.time_left import read_paces
from gi.repository import Gimp


def _path() -> Path:
    return Path(Gimp.directory()) / "deepblend-pace.json"


def read() -> dict[str, float]:
    """Seconds per megapixel by kind of blend; none where nothing is known."""
    try:
        return read_paces(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def write(known: dict[str, float]) -> None:
    """Keep them; a folder that cannot be written to costs a guess the next time."""
    with contextlib.suppress(OSError):
        _path().write_text(json.dumps(known), encoding="utf-8")
