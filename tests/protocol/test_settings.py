from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path
from typing import Any

import deepblend_protocol
import pytest
from deepblend_protocol.errors import SettingOutOfRange, SettingUnknown
from deepblend_protocol.settings import (
    AUTOMATIC,
    PRESET_NAMES,
    PRESETS,
    PaperSettings,
    Setting,
    Settings,
    as_given,
    decide,
    reduced,
    resolve,
    style_wanted,
    table,
)

EVERY = [*table().values(), *table(PaperSettings).values()]


def by_name(setting: Setting) -> str:
    return setting.name


def test_the_defaults_are_those_of_the_design() -> None:
    settings = resolve({})
    assert replace(settings, undecided=()) == Settings()
    assert (settings.method, settings.preset, settings.gradients, settings.edges) == (
        "deep",
        "automatic",
        "source",
        "automatic",
    )
    assert (settings.grow_px, settings.feather_px, settings.shadow) == (0, 0, 0)
    assert settings.undecided == PRESET_NAMES


def test_the_published_numbers_are_the_papers_defaults() -> None:
    paper = resolve({"method": "paper"}).paper
    first = (paper.grad_weight, paper.style_weight, paper.content_weight, paper.tv_weight, paper.hist_weight)
    assert (first, paper.second_style_weight, paper.num_steps) == ((1e4, 1e4, 1, 1e-6, 0), 1e7, 1000)


def test_every_field_is_in_the_table() -> None:
    assert list(table()) == [field.name for field in fields(Settings) if field.name not in ("paper", "undecided")]
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
    taken = replace(resolve({"preset": preset}), undecided=())
    assert Settings(**{**shown, "preset": preset, **PRESETS[preset]}) == taken
    assert Settings(**shown) == replace(resolve({}), undecided=())


def test_what_is_given_prevails_over_the_preset() -> None:
    settings = resolve({"preset": "photograph", "style": 1, "style_from": "background"})
    assert (settings.style, settings.style_from) == (1.0, "background")
    assert settings.keep_colours == PRESETS["photograph"]["keep_colours"]
    assert settings.undecided == ()


@pytest.mark.parametrize("kind", ["photograph", "painting"])
def test_automatic_leaves_to_the_engine_what_is_not_given(kind: str) -> None:
    """A value that is given prevails, also where it is the one that stands there until something is decided."""
    given = {"keep_colours": 0.5, "style_from": "surroundings", "grow_px": 3}
    settings = resolve(given)
    assert settings.undecided == ("style", "match", "grain")
    decided = decide(settings, kind)
    assert decided.undecided == ()
    for name in PRESET_NAMES:
        assert getattr(decided, name) == given.get(name, PRESETS[kind][name])
    assert (decided.preset, decided.grow_px) == (AUTOMATIC, 3)
    assert decide(decided, "painting") == decided


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != AUTOMATIC])
def test_only_automatic_leaves_anything(preset: str) -> None:
    assert resolve({"preset": preset}).undecided == ()


@pytest.mark.parametrize(
    "given", [{}, {"style": 0.3}, {"preset": "painting", "grain": 0.1}, {"method": "paper", "paper": {"num_steps": 3}}]
)
def test_settings_as_given_are_resolved_to_themselves(given: dict[str, Any]) -> None:
    settings = resolve(given)
    assert resolve(json.loads(json.dumps(as_given(settings)))) == settings
    assert set(given) <= set(as_given(settings)) and not set(settings.undecided) & set(as_given(settings))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, "background"),
        ({"style": 0}, "background"),
        ({"method": "poisson"}, "background"),
        ({"style_from": "surroundings"}, "background"),
        ({"style_from": "picture"}, "picture"),
        ({"style_from": "picture", "style": 0}, "picture"),
        ({"preset": "painting"}, "background"),
        ({"preset": "photograph"}, None),
        ({"preset": "photograph", "style_from": "picture"}, "picture"),
        ({"preset": "seamless"}, None),
        ({"preset": "painting", "method": "poisson"}, None),
        ({"method": "paper"}, None),
    ],
)
def test_which_picture_is_sent_for_style_and_to_decide_by(given: dict[str, Any], wanted: str | None) -> None:
    assert style_wanted(resolve(given)) == wanted


def test_lengths_are_shorter_in_a_smaller_document() -> None:
    given = {"grow_px": 4, "feather_px": 2.0, "shadow_px": 40, "shadow_angle": 60, "style": 0.5, "edges": "object"}
    assert reduced(given, 0.5) == {**given, "grow_px": 2, "feather_px": 1, "shadow_px": 20}


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
