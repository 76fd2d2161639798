"""docs/protocol.md says what the code does: its settings are those of the one table, its errors those of the tree."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from deepblend_protocol import errors
from deepblend_protocol.settings import PaperSettings, Setting, Settings, table

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text("utf-8")
SECTION = PAGE.partition("### 4.1 Settings")[2].partition("\n## ")[0]


def written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"`{value}`" if isinstance(value, str) else f"{value:g}"


def row(setting: Setting) -> str:
    if setting.kind == "choice":
        takes = "string: " + ", ".join(f"`{choice}`" for choice in setting.choices)
    elif setting.kind == "switch":
        takes = "boolean"
    else:
        unit = f" {setting.unit}" if setting.unit else ""
        takes = f"{setting.kind}, {setting.minimum:g} to {setting.maximum:g}{unit}"
    return f"| `{setting.name}` | {takes} | {written(setting.default)} |"


@pytest.mark.parametrize("of", [Settings, PaperSettings])
def test_every_setting_is_told_as_it_is(of: type) -> None:
    lines = SECTION.splitlines()
    for setting in table(of).values():
        assert row(setting) in lines


def test_no_setting_is_told_that_there_is_not() -> None:
    told = set(re.findall(r"^\| `(\w+)` \|", SECTION, re.MULTILINE))
    assert told == {*table(), *table(PaperSettings), "paper"}


def test_every_error_that_a_server_sends_is_told() -> None:
    for kind in (errors.ClientSlow, *errors.MessageError.__subclasses__(), errors.DeviceMemory, errors.NotFinite):
        assert f"| `{kind.code}` |" in PAGE
