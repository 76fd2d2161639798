from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import deepblend_protocol
import pytest
from deepblend_protocol.errors import SettingOutOfRange, SettingUnknown
from deepblend_protocol.settings import PRESETS, PaperSettings, Setting, Settings, resolve, table

EVERY = [*table().values(), *table(PaperSettings).values()]


def by_name(setting: Setting) -> str:
    return setting.name


def test_the_defaults_are_those_of_the_design() -> None:
    settings = resolve({})
    assert settings == Settings()
    assert (settings.method, settings.preset, settings.style, settings.keep_colours) == ("deep", "painting", 0.5, 0.5)
    assert (settings.gradients, settings.style_from) == ("source", "background")
    assert (settings.grow_px, settings.feather_px) == (0, 0)


def test_the_published_numbers_are_the_papers_defaults() -> None:
    paper = resolve({"method": "paper"}).paper
    first = (paper.grad_weight, paper.style_weight, paper.content_weight, paper.tv_weight, paper.hist_weight)
    assert (first, paper.second_style_weight, paper.num_steps) == ((1e4, 1e4, 1, 1e-6, 0), 1e7, 1000)


def test_every_field_is_in_the_table() -> None:
    assert list(table()) == [field.name for field in fields(Settings) if field.name != "paper"]
    assert list(table(PaperSettings)) == [field.name for field in fields(PaperSettings)]


@pytest.mark.parametrize("setting", EVERY, ids=by_name)
def test_every_setting_is_told_in_full_and_takes_its_default(setting: Setting) -> None:
    assert setting.label and setting.label[0].isupper() and len(setting.label) < 40
    assert setting.help.endswith(".") and setting.help.isascii()
    assert setting.check(setting.default) == setting.default
    assert setting.accepts()


@pytest.mark.parametrize("setting", [s for s in EVERY if s.kind in ("number", "integer")], ids=by_name)
def test_numbers_are_held_to_their_range(setting: Setting) -> None:
    assert setting.minimum is not None and setting.maximum is not None
    assert setting.check(setting.minimum) == setting.minimum
    assert setting.check(setting.maximum) == setting.maximum
    outside = (setting.minimum - 1, setting.maximum * 2, math.nan, math.inf, -math.inf)
    for value in (*outside, "1", None, True, [1]):
        with pytest.raises(SettingOutOfRange, match=setting.name):
            setting.check(value)


@pytest.mark.parametrize("setting", [s for s in EVERY if s.kind == "integer"], ids=by_name)
def test_whole_numbers_are_whole(setting: Setting) -> None:
    assert setting.minimum is not None
    got = setting.check(setting.minimum + 1.0)
    assert isinstance(got, int) and got == setting.minimum + 1
    with pytest.raises(SettingOutOfRange, match="a whole number"):
        setting.check(setting.minimum + 0.5)


@pytest.mark.parametrize("setting", [s for s in EVERY if s.kind in ("choice", "switch")], ids=by_name)
def test_choices_are_held_to_their_words(setting: Setting) -> None:
    for value in setting.choices or (True, False):
        assert setting.check(value) is value
    for wrong in ("nothing", "", 1, None):
        with pytest.raises(SettingOutOfRange, match=setting.name):
            setting.check(wrong)


@pytest.mark.parametrize("preset", table()["preset"].choices)
def test_every_preset_sets_what_it_says_and_nothing_else(preset: str) -> None:
    settings = resolve({"preset": preset})
    for name in table():
        expected = {"preset": preset, **PRESETS[preset]}.get(name, getattr(Settings(), name))
        assert getattr(settings, name) == expected
    assert set(PRESETS) == set(table()["preset"].choices)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_form_with_a_preset_shows_what_the_server_would_take(preset: str) -> None:
    """A form begins with the table's defaults and lays the chosen preset's values over them."""
    shown = {name: setting.default for name, setting in table().items()}
    assert Settings(**{**shown, "preset": preset, **PRESETS[preset]}) == resolve({"preset": preset})
    assert Settings(**shown) == resolve({"preset": shown["preset"]}) == resolve({})


def test_what_is_given_prevails_over_the_preset() -> None:
    settings = resolve({"preset": "photograph", "style": 1, "style_from": "background"})
    assert (settings.style, settings.style_from) == (1.0, "background")
    assert settings.keep_colours == PRESETS["photograph"]["keep_colours"]


def test_the_papers_numbers_are_given_inside() -> None:
    assert resolve({"paper": {"style_weight": 5, "second_pass": False}}).paper == PaperSettings(
        style_weight=5.0, second_pass=False
    )
    with pytest.raises(SettingOutOfRange, match="'paper'"):
        resolve({"paper": 3})


@pytest.mark.parametrize("given", [{"stile": 1}, {"paper": {"style": 1}}, {"style_weight": 1}])
def test_an_unknown_setting_is_refused_by_name(given: dict[str, object]) -> None:
    with pytest.raises(SettingUnknown) as caught:
        resolve(given)
    name = next(iter(given))
    assert caught.value.params["name"] == ("style" if name == "paper" else name)
    assert "The settings are: " in str(caught.value)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().style = 1.0  # type: ignore[misc]


def test_settings_and_errors_import_the_standard_library_alone() -> None:
    """Without site-packages and with nothing else on the path there is nothing but the standard library."""
    code = "import sys; sys.path.append(sys.argv[1]); import deepblend_protocol.settings, deepblend_protocol.errors"
    folder = Path(deepblend_protocol.__file__).parents[1]
    subprocess.run([sys.executable, "-I", "-S", "-c", code, str(folder)], check=True)
