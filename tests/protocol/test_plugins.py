"""What the plug-ins have in common: the rule of what is read, presets, what is said, previews."""

from __future__ import annotations

import json

import pytest
from deepblend_protocol import errors, settings, words
from deepblend_protocol.geometry import Rect
from deepblend_protocol.messages import Plane, Previews
from deepblend_protocol.plugins import presets
from deepblend_protocol.plugins.preview import Reduction, Sharpness, room, sharpness
from deepblend_protocol.plugins.refused import Refused, told
from deepblend_protocol.plugins.region import is_painted, parts
from deepblend_protocol.time_left import read_paces

CANVAS = Rect(0, 0, 1000, 800)


def plane(rect: Rect, channels: str = "RGBA", samples: bytes = b"") -> Plane:
    return Plane(rect, rect.size, "u8", channels, samples or bytes(rect.w * rect.h * len(channels)))


# The region


def test_what_is_read_is_the_region_with_its_margin_and_the_layer_as_far_as_it_lies_in_that():
    crop, inside = parts(Rect(400, 300, 100, 80), Rect(380, 290, 500, 400), CANVAS, 0, 0)
    assert crop == Rect(336, 236, 228, 208)
    assert inside == Rect(380, 290, 184, 154)


def test_a_mask_beside_the_canvas_is_refused_with_its_place():
    with pytest.raises(errors.MaskOutside) as refused:
        parts(Rect(-60, 10, 50, 20), Rect(-60, 10, 50, 20), CANVAS, 0, 0)
    assert refused.value.params == {"left": -60, "right": -11, "top": 10, "bottom": 29, "width": 1000, "height": 800}


def test_a_mask_that_grows_onto_the_canvas_is_read():
    __, inside = parts(Rect(-60, 10, 50, 20), Rect(-60, 10, 100, 20), CANVAS, 20, 0)
    assert inside == Rect(0, 10, 40, 20)


@pytest.mark.parametrize(
    ("given", "painted"),
    [
        ({"preset": "painting"}, True),
        ({"preset": "photograph"}, False),
        ({"preset": "automatic"}, True),
        ({"preset": "automatic", "style": 0.0}, False),
        ({"method": "poisson", "preset": "painting"}, False),
    ],
)
def test_what_is_painted(given, painted):
    assert is_painted(settings.resolve(given)) is painted


# What is said


def test_what_an_exception_says(capsys):
    assert told(Refused("No picture is open.")) == "No picture is open."
    assert told(errors.MaskEmpty()) == words.sentence(errors.MaskEmpty())
    assert capsys.readouterr().err == ""


def test_a_fault_is_a_sentence_and_its_traceback_is_in_the_terminal(capsys):
    try:
        raise KeyError("layer")
    except KeyError as error:
        assert "KeyError('layer')" in told(error)
    assert "Traceback" in capsys.readouterr().err


def test_a_result_is_named_after_its_layer_and_its_style():
    assert words.result_name("Boat", {"method": "deep", "style": 0.25}) == "Boat, blended (style 0.25)"
    assert words.result_name("Boat", {"method": "deep", "style": 0.0}) == "Boat, seamless"
    assert words.result_name("Boat", {"method": "poisson", "style": 0.5}) == "Boat, seamless"
    assert words.result_name("100 %s", {"style": 0}) == "100 %s, seamless"
    assert words.shadow_name("Boat, seamless") == "Boat, seamless shadow"


# Presets


def test_a_preset_sets_its_values():
    assert presets.values_of("painting", {}) == settings.PRESETS["painting"]
    assert set(presets.values_of("seamless", {})) == set(settings.PRESET_NAMES)


def test_the_automatic_preset_follows_the_report():
    assert presets.values_of("automatic", {}) == settings.PRESETS["photograph"]
    assert presets.values_of("automatic", {"looks_like": "painting"}) == settings.PRESETS["painting"]
    assert presets.values_of("photograph", {"looks_like": "painting"}) == settings.PRESETS["photograph"]


def test_a_preset_that_sets_nothing_or_is_unknown_begins_as_everything_does():
    for name in (presets.OWN, "of a later version"):
        assert presets.values_of(name, {}) == settings.PRESETS["photograph"]


