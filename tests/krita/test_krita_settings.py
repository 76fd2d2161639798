"""The docker's presets: a choice that is kept, what it leaves to the engine, and what older versions have kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from deepblend_protocol.settings import PRESET_NAMES, PRESETS
from krita_desk import Desk, ellipse
from waiting import wait_for

ELLIPSE = ellipse((50, 40, 80, 60))
FORM = """
form = docker().widget().form
answer = [form.preset, form.values(), {name: form._value(name) for name in form._fields},
          widget("looks").text() if widget("looks").isVisibleTo(form) else ""]
"""
CHOOSE = """
combo = widget("preset")
combo.setCurrentIndex(combo.findData("PRESET"))
combo.activated.emit(combo.currentIndex())
"""
KINDS = {"Looks like a photograph": "photograph", "Looks like a painting": "painting"}


def form(desk: Desk) -> tuple[str, dict[str, Any], dict[str, Any], str]:
    """The preset, what would be sent, what the sliders show, and what is said of the background."""
    preset, sent, shown, looks = desk.run(FORM)
    return preset, sent, shown, looks


def choose(desk: Desk, preset: str) -> None:
    desk.run(CHOOSE.replace("PRESET", preset))


def of_presets(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in PRESET_NAMES}


def test_automatic_shows_what_was_decided(desk: Desk):
    desk.open(mask=ELLIPSE)
    choose(desk, "automatic")
    preset, sent, _, _ = form(desk)
    assert (preset, sent["preset"], of_presets(sent)) == ("automatic", "automatic", {})
    desk.run("live(True)")
    wait_for(lambda: desk.shown()["preview_done"], "the preview")
    preset, sent, shown, looks = form(desk)
    assert of_presets(shown) == PRESETS[KINDS[looks]]
    assert (preset, of_presets(sent)) == ("automatic", {}), "what is shown is not given"
    assert desk.shown()["preview_done"], "what was decided began another preview"

    other = "painting" if KINDS[looks] == "photograph" else "photograph"
    desk.run(f"form.decided({{'looks_like': {other!r}}})")
    _, _, shown, _ = form(desk)
    assert of_presets(shown) == PRESETS[other]
    desk.run("widget('grow_px').setValue(4)")
    assert form(desk)[0] == "automatic", "the edge is no preset's"
    desk.run("widget('match').setValue(0.75); live(False)")
    preset, sent, _, looks = form(desk)
    assert (preset, looks, "preset" in sent) == ("own", "", False)
    assert of_presets(sent) == {**PRESETS[other], "match": 0.75}


@pytest.mark.parametrize("preset", ["photograph", "painting", "seamless"])
def test_a_preset_sets_its_values_and_sends_its_name(desk: Desk, preset: str):
    desk.run("live(False); settings(style=0.9)")
    choose(desk, preset)
    chosen, sent, shown, looks = form(desk)
    assert (chosen, sent["preset"], of_presets(sent), looks) == (preset, preset, {}, "")
    assert {name: shown[name] for name in PRESETS[preset]} == PRESETS[preset]
    choose(desk, "own")
    _, sent, shown, _ = form(desk)
    assert of_presets(sent) == of_presets(shown)


def test_a_result_keeps_its_preset_and_what_was_made_of_it(desk: Desk):
    desk.run("live(False); settings()")
    choose(desk, "automatic")
    desk.open(mask=ELLIPSE)
    desk.run("widget('blend').click()")
    said = desk.ended()
    kind = KINDS[form(desk)[3]]
    style = PRESETS[kind]["style"]
    assert said == ("'Boat, seamless' was made." if style == 0 else f"'Boat, blended (style {style:g})' was made.")
    (kept,) = json.loads(desk.run("answer = bytes(document.annotation('deepblend')).decode()")).values()
    assert kept["settings"]["preset"] == "automatic"
    assert of_presets(kept["settings"]) == PRESETS[kind]
    wait_for(lambda: desk.shown()["history"] == 1, "the thumbnail")
    told = desk.run("answer = widget('history').item(0).toolTip()").split("\n")
    assert told[1:3] == ["Preset: Automatic", f"Style: {PRESETS[kind]['style']:g}"]
    desk.run("settings(style=1.0); widget('history').setCurrentRow(0); widget('history_restore').click()")
    preset, sent, _, _ = form(desk)
    assert (preset, of_presets(sent)) == ("automatic", {})


OLD = {"method": "deep", "feather_px": 2.0, "grow_px": 0.0, "gradients": "mixed", "as_mask": False}
DEFAULT = {"style": 0.5, "keep_colours": 0.5, "style_from": "background"}


@pytest.mark.parametrize(
    ("kept", "preset", "expected"),
    [
        ({}, "automatic", PRESETS["photograph"]),
        ({**OLD, **DEFAULT}, "automatic", PRESETS["photograph"]),
        ({**OLD, **DEFAULT, "style": 0.3}, "own", {**DEFAULT, "style": 0.3, "match": 0.0, "grain": 0.0}),
        ({"preset": "painting"}, "painting", PRESETS["painting"]),
        ({"preset": "own", **PRESETS["painting"], "match": 0.25}, "own", {**PRESETS["painting"], "match": 0.25}),
        ({"preset": "of a later version", "style": 7, "edges": "blue"}, "automatic", PRESETS["photograph"]),
    ],
    ids=["nothing", "the old default", "old values", "a preset", "own values", "of a later version"],
)
def test_what_was_kept_is_read_as_it_was_meant(desk: Desk, kept: dict[str, Any], preset: str, expected: dict[str, Any]):
    values, shown = desk.run(f"""
from deepblend_krita.settings_form import SettingsForm
Krita.instance().writeSetting("deepblend", "settings", {json.dumps(kept)!r})
form = SettingsForm()
answer = [form.values(), {{name: form._value(name) for name in form._fields}}]
form.deleteLater()
""")
    assert values.get("preset", "own") == preset
    assert of_presets(shown) == expected
    assert (shown["feather_px"], shown["gradients"]) == ((2.0, "mixed") if kept.get("method") else (0.0, "source"))
    assert (shown["edges"], shown["shadow"], shown["shadow_px"]) == ("automatic", 0.0, 40.0)


def test_the_shadow_is_folded_away_and_has_an_angle_only_where_it_is(desk: Desk):
    desk.run("live(False); settings(); widget('more').setChecked(False)")
    seen = "answer = [widget(name).isVisibleTo(form) for name in ('shadow', 'shadow_angle', 'shadow_px_slider')]"
    usable = "answer = [widget(name).isEnabled() for name in ('shadow', 'shadow_angle', 'shadow_px_slider')]"
    desk.run("form = docker().widget().form")
    assert desk.run(seen) == [False] * 3
    desk.run("widget('more').setChecked(True)")
    assert desk.run(seen) == [True] * 3
    assert desk.run(usable) == [True, False, False]
    desk.run("widget('shadow').setValue(0.5)")
    assert desk.run(usable) == [True] * 3
    assert desk.run("answer = form.values()")["shadow"] == 0.5
    desk.run("widget('more').setChecked(False); settings(shadow=0.25)")
    assert desk.run(seen) == [True] * 3, "a shadow that was set is not hidden"
    desk.run("settings(); widget('more').setChecked(False)")
