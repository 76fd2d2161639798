"""Krita opens a layered OpenRaster document that was blended from the command line, its own as well."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from deepblend.pictures import open_picture
from krita_desk import AT, HEIGHT, SIZE, WIDTH, Desk
from pictures import disc, openraster, picture
from PIL import ImageCms


def cut_out(depth: str) -> np.ndarray:
    samples = picture(*SIZE, 4, depth, seed=11)
    samples[..., 3] = np.rint(disc(*SIZE, 3) * np.iinfo(samples.dtype).max)
    return samples


def blended(document: Path, name: str) -> tuple[Path, np.ndarray]:
    """The document with one layer more, and that layer's samples."""
    result, alone = document.with_stem(f"{document.stem}-blended"), document.with_suffix(".png")
    words = ["--document", document, "--layer-name", name, "--output", result, "--layer", alone, "--style", "0"]
    command = [sys.executable, "-m", "deepblend.commands.cli", "blend", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    return result, open_picture(alone, "source").samples


def check(desk: Desk, result: Path, depth: str, boat: str, expected: dict[str, np.ndarray]) -> None:
    """What Krita shows of the document: names, visibility, opacity, depth, and every sample that can be seen."""
    opened = desk.run(f"""
document = Krita.instance().openDocument("{result}")
Krita.instance().activeWindow().addView(document)
document.setBatchmode(True)
document.waitForDone()
answer = []
for node in document.topLevelNodes():
    bounds = node.bounds()
    box = (bounds.x(), bounds.y(), bounds.width(), bounds.height())
    save_node(node, node.name(), box)
    answer.append([node.name(), node.visible(), node.opacity(), node.colorDepth(), *box])
""")
    names = list(expected)
    assert [one[:4] for one in opened] == [
        [names[0], True, 255, depth],
        [boat, False, 204, depth],
        [f"Deep blend ({boat})", True, 204, depth],
    ]
    for name, _, _, _, x, y, width, height in opened:
        samples = desk.loaded(name, expected[name], width, height)
        whole = expected[name]
        if name == names[0]:
            assert (x, y, width, height) == (0, 0, WIDTH, HEIGHT)
        if whole.shape != samples.shape:  # Krita leaves out what is transparent all around
            whole = whole[y - AT[1] : y - AT[1] + height, x - AT[0] : x - AT[0] + width]
            assert int((whole[..., 3] > 0).sum()) == int((expected[name][..., 3] > 0).sum())
        seen = whole[..., 3] > 0
        np.testing.assert_array_equal(samples[seen], whole[seen])


def test_a_document_that_krita_saved(desk: Desk):
    """It has 8 bits: Krita 5.2 writes no others into OpenRaster."""
    below, boat = picture(WIDTH, HEIGHT, 4), cut_out("U8")
    desk.open(below, boat, script="layer.setOpacity(204)")
    saved = desk.folder / "saved.ora"
    assert desk.run(f'from krita import InfoObject; answer = document.exportImage("{saved}", InfoObject())')
    result, alone = blended(saved, "Boat")
    check(desk, result, "U8", "Boat", {"below": below, "Boat": boat, "Deep blend (Boat)": alone})


def test_a_document_of_16_bits(desk: Desk):
    """With a profile; of layers of 16 bits that have none, Krita asks what it is."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    below, boat = picture(WIDTH, HEIGHT, 4, "U16"), cut_out("U16")
    made = desk.folder / "made.ora"
    openraster(made, (WIDTH, HEIGHT), boat, AT, below, profile)
    result, alone = blended(made, "boat")
    check(desk, result, "U16", "boat", {"sea": below, "boat": boat, "Deep blend (boat)": alone})
