"""The user's own presets, kept in Krita's settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from deepblend_protocol.plugins import presets
from krita import Krita

_WHERE = ("deepblend", "presets")


def read() -> dict[str, dict[str, Any]]:
    """By name; none where what was kept is damaged."""
    return presets.read(Krita.instance().readSetting(*_WHERE, "{}"))


def keep(name: str, values: Mapping[str, Any]) -> None:
    """Keep values under a name, instead of what had it."""
    _write({**read(), name: dict(values)})


def forget(name: str) -> None:
    _write({each: values for each, values in read().items() if each != name})


def _write(known: Mapping[str, Any]) -> None:
    Krita.instance().writeSetting(*_WHERE, json.dumps(known))
