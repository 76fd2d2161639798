"""What the docker shows where no deepblend is known: one button that sets it up, and how far that is."""

from __future__ import annotations

import os

from deepblend_protocol import paths
from deepblend_protocol.plugins import set_up
from deepblend_protocol.words import _, sentence
from krita import Krita

from . import host
from .panel import error_colour, wrapped
from .qt import QtCore, QtWidgets, elided

RECORD = host.HERE / "installation.json"
_EVERY_MS = 150


class SettingUp(QtCore.QObject):
    """The one attempt of all windows; ``went_on`` is told whenever there is more to show."""

    went_on = QtCore.pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.work = set_up.SetUp(RECORD, set_up.folder(), os.environ)
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(self._advance)
        Krita.instance().notifier().applicationClosing.connect(self.cancel)

    def begin(self) -> None:
        if self.work.over:
            self.work.begin()
            self._timer.start()
            self.went_on.emit()

    def cancel(self) -> None:
        self.work.cancel()
        self._timer.stop()
        self.went_on.emit()

    def _advance(self) -> None:
        self.work.advance()
        if self.work.over:
            self._timer.stop()
        self.went_on.emit()


_only: list[SettingUp] = []


def setting_up() -> SettingUp:
    """The one that there is."""
    if not _only:
        _only.append(SettingUp())
    return _only[0]


class SetUpPage(QtWidgets.QWidget):
    """``done`` is told when deepblend is there."""

    done = QtCore.pyqtSignal()

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent, objectName="deepblend_set_up")
        self._shared = setting_up()
        told = wrapped("deepblend_set_up_told")
        told.setText(_offer())
        self._begin = QtWidgets.QPushButton(_("Set Up"), objectName="deepblend_set_up_begin")
        self._begin.clicked.connect(lambda checked=False: self._shared.begin())
        self._cancel = QtWidgets.QPushButton(_("Cancel"), objectName="deepblend_set_up_cancel")
        self._cancel.clicked.connect(lambda checked=False: self._shared.cancel())
        self._bar = QtWidgets.QProgressBar(objectName="deepblend_set_up_progress")
        self._bar.setRange(0, 0)  # how much is still to come, nobody says
        self._bar.setTextVisible(False)
        self._bar.setMaximumHeight(6)
        self._step = wrapped("deepblend_set_up_step")
        self._line = QtWidgets.QLabel(objectName="deepblend_set_up_line")
        policy = QtWidgets.QSizePolicy.Policy
        self._line.setSizePolicy(policy.Ignored, policy.Fixed)  # a program's line may be long
        self._line.setEnabled(False)
        self._failed = wrapped("deepblend_set_up_failed")
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        for one in (told, self._begin, self._bar, self._step, self._line, self._cancel, self._failed):
            layout.addWidget(one)
        layout.addWidget(QtWidgets.QWidget(), 1)  # what is left of the height
        self._shared.went_on.connect(self._show)
        self._show()

    def _show(self) -> None:
        work = self._shared.work
        runs, line = not work.over, work.last_line()
        self._begin.setVisible(not runs)
        for one in (self._bar, self._step, self._line, self._cancel):
            one.setVisible(runs)
        self._step.setText(work.words)
        self._line.setText(elided(self.fontMetrics(), line, max(40, self.width() - 24)))
        self._line.setToolTip(line)
        self._failed.setText(sentence(work.error) if work.error is not None else "")
        self._failed.setStyleSheet(f"color: {error_colour(self.palette())}")
        self._failed.setVisible(work.error is not None)
        if work.done:
            self.done.emit()


def _offer() -> str:
    """What Set Up would do."""
    disk = set_up.takes_gb(set_up.has_card())
    if disk == set_up.LARGE_GB:
        fetched = _("Set Up fetches deepblend, and PyTorch with NVIDIA's libraries for the card that is here.")
    else:
        fetched = _("Set Up fetches deepblend, and PyTorch without a graphics card's libraries.")
    room = _("That takes about %(disk).1f GB in %(place)s. Nothing else on this computer is changed.")
    known = {"disk": disk, "place": paths.shown(set_up.folder())}
    return " ".join((_("Deep Image Blending is not set up yet."), fetched, room % known))
