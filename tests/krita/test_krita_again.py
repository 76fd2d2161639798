"""Krita ended and started again: what is remembered; large and small letters, the light theme; a Python without zmq."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from krita_app import Krita
from krita_desk import AT, BELOW, LAYER, Desk, ellipse
from pictures import engine
from screen import Screen
from waiting import DEADLINE_S, wait_for

MASK = ellipse((50, 40, 80, 60))
REPOSITORY = Path(__file__).parents[2]


def contrast(one: str, other: str) -> float:
    """Between two colours, as web pages are judged: from 1 to 21; 4.5 is to be read by all."""

    def light(name: str) -> float:
        parts = [int(name[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))

    brighter, darker = sorted((light(one), light(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def two_windows_have_one_state(desk: Desk):
    """What is set in one window stands in the other, and a blend is seen in both."""
    desk.run("""
front = Krita.instance().activeWindow()
mine = docker()
other = Krita.instance().openWindow()
QtWidgets.QApplication.processEvents()
""")
    found = """
others = [one for each in Krita.instance().windows() if each.qwindow() != front.qwindow() for one in each.dockers()]
twins = [one for one in others if one.objectName() == "deepblend"]
answer = bool(twins)
"""
    wait_for(lambda: desk.run(found), "another docker")
    desk.run("twin = twins[0].widget(); mine.widget().form.set_values({**DEFAULTS, 'style': 0.15})")
    assert desk.run("answer = twin.form.values()['style']") == 0.15
    desk.run("twin.live.setChecked(False)")
    assert not desk.run("answer = mine.widget().live.isChecked()")
    desk.run("twin.form.set_values({**DEFAULTS, 'style': 0.25, 'grow_px': 7.0, 'gradients': 'mixed'})")
    assert desk.run("answer = mine.widget().form.values()['style']") == 0.25
    desk.run("front.activate()")


def test_settings_are_kept_and_the_docker_fits_everywhere(start_krita: Callable[..., Krita], krita_shots: Path):
    first = Desk(start_krita(QT_SCALE_FACTOR="2"))
    first.open_example()
    first.run("live(True); docker().setFloating(True); docker().setGeometry(10, 10, 250, 420)")
    first.run("settings(style=0.25, grow_px=7.0, gradients='mixed'); widget('as_mask').setChecked(True)")
    width, needed = first.run("""
scrolled = widget("settings")
answer = [scrolled.viewport().width(), scrolled.widget().minimumSizeHint().width()]
""")
    assert needed <= width, "the docker does not fit"
    wait_for(lambda: first.shown()["preview"], "the preview")
    first.keep(Screen(first.krita, krita_shots), "docker_at_200_percent")
    two_windows_have_one_state(first)
    assert not first.run("answer = driver.faults")
    first.run("docker().setFloating(False)\nclose(document)\nfor one in retired: one.setModified(False)")
    first.krita.start("Krita.instance().action('file_quit').trigger()")
    try:
        first.krita.process.wait(DEADLINE_S)
    except subprocess.TimeoutExpired:
        raise AssertionError("Krita does not end") from None

    folder = first.folder
    settings = folder / "config" / "kritarc"
    settings.write_text(settings.read_text() + "\n[theme]\nTheme=Krita bright\n")
    plug_in = folder / "data" / "krita" / "pykrita" / "deepblend_krita"
    for one in plug_in.glob("vendor/py3*"):
        one.rename(one.with_name("hidden-" + one.name))
    file = plug_in / "installation.json"
    relay = [sys.executable, "-m", "deepblend_protocol.relay"]
    file.write_text(json.dumps({**json.loads(file.read_text()), "relay": relay}))
    second = Desk(start_krita(folder, shared=tuple({sys.prefix, sys.base_prefix, str(REPOSITORY)})))
    second.run("live(True); arrange(250)")
    kept, as_mask = second.run("answer = [docker().widget().form.values(), widget('as_mask').isChecked()]")
    assert (kept["style"], kept["grow_px"], kept["gradients"], as_mask) == (0.25, 7.0, "mixed", True)

    second.run("widget('as_mask').setChecked(False)")
    second.open(mask=MASK)
    second.run("settings(style=0.0); live(True)")
    wait_for(lambda: second.shown()["preview_done"], "the preview, through the relay")
    second.blend(style=0.0)
    assert not second.run("import sys; answer = 'zmq' in sys.modules")
    new, _ = second.made()
    expected, _ = engine(LAYER, AT, BELOW, MASK, style=0.0)
    np.testing.assert_array_equal(new, expected)
    screen = Screen(second.krita, krita_shots)
    second.close_all()
    second.open_example()
    second.run("settings(style=0.5); live(True); arrange(250)")
    wait_for(lambda: second.shown()["preview_done"], "the preview")
    second.keep(screen, "docker_light")
    second.blend(style=0.0)
    wait_for(lambda: second.shown()["history"] == 1, "the result")
    second.run("live(False); widget('tabs').setCurrentIndex(1); widget('history').setCurrentRow(0)")
    second.activate("document.topLevelNodes()[0]")
    second.press(style=0.0)
    assert second.ended().startswith("Nothing is visible below")
    second.run("widget('history').setCurrentRow(0)")
    second.keep(screen, "docker_light_error")
    words, ground = second.run("""
colours = widget("said").palette()
answer = [colours.windowText().color().name(), colours.window().color().name()]
""")
    assert contrast(words, ground) > 4.5, "what went wrong cannot be read"
    assert not second.run("answer = driver.faults")
