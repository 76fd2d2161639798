"""Blends through the real command, on small pictures."""

from __future__ import annotations

import contextlib
import json
import os
import struct
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from deepblend.engine import kind as engine_kind
from deepblend.engine.request import Plane, Rect
from deepblend.pictures import flatten
from deepblend.video import ffmpeg
from deepblend_protocol import words
from deepblend_protocol.settings import PRESETS
from PIL import Image

METHODS = ["poisson", "deep"]
needs_mp4 = pytest.mark.skipif(ffmpeg() is None, reason="the extra 'video' is not installed")


def samples(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def placed_mask(pictures, left=24, top=20):
    """The fixture's ellipse where it lies on the 96 x 80 target without --center."""
    mask = np.zeros((80, 96), bool)
    mask[top : top + 40, left : left + 48] = samples(pictures.mask) > 0
    return mask


@pytest.mark.parametrize("method", METHODS)
def test_the_inside_changes_and_the_outside_does_not(deepblend, pictures, method):
    done = deepblend("blend", *pictures.arguments(method=method))
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"{pictures.output}: 96 x 80 pixels, {method} on ")
    inside = placed_mask(pictures)
    before, after = samples(pictures.target), samples(pictures.output)
    np.testing.assert_array_equal(after[~inside], before[~inside])
    assert (after[inside] != before[inside]).any(axis=1).mean() > 0.9


@pytest.mark.parametrize("method", METHODS)
def test_the_layer_over_the_target_is_the_output(deepblend, pictures, method):
    layer, report = pictures.folder / "layer.png", pictures.folder / "report.json"
    done = deepblend("blend", *pictures.arguments(method=method, layer=layer, report=report, feather="3"))
    assert done.status == 0
    box = json.loads(report.read_text())["layer"]
    above = samples(layer)
    assert above.shape == (box["h"], box["w"], 4)
    again = flatten(Image.open(pictures.target), Plane(above, Rect(**box)))
    np.testing.assert_array_equal(np.asarray(again), samples(pictures.output))
    soft = (above[:, :, 3] > 0) & (above[:, :, 3] < 255)
    assert soft.any() and (above[:, :, 3] == 255).any()
    chunk = layer.read_bytes().partition(b"oFFs")[2]
    assert struct.unpack(">iiB", chunk[:9]) == (box["x"], box["y"], 0)


def test_style_nought_is_poisson(deepblend, pictures):
    deepblend("blend", *pictures.arguments(style="0"))
    deep = samples(pictures.output)
    deepblend("blend", *pictures.arguments(method="poisson"))
    np.testing.assert_array_equal(samples(pictures.output), deep)


@pytest.mark.parametrize(("option", "value"), [("keep_colours", "1"), ("gradients", "mixed"), ("grow", "-3")])
def test_a_setting_changes_the_picture(deepblend, pictures, option, value):
    deepblend("blend", *pictures.arguments(method="poisson", keep_colours="0.2"))
    before = samples(pictures.output)
    chosen = {"keep_colours": "0.2", option: value}
    assert deepblend("blend", *pictures.arguments(method="poisson", **chosen)).status == 0
    assert (samples(pictures.output) != before).any()


def test_style_has_a_strength_and_may_come_from_a_file(deepblend, pictures):
    stripes = pictures.folder / "stripes.png"
    Image.fromarray(np.tile(np.uint8([[0], [255]]), (40, 80))).save(stripes)
    results = []
    for chosen in ({}, {"style": "1"}, {"style_from": stripes}):
        done = deepblend("blend", *pictures.arguments(preset="painting", **chosen), "--json")
        assert done.json["settings"]["style_from"] == ("picture" if "style_from" in chosen else "background")
        results.append(samples(pictures.output))
    assert (results[1] != results[0]).any() and (results[2] != results[0]).any()


def test_the_report_tells_all(deepblend, pictures):
    report = pictures.folder / "report.json"
    done = deepblend("blend", *pictures.arguments(preset="painting", report=report), "--json")
    told = json.loads(report.read_text())
    assert told == done.json
    assert (told["method"], told["settings"]["style"]) == ("deep", 0.5)
    assert told["device"] in ("cpu", "mps") or told["device"].startswith("cuda:")
    assert told["files"]["source"] == str(pictures.source) and told["files"]["output"] == str(pictures.output)
    assert {"load", "poisson", "optimise", "write", "total"} <= set(told["seconds"])
    parts = [value for stage, value in told["seconds"].items() if stage != "total"]
    assert all(value >= 0 for value in parts) and 0.5 * told["seconds"]["total"] < sum(parts)
    assert sum(parts) <= told["seconds"]["total"] + 0.01
    assert told["peak_memory_bytes"] > 0
    for level in told["levels"]:
        assert level["evaluations"] > 0 and level["seconds"] > 0 and min(level["size"]) > 0
        assert {"style", "neighbours"} <= set(level["losses"])


