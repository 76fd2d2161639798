"""GIMP in other languages: the plug-in speaks them as well, and changes its language when GIMP does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from gimp import Gimp
from harness import Served
from screen import Screen

WORDS = """
made = pdb.lookup_procedure("deepblend")
answer = [made.get_menu_label(), made.get_blurb(), made.find_argument("keep-colours").get_blurb()]
"""
EMPTY = """
image = tools.new_image(60, 40)
layer = Gimp.Layer.new(image, "Boot", 60, 40, Gimp.ImageType.RGBA_IMAGE, 100.0, Gimp.LayerMode.NORMAL)
image.insert_layer(layer, None, 0)
answer = tools.blend(image, layer, wanted=False)["said"]
"""
SHOWN = """
image = tools.new_image(400, 300)
for name, width, height in (("below", 400, 300), ("Boot", 200, 150)):
    layer = Gimp.Layer.new(image, name, width, height, Gimp.ImageType.RGBA_IMAGE, 100.0, Gimp.LayerMode.NORMAL)
    layer.fill(Gimp.FillType.FOREGROUND if name == "below" else Gimp.FillType.BACKGROUND)
    image.insert_layer(layer, None, 0)
layer.set_offsets(100, 70)
Gimp.Display.new(image)
answer = tools.blend(image, layer, mode=Gimp.RunMode.INTERACTIVE, wanted=False)["status"]
"""


def test_the_words_are_those_of_gimps_language(start: Callable[..., Gimp], root: Path, gimp_server: Served):
    first = start()
    english = first.run(WORDS)
    assert english[0] == "Deep Image _Blending…"
    first.end()
    settings = first.folder / "profile" / "gimprc"
    with settings.open("a", encoding="utf-8") as file:
        file.write('(language "de")\n')  # as the preferences do it
    second = Gimp(root, first.folder, False, (str(gimp_server.path.parent),))
    try:
        label, blurb, keep = second.run(WORDS)
        assert label == "_Nahtlos einpassen (Deep Image Blending) …"
        assert blurb.startswith("Passt den ausgewählten Teil der Ebene")
        assert keep.startswith("Wie viel von seinen Tönen und Farben")
        assert second.run(EMPTY).startswith("Die Maske ist leer: Kein Pixel ist zugleich ausgewählt und")
    finally:
        second.end()
    left = [line for line in settings.read_text(encoding="utf-8").splitlines() if not line.startswith("(language ")]
    settings.write_text("\n".join(left), encoding="utf-8")
    third = Gimp(root, first.folder)
    try:
        assert third.run(WORDS) == english
    finally:
        third.end()


TITLES = {"de": "Nahtlos einpassen"}
"""Where it is not "Deep Image Blending"."""


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "ja", "zh_CN"])
def test_the_dialog(start: Callable[..., Gimp], root: Path, shots: Path, tmp_path: Path, language: str):
    """GIMP's own words too: it warns of keys that two labels share."""
    # The C library translates nothing in the C locale, and the root has no other: this one is its twin by name.
    shutil.copytree(root / "usr/lib/locale/C.utf8", tmp_path / "de_DE.UTF-8")
    title = TITLES.get(language, "Deep Image Blending")
    here = {"LOCPATH": str(tmp_path), "LC_ALL": "de_DE.UTF-8", "LANGUAGE": language}
    gimp = start(window=True, shared=(str(tmp_path),), **here)
    screen = Screen(gimp, shots)
    gimp.run("answer = True")  # a first start in a root takes its time
    asked = gimp.start(SHOWN)
    window = screen.await_window(title)
    screen.activate(window)
    screen.keep(f"dialog_{language}")
    screen.dismiss(title)
    assert gimp.answer(asked) == "cancel"
    assert "mnemonic" not in gimp.said.read_text(encoding="utf-8", errors="replace")
    gimp.end()
