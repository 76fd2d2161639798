"""What the README says of commands and settings is what the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from deepblend.commands.cli import main
from deepblend.file_blend.arguments import option
from deepblend_protocol.settings import PRESET_NAMES, PRESETS, table

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
OPTIONS = {option(name): setting for name, setting in table().items()}
ROWS = {row[0]: row[1:] for row in re.findall(r"^\| `(--[a-z-]+)` \| (\S+) \| (.+) \|$", README, re.MULTILINE)}


def test_the_table_of_settings_is_whole_and_its_defaults_are_true():
    assert set(ROWS) == set(OPTIONS)
    for name, (default, _) in ROWS.items():
        setting = OPTIONS[name]
        expected = "preset's" if setting.name in PRESET_NAMES else setting.default
        assert default == (f"{expected:g}" if isinstance(expected, int | float) else expected)


def test_the_presets_are_told_as_they_are():
    told = ROWS["--preset"][1]
    for name, values in PRESETS.items():
        words = re.search(rf"`{name}` \(([^)]*)\)", told)
        assert words
        told_values = dict(re.findall(r"(style|keep-colours|match|grain) (\S+?)(?:,|$)", words[1]))
        assert {setting.replace("-", "_"): float(figure) for setting, figure in told_values.items()} == {
            setting: value for setting, value in values.items() if setting != "style_from"
        }
        source = re.search(r"from the (?:whole )?(\w+)", words[1])
        assert (source[1] if source else None) == values.get("style_from")


def test_every_option_that_is_named_exists(capsys):
    shown = ""
    for command in sorted(set(re.findall(r"(?:`|^    |/)deepblend ([a-z]+)", README, re.MULTILINE))):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        shown += capsys.readouterr().out
    for named in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)) - {"--torch-backend", "--from"}:  # uv's
        assert named in shown


def test_the_commands_are_one_line_each_for_both_systems():
    posix = re.findall(r"^    python3 -m venv \.venv && (.+)$", README, re.MULTILINE)
    windows = re.findall(r"^    py -m venv \.venv && (.+)$", README, re.MULTILINE)
    assert len(posix) == 2
    assert [line.replace("\\Scripts\\", "/bin/") for line in windows] == posix


def test_every_link_to_a_file_leads_somewhere():
    root = Path(__file__).parents[1]
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (root / link).exists()] == []
