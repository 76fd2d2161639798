"""Krita's docker in the languages that have been looked at: all of it is seen, in the narrowest docker too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from krita_app import Krita
from krita_desk import Desk
from screen import Screen

NARROWEST = 236
"""Of 250 pixels, a scroll bar takes 14."""
SEEN = """
own = docker()
widget("more").setChecked(True)
own.widget().show_said(own.widget().blend.toolTip() + " " + widget("as_mask").toolTip(), True)
QtWidgets.QApplication.processEvents()
kinds = (QtWidgets.QLabel, QtWidgets.QCheckBox, QtWidgets.QPushButton)
def cut(one):
    if isinstance(one, QtWidgets.QLabel) and one.wordWrap():
        return one.height() < one.heightForWidth(one.width())
    return one.width() < one.fontMetrics().horizontalAdvance(one.text())
from deepblend_krita.qt import elided
choice = widget("gradients")
option = QtWidgets.QStyleOptionComboBox()
choice.initStyleOption(option)
long = own.widget().blend.toolTip()
shortened = [elided(option.fontMetrics, long, room, end) for room in (40, 110, 200) for end in (True, False)]
answer = {
    "dots": all("…" in one or "..." in one for one in shortened),
    "fits": all(option.fontMetrics.horizontalAdvance(one) <= 200 for one in shortened),
    "title": own.windowTitle(),
    "blend": widget("blend").text(),
    "width": own.widget().form.minimumSizeHint().width(),
    "narrow": own.widget().minimumSizeHint().width(),
    "cut": [
        one.text() for one in own.findChildren(QtWidgets.QWidget)
        if isinstance(one, kinds) and one.isVisible() and cut(one)
        and one.objectName() != "deepblend_hide" and not one.objectName().startswith("deepblend_history")
    ],
}
"""


@pytest.mark.parametrize(
    ("language", "blend"), [("es", "Fundir"), ("fr", "Fondre"), ("ja", "ブレンド"), ("zh_CN", "融合")]
)
def test_the_docker(
    krita_profile: Path, start_krita: Callable[..., Krita], krita_shots: Path, language: str, blend: str
):
    krita = start_krita(LANGUAGE=language)
    desk, screen = Desk(krita), Screen(krita, krita_shots)
    desk.open_example()
    krita.run("arrange(250)")
    seen = krita.run(SEEN)
    desk.keep(screen, f"docker_{language}")
    desk.close_all()
    krita.end()
    assert "Deep Image Blending" in seen["title"] and seen["blend"] == blend
    assert seen["dots"] and seen["fits"]
    assert seen["width"] < NARROWEST and not seen["cut"], seen
