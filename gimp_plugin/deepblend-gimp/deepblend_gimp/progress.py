"""How far a blend is: GIMP's own progress bar in a script, a small window with Cancel otherwise."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp

from .words import _


class Progress:
    """A context; ``tell`` shows a fraction and a word, and says whether the user has cancelled.

    Args:
        window: whether there is a user to look at one.
    """

    def __init__(self, window: bool) -> None:
        self._window: Any = None
        self._cancelled = False
        self._shown = (-1.0, "")
        if window:
            self._open()
        else:
            Gimp.progress_init(_("Deep Image Blending"))

    def tell(self, fraction: float, word: str) -> bool:
        if (fraction, word) != self._shown:
            self._shown = (fraction, word)
            if self._window is not None:
                self._bar.set_fraction(fraction)
                self._bar.set_text(word)
            else:
                Gimp.progress_set_text(word)
                Gimp.progress_update(fraction)
        return self._cancelled

    def _open(self) -> None:
        import gi

        gi.require_version("GimpUi", "3.0")
        gi.require_version("Gtk", "3.0")
        from gi.repository import GimpUi, Gtk

        GimpUi.init("deepblend-gimp")
        self._window = Gtk.Dialog(title=_("Deep Image Blending"), role="deepblend-progress")
        self._window.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
        self._window.set_default_size(360, -1)
        self._bar = Gtk.ProgressBar(show_text=True, margin=12)
        self._window.get_content_area().pack_start(self._bar, True, True, 0)
        self._window.connect("response", self._answered)
        self._window.show_all()

    def _answered(self, window: Any, response: int) -> None:
        self._cancelled = True
        self._bar.set_text(_("Cancelling"))

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._window is not None:
            self._window.destroy()
        else:
            Gimp.progress_end()
