"""``deepblend doctor``, of Krita: a healthy set-up, and what it says of one that is broken in many ways."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from deepblend import __version__
from deepblend.commands import info
from deepblend.hosts import plugin, vendored
from deepblend_protocol import connection
from gimp_profiles import make_profile
from krita_profiles import make_krita, make_kritarunner

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-ins for kritarunner are shell scripts")
AGAIN = "deepblend install krita --profile '{}'"


@pytest.fixture(autouse=True)
def linux(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(info, "nvidia_present", lambda: False)


@pytest.fixture
def krita(linux: None, home: Path) -> Path:
    return make_krita(home / ".local" / "share", home / ".config")


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    return tmp_path / "bin" / "kritarunner"


@pytest.fixture
def folder(deepblend, krita: Path, runner: Path) -> Path:
    """The plug-in, installed for a Krita that can load it."""
    make_kritarunner(runner)
    assert deepblend("install", "krita").status == 0
    return krita / "pykrita" / "deepblend_krita"


@pytest.fixture
def doctor(deepblend) -> Callable[..., dict[str, dict[str, str]]]:
    def ask(*arguments: str | Path) -> dict[str, dict[str, str]]:
        """The doctor's findings by name; the exit status has to be that of its words."""
        done = deepblend("doctor", "--json", *arguments)
        found = {one["name"]: one for one in done.json["findings"]}
        assert done.status == any(one["status"] == "wrong" for one in found.values())
        assert all(one["remedy"] for one in found.values() if one["status"] in ("warn", "wrong"))
        return found

    return ask


def test_healthy(doctor, folder: Path, home: Path):
    settings = home / ".config" / "kritarc"
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    known = doctor()
    assert {one["status"] for one in known.values()} <= {"ok", "note"}
    assert known["Krita plug-in"]["sentence"] == f"{__version__} in {folder.parents[1]}"
    assert known["Krita enabled"]["sentence"] == f"in {settings}"
    assert known["Krita"]["sentence"].startswith("Krita 5.2.9, Python 3.13.5, can load it: Settings > Dockers")
    assert known["Krita server"]["status"] == known["Krita pyzmq"]["status"] == "ok"
    assert before == {path: path.stat().st_mtime_ns for path in home.rglob("*")}


def test_one_host_or_one_folder(doctor, folder: Path, home: Path):
    gimp = make_profile(home / ".config" / "GIMP")
    both = doctor()
    assert "Krita plug-in" in both and "GIMP 3.0 plug-in" in both
    for arguments in (["krita"], ["--profile", folder.parents[1]], ["krita", "--profile", folder.parents[1]]):
        known = doctor(*arguments)
        assert "Krita plug-in" in known and not any(name.startswith("GIMP") for name in known)
    for arguments in (["gimp"], ["--profile", gimp]):
        known = doctor(*arguments)
        assert "GIMP 3.0 plug-in" in known and not any(name.startswith("Krita") for name in known)


def test_without_krita_and_without_the_plug_in(doctor, home: Path):
    assert doctor()["Krita"]["status"] == "note"
    path = make_krita(home / ".local" / "share", home / ".config")
    found = doctor()["Krita plug-in"]
    assert (found["status"], found["remedy"]) == ("note", AGAIN.format(path))
    assert "--kritarc FILE" in doctor("krita", "--profile", home)["Krita"]["remedy"]


@pytest.mark.parametrize("content", ["", "[python]\nenable_deepblend_krita=false\n"])
def test_a_plug_in_that_is_not_enabled(doctor, folder: Path, home: Path, content: str):
    (home / ".config" / "kritarc").write_text(content)
    found = doctor()["Krita enabled"]
    assert found["status"] == "wrong" and AGAIN.format(folder.parents[1]) in found["remedy"]
    assert "Python Plugin Manager" in found["remedy"]


def test_a_kritarc_that_cannot_be_read(doctor, folder: Path, home: Path):
    (home / ".config" / "kritarc").unlink()
    (home / ".config" / "kritarc").mkdir()
    found = doctor()["Krita enabled"]
    assert found["status"] == "wrong" and "cannot be read: it is a folder" in found["sentence"]


