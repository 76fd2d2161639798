"""What all of Krita's windows share: the server, what is blended, the results, and what is said of a document."""

from __future__ import annotations

import json
from typing import NamedTuple

from deepblend_protocol.client import Event
from deepblend_protocol.plugins.refused import Refused, told
from deepblend_protocol.time_left import read_paces
from deepblend_protocol.words import _
from krita import Document, Krita, Node

from . import history, nodes, pictures, result
from .blends import Blend, Blends
from .picture_view import Shown
from .qt import QtCore, QtGui
from .server import Server
from .steps import Stepper

_PACES = ("deepblend", "paces")
LONGEST = 840
"""Pixels of a result's picture on its longer side."""


class Said(NamedTuple):
    """The last words on a document."""

    words: str
    failed: bool = False
    layer_id: str = ""
    """The layer that a result was made of, which is to be hidden for the result to be seen alone."""


class Session(QtCore.QObject):
    """One for all dockers, which are told by its signals."""

    happened = QtCore.pyqtSignal(object)
    """An Event of the client's."""
    went_on = QtCore.pyqtSignal()
    """Something is blended, has come further or has ended, or there are other words."""
    ended = QtCore.pyqtSignal(object)
    """A Blend."""
    counted = QtCore.pyqtSignal()
    """There are other results."""
    live = QtCore.pyqtSignal(bool)
    """Whether there is to be a live preview."""

    def __init__(self) -> None:
        super().__init__()
        self.server = Server(self._take, self)
        paces = read_paces(Krita.instance().readSetting(*_PACES, "{}"))
        self.blends = Blends(self.server, lambda blend: self.went_on.emit(), self._ended, paces, self)
        self.results = history.Kept()
        self._paces = paces
        self._said: list[tuple[Document | None, Said]] = []
        """By document; for None, of one that was closed."""
        self._steppers: list[Stepper] = []
        Krita.instance().notifier().applicationClosing.connect(self._close)

    def say(self, document: Document | None, said: Said) -> None:
        """Say something of a document, which is seen while that is in front; without one, until there is more."""
        self._said = [one for one in self._said if one[0] is not None and one[0] != document and nodes.is_open(one[0])]
        if said.words:
            self._said.append((document, said))
        self.went_on.emit()

    def said_of(self, document: Document | None) -> Said:
        fitting = [said for one, said in self._said if one is None or one == document]
        return fitting[-1] if fitting else Said("")

    def apply(self, entry: history.Entry) -> None:
        """Make a layer of a result again."""
        document = entry.document
        try:
            layer = nodes.found(document, entry.layer_id)
            plane, shadow = entry.place.moved((entry.plane, entry.shadow), document, layer)
            assert plane is not None
            if layer is None:  # deleted: the new one comes to lie on top
                tops = [one for one in document.topLevelNodes() if one.type() not in nodes.MASKS]
                layer = tops[-1]
            result.insert(document, layer, plane, entry.title, entry.given, entry.place.space, entry.as_mask, shadow)
        except Refused as error:
            self.say(document, Said(told(error), True))
            return
        words = [_("'%s' was made.") % entry.title, *nodes.told_of_groups(layer)]
        self.say(document, Said(" ".join(words), layer_id=entry.layer_id))

    def forget(self, entry: history.Entry) -> None:
        self.results.remove(entry)
        self.counted.emit()

    def hide(self, document: Document, layer: Node) -> None:
        """Hide a layer, or show one that is hidden: in an undo step of its own, where Krita has one for that."""
        self._steppers.append(
            Stepper(nodes.toggling(document, layer), lambda made: self.went_on.emit(), lambda error: None, self)
        )

    def _take(self, event: Event) -> None:
        self.blends.take(event)
        self.happened.emit(event)

    def _ended(self, blend: Blend, node: Node | None) -> None:
        is_open = nodes.is_open(blend.document)
        layer_id = blend.layer_id if node is not None else ""
        self.say(blend.document if is_open else None, Said(blend.said, blend.failed, layer_id))
        if blend.job is not None and blend.job.layer is not None and is_open:
            planes = [one for one in (blend.job.shadow, blend.job.layer) if one is not None]
            steps = pictures.showing_on(planes, blend.job.request.background, LONGEST)
            self._steppers.append(Stepper(steps, lambda picture: self._keep(blend, picture), lambda error: None, self))
            Krita.instance().writeSetting(*_PACES, json.dumps(self._paces))
        self._steppers = [one for one in self._steppers if not one.over]
        self.ended.emit(blend)

    def _keep(self, blend: Blend, picture: QtGui.QImage) -> None:
        assert blend.job is not None and blend.job.layer is not None
        shown = Shown(picture, blend.job.request.background.rect)
        self.results.add(
            history.Entry(
                document=blend.document,
                layer_id=blend.layer_id,
                place=blend.place,
                title=blend.title,
                given=blend.made,
                as_mask=blend.as_mask,
                plane=blend.job.layer,
                picture=shown,
                shadow=blend.job.shadow,
            )
        )
        self.counted.emit()

    def _close(self) -> None:
        self.blends.close()
        self.server.close()


_only: list[Session] = []


def session() -> Session:
    """The one that there is."""
    if not _only:
        _only.append(Session())
    return _only[0]
