"""What a style setting, and a painting's boldness, leave of an object."""

from __future__ import annotations

import pytest
from deepblend.engine.repainting.strength import Strength

STYLES = (0.1, 0.5, 0.6, 0.75, 0.9, 1.0)


@pytest.mark.parametrize("boldness", [0.0, 0.4, 1.0])
def test_more_style_leaves_less_of_the_object_and_no_more_at_any_boldness(boldness):
    left = [Strength.of(style, 0.5).among(boldness) for style in STYLES]
    for name in ("known", "tones", "detail", "lines"):
        values = [getattr(one, name) for one in left]
        assert values == sorted(values, reverse=True)
        hidden = name == "lines" and boldness == 1  # all of them, at every style
        assert values[1] > values[-1] > 0 or (hidden and values[-1] > 0)
    assert left[0].known == left[1].known  # below the default the seamless blend is mixed in


def test_bolder_strokes_hide_lines_most_nothing_it_is_known_by_and_nothing_more_at_style_1():
    faint, bold = (Strength.of(0.5, 0.5).among(boldness) for boldness in (0.1, 0.9))
    assert bold.lines < 0.7 * faint.lines
    assert bold.lines < bold.tones < 0.9 * faint.tones
    assert bold.known == faint.known == 1 and bold.detail == faint.detail
    most, calm = (Strength.of(1.0, 0.5).among(boldness) for boldness in (0.9, 0.0))
    assert (most.tones, most.lines, most.known) == (calm.tones, calm.lines, calm.known)


def test_what_is_coarse_is_spared_by_calm_paintings_alone_and_not_at_style_1():
    calm = [Strength.of(0.5, 0.5).among(boldness).calm for boldness in (0.1, 0.45, 0.6, 0.7, 0.8, 0.95)]
    assert calm[:2] == [1, 1] and calm[-2:] == [0, 0]
    assert calm == sorted(calm, reverse=True) and calm[2] > calm[3]
    assert Strength.of(1.0, 0.5).among(0.1).calm == 0


def test_colours_go_towards_those_that_are_matched_unless_they_are_kept_and_lightness_less_among_bold_strokes():
    default, own, faint = (Strength.of(style, keep).among(0.1) for style, keep in ((0.5, 0.5), (0.5, 1.0), (0.1, 0.5)))
    assert default.chroma > default.lightness > 0
    assert own.chroma == own.lightness == 0
    assert 0 < faint.chroma < default.chroma and 0 < faint.lightness < default.lightness
    bold = Strength.of(0.5, 0.5).among(0.9)
    assert bold.chroma == default.chroma and 0 < bold.lightness < default.lightness
