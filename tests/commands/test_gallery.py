"""``deepblend gallery``: the page, its pictures, and its sliders in a real browser where there is one."""

from __future__ import annotations

import html
import re
import shutil
import subprocess

import numpy as np
import pytest
from deepblend import examples, gallery
from PIL import Image

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
GRID = [f"style {style}, keep-colours {keep}" for style in ("0", "0.5", "1") for keep in ("0", "0.5", "1")]


def test_a_picture_of_ones_own_over_the_grid(deepblend, pictures):
    folder = pictures.folder / "new" / "page"
    given = [word for word in pictures.arguments() if word not in ("--output", str(pictures.output))]
    done = deepblend("gallery", *given, "--output", folder, "--method", "poisson", "--json")
    assert done.status == 0, done.err
    assert done.json["page"] == str(folder / "index.html")
    text = (folder / "index.html").read_text()
    assert re.findall(r"<figcaption>(.*?)</figcaption>", text) == GRID
    shown = re.findall(r'src="([^"]+)"', text)
    assert len(shown) == 18 and set(shown) == {one.name for one in folder.iterdir()} - {"index.html"}
    assert "http" not in text  # nothing comes from elsewhere
    with Image.open(folder / "before_1.jpg") as before, Image.open(folder / "after_1_01.jpg") as after:
        assert before.size == after.size == (96, 80)
        assert np.abs(np.asarray(before, int) - np.asarray(after, int)).max() > 20


def test_all_examples_with_what_tells_most_of_each(deepblend, tmp_path):
    done = deepblend("gallery", "--output", tmp_path, "--method", "poisson", "--json")
    assert done.status == 0, done.err
    text = (tmp_path / "index.html").read_text()
    assert re.findall(r"<h2>(.*?)</h2>", text) == [html.escape(one.title) for one in examples.EXAMPLES.values()]
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", text)
    assert captions[:3] == ["style 0", "style 0.5", "style 1"]
    assert captions[-3:] == ["keep-colours 0", "keep-colours 0.5", "keep-colours 1"]
    shown = set(re.findall(r'src="([^"]+)"', text))
    assert len(shown) == 4 * len(examples.EXAMPLES) and shown == {one.name for one in tmp_path.glob("*.jpg")}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--source", "boat.png"], "--target"),
        (["--style", "2"], "'style'"),
        (["--document", "no.ora"], "no.ora"),
        (["--example", "moon"], "'moon'"),
        (["--example", "bridge", "--document", "no.ora"], "--example"),
    ],
)
def test_what_it_cannot_show_is_said(deepblend, tmp_path, given, words):
    done = deepblend("gallery", *given, "--output", tmp_path / "page")
    assert done.status == 2
    assert words in done.err


def test_large_pictures_are_reduced_and_captions_are_text(tmp_path):
    picture = Image.new("RGBA", (3000, 1500), "red")
    sections = [gallery.Section(picture, [("<i>one</i>", picture)], "<u>")]
    text = gallery.write(tmp_path, "A & B", "<b>", sections).read_text()
    assert "A &amp; B" in text and "&lt;b&gt;" in text and "<i>one" not in text and "&lt;u&gt;" in text
    with Image.open(tmp_path / "after_1_01.jpg") as shown:
        assert shown.size == (1400, 700)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium")
def test_the_sliders_move_in_a_browser(tmp_path):
    """What is left of the slider is the picture before, what is right of it the one after."""
    before, after = Image.new("RGB", (400, 300), (255, 0, 0)), Image.new("RGB", (400, 300), (0, 0, 255))
    path = gallery.write(
        tmp_path, "Sliders", "", [gallery.Section(before, [("a", after)], line=line) for line in (50, 30)]
    )
    move = 'const one = document.querySelector("input"); one.value = 80; one.dispatchEvent(new Event("input"));'
    path.write_text(path.read_text().replace("</script>", f"{move}</script>"))
    shot = tmp_path / "shot.png"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1000,1700"]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = [str(BROWSER), *options, profile, f"--screenshot={shot}", path.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    with Image.open(shot) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    red, blue = pixels[:, :, 0] - pixels[:, :, 2] > 200, pixels[:, :, 2] - pixels[:, :, 0] > 200
    rows = np.flatnonzero(red.any(axis=1) & blue.any(axis=1))
    shares = red[rows].sum(axis=1) / (red | blue)[rows].sum(axis=1)
    assert abs(shares[10] - 0.8) < 0.02 and abs(shares[-10] - 0.3) < 0.02
