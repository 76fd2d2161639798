"""Runs inside Krita, as a plug-in of its own: executes the scripts that the tests put into a folder, one after another.

They run on the GUI thread, between events, as a plug-in does; meanwhile it is measured how long that thread was held by
others.
"""

import os
import sys
import time
import traceback

from krita import Extension, Krita
from PyQt5 import QtCore, QtGui, QtWidgets

from . import answering

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
        number, self._number = self._number, self._number + 1  # a script that runs an event loop comes back here
        if not answering.execute(FOLDER, number, self._shared):
            self._number = number
        self._last = time.monotonic()


class Started(Extension):
    def setup(self):
        pass

    def createActions(self, window):  # noqa: N802
        pass


driver = Driver()
