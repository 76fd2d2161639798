"""GIMP with 24 megapixels: ``python -m benchmarks.gimp``. Needs what tests/gimp needs.

Prints seconds from the call to the new layer, by step, and how long GIMP itself was held at most. That is measured
from another plug-in, which asks GIMP for its images as fast as it answers: an answer waits for GIMP's main loop.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS / name) for name in ("gimp", "hosts", "service")]

import hosts_root  # noqa: E402
from gimp import Gimp  # noqa: E402
from harness import Served, wait_for  # noqa: E402
from screen import Screen  # noqa: E402

WIDTH, HEIGHT = 6000, 4000
SIDE = 1024
"""Of the square that is selected: a megapixel."""
DRAWN_S = 5
"""Until GIMP has drawn a picture that was just opened."""
OPEN = f"""
import random, time
image = tools.new_image({WIDTH}, {HEIGHT}, False, "PRECISION")
for name in ("Background", "Boat"):
    layer = Gimp.Layer.new(image, name, {WIDTH}, {HEIGHT}, Gimp.ImageType.RGBA_IMAGE, 100, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    layer.fill(Gimp.FillType.WHITE)
    for operation, values in (("gegl:plasma", dict(seed=len(name), turbulence=1.5)),):
        made = Gimp.DrawableFilter.new(layer, operation, "")
        for key, value in values.items():
            made.get_config().set_property(key, value)
        layer.merge_filter(made)
image.select_rectangle(Gimp.ChannelOps.REPLACE, 2400, 1500, {SIDE}, {SIDE})
image.set_selected_layers([layer])
image.clean_all()
answer = [len(image.get_layers()), layer.get_name()]
"""
SHOW = "\nshown = Gimp.Display.new(image)\nGimp.displays_flush()"
BLEND = """
began = time.monotonic()
done = tools.blend(image, layer, method="METHOD")
answer = {"total": time.monotonic() - began, "report": done["report"]}
"""
HELD = """
longest, count, since = 0.0, 0, time.monotonic()
while len(image.get_layers()) == LAYERS and time.monotonic() - since < 300:
    before = time.monotonic()
    Gimp.get_images()
    longest, count = max(longest, time.monotonic() - before), count + 1
for _ in range(50):
    before = time.monotonic()
    Gimp.get_images()
    longest = max(longest, time.monotonic() - before)
answer = {"longest": longest, "asked": count}
"""


def main() -> None:
    root = hosts_root.find()
    folder = Path(tempfile.mkdtemp(prefix="deepblend-benchmark-"))
    served = Served(folder / "server" / "connection.json", (), {})
    try:
        print(f"{os.cpu_count()} cores, {platform.machine()}, deepblend {served.connection.version}")
        wait_for(lambda: _ready(served), "the engine")
        (folder / "profile").mkdir()
        command = [sys.executable, "-m", "deepblend.commands.cli", "install", "gimp", "--no-check"]
        subprocess.run(
            [*command, "--profile", str(folder / "profile")],
            env={**os.environ, "DEEPBLEND_CONNECTION": str(served.path)},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        (folder / "profile" / "gimprc").write_text("(show-welcome-dialog no)\n(check-updates no)\n")
        print("precision       method    reading  sending  blending  inserting   total  (seconds)")
        gimp = Gimp(root, folder, shared=(str(served.path.parent),))
        for precision in ("U8_NON_LINEAR", "U16_NON_LINEAR"):
            for method in ("poisson", "deep"):
                print(f"{precision:15} {method:8} {_split(gimp, precision, method)}", flush=True)
        gimp.end()
        gimp = Gimp(root, folder, window=True, shared=(str(served.path.parent),))
        for precision in ("U8_NON_LINEAR", "U16_NON_LINEAR", "FLOAT_LINEAR"):
            gimp.run(OPEN.replace("PRECISION", precision) + SHOW, 300)
            screen = Screen(gimp, folder)
            window = screen.await_window("\\*?\\[Untitled\\]")
            screen.activate(window)
            time.sleep(DRAWN_S)
            for label, held in _held(gimp, screen).items():
                print(f"{precision:15} {label}: GIMP held for at most {held:.2f} s", flush=True)
            print(f"{precision:15} Cancel took {_cancelled(screen, window):.2f} s", flush=True)
            gimp.run("shown.delete()")
        gimp.end()
    finally:
        served.end()
        shutil.rmtree(folder)


def _ready(served: Served) -> bool:
    return any(psutil.Process(one.pid).memory_info().rss > 400e6 for one in served.workers())


def _split(gimp: Gimp, precision: str, method: str) -> str:
    gimp.run(OPEN.replace("PRECISION", precision), 300)
    known: dict[str, Any] = gimp.run(BLEND.replace("METHOD", method), 600)
    gimp.run("image.delete()")
    own, blending = known["report"]["gimp_seconds"], known["report"]["seconds"]["total"]
    steps = (own["reading"], own["waiting"] - blending, blending, own["inserting"], known["total"])
    return "".join(f"{each:9.2f}" for each in steps)


def _held(gimp: Gimp, screen: Screen) -> dict[str, float]:
    """By what the user does: opening the dialog with its preview, and the blend from OK to the new layer."""
    held = {}
    wait_for(lambda: gimp.run("b = time.monotonic(); Gimp.get_images(); answer = time.monotonic() - b") < 0.02, "rest")
    number = gimp.start(
        HELD.replace("== LAYERS and time.monotonic() - since < 300", "and time.monotonic() - since < 12")
    )
    screen.key("alt+r")
    screen.key("o")
    screen.key("b")
    window = screen.await_window("Deep Image Blending")
    held["the dialog and its preview"] = gimp.answer(number)["longest"]
    number = gimp.start(HELD.replace("LAYERS", "2"))
    screen.activate(window)
    screen.key("alt+n")
    held["from OK to the new layer"] = gimp.answer(number, 400)["longest"]
    return held


def _cancelled(screen: Screen, window: str) -> float:
    """Seconds from Cancel to the end of the progress window, some seconds into a blend."""
    screen.activate(window)
    screen.key("ctrl+z")
    screen.key("ctrl+f")
    progress = screen.await_window("Blending 'Boat'")
    screen.activate(progress)
    time.sleep(5)
    since = time.monotonic()
    screen.key("alt+c")
    screen.await_no_window("Blending 'Boat'")
    return time.monotonic() - since


if __name__ == "__main__":
    main()
