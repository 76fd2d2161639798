"""Setting deepblend up as a plug-in does it: real environments and a real pip, packages from a folder of wheels."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import wheelhouse
from deepblend_protocol import connection, errors, words
from deepblend_protocol.plugins import set_up
from deepblend_protocol.plugins.set_up import SetUp
from waiting import DEADLINE_S, wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its programs are shell scripts")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling")
    return wheelhouse.make(tmp_path_factory.mktemp("wheels"))


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., SetUp]]:
    """Begins one: ``begun(wheels)``; what it has started is ended with the test."""
    monkeypatch.setattr(sys.modules[SetUp.__module__], "_", str)
    monkeypatch.setattr(words, "_", str)
    monkeypatch.setenv("DEEPBLEND_CONNECTION", str(tmp_path / "state" / "connection.json"))
    made: list[SetUp] = []

    def begun(wheels: Path) -> SetUp:
        environment = {"PATH": f"{sys.base_prefix}/bin:/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONHOME": "/nowhere"}
        environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
        made.append(SetUp(tmp_path / "plugin" / "installation.json", tmp_path / "own" / "environment", environment))
        made[-1].begin()
        return made[-1]

    yield begun
    for one in made:
        one.cancel()
        if one.process is not None:
            one.process.wait(DEADLINE_S)


def advanced(work: SetUp) -> bool:
    work.advance()
    return work.over


def programs(monkeypatch: pytest.MonkeyPatch, folder: Path, *scripts: str) -> list[str]:
    """Shell scripts, as the Pythons that are found."""
    found = []
    for number, script in enumerate(scripts):
        path = folder / f"python-{number}"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        found.append(str(path))
    monkeypatch.setattr(set_up, "candidates", lambda environment: found)
    return found


def test_cancelled_and_made_in_a_second_attempt(begun, wheels: Path, tmp_path: Path):
    work = begun(wheels)
    place = tmp_path / "own" / "environment"
    wait_for(lambda: advanced(work) or ("Making" in work.words and place.exists()), "the environment")
    running = work.process
    assert running is not None and not work.over and "Looking" not in work.words
    work.cancel()
    assert work.over and not work.done and work.error is None and running.poll() is not None
    work.begin()  # at once: what is removed is waited for
    seen = []
    wait_for(lambda: seen.append((work.words, work.last_line())) or advanced(work), "its end", 600)
    assert work.error is None and work.done, work.log.read_text()
    told = [one for one in dict.fromkeys(words for words, _ in seen) if one != "Fetching PyTorch"]
    assert told[-4:] == [
        "Looking for a Python",
        "Making the environment",
        "Fetching deepblend and what it needs",
        "Looking whether it works",
    ]
    if sys.platform == "linux" and not set_up.has_card():
        called = (place / "uv-was-called.txt").read_text()
        assert called.startswith("pip install --no-cache --python ") and " --torch-backend cpu torch>=" in called
    assert any("deepblend" in line for _, line in seen)
    known = connection.read_installation(tmp_path / "plugin" / "installation.json")
    assert known.connection == tmp_path / "state" / "connection.json"
    assert known.command[1:] == ("-m", "deepblend.commands.cli", "serve") and known.relay[0] == known.command[0]
    assert Path(known.command[0]).is_relative_to(place)
    done = subprocess.run([*known.command[:-1], "--version"], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert "deepblend" in done.stdout
    assert not set_up.needed(tmp_path / "plugin" / "installation.json")


def test_packages_that_cannot_be_had(begun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Neither the small PyTorch, which is said, nor deepblend."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(set_up, "has_card", lambda: False)
    monkeypatch.setattr(set_up, "LARGE_GB", 0.5)
    (tmp_path / "empty").mkdir()
    work = begun(tmp_path / "empty")
    seen = set()
    wait_for(lambda: seen.add(work.words) or advanced(work), "its end", 600)
    assert "Fetching the usual PyTorch, since the other cannot be had: 0.5 GB" in seen
    said = words.sentence(work.error)
    assert isinstance(work.error, errors.SetUpFailed) and "No matching distribution found for deepblend==" in said
    assert said.endswith(f"All that was said is in {work.log}.") and "deepblend==" in work.log.read_text()
    wait_for(lambda: not (tmp_path / "own" / "environment").exists(), "the removal")
    assert not (tmp_path / "plugin" / "installation.json").exists()


def test_the_best_python_is_taken(begun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(set_up, "_PROBE_S", 5.0)  # in which a shell says a word on a busy machine too
    called = tmp_path / "called"
    scripts = (
        "echo deepblend 3 9 True",
        "exec sleep 60",
        "exit 9",
        "echo deepblend 3 12 False",
        f"touch {called}\nexit 1",
    )
    good = f'case "$1" in -c) echo deepblend 3 12 True;; *) echo "$@" > {called}; echo "Error: broken"; exit 3;; esac'
    programs(monkeypatch, tmp_path, *scripts[:4], good)
    work = begun(tmp_path)
    wait_for(lambda: advanced(work), "its end")
    assert isinstance(work.error, errors.SetUpFailed) and work.error.params["reason"] == "Error: broken"
    assert called.read_text() == f"-m venv --clear {tmp_path / 'own' / 'environment'}\n"


@pytest.mark.parametrize(
    ("script", "remedy"),
    [
        ("exit 1", "Install"),
        pytest.param(
            "echo \"ModuleNotFoundError: No module named 'ensurepip'\"; exit 1",
            "lacks the module venv; on Debian",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="Debian's way"),
        ),
    ],
)
def test_no_python(begun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, remedy: str):
    programs(monkeypatch, tmp_path, script)
    work = begun(tmp_path)
    wait_for(lambda: advanced(work), "its end")
    assert isinstance(work.error, errors.PythonMissing)
    said = words.sentence(work.error)
    assert said.startswith("No Python from 3.10 to 3.14 that can make an environment was found. ") and remedy in said
    assert not (tmp_path / "own" / "environment").exists()


def test_no_room_for_the_usual_pytorch_where_the_small_one_cannot_be_had(
    begun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(set_up, "has_card", lambda: False)
    monkeypatch.setattr(set_up, "LARGE_GB", 9e9)
    (tmp_path / "empty").mkdir()
    work = begun(tmp_path / "empty")
    wait_for(lambda: advanced(work), "its end", 600)
    assert "it takes 9000000000.0 GB on disk" in words.sentence(work.error)
    wait_for(lambda: not (tmp_path / "own" / "environment").exists(), "the removal")


def test_too_little_disk(begun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    usage = namedtuple("usage", "total used free")(2e9, 1.5e9, 5e8)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    work = begun(tmp_path)
    wait_for(lambda: advanced(work), "its end")
    assert "and 0.5 GB are free" in words.sentence(work.error)


def test_a_folder_that_cannot_be_made(begun, tmp_path: Path):
    (tmp_path / "own").write_text("a file")
    work = begun(tmp_path)
    assert work.over and isinstance(work.error, errors.WriteFailed)
    assert str(tmp_path / "own") in words.sentence(work.error)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "WARNING: Retrying (Retry(total=4 …\nERROR: No matching distribution found for torch",
            "there is no connection",
        ),
        ("error: Failed to fetch\n  Caused by: dns error: no such host", "there is no connection"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "the disk is full"),
        ("Collecting a\nERROR: one.\nERROR: two.\n", "two"),
        ("Traceback\nValueError: three\n", "ValueError: three"),
        ("", "it said nothing"),
    ],
)
def test_why_a_step_failed(monkeypatch: pytest.MonkeyPatch, said: str, reason: str):
    monkeypatch.setattr(set_up, "_", str)
    assert set_up._reason(said).startswith(reason)


def test_when_there_is_something_to_set_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("DEEPBLEND_CONNECTION", str(tmp_path / "deepblend" / "connection.json"))
    record = tmp_path / "installation.json"
    assert set_up.needed(record)
    own, other = set_up.folder() / "bin" / "python", tmp_path / "elsewhere" / "python"
    for command, wanted in (((), False), ((str(other), "serve"), False), ((str(own), "serve"), True)):
        connection.write_installation(record, connection.Installation(tmp_path / "connection.json", command))
        assert set_up.needed(record) is wanted, command
    own.parent.mkdir(parents=True)
    own.touch()
    assert not set_up.needed(record)
    record.write_text("damaged")
    assert not set_up.needed(record)  # the next blend says so


def test_where_pythons_are_looked_for(tmp_path: Path):
    first, second = tmp_path / "a", tmp_path / "b"
    for path in (first / "python3", second / "python3.12", second / "python3.9", second / "python"):
        path.parent.mkdir(exist_ok=True)
        path.touch(0o755)
    found = set_up.candidates({"PATH": os.pathsep.join([str(first), str(second)])})
    assert found[:3] == [str(second / "python3.12"), str(first / "python3"), str(second / "python")] or (
        found.index(str(second / "python3.12")) < found.index(str(first / "python3"))
    )
    assert str(second / "python3.9") not in found
