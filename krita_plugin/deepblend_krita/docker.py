"""The docker: what it shows, and what its buttons do."""

from __future__ import annotations

from typing import Any

from deepblend_protocol.client import Event, State, StateChanged
from deepblend_protocol.words import _
from krita import DockWidget, Krita

from . import history, nodes, pictures, result
from .blends import Blend, Blends, words_of
from .document import Selection, canvas_of
from .nodes import Subject
from .panel import Panel
from .preview import LONGEST, Preview
from .qt import QtCore
from .server import Server
from .settings_form import checked as checked_settings
from .spaces import Refused
from .steps import Stepper

TITLE = _("Deep Image Blending")
WATCH_MS = 500
"""How often selection and layer are looked at: Krita tells of neither."""
_KEPT = history.Kept()
_LIVE = ("deepblend", "live")
_OFF = _("The live preview is off.")


class Docker(DockWidget):
    """One in each of Krita's windows."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle(TITLE)
        self.setObjectName("deepblend")
        self._panel = Panel()
        self.setWidget(self._panel)
        self._server = Server(self._take, self)
        self._blends = Blends(self._server, self._show_blend, self._ended, self)
        self._preview = Preview(
            self._server, self._panel.form.values, self._show_preview, self._panel.form.decided, self
        )
        self._said: list[tuple[Any, str, bool]] = []
        """The last words by document; for None, of one that was closed."""
        self._seen: Any = None
        """What is shown: a document, a layer and a selection."""
        self._told_of: Any = None
        """The document whose background the form speaks of."""
        self._recalled: dict[str, Any] | None = None
        """What the active layer was made with."""
        self._pictures: list[Stepper] = []
        panel = self._panel
        panel.live.setChecked(Krita.instance().readSetting(*_LIVE, "true") == "true")
        panel.form.changed.connect(self._settings_changed)
        panel.form.picture.currentIndexChanged.connect(lambda index: self._refresh())
        panel.blend.clicked.connect(lambda checked=False: self.blend())
        panel.cancel.clicked.connect(lambda checked=False: self._cancel())
        panel.refresh.clicked.connect(lambda checked=False: self._refresh())
        panel.live.toggled.connect(self._live_toggled)
        panel.before.pressed.connect(self._show_preview)
        panel.before.released.connect(self._show_preview)
        panel.history.chosen.connect(lambda entry: self._show_preview())
        panel.history.apply.connect(self._apply)
        panel.history.restore.connect(lambda entry: panel.form.set_values(checked_settings(entry.given)))
        panel.history.remove.connect(self._forget)
        panel.recall.clicked.connect(
            lambda checked=False: panel.form.set_values(checked_settings(self._recalled or {}))
        )
        self._watch = QtCore.QTimer(self)
        self._watch.setInterval(WATCH_MS)
        self._watch.timeout.connect(self._look)
        self._watch.start()
        Krita.instance().notifier().applicationClosing.connect(self._close)
        self._show_state()
        self._show_blend()
        self._preview.clear("" if panel.live.isChecked() else _OFF)

    def canvasChanged(self, canvas: Any) -> None:  # noqa: N802
        """Krita: another document is in front."""
        QtCore.QTimer.singleShot(0, self._look)

    def blend(self) -> None:
        """Blend the active layer with the settings as they are."""
        document = Krita.instance().activeDocument()
        if self._blends.of(document) is not None:
            return
        try:
            subject = self._subject()
        except Refused as error:
            self._say(document, str(error), True)
            return
        self._preview.stop()  # one thing at a time: the server would make the preview first
        self._panel.history.unchoose()
        self._say(document, "")
        self._blends.start(subject, self._panel.form.values(), self._panel.form.as_mask.isChecked())

    # What is blended

    def _subject(self) -> Subject:
        """The active layer; of a result, the layer that it was made of. Raises Refused."""
        subject = nodes.active()
        self._recalled = result.settings_of(subject.document, subject.node)
        original = result.original_of(subject.document, subject.node)
        if original is not None:
            subject.node = original
        subject.picture = self._panel.form.picture.node(subject.document)
        return subject

    def _look(self) -> None:
        """See whether another layer is active, something else selected, or a document closed."""
        self._blends.drop_closed()
        if not self._panel.isVisible():
            return
        document = Krita.instance().activeDocument()
        if document != self._told_of:
            self._told_of = document
            self._panel.form.other_background()
        self._recalled = None
        try:
            subject = self._subject() if document is not None else None
            selection = Selection.of(subject) if subject is not None else None
            sign = (subject.id, selection.sign() if selection is not None else None) if subject is not None else None
        except Refused as error:
            subject, selection, sign = None, None, str(error)
        self._panel.recall.setVisible(self._recalled is not None)
        if self._seen is not None and self._seen[0] == document and self._seen[1] == sign:
            return
        other = self._seen is None or self._seen[0] != document
        self._seen = (document, sign)
        if other:
            self._panel.form.picture.look()
            self._show_history()
            self._show_blend()
        if self._panel.live.isChecked() and self._blends.of(document) is None:
            self._read(subject, selection, sign if isinstance(sign, str) else "")

    def _read(self, subject: Subject | None, selection: Selection | None, refused: str = "") -> None:
        """Show the preview of what is active now."""
        if subject is None:
            self._preview.clear(refused)
            return
        bounds = subject.node.bounds()
        width, height = canvas_of(subject.document)[2:]
        if selection is None and bounds.contains(QtCore.QRect(0, 0, width, height)):
            self._preview.clear(_("Select the object on this layer, roughly; then its blend is shown here."))
            return
        self._preview.read(subject)

    def _refresh(self) -> None:
        """Read everything anew."""
        try:
            subject = self._subject()
        except Refused as error:
            self._preview.clear(str(error))
            return
        self._preview.read(subject, anew=True)

    # What the user does

    def _settings_changed(self) -> None:
        if self._panel.live.isChecked() and not self._blends.any:
            self._panel.history.unchoose()
            self._preview.follow()

    def _live_toggled(self, on: bool) -> None:
        Krita.instance().writeSetting(*_LIVE, "true" if on else "false")
        if on:
            self._seen = None
            self._look()
        else:
            self._preview.clear(_OFF)

    def _cancel(self) -> None:
        blend = self._blends.of(Krita.instance().activeDocument())
        if blend is not None:
            self._blends.cancel(blend)

    def _apply(self, entry: history.Entry) -> None:
        """Make a layer of a result again."""
        document = entry.document
        try:
            layer = nodes.found(document, entry.layer_id)
            plane, shadow = entry.place.moved((entry.plane, entry.shadow), document, layer)
            assert plane is not None
            if layer is None:  # deleted: the new one comes to lie on top
                tops = [one for one in document.topLevelNodes() if one.type() not in nodes.MASKS]
                layer = tops[-1]
            result.insert(document, layer, plane, entry.title, entry.given, entry.as_mask, shadow)
        except Refused as error:
            self._say(document, words_of(error), True)
            return
        self._say(document, _("'%s' was made.") % entry.title)

    def _forget(self, entry: history.Entry) -> None:
        _KEPT.remove(entry)
        self._show_history()

    # What the server tells

    def _take(self, event: Event) -> None:
        if isinstance(event, StateChanged):
            self._show_state()
        self._blends.take(event)
        self._preview.take(event)

    def _ended(self, blend: Blend, node: Any) -> None:
        """A blend has ended."""
        self._say(blend.document if nodes.is_open(blend.document) else None, blend.said, blend.failed)
        if blend.job is not None and blend.job.layer is not None and nodes.is_open(blend.document):
            planes = [one for one in (blend.job.shadow, blend.job.layer) if one is not None]
            steps = pictures.showing_on(planes, blend.job.request.background, LONGEST)
            stepper = Stepper(steps, lambda picture: self._keep(blend, picture), lambda error: None, self)
            self._pictures.append(stepper)
            if blend.document == Krita.instance().activeDocument():
                self._panel.form.decided(blend.job.report or {})
        self._show_blend()
        self._seen = None  # the preview goes on
        QtCore.QTimer.singleShot(0, self._look)

    def _keep(self, blend: Blend, picture: Any) -> None:
        assert blend.job is not None and blend.job.layer is not None
        made = (blend.job.layer, picture, blend.job.shadow)
        of = (blend.document, blend.layer_id, blend.place)
        entry = history.Entry(*of, blend.title, blend.made, blend.as_mask, *made)
        _KEPT.add(entry)
        self._show_history()

    def _close(self) -> None:
        self._watch.stop()
        self._preview.stop()
        self._blends.close()
        self._server.close()

    # What is shown

    def _say(self, document: Any, words: str, failed: bool = False) -> None:
        """Say something of a document, which is seen while that is in front; without one, until there is more."""
        self._said = [one for one in self._said if one[0] is not None and one[0] != document and nodes.is_open(one[0])]
        if words:
            self._said.append((document, words, failed))
        if document is None or document == Krita.instance().activeDocument():
            self._panel.show_said(words, failed)

    def _show_blend(self, blend: Blend | None = None) -> None:
        """Show how far the active document's blend is."""
        document = Krita.instance().activeDocument()
        own = self._blends.of(document)
        self._panel.show_progress(own.fraction if own is not None else None, own.words if own is not None else "")
        if own is None and blend is None:
            fitting = [one for one in self._said if one[0] is None or one[0] == document]
            __, words, failed = fitting[-1] if fitting else (None, "", False)
            self._panel.show_said(words, failed)

    def _show_preview(self) -> None:
        entry = self._panel.history.entry()
        before = self._panel.before.isDown()
        preview = self._preview
        if entry is not None and not before:
            self._panel.show_picture(entry.picture, "", 0.0)
            return
        image = preview.before if before or preview.after is None else preview.after
        self._panel.show_picture(image, preview.words, preview.fraction)

    def _show_history(self) -> None:
        document = Krita.instance().activeDocument()
        self._panel.history.show_entries(_KEPT.of(document) if document is not None else [])

    def _show_state(self) -> None:
        state = self._server.state
        words = {
            State.IDLE: _("Not connected; a blend starts the server."),
            State.STARTING: _("The server is starting."),
            State.CONNECTING: _("Connecting to the server."),
            State.READY: _("Connected to the server."),
            State.LOST: _("Not connected; the next blend tries again."),  # why is said where it mattered
        }
        self._panel.show_state(state, words[state])
