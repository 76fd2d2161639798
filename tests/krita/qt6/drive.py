"""Runs where ``krita`` is the stand-in on PyQt6: the plug-in is loaded as Krita does it, and its docker used.

drive.py SCREENSHOT: prints JSON, what was seen.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from PyQt6 import QtCore, QtTest, QtWidgets

app = QtWidgets.QApplication([])
faults = []


def fault(*error):
    faults.append(repr(error[1]))
    sys.__excepthook__(*error)


sys.excepthook = fault  # what is raised in a slot would end the process

import deepblend_krita  # noqa: E402
import krita  # noqa: E402

assert deepblend_krita.Docker.__mro__[1] is krita.DockWidget
DEADLINE_S = 300.0


def until(happens, what):
    deadline = time.monotonic() + DEADLINE_S
    while not happens():
        assert time.monotonic() < deadline, f"{what}: not within {DEADLINE_S} s; {faults}"
        app.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents, 20)
        time.sleep(0.005)


here = krita.Krita.instance()
main = here.window.qwindow()
for one in here.extensions:
    one.setup()
    one.createActions(here.window)
docker = here.factories[0].kind()
main.addDockWidget(QtCore.Qt.DockWidgetArea.RightDockWidgetArea, docker)
main.resize(900, 800)
main.show()


def widget(name):
    return docker.findChild(QtCore.QObject, f"deepblend_{name}")


def painted(width, height, colour, name):
    rows, columns = np.mgrid[:height, :width]
    wave = 40 * np.sin(rows / 7 + columns / 11)
    samples = np.stack([np.clip(part + wave, 0, 255) for part in colour] + [np.full_like(wave, 255)], -1)
    return krita.Node(name, "paintlayer", samples.astype(np.uint8))


document = krita.Document(200, 160)
below, layer = painted(200, 160, (150, 90, 60), "below"), painted(110, 90, (40, 120, 200), "Boat")
layer._x, layer._y = 40, 30
document.rootNode().addChildNode(below, None)
document.rootNode().addChildNode(layer, below)
document.setActiveNode(layer)
chosen = krita.Selection()
chosen.setPixelData(np.full(60 * 50, 255, np.uint8).tobytes(), 60, 50, 60, 50)
document.setSelection(chosen)
here.open(document)
docker.canvasChanged(None)

until(lambda: docker._preview.done, "the live preview")
seen = {"qt": docker._preview.__class__.__mro__[1].__module__}
QtTest.QTest.mouseClick(widget("blend"), QtCore.Qt.MouseButton.LeftButton)
until(lambda: len(document.topLevelNodes()) == 3, "the new layer")
until(lambda: widget("said").text(), "the words")
made = document.topLevelNodes()[2]
box = made.bounds()
seen |= {"said": widget("said").text(), "name": made.name(), "box": [box.x(), box.y(), box.width(), box.height()]}
pixel = bytes(made.pixelData(90, 75, 1, 1))
seen["differs"] = pixel[3] == 255 and pixel != bytes(layer.pixelData(90, 75, 1, 1))
until(lambda: widget("history").count() == 1, "the result in the list")
docker.grab().save(sys.argv[1])
here.notifier().applicationClosing.emit()
print(json.dumps({**seen, "faults": faults}))
