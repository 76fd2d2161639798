"""The preset "automatic": what it is decided by, what follows, and what the report says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from deepblend.engine import automatic, kind
from deepblend.engine.request import Rect, Request
from deepblend_protocol.errors import NotFinite, PlaneInvalid
from deepblend_protocol.geometry import STYLE_LONGEST
from deepblend_protocol.settings import PRESETS, as_given, resolve
from small_requests import PAPER, blended, same

SEES = pytest.mark.parametrize("sees", ["photograph", "painting"])


@pytest.fixture
def look(monkeypatch):
    """``look(sees)``: what is looked at from then on, in a list; the picture is said to be of that kind."""

    def begin(sees: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
        seen = []

        def looks_like(image: torch.Tensor, alpha: torch.Tensor) -> str:
            seen.append((image, alpha))
            return sees

        monkeypatch.setattr(kind, "looks_like", looks_like)
        return seen

    return begin


@SEES
def test_the_blend_is_the_presets_and_the_report_says_so(small, look, sees):
    look(sees)
    found = blended(small(preset="automatic"))
    assert same(found, blended(small(preset=sees)))
    assert found.report["looks_like"] == sees
    assert found.report["settings"] == as_given(resolve({"preset": "automatic", "edges": "selected", **PRESETS[sees]}))


@SEES
def test_what_is_given_is_not_decided(small, look, sees):
    look(sees)
    given = {"style": 0.2, "style_from": "background", "match": 0.5}
    report = blended(small(preset="automatic", **given)).report
    assert {name: report["settings"][name] for name in given} == given
    assert report["settings"]["grain"] == PRESETS[sees]["grain"]
    assert report["looks_like"] == sees


@pytest.mark.parametrize("settings", [{"preset": "painting"}, {**PRESETS["painting"], "preset": "automatic"}, PAPER])
def test_where_nothing_is_left_nobody_looks(small, look, settings):
    seen = look("photograph")
    asked = small(**settings)
    if settings is PAPER:
        asked = replace(asked, settings=resolve({key: PAPER[key] for key in ("method", "paper")}))
    assert blended(asked).report["looks_like"] is None
    assert not seen


def test_the_whole_background_is_looked_at_where_it_came(small, scenes, look):
    request = small(preset="automatic")
    whole = scenes.plane(np.full((40, 50, 3), 0.5), Rect(0, 0, 500, 400), scale=0.1)
    cases: list[tuple[Request, tuple[int, int]]] = [
        (replace(request, style=whole), (40, 50)),
        (replace(request, style=None), (54, 60)),
        (replace(request, style=whole, settings=resolve({"style_from": "surroundings"})), (40, 50)),
        (replace(request, style=whole, settings=resolve({"style_from": "picture"})), (54, 60)),
    ]
    for asked, size in cases:
        seen = look("photograph")
        automatic.decided(asked, "cpu")
        ((image, alpha),) = seen
        assert image.shape == (3, *size) and alpha.shape == size


@pytest.mark.parametrize("gray", [False, True])
def test_what_is_looked_at_is_small_and_in_colours(scenes, look, gray):
    seen = look("photograph")
    large = scenes.request(canvas=Rect(0, 0, 2 * STYLE_LONGEST, 300), gray=gray, preset="automatic")
    automatic.decided(replace(large, style=None), "cpu")
    ((image, alpha),) = seen
    assert image.shape == (3, 150, STYLE_LONGEST) and alpha.shape == (150, STYLE_LONGEST)
    below = large.background.samples.astype(float)
    assert abs(float(image.mean()) - below.mean()) < 0.1
    assert float(alpha.min()) == 1


def test_a_background_that_is_none_is_refused_first(small):
    request = small(np.float32, preset="automatic")
    wrong = request.style.samples.copy()
    wrong[3, 4] = np.nan
    with pytest.raises(NotFinite, match="style picture"):
        blended(replace(request, style=replace(request.style, samples=wrong)))
    with pytest.raises(PlaneInvalid, match="background"):
        blended(replace(request, style=None, background=replace(request.background, channels="CMYK")))