@pytest.mark.parametrize(("kind", "other"), [("photograph", "painting"), ("painting", "photograph")])
def test_what_the_background_looks_like_is_said_with_the_way_out(deepblend, pictures, monkeypatch, kind, other):
    monkeypatch.setattr(engine_kind, "looks_like", lambda image, alpha: kind)
    said = f"Looks like a {kind}. If it is none: --preset {other}"
    assert said in deepblend("blend", *pictures.arguments()).out
    assert "Looks like" not in deepblend("blend", *pictures.arguments(preset=other)).out
    done = deepblend("blend", *pictures.arguments(keep_colours="0.9"), "--json")
    assert (done.json["looks_like"], done.json["settings"]["keep_colours"]) == (kind, 0.9)
    assert done.json["settings"]["style"] == PRESETS[kind]["style"]


def test_quiet_is_quiet(deepblend, pictures):
    done = deepblend("blend", *pictures.arguments(method="poisson"), "--quiet")
    assert (done.status, done.out, done.err) == (0, "", "")


def test_the_centre_moves_the_object(deepblend, pictures):
    deepblend("blend", *pictures.arguments(method="poisson", center="30,22"))
    changed = (samples(pictures.output) != samples(pictures.target)).any(axis=2)
    assert not changed[~placed_mask(pictures, left=30 - 24, top=22 - 20)].any()


@pytest.mark.parametrize(
    ("method", "center"), [("poisson", "0,0"), ("poisson", "95,79"), ("poisson", "50,2"), ("deep", "90,3")]
)
def test_an_object_may_stick_out(deepblend, pictures, method, center):
    layer = pictures.folder / "layer.png"
    done = deepblend("blend", *pictures.arguments(method=method, center=center, layer=layer), "--json")
    assert done.status == 0
    x, y, w, h = (done.json["layer"][name] for name in "xywh")
    assert x >= 0 and y >= 0 and x + w <= 96 and y + h <= 80
    changed = (samples(pictures.output) != samples(pictures.target)).any(axis=2)
    column, row = map(int, center.split(","))
    padded = np.zeros((200, 220), bool)
    padded[60 + row - 20 : 100 + row - 20, 60 + column - 24 : 108 + column - 24] = samples(pictures.mask) > 0
    assert changed.any() and not changed[~padded[60:140, 60:156]].any()


@pytest.mark.parametrize("method", METHODS)
def test_a_gray_target_stays_gray(deepblend, pictures, method):
    with Image.open(pictures.target) as target:
        target.convert("L").save(pictures.target)
    assert deepblend("blend", *pictures.arguments(method=method)).status == 0
    after, inside = samples(pictures.output), placed_mask(pictures)
    assert after.shape == (80, 96)
    np.testing.assert_array_equal(after[~inside], samples(pictures.target)[~inside])


@pytest.mark.parametrize("method", METHODS)
def test_transparency_outside_stays_to_the_bit(deepblend, pictures, method):
    with Image.open(pictures.target) as target:
        see_through = target.convert("RGBA")
    see_through.putalpha(Image.fromarray(np.tile(np.linspace(0, 255, 96).astype(np.uint8), (80, 1))))
    see_through.save(pictures.target)
    assert deepblend("blend", *pictures.arguments(method=method)).status == 0
    before, after, inside = samples(pictures.target), samples(pictures.output), placed_mask(pictures)
    np.testing.assert_array_equal(after[~inside], before[~inside])
    assert (after[inside][:, 3] == 255).all()


@pytest.mark.parametrize("under", [(0, 0, 0), (255, 255, 255), (255, 0, 255)])
def test_a_flat_cut_out_hides_what_is_under_its_transparency(deepblend, pictures, under):
    flat = np.zeros((40, 48, 4), np.uint8)
    flat[:] = (*under, 0)
    flat[placed_mask(pictures)[20:60, 24:72]] = (90, 120, 60, 255)
    Image.fromarray(flat).save(pictures.source)
    Image.new("RGB", (96, 80), (200, 150, 100)).save(pictures.target)
    arguments = pictures.arguments(method="poisson", keep_colours="0", edges="selected")
    at = arguments.index("--mask")
    assert deepblend("blend", *arguments[:at], *arguments[at + 2 :]).status == 0
    np.testing.assert_allclose(samples(pictures.output), np.full((80, 96, 3), (200, 150, 100)), atol=1)


