"""The contact shadow in Krita: a layer of its own below the result, in one undo step, previewed, and made again."""

from __future__ import annotations

import numpy as np
from deepblend_protocol.geometry import Rect
from krita_desk import AT, BELOW, LAYER, Desk, rectangle
from pictures import engine, engine_shadow
from screen import Screen
from waiting import wait_for

ASKED = {"style": 0.0, "shadow": 0.7, "shadow_angle": 30.0, "shadow_px": 60.0}
"""Longer than the margin that a blend needs else."""
MASK = rectangle((60, 40, 24, 60))
TITLE = "Boat, seamless"


def over(below: np.ndarray, samples: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """A picture with a layer on it, (h, w, 4), 0..255."""
    x, y, w, h = box
    part, alpha = below[y : y + h, x : x + w, :3], samples[..., 3:] / 255
    part[:] = part + alpha * (samples[..., :3] - part)
    return below


def test_both_lie_in_a_group_that_one_undo_takes_back(desk: Desk, screen: Screen):
    desk.open(mask=MASK, script="layer.setVisible(False)")
    desk.run("before = state(document)")
    desk.blend(**ASKED)
    kinds = desk.run("answer = [new.type(), new.passThroughMode(), new.name(), names(new)]")
    assert kinds == ["grouplayer", True, TITLE, [f"{TITLE} shadow", TITLE]]
    desk.run("group, children = new, new.childNodes()")
    made = []
    for place, (samples, rect) in enumerate(
        function(LAYER, AT, BELOW, MASK, **ASKED) for function in (engine_shadow, engine)
    ):
        desk.run(f"new = children[{place}]")
        came, box = desk.made()  # Krita's bounds leave out what is transparent
        inside = Rect(*box).relative_to(rect).slices
        np.testing.assert_array_equal(came[..., 3], samples[inside][..., 3])
        np.testing.assert_array_equal(came[came[..., 3] > 0], samples[inside][came[..., 3] > 0])
        assert np.count_nonzero(samples[..., 3]) == np.count_nonzero(came[..., 3])
        made.append((samples, rect))
    expected = BELOW.astype(float)
    for one in made:
        expected = over(expected, *one)
    assert np.abs(desk.seen()[..., :3] - expected[..., :3]).max() <= 2
    kept = desk.run("""
import deepblend_krita.result as results
made = [group, *children]
answer = [[results.settings_of(document, one), results.original_of(document, one) == layer] for one in made]
""")
    assert all(settings["shadow_px"] == 60 and same for settings, same in kept)

    desk.run("Krita.instance().action('edit_undo').trigger(); document.waitForDone()")
    wait_for(lambda: desk.run("answer = state(document)['layers'] == before['layers']"), "both to be taken back")


def test_the_history_makes_both_again_and_the_edge_can_be_a_mask(desk: Desk):
    desk.open(mask=MASK)
    desk.run("widget('as_mask').setChecked(True)")
    desk.blend(**ASKED)
    wait_for(lambda: desk.shown()["history"], "the result in the history")
    desk.run("widget('history').setCurrentRow(0); widget('history_apply').click(); document.waitForDone()")
    answer = desk.run("""
tops = document.topLevelNodes()[:4]
answer = [[one.name() for one in tops], [[names(one) for one in top.childNodes()] for top in tops[2:]]]
""")
    assert answer == [["below", "Boat", TITLE, TITLE], [[[], ["Edge"]]] * 2]


def test_the_preview_shows_it(desk: Desk, screen: Screen):
    desk.open_example()
    desk.run("settings(style=0.0); live(True)")
    wait_for(lambda: desk.shown()["preview_done"], "the preview")
    without = desk.run("answer = preview_look()")
    desk.run("settings(style=0.0, shadow=1.0, shadow_angle=100.0, shadow_px=70.0)")
    wait_for(lambda: desk.shown()["preview_done"], "the preview")
    assert desk.run("answer = preview_look()") != without
    desk.keep(screen, "shadow_preview")
    desk.blend(style=0.0, shadow=1.0, shadow_angle=100.0, shadow_px=70.0)
    desk.run("layer.setVisible(False); document.refreshProjection(); document.waitForDone()")
    desk.keep(screen, "shadow")