def test_a_kritarc_elsewhere_is_named_in_the_remedy(deepblend, doctor, home: Path, runner: Path):
    make_kritarunner(runner)
    path = make_krita(home / "resources", home / "mine")
    named = ("--profile", path, "--kritarc", home / "mine" / "kritarc")
    assert deepblend("install", "krita", *named).status == 0
    (path / "pykrita" / "deepblend_krita" / plugin.MARK).write_text("deepblend 0.0.9\n")
    found = doctor(*named)["Krita plug-in"]
    assert found["remedy"] == AGAIN.format(path) + f" --kritarc '{home / 'mine' / 'kritarc'}'"


def test_files_that_are_lost(doctor, folder: Path):
    folder.with_name("deepblend_krita.desktop").unlink()
    (folder / "docker.py").unlink()
    found = doctor()["Krita files"]
    assert found["status"] == "wrong"
    assert "deepblend_krita.desktop" in found["sentence"] and "docker.py" in found["sentence"]


def test_a_krita_that_cannot_load_it(doctor, folder: Path, runner: Path):
    make_kritarunner(runner, plugin_fails="ModuleNotFoundError: No module named 'colorsys'")
    found = doctor()["Krita"]
    assert found["status"] == "wrong" and "cannot load it: ModuleNotFoundError" in found["sentence"]


def test_a_krita_that_cannot_be_asked(doctor, folder: Path, runner: Path):
    make_kritarunner(runner, silent="ModuleNotFoundError: No module named 'PyQt5'")
    known = doctor()
    assert known["Krita"]["status"] == "wrong" and "python3-pyqt5" in known["Krita"]["sentence"]
    runner.unlink()
    known = doctor()
    assert known["Krita"]["status"] == "note" and "--krita COMMAND" in known["Krita"]["sentence"]
    if vendored.minors(folder / "vendor"):
        assert known["Krita pyzmq"]["status"] == "ok"
    for minor in vendored.minors(folder / "vendor"):
        shutil.rmtree(vendored.folder(folder / "vendor", minor))
    assert doctor()["Krita pyzmq"]["status"] == "warn"


@pytest.mark.parametrize("relay", ["works", "none"])
def test_pyzmq_missing(doctor, folder: Path, runner: Path, relay: str):
    make_kritarunner(runner, zmq="", zmq_fails="No module named 'zmq'")
    path = folder / "installation.json"
    way = {"works": ("/bin/cat",), "none": ()}[relay]
    connection.write_installation(path, replace(connection.read_installation(path), relay=way))
    found = doctor()["Krita pyzmq"]
    assert found["sentence"].startswith("Krita's Python 3.13.5 has no pyzmq to use: No module named 'zmq'.")
    assert found["status"] == ("warn" if relay == "works" else "wrong")


def test_the_servers_command_and_the_version(doctor, folder: Path, tmp_path: Path):
    path = folder / "installation.json"
    known = connection.read_installation(path)
    gone = tmp_path / "gone" / "python"
    connection.write_installation(path, replace(known, command=(str(gone), *known.command[1:])))
    (folder / plugin.MARK).write_text("deepblend 0.0.9\n")
    known = doctor()
    assert known["Krita server"]["sentence"] == f"The plug-in cannot start the server: {gone} is not there any more."
    assert known["Krita plug-in"]["status"] == "warn"


def test_a_flatpak_needs_the_login_service(deepblend, doctor, home: Path):
    inside = home / ".var" / "app" / "org.kde.krita"
    make_krita(inside / "data", inside / "config")
    assert deepblend("install", "krita").status == 0
    known = doctor()
    assert known["Krita Flatpak server"]["remedy"] == "deepblend install --autostart"
    assert known["Krita Flatpak"]["status"] == "note"


def test_a_folder_that_krita_does_not_look_in(doctor, krita: Path, folder: Path, home: Path):
    settings = home / ".config" / "kritarc"
    settings.write_text(f"ResourceDirectory={home / 'mine'}\n\n{settings.read_text()}")
    known = doctor("krita", "--profile", krita)["Krita folder"]
    assert known["status"] == "wrong" and f"name {home / 'mine'}" in known["sentence"]
    assert known["remedy"] == AGAIN.format(home / "mine")
    assert doctor("krita")["Krita plug-in"]["status"] == "note"
