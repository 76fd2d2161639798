"""The user's own presets, in GIMP's folder of settings."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from gi.repository import Gimp


def _path() -> Path:
    return Path(Gimp.directory()) / "deepblend-presets.json"


def read() -> dict[str, dict[str, Any]]:
    """By name, each with the procedure's arguments that it sets; none where the file is damaged."""
    try:
        known = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {name: values for name, values in known.items() if isinstance(values, dict)}


def write(own: dict[str, dict[str, Any]]) -> None:
    """Keep them, whole or not at all."""
    path = _path()
    part = path.with_suffix(".new")
    part.write_text(json.dumps(own, indent=2, ensure_ascii=False), encoding="utf-8")
    os.replace(part, path)
