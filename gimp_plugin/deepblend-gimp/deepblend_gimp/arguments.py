"""The procedures' arguments: what each is called, and how they stand for settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepblend_protocol.plugins.presets import OWN
from deepblend_protocol.settings import PRESET_NAMES, SHOWN, table
from gi.repository import Gimp

NAME = "deepblend"
AGAIN = "deepblend-again"
ARGUMENTS = ("preset", *(name.replace("_", "-") for name in SHOWN), "method", "as-layer-mask", "hide-original")
"""What is kept with a result, and what presets may set; all but the style picture, which a file cannot hold."""
PICTURE = "style-picture"
BY_PRESET = tuple(name.replace("_", "-") for name in PRESET_NAMES)
"""The arguments that presets set."""
_BESIDE = 1 - 1e-9
"""A number that a preset sets has a default this much beside a round one: any that is given differs, so that it is
known which were."""


def default_of(name: str) -> Any:
    """The default of a setting's argument."""
    default = table()[name].default
    return default * _BESIDE if name in PRESET_NAMES and not isinstance(default, str) else default


def settings_of(config: Gimp.ProcedureConfig, shown: bool = False) -> dict[str, Any]:
    """The settings as they are sent to the server: those that a preset sets only where they are given.

    Args:
        shown: whether what a preset sets stands in the arguments, as the dialog shows it, and is not given.
    """
    preset = config.get_property("preset")
    own = given_of(config) if not shown or preset == OWN else {}
    values = {name: config.get_property(name.replace("_", "-")) for name in SHOWN if name not in PRESET_NAMES}
    values |= {"method": config.get_property("method"), **own}
    return values if preset == OWN else {**values, "preset": preset}


def given_of(config: Gimp.ProcedureConfig) -> dict[str, Any]:
    """Of the settings that presets set, those that do not stand at their defaults, by the settings' names.

    With ``OWN`` values all of them.
    """
    values = {name: config.get_property(name.replace("_", "-")) for name in PRESET_NAMES}
    given = {name: value for name, value in values.items() if value != default_of(name)}
    if config.get_property("preset") != OWN:
        return given
    return {name: given.get(name, table()[name].default) for name in PRESET_NAMES}


def forget(config: Gimp.ProcedureConfig) -> None:
    """Leave to the preset what it sets: none of that is given any more."""
    for name in PRESET_NAMES:
        config.set_property(name.replace("_", "-"), default_of(name))


def arguments_of(config: Gimp.ProcedureConfig) -> dict[str, Any]:
    """The arguments as a result keeps them."""
    return {name: config.get_property(name) for name in ARGUMENTS}


def put(config: Gimp.ProcedureConfig, arguments: Mapping[str, Any]) -> None:
    """Set arguments; what an older or newer version kept and this one does not know is left out."""
    for name in ARGUMENTS:
        value = arguments.get(name)
        if value is not None and type(value) in (type(config.get_property(name)), int):
            config.set_property(name, value)
