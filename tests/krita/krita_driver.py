"""Runs inside Krita, as a plug-in of its own: executes the scripts that the tests put into a folder, one after another.

Each script ``N.py`` is answered by ``N.json``: what it left in ``answer``, or its traceback. They run on the GUI
thread, between events, as a plug-in does; meanwhile it is measured how long that thread was held by others.
"""

import json
import os
import sys
import time
import traceback

from krita import Extension, Krita
from PyQt5 import QtCore, QtGui, QtWidgets

FOLDER = os.environ["DEEPBLEND_TEST_FOLDER"]
TICK_MS = 20


class Driver(QtCore.QObject):
    def __init__(self):
        super().__init__()
        self._number = 0
        self._last = time.monotonic()
        self.holds = []
        """How long the GUI thread was held, in seconds, each time that it was for more than 30 ms."""
        self.faults = []
        """Tracebacks that nobody caught; Krita would show them in a window that waits for its user."""
        sys.excepthook = lambda *error: self.faults.append("".join(traceback.format_exception(*error)))
        self._shared = {
            "Krita": Krita,
            "QtCore": QtCore,
            "QtGui": QtGui,
            "QtWidgets": QtWidgets,
            "driver": self,
            "FOLDER": os.path.dirname(FOLDER),
        }
        with open(os.path.join(FOLDER, "tools.py"), encoding="utf-8") as file:
            exec(compile(file.read(), "tools.py", "exec"), self._shared)
        self._timer = QtCore.QTimer(self)
        self._timer.setTimerType(QtCore.Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK_MS)

    def _tick(self):
        now = time.monotonic()
        if now - self._last > 0.03:
            self.holds.append(round(now - self._last, 4))
        path = os.path.join(FOLDER, f"{self._number}.py")
        if os.path.exists(path):
            self._execute(path)
        self._last = time.monotonic()

    def _execute(self, path):
        number, answer = self._number, {}
        self._number += 1  # first: a script that runs an event loop comes back here
        try:
            with open(path, encoding="utf-8") as file:
                self._shared["answer"] = None
                exec(compile(file.read(), path, "exec"), self._shared)
                answer["answer"] = self._shared["answer"]
            text = json.dumps(answer)
        except BaseException:
            text = json.dumps({"error": traceback.format_exc()})
        part = os.path.join(FOLDER, f"{number}.part")
        with open(part, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(part, os.path.join(FOLDER, f"{number}.json"))


class Started(Extension):
    def setup(self):
        pass

    def createActions(self, window):  # noqa: N802
        pass


driver = Driver()
