"""How far a blend is: a small window with Cancel where there is a user, GIMP's own progress in a script."""

from __future__ import annotations

from typing import Any

from deepblend_protocol.words import _, time_left
from gi.repository import Gimp


class Progress:
    """A context.

    Args:
        window: whether there is a user to look at one.
        title: of the window.
    """

    def __init__(self, window: bool, title: str) -> None:
        self._window: Any = None
        self._cancelled = False
        self._shown: tuple[float, str, str] | None = None
        if window:
            self._open(title)
        else:
            Gimp.progress_init(title)

    def tell(self, fraction: float, word: str, left_s: float | None = None) -> bool:
        """Show how far it is; whether the user has cancelled.

        Args:
            left_s: seconds that it still takes, as far as that is known.
        """
        left = time_left(left_s) if left_s is not None else ""
        if (fraction, word, left) != self._shown and not self._cancelled:
            self._shown = (fraction, word, left)
            if self._window is not None:
                self._bar.set_fraction(fraction)
                percent = _("%(words)s: %(percent)d%%") % {"words": word, "percent": int(fraction * 100)}
                self._said.set_text(percent if fraction else word)
                self._left.set_text(left)
                self._refresh()
            else:
                Gimp.progress_set_text(word)
                Gimp.progress_update(fraction)
        return self._cancelled

    def _open(self, title: str) -> None:
        import gi

        gi.require_version("GimpUi", "3.0")
        gi.require_version("Gtk", "3.0")
        from gi.repository import GimpUi, Gtk

        GimpUi.init("deepblend-gimp")
        self._gtk = Gtk
        self._window = Gtk.Dialog(title=title, role="deepblend-progress")
        self._window.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
        self._window.set_default_size(420, -1)
        self._said, self._left = Gtk.Label(xalign=0), Gtk.Label(xalign=1)
        words = Gtk.Box(spacing=12, margin=12)
        words.pack_start(self._said, False, False, 0)
        words.pack_end(self._left, False, False, 0)
        self._bar = Gtk.ProgressBar(margin=12)
        for part in (words, self._bar):
            self._window.get_content_area().pack_start(part, False, False, 0)
        self._window.connect("response", self._answered)
        self._window.connect(
            "delete-event", lambda *_: True
        )  # closed means cancelled, and still there until that is so
        self._window.show_all()
        GimpUi.window_set_transient(self._window)
        self._refresh()

    def _refresh(self) -> None:
        """Draw before something follows that takes a while."""
        while self._gtk.events_pending():
            self._gtk.main_iteration_do(False)

    def _answered(self, window: Any, response: int) -> None:
        """Cancel was pressed, or the window closed."""
        self._cancelled = True
        self._said.set_text(_("Cancelling"))
        self._left.set_text("")
        window.set_response_sensitive(self._gtk.ResponseType.CANCEL, False)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._window is not None:
            self._window.destroy()
            self._refresh()
        else:
            Gimp.progress_end()
