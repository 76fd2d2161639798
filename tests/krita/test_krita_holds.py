"""How long Krita's window is held: measured with a timer on its GUI thread, and kept beside the screenshots."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from krita_desk import LINEAR, SRGB, Desk
from pictures import TYPES
from waiting import wait_for

WIDTH, HEIGHT, SIDE = 6000, 4000, 1024
SPACES = {"U8": ("U8", SRGB), "U16": ("U16", SRGB), "FLOAT": ("F32", LINEAR)}
KINDS = SPACES if os.environ.get("DEEPBLEND_ALL_DEPTHS") else ["U8"]
MOST_S = 5.0
"""Far more than is meant: a busy machine must not fail the tests, a whole document read at once shall."""
HEAD = ["depth", "nothing done for 2 s", "preview read", "Blend pressed", "layer inserted"]
HEAD += ["reading", "waiting", "inserting"]


@pytest.fixture(scope="module")
def holds(krita_shots: Path) -> Iterator[dict[str, list[float]]]:
    """The longest hold of each part, and how long the parts of a seamless blend took; in seconds."""
    found: dict[str, list[float]] = {}
    yield found
    rows = [HEAD, ["---"] * len(HEAD), *([name, *(f"{one:.2f}" for one in each)] for name, each in found.items())]
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    (krita_shots / "holds.md").write_text(table, encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_24_megapixels(desk: Desk, holds: dict[str, list[float]], kind: str):
    depth, profile = SPACES[kind]
    dtype = np.dtype(TYPES[kind])
    white = np.iinfo(dtype).max if dtype.kind == "u" else 1
    line = (np.random.default_rng(2).uniform(0.1, 0.9, (WIDTH + HEIGHT, 4)) * white).astype(dtype)
    line[:, 3] = white
    below = np.lib.stride_tricks.sliding_window_view(line, (WIDTH, 4))[:HEIGHT, 0]
    desk.open(
        below,
        below[:SIDE, :SIDE] // 2 if dtype.kind == "u" else below[:SIDE, :SIDE] / 2,
        (2000, 1500),
        space=("RGBA", depth, profile),
        active=False,
    )
    layer = "layer.setPixelData(samples('layer'), 2000, 1500, 1024, 1024)"
    desk.run(f"{layer}; ready(document, layer); document.setModified(False)")
    desk.activate()

    def longest() -> float:
        return desk.run("answer = max([0.0, *driver.holds]); driver.holds = []")

    desk.run("settings(style=0.5); driver.holds = []; began = QtCore.QTime.currentTime()")
    wait_for(lambda: desk.run("answer = began.msecsTo(QtCore.QTime.currentTime()) > 2000"), "two seconds")
    found = [longest()]
    desk.run("live(True); driver.holds = []")
    wait_for(lambda: desk.shown()["preview"], "the preview")
    found.append(longest())
    desk.run("live(False)")
    desk.run("driver.holds = []")
    desk.press(style=0.5)
    wait_for(lambda: desk.shown()["words"] == "Painting in", "the blend")
    found.append(longest())
    desk.run("widget('cancel').click()")
    assert desk.ended() == "Cancelled."
    desk.run("""
finished, told_end = [], shared().blends._ended


def ended(blend, node):
    finished.append(blend.seconds)
    told_end(blend, node)


shared().blends._ended = ended
""")
    desk.press(style=0.0)
    wait_for(lambda: desk.shown()["words"] not in ("Reading the picture", "Connecting to the server"), "the blend")
    longest()
    assert desk.ended() == "'Boat, seamless' was made."
    found.append(longest())
    took = desk.run("shared().blends._ended = told_end; answer = finished[0]")
    holds[depth] = [*found, took["reading"], took["waiting"], took["inserting"]]
    assert max(found) < MOST_S
