"""The docker: what it shows, and what its buttons do."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from deepblend_protocol.client import Event, State, StateChanged
from deepblend_protocol.plugins import set_up
from deepblend_protocol.plugins.refused import Refused
from deepblend_protocol.words import _
from krita import Canvas, DockWidget, Document, Krita, Node, View

from . import nodes, result
from .blends import Blend
from .canvas_overlay import CanvasOverlay
from .document import Selection, canvas_of
from .nodes import Subject
from .panel import Panel
from .picture_view import Shown
from .preview import Preview
from .qt import Qt, QtCore, QtGui, QtWidgets
from .session import Said, session
from .set_up import RECORD, SetUpPage
from .settings_form import checked as checked_settings
from .signs import Sign

TITLE = _("Deep Image Blending")
WATCH_MS = 500
"""How often selection and layers are looked at: Krita tells of neither."""
_LIVE, _ON_CANVAS, _PLACED = ("deepblend", "live"), ("deepblend", "on_canvas"), ("deepblend", "placed")
_OFF = _("The live preview is off.")
_FIRST_SHARE, _FIRST_MOST = 0.55, 620
"""Of the window's height, and pixels, that the docker takes when it is first shown."""


class Docker(DockWidget):
    """One in each of Krita's windows; what they have in common is the session's."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle(TITLE)
        self.setObjectName("deepblend")
        self._panel = Panel()
        self._page = SetUpPage(self) if set_up.needed(RECORD) else None
        """In the panel's place as long as there is no deepblend to work with."""
        self.setWidget(self._page or self._panel)
        self._session = session()
        self._preview = Preview(
            self._session.server, self._panel.form.values, self._show_preview, self._panel.form.decided, self
        )
        self._overlay = CanvasOverlay(self)
        self._document: Document | None = None
        """The document that is shown."""
        self._seen: Sign | str | None = None
        """What the preview is of; or why there is none."""
        self._looked: Sign | None = None
        """What was there when it was last looked."""
        self._recalled: dict[str, Any] | None = None
        """What the active layer was made with."""
        self._connect()
        if self._page is not None:
            self._page.done.connect(lambda: QtCore.QTimer.singleShot(0, self._set_up))
        self._watch = QtCore.QTimer(self)
        self._watch.setInterval(WATCH_MS)
        self._watch.timeout.connect(self._look)
        self._watch.start()
        Krita.instance().notifier().applicationClosing.connect(self._close)
        self._show_state()
        self._show_session()
        self._preview.clear("" if self._panel.live.isChecked() else _OFF)

    def _connect(self) -> None:
        panel, shared = self._panel, self._session
        panel.live.setChecked(Krita.instance().readSetting(*_LIVE, "true") == "true")
        panel.on_canvas.setChecked(Krita.instance().readSetting(*_ON_CANVAS, "false") == "true")
        panel.form.changed.connect(self._settings_changed)
        panel.form.picture.currentIndexChanged.connect(lambda index: self._refresh())
        panel.blend.clicked.connect(lambda checked=False: self.blend())
        panel.cancel.clicked.connect(lambda checked=False: self._cancel())
        panel.queue.cancelled.connect(shared.blends.cancel)
        panel.refresh.clicked.connect(lambda checked=False: self._refresh())
        panel.live.toggled.connect(self._live_toggled)
        panel.on_canvas.toggled.connect(self._on_canvas_toggled)
        panel.split.toggled.connect(lambda on: self._show_preview())
        panel.before.pressed.connect(self._show_preview)
        panel.before.released.connect(self._show_preview)
        panel.picture.sharper.connect(lambda: self._preview.want(panel.picture.longest))
        panel.hide_layer.clicked.connect(lambda checked=False: self._hide())
        panel.history.chosen.connect(self._show_preview)
        panel.history.apply.connect(shared.apply)
        panel.history.restore.connect(lambda entry: panel.form.set_values(checked_settings(entry.given)))
        panel.history.remove.connect(shared.forget)
        panel.recall.clicked.connect(lambda checked=False: self._recall())
        shared.happened.connect(self._take)
        shared.went_on.connect(self._show_session)
        shared.ended.connect(self._ended)
        shared.counted.connect(self._show_history)
        shared.live.connect(panel.live.setChecked)

    def _set_up(self) -> None:
        """There is a deepblend by now."""
        if self._page is not None:
            page, self._page = self._page, None
            self.setWidget(self._panel)
            self._panel.show()
            page.deleteLater()
            self._place()
            self._look()

    def canvasChanged(self, canvas: Canvas) -> None:  # noqa: N802
        """Krita: another document is in front."""
        QtCore.QTimer.singleShot(0, self._look)

    def showEvent(self, event: QtGui.QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self._place()

    def _place(self) -> None:
        """Take room when the panel is shown for the first time."""
        if Krita.instance().readSetting(*_PLACED, "") != "true" and self._panel.isVisible():
            Krita.instance().writeSetting(*_PLACED, "true")
            QtCore.QTimer.singleShot(0, self._take_room)

    def _take_room(self) -> None:
        """Be high enough to work with, when shown for the first time; Krita squeezes a new docker in below others."""
        window = self.parent()
        if isinstance(window, QtWidgets.QMainWindow) and not self.isFloating():
            height = min(_FIRST_MOST, round(window.height() * _FIRST_SHARE))
            if self.height() < height:
                window.resizeDocks([self], [height], Qt.Orientation.Vertical)

    def blend(self) -> None:
        """Blend the active layer with the settings as they are, after what is blended already."""
        if self._page is not None:
            return  # it says what is to be done first
        try:
            subject = self._subject()
        except Refused as error:
            self._session.say(nodes.document_of(self._view()), Said(str(error), True))
            return
        self._panel.history.unchoose()
        self._session.say(subject.document, Said(""))
        self._session.blends.start(subject, self._panel.form.values(), self._panel.form.as_mask.isChecked())

    # What is blended

    def _view(self) -> View | None:
        """The view that is in front in this docker's window, or None."""
        window = next((one for one in Krita.instance().windows() if one.qwindow() == self.parent()), None)
        return window.activeView() if window is not None else None

    def _subject(self) -> Subject:
        """The active layer; of a result, the layer that it was made of. Raises Refused."""
        subject = nodes.active(self._view())
        self._recalled = result.settings_of(subject.document, subject.node)
        original = result.original_of(subject.document, subject.node)
        if original is not None:
            subject.node = original
        subject.picture = self._panel.form.picture.node(subject.document)
        return subject

    def _recall(self) -> None:
        """Set the sliders as they were for the active layer: the one active now, not at the last look."""
        with suppress(Refused):
            self._subject()
        self._panel.form.set_values(checked_settings(self._recalled or {}))

    def _look(self) -> None:
        """See whether another layer is active, something else is there, or a document was closed."""
        self._session.blends.drop_closed()
        if not self._panel.isVisible():
            self._overlay.show_picture(None, None)
            return
        view = self._view()
        document = nodes.document_of(view)
        if document != self._document:
            self._document, self._seen = document, None
            self._preview.clear("" if self._panel.live.isChecked() else _OFF)
            self._panel.form.other_background()
            self._panel.form.picture.look()
            self._show_history()
            self._show_session()
        self._show_hiding()
        if self._session.blends.all:
            return  # what a blend reads is read, but nothing more
        self._recalled = None
        subject, selection, sign = None, None, None
        try:
            if document is not None:
                subject = self._subject()
                selection = Selection.of(subject)
                sign = Sign.of(subject, selection)
        except Refused as error:
            sign = str(error)
        self._panel.recall.setVisible(self._recalled is not None)
        self._follow(subject, selection, sign)

    def _follow(self, subject: Subject | None, selection: Selection | None, sign: Sign | str | None) -> None:
        """Have the preview be of this, if it is of something else. What is just being changed is waited for."""
        before, self._looked = self._looked, sign if isinstance(sign, Sign) else None
        if sign == self._seen or not self._panel.live.isChecked():
            return
        same = isinstance(sign, Sign) and isinstance(self._seen, Sign) and sign.subject == self._seen.subject
        if same and sign != before:
            return
        self._seen = sign
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
        self._preview.read(subject, anew=True)

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
        if self._panel.live.isChecked():
            self._panel.history.unchoose()
            self._preview.follow()

    def _live_toggled(self, on: bool) -> None:
        Krita.instance().writeSetting(*_LIVE, "true" if on else "false")
        if on:
            self._seen = None
            self._look()
        else:
            self._preview.clear(_OFF)
        self._session.live.emit(on)

    def _on_canvas_toggled(self, on: bool) -> None:
        Krita.instance().writeSetting(*_ON_CANVAS, "true" if on else "false")
        self._show_preview()

    def _cancel(self) -> None:
        blends = self._session.blends
        blend = blends.of(nodes.document_of(self._view())) or next(iter(blends.all), None)
        if blend is not None:
            blends.cancel(blend)

    def _hide(self) -> None:
        layer = self._layer_to_hide()
        if layer is not None and self._document is not None:
            self._session.hide(self._document, layer)

    # What is told

    def _take(self, event: Event) -> None:
        if isinstance(event, StateChanged):
            self._show_state()
        self._preview.take(event)

    def _ended(self, blend: Blend) -> None:
        """A blend has ended."""
        if blend.document == self._document and blend.job is not None:
            self._panel.form.decided(blend.job.report or {})
        if not self._session.blends.all:
            self._preview.paused = False
            self._look()
            self._preview.resume()

    def _close(self) -> None:
        self._watch.stop()
        self._preview.stop()
        self._overlay.show_picture(None, None)

    # What is shown

    def _show_session(self) -> None:
        """Show how far the blends are, and what is said of the document."""
        blends = self._session.blends.all
        if blends and not self._preview.paused:  # one thing at a time: the server would make the preview first
            self._preview.paused = True
            self._preview.stop()
        said = self._session.said_of(self._document)
        self._panel.show_blends(blends)
        self._panel.show_said(said.words, said.failed)
        self._show_hiding()

    def _layer_to_hide(self) -> Node | None:
        """The layer that the last result was made of, or None."""
        said = self._session.said_of(self._document)
        return nodes.found(self._document, said.layer_id) if said.layer_id and self._document is not None else None

    def _show_hiding(self) -> None:
        layer = self._layer_to_hide()
        if layer is None:
            self._panel.show_hiding("")
            return
        words = _("Hide '%s'") if layer.visible() else _("Show '%s' again")
        self._panel.show_hiding(words % layer.name())

    def _show_preview(self) -> None:
        chosen = self._panel.history.chosen_entries()[:2]
        before, preview = self._panel.before.isDown(), self._preview
        ground = preview.before
        panes: list[Shown] = []
        split = False
        if chosen and not before:
            panes = [one.picture._replace(caption=one.caption) for one in chosen]
            ground = ground if ground is not None and _within(panes[0].frame, ground.frame) else None
        elif ground is not None:
            after = preview.after or ground
            if before:
                panes = [ground]
            elif self._panel.split.isChecked():
                panes = [ground._replace(caption=_("Before")), after._replace(caption=_("After"))]
                split = True
            else:
                panes = [after]
        self._panel.show_pictures(ground, panes, split)
        self._panel.show_preview_words(
            "" if chosen else preview.words, preview.failed, 0 if chosen else preview.fraction
        )
        self._preview.want(self._panel.picture.longest)
        on_canvas = self._panel.on_canvas.isChecked() and not before and not chosen
        self._overlay.show_picture(self._view(), preview.after if on_canvas else None)

    def _show_history(self) -> None:
        document = self._document
        self._panel.history.show_entries(self._session.results.of(document) if document is not None else [])

    def _show_state(self) -> None:
        state = self._session.server.state
        words = {
            State.IDLE: _("Not connected; a blend starts the server."),
            State.STARTING: _("The server is starting."),
            State.CONNECTING: _("Connecting to the server."),
            State.READY: _("Connected to the server."),
            State.LOST: _("Not connected; the next blend tries again."),  # why is said where it mattered
        }
        self._panel.show_state(state, words[state])


def _within(frame: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return QtCore.QRectF(*other).contains(QtCore.QRectF(*frame))
