"""The real GIMP opens a layered document that was blended from the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from deepblend.pictures import open_picture
from gimp import Gimp
from pictures import disc, openraster, picture

WIDTH, HEIGHT = 200, 160


@pytest.fixture(scope="module")
def plain(root: Path, tmp_path_factory: pytest.TempPathFactory):
    """A GIMP without the plug-in."""
    folder = tmp_path_factory.mktemp("plain-gimp")
    (folder / "profile").mkdir()
    (folder / "profile" / "gimprc").write_text("(show-welcome-dialog no)\n(check-updates no)\n")
    started = Gimp(root, folder)
    yield started
    started.end()


@pytest.mark.parametrize("kind", ["U8", "U16"])
def test_gimp_opens_the_document_with_one_layer_more(plain: Gimp, kind: str):
    """Not a document that GIMP wrote: what 3.0 wrote had 8 bits, and its small layer was empty."""
    folder = plain.folder
    below, cut_out = picture(WIDTH, HEIGHT, 4, kind), picture(60, 50, 4, kind, seed=8)
    white = np.iinfo(cut_out.dtype).max
    cut_out[..., 3] = np.rint(disc(60, 50, 3) * white)
    made, result = folder / f"{kind}.ora", folder / f"{kind}-blended.ora"
    openraster(made, (WIDTH, HEIGHT), cut_out, (70, 40), below)
    words = ["--document", made, "--layer-name", "boat", "--output", result, "--layer", folder / "layer.png"]
    command = [sys.executable, "-m", "deepblend.commands.cli", "blend", "--method", "poisson", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    answer = plain.run(f"""
image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, tools.Gio.File.new_for_path("{result}"))
layers = image.get_layers()
for number, layer in enumerate(layers):
    tools.save(layer, f"{folder}/opened{{number}}")
answer = [[layer.get_name(), layer.get_visible(), *list(layer.get_offsets())[1:], round(layer.get_opacity()),
           layer.get_width(), layer.get_height()] for layer in layers]
image.delete()
""")
    alone = open_picture(folder / "layer.png", "source").samples
    names = [one[0] for one in answer]
    assert names == ["Deep blend (boat)", "boat", "sea"] and [one[1] for one in answer] == [True, False, True]
    assert answer[1][2:] == [70, 40, 80, 60, 50] and answer[0][4:] == [80, alone.shape[1], alone.shape[0]]
    for number, expected in enumerate((alone, cut_out, below)):
        rows, columns = expected.shape[:2]
        raw = (folder / f"opened{number}").read_bytes()
        stored = np.frombuffer(raw, f"u{len(raw) // (rows * columns * 4)}").reshape(rows, columns, 4)
        seen = expected[..., 3] > 0  # GIMP clears what is under full transparency
        difference = stored / np.iinfo(stored.dtype).max - expected / white
        assert np.abs(difference[seen]).max() <= (0.51 / 255 if stored.dtype != expected.dtype else 0)
