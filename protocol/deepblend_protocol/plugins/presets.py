"""What presets set, and what an earlier version kept of settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..settings import AUTOMATIC, PRESET_NAMES, PRESETS, resolve

OWN = "own"
"""The preset that sets nothing."""
USERS = "user:"
"""The prefix that marks a preset of the user's own in a list of presets."""
OLD_DEFAULT = {"style": 0.5, "keep_colours": 0.5, "style_from": "background"}
"""The last values that an earlier version kept for users who had never changed any."""


def values_of(preset: str, report: Mapping[str, Any]) -> dict[str, Any]:
    """What a preset sets, by the settings' names; of one that sets nothing, what is there at the beginning.

    Args:
        report: of the last blend, by which the preset "automatic" is decided where it says ``looks_like``.
    """
    known = report.get("looks_like", preset) if preset == AUTOMATIC else preset
    settings = resolve({"preset": known} if known in PRESETS else {})
    return {name: getattr(settings, name) for name in PRESET_NAMES}


def of_today(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that were kept, by their names or by those with dashes.

    Those from before there were automatic presets are own values, without the effects that there were not.
    """
    if "preset" in kept or not any(name.replace("-", "_") in PRESET_NAMES for name in kept):
        return dict(kept)
    return {"preset": OWN, "match": 0.0, "grain": 0.0, **kept}


def read(text: str) -> dict[str, dict[str, Any]]:
    """The user's own presets, by name, out of the JSON that is kept of them; none where that is damaged."""
    try:
        known = json.loads(text)
    except ValueError:
        return {}
    known = known if isinstance(known, dict) else {}
    return {name: values for name, values in known.items() if isinstance(values, dict)}
