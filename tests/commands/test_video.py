from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from deepblend.video import Recorder, ffmpeg
from deepblend_protocol.errors import NameUnsuitable, WriteFailed
from PIL import Image, ImageSequence

needs_mp4 = pytest.mark.skipif(ffmpeg() is None, reason="the extra 'video' is not installed")
LEVELS = (20, 80, 140, 200, 250)


def frames(height: int = 48, width: int = 64) -> list[np.ndarray]:
    return [np.full((height, width, 3), (level, 255 - level, 60), np.uint8) for level in LEVELS]


def read(path: Path) -> list[np.ndarray]:
    if path.suffix == ".webp":
        with Image.open(path) as film:
            return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)]
    film = cv2.VideoCapture(str(path))
    shown = []
    while (got := film.read())[0]:
        shown.append(cv2.cvtColor(got[1], cv2.COLOR_BGR2RGB))
    film.release()
    return shown


@pytest.mark.parametrize("name", [pytest.param("film.mp4", marks=needs_mp4), "film.webp"])
@pytest.mark.parametrize("size", [(48, 64), (33, 51), (1, 1)])
def test_every_frame_is_in_the_film(tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    with Recorder(tmp_path / name) as recorder:
        for frame in frames(*size):
            recorder.add(frame)
    assert recorder.path == tmp_path / name
    shown = read(recorder.path)
    assert len(shown) == len(LEVELS)
    for frame, level in zip(shown, LEVELS, strict=True):
        assert frame.shape[:2] == size or (name == "film.mp4" and frame.shape[:2] == tuple(n + n % 2 for n in size))
        np.testing.assert_allclose(frame.mean((0, 1)), (level, 255 - level, 60), atol=6)
    assert os.listdir(tmp_path) == [name]


@needs_mp4
def test_a_signal_that_comes_while_the_encoder_starts_leaves_none_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    class Interrupted(subprocess.Popen):
        def __init__(self, *arguments, **keywords) -> None:
            super().__init__(*arguments, **keywords)
            started.append(self)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt), Recorder(tmp_path / "film.mp4") as recorder:
        recorder.add(frames()[0])
    assert started[0].returncode is not None  # it was waited for
    assert os.listdir(tmp_path) == []


def test_without_the_extra_the_film_is_webp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)  # as if it were not installed
    with Recorder(tmp_path / "film.mp4") as recorder:
        for frame in frames():
            recorder.add(frame)
    assert recorder.path == tmp_path / "film.webp"
    assert len(read(recorder.path)) == len(LEVELS)
    assert os.listdir(tmp_path) == ["film.webp"]


@pytest.mark.parametrize("name", [pytest.param("film.mp4", marks=needs_mp4), "film.webp"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_film_that_was_broken_off_is_not_left(tmp_path: Path, name: str, error: type[BaseException]) -> None:
    (tmp_path / name).write_text("old")
    with pytest.raises(error), Recorder(tmp_path / name) as recorder:
        recorder.add(frames()[0])
        raise error
    assert (tmp_path / name).read_text() == "old"
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", [pytest.param("film.mp4", marks=needs_mp4), "film.webp"])
def test_frames_of_two_sizes_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="32 x 32 in a film of 64 x 48"), Recorder(tmp_path / name) as recorder:
        recorder.add(frames()[0])
        recorder.add(frames(32, 32)[0])
    assert not os.listdir(tmp_path)


def test_a_film_without_frames_is_no_file(tmp_path: Path) -> None:
    with Recorder(tmp_path / "film.webp"):
        pass
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(("name", "reason"), [("film.gif", r"can be .mp4 or .webp"), ("none/film.webp", "no folder")])
def test_a_bad_place_is_said_before_the_first_frame(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises((NameUnsuitable, WriteFailed), match=reason), Recorder(tmp_path / name):
        pytest.fail("it was entered")
