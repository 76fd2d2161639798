"""Krita's Deep Image Blending: registers the docker, and an action that blends with the last settings."""

from __future__ import annotations

from krita import DockWidgetFactory, DockWidgetFactoryBase, Extension, Krita, Window

from . import host

host.prepare()  # before anything of ours that imports deepblend_protocol

from .docker import Docker  # noqa: E402

DOCKER = "deepblend"
ACTION = "deepblend_blend"


class DeepBlend(Extension):
    """The action; its shortcut can be set in Krita's settings."""

    def setup(self) -> None:
        """Krita: has started."""

    def createActions(self, window: Window) -> None:  # noqa: N802
        """Krita: a window was opened."""
        from deepblend_protocol.words import _

        action = window.createAction(ACTION, _("Blend with the last settings"), "tools/scripts")
        action.triggered.connect(lambda checked=False: self._blend())

    @staticmethod
    def _blend() -> None:
        for one in Krita.instance().dockers():  # of the window in front; Krita 5.1 knows no other way
            if isinstance(one, Docker):
                one.setVisible(True)  # it says how far it is
                one.blend()
                return


Krita.instance().addExtension(DeepBlend(Krita.instance()))
Krita.instance().addDockWidgetFactory(DockWidgetFactory(DOCKER, DockWidgetFactoryBase.DockPosition.DockRight, Docker))