@pytest.mark.parametrize("extension", ["jpg", "tiff", "webp"])
def test_the_extension_chooses_the_format(deepblend, pictures, extension):
    deepblend("blend", *pictures.arguments(method="poisson"))
    output = pictures.folder / f"out.{extension}"
    assert deepblend("blend", *pictures.arguments(method="poisson", output=output)).status == 0
    difference = np.abs(samples(output).astype(float) - samples(pictures.output))
    assert difference.mean() < 3 if extension == "jpg" else not difference.any()


def test_what_the_targets_file_says_goes_along(deepblend, pictures):
    with Image.open(pictures.target) as target:
        exif = target.getexif()
        exif[0x8298] = "whose it is"
        target.save(pictures.target, exif=exif, dpi=(300, 300))
    deepblend("blend", *pictures.arguments(method="poisson", output=pictures.folder / "out.jpg"))
    with Image.open(pictures.folder / "out.jpg") as output:
        assert output.getexif()[0x8298] == "whose it is"
        assert output.info["dpi"] == pytest.approx((300, 300), abs=1)


def test_sizes_are_changed_before_the_blend(deepblend, pictures):
    sizes = {"source_size": "30", "target_size": "72x64"}
    assert deepblend("blend", *pictures.arguments(method="poisson", **sizes)).status == 0
    with Image.open(pictures.target) as target, Image.open(pictures.mask) as mask:
        expected = np.asarray(target.resize((72, 64)))
        inside = np.zeros((64, 72), bool)
        inside[17:47, 21:51] = np.asarray(mask.resize((30, 30))) > 0
    after = samples(pictures.output)
    np.testing.assert_array_equal(after[~inside], expected[~inside])


def test_the_film_ends_with_the_blend(deepblend, pictures):
    film = pictures.folder / "film.webp"
    done = deepblend("blend", *pictures.arguments(video=film))
    assert done.status == 0 and str(film) in done.out
    with Image.open(film) as frames:
        assert frames.size == (96, 80)
        assert 3 < frames.n_frames < 130
        frames.seek(frames.n_frames - 1)
        last = np.asarray(frames.convert("RGB")).astype(float)
    assert np.abs(last - samples(pictures.output)).mean() < 8  # WebP's loss


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's here")
@pytest.mark.parametrize("extension", [pytest.param("mp4", marks=needs_mp4), "webp"])
def test_ended_by_a_signal_it_leaves_nothing_of_its_film(pictures, extension):
    import signal

    before = pictures.names()
    large = pictures.arguments(
        target_size="800x640", source_size="700x560", style="1", video=pictures.folder / f"film.{extension}"
    )
    command = [sys.executable, "-m", "deepblend.commands.cli", "blend", *large]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        limit = time.monotonic() + 300
        encoders = []
        while process.poll() is None and time.monotonic() < limit:
            encoders = psutil.Process(process.pid).children()
            if pictures.names() != before and len(encoders) == (extension == "mp4"):
                break
            time.sleep(0.01)
        (begun,) = pictures.names() - before
        assert begun.startswith(".film.") and begun.endswith(extension)
        assert len(encoders) == (extension == "mp4")
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 143
    assert (output, errors) == ("", "deepblend: Cancelled; nothing was left half-written.\n")
    assert pictures.names() == before
    assert not any(one.is_running() for one in encoders)


@pytest.mark.skipif(sys.platform == "win32", reason="terminals and signals are POSIX's here")
def test_a_bar_on_a_terminal_and_ctrl_c_leaves_nothing(pictures):
    import pty
    import select
    import signal

    before = pictures.names()
    terminal, end = pty.openpty()
    files = {name: pictures.folder / f"new.{extension}" for name, extension in (("layer", "png"), ("video", "webp"))}
    large = pictures.arguments(target_size="800x640", source_size="700x560", style="1", **files)
    command = [sys.executable, "-m", "deepblend.commands.cli", "blend", *large]
    # A shell starts what runs in the background deaf to Ctrl+C, and the child would inherit that.
    hear = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=end, preexec_fn=hear)
    os.close(end)
    shown = ""
    try:
        limit = time.monotonic() + 300
        while words.STAGES["optimise"] not in shown and process.poll() is None and time.monotonic() < limit:
            if select.select([terminal], [], [], 1)[0]:
                shown += os.read(terminal, 4096).decode()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=300) == 130
        with contextlib.suppress(OSError):  # its end: nobody has the other side any more
            while part := os.read(terminal, 4096):
                shown += part.decode()
    finally:
        process.kill()
        output, _ = process.communicate()
        os.close(terminal)
    assert "% [" in shown and "100%" not in shown
    assert "Cancelled; nothing was left half-written." in shown
    assert output == b""
    assert pictures.names() == before