def test_what_was_kept_before_there_were_presets_is_own_values():
    old = {"style": 0.7, "keep-colours": 0.2}
    assert presets.of_today(old) == {"preset": "own", "match": 0.0, "grain": 0.0, **old}
    assert presets.of_today({"preset": "painting"}) == {"preset": "painting"}
    assert presets.of_today({"grow_px": 3.0}) == {"grow_px": 3.0}
    assert presets.of_today({}) == {}


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '{"mine": 3}'])
def test_damaged_presets_are_none(text):
    assert presets.read(text) == {}


def test_presets_are_read_as_they_were_kept():
    own = {"Mine": {"style": 0.5}, "Übung": {"preset": "painting"}}
    assert presets.read(json.dumps(own)) == own


@pytest.mark.parametrize("text", ["", "[]", '{"painted": "soon"}', '{"painted": null}', "7"])
def test_damaged_paces_are_none(text):
    assert read_paces(text) == {}


def test_paces_are_read_as_they_were_kept():
    assert read_paces('{"painted": 21.5, "seamless": 1}') == {"painted": 21.5, "seamless": 1.0}


# Previews


def test_there_is_room_to_grow_before_a_preview_reads_anew():
    assert room(settings.resolve({})) == (64.0, 40.0)
    assert room(settings.resolve({"grow_px": 100, "shadow": 1, "shadow_px": 60})) == (150.0, 90.0)


def test_a_small_document_is_not_made_larger():
    small = Reduction(Rect(10, 20, 200, 100), 420)
    assert (small.scale, small.frame) == (1.0, Rect(10, 20, 200, 100))
    assert small.place(Rect(15, 30, 20, 20)) == Rect(5, 10, 20, 20)


def test_a_large_document_is_reduced_with_its_places_and_lengths():
    small = Reduction(Rect(100, 200, 840, 400), 420)
    assert (small.scale, small.frame) == (0.5, Rect(50, 100, 420, 200))
    assert small.place(Rect(300, 300, 100, 50)) == Rect(100, 50, 50, 25)
    layer, ground = plane(Rect(0, 0, 50, 25)), plane(Rect(0, 0, 420, 200))
    given = {"preset": "photograph", "grow_px": 10.0, "feather_px": 3.0}
    request = small.request(layer, ground, None, lambda wanted: None, given, Previews(420, 150))
    assert request.settings == {"preset": "photograph", "grow_px": 5.0, "feather_px": 1.5}
    assert given["grow_px"] == 10.0
    assert request.style is None


def test_a_preview_has_the_style_picture_that_its_settings_want():
    small, pictures = Reduction(CANVAS, 420), {"background": plane(CANVAS), "picture": None}

    def style(**given):
        planes = plane(CANVAS), plane(CANVAS), None
        return small.request(*planes, pictures.get, given, Previews(420, 150)).style

    assert style(preset="painting") is pictures["background"]
    assert style(preset="photograph") is None
    with pytest.raises(Refused, match="none was chosen"):
        style(preset="photograph", style_from="picture")
    pictures["picture"] = plane(Rect(0, 0, 7, 7))
    assert style(preset="photograph", style_from="picture") is pictures["picture"]


def stripes(step: int, channels: str, alpha: int = 255) -> Plane:
    """80 by 60: columns that differ by so much from their neighbours."""
    rect = Rect(0, 0, 80, 60)
    row = b"".join(bytes([100 + step * (x % 2)] * (len(channels) - 1) + [alpha]) for x in range(rect.w))
    return plane(rect, channels, row * rect.h)


@pytest.mark.parametrize("channels", ["RGBA", "BGRA", "YA"])
def test_sharpness_is_how_much_neighbours_differ(channels):
    assert sharpness(stripes(10, channels)) == 10
    assert sharpness(stripes(0, channels)) == 0
    assert sharpness(stripes(10, channels, alpha=0)) == 0  # nobody sees it


def test_a_blurred_picture_on_the_way_is_a_step_back():
    known = Sharpness()
    shown = [known.allows(stripes(step, "RGBA")) for step in (10, 4, 7, 8, 12, 9)]
    assert shown == [True, False, False, True, True, True]
