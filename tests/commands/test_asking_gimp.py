"""The installer and GIMP: which one is asked, how, and what becomes of its answer; the real one is in tests/gimp."""

from __future__ import annotations

import os
import shlex
import sys
import types
from pathlib import Path

import deepblend.hosts.gimp as hosts_gimp
import pytest
from deepblend import __version__
from deepblend.hosts import asking_gimp, plugin
from deepblend_protocol import vendored
from gimp_profiles import make_gimp, make_profile

ROOT = Path(__file__).parents[2]
posix = pytest.mark.skipif(os.name != "posix", reason="the stand-ins for GIMP are shell scripts")
pytestmark = pytest.mark.usefixtures("home")


@posix
def test_gimp_is_asked_with_the_profile_and_without_this_environment(
    deepblend, profile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    gimp = make_gimp(tmp_path / "bin" / "gimp-console-3.0")
    own = str(Path(sys.executable).parent)
    others = [tmp_path / name / "bin" for name in ("venv", "conda")]
    for folder, sign in zip(others, ("pyvenv.cfg", "conda-meta"), strict=True):
        folder.mkdir(parents=True)
        (folder.parent / sign).touch()
    monkeypatch.setenv("PATH", os.pathsep.join([own, *map(str, others), str(gimp.parent), "/usr/bin", "/bin"]))
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    done = deepblend("install", "gimp")
    assert "GIMP 3.0.4 (Python 3.13.5) was asked and has it: Filters > Combine > Deep Image Blending." in done.out
    given = Path(f"{gimp}.env").read_text().splitlines()
    assert f"GIMP3_DIRECTORY={profile}" in given
    assert not any(line.startswith(("PYTHON", "VIRTUAL_ENV")) for line in given)
    path = next(line for line in given if line.startswith("PATH=")).removeprefix("PATH=").split(os.pathsep)
    assert not {own, *map(str, others)} & set(path) and str(gimp.parent) in path
    arguments = Path(f"{gimp}.arguments").read_text().splitlines()
    assert arguments[:4] == ["-i", "-d", "-f", "--batch-interpreter=python-fu-eval"] and arguments[-1] == "--quit"
    compile(arguments[5], "batch", "exec")


@posix
def test_a_gimp_of_another_version_is_not_asked(deepblend, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    gimp = make_gimp(tmp_path / "bin" / "gimp-console-3", "3.2.0")
    monkeypatch.setenv("PATH", f"{gimp.parent}:/usr/bin:/bin")
    for version in ("3.0", "3.2"):
        make_profile(home / ".config" / "GIMP", version)
    for arguments in ([], ["--gimp", gimp]):
        done = deepblend("install", "gimp", *arguments)
        assert done.out.count("was asked and has it") == 1
        assert done.out.index("GIMP was not asked") < done.out.index("GIMP 3.2.0")


@posix
def test_a_gimp_without_pyzmq_is_told(deepblend, profile: Path, tmp_path: Path):
    gimp = make_gimp(tmp_path / "gimp", zmq="", zmq_fails="No module named 'zmq'")
    done = deepblend("install", "gimp", "--gimp", gimp)
    assert done.status == 0 and "no pyzmq to use (No module named 'zmq'); a process of " in done.out


@posix
def test_a_gimp_2_is_not_asked(deepblend, home: Path, tmp_path: Path):
    make_gimp(tmp_path / "bin" / "gimp", "2.10.38")
    profile = make_profile(home, "mine")
    assert "GIMP was not asked" in deepblend("install", "gimp", "--profile", profile).out


@posix
@pytest.mark.parametrize("what", ["fails", "no python", "does not register", "is not there"])
def test_a_gimp_that_does_not_have_it(deepblend, profile: Path, tmp_path: Path, monkeypatch, what: str):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    gimp = tmp_path / "my gimp"
    if what == "fails":
        make_gimp(gimp, silent="cannot open libfoo.so")
    elif what == "no python":
        make_gimp(gimp, silent="The batch interpreter 'python-fu-eval' is not available. Batch mode disabled.")
    elif what == "does not register":
        make_gimp(gimp, registered=False, program_fails="ModuleNotFoundError: No module named 'gi'")
    done = deepblend("install", "gimp", "--gimp", shlex.quote(str(gimp)))
    words = {
        "fails": "GIMP could not be asked: cannot open libfoo.so. It was started with:",
        "no python": "it has no Python; install its Python support",
        "does not register": "does not register it: ModuleNotFoundError: No module named 'gi'",
        "is not there": "GIMP could not be asked: No such file or directory",
    }
    assert done.status == 1 and words[what] in done.err
    assert (profile / "plug-ins" / "deepblend-gimp").is_dir()


@posix
def test_one_profile_that_fails_does_not_keep_the_others(deepblend, home: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    profiles = [make_profile(home / ".config" / "GIMP", version) for version in ("3.0", "3.2")]
    (profiles[0] / "plug-ins" / "deepblend-gimp").mkdir()
    done = deepblend("install", "gimp")
    assert done.status == 1 and str(profiles[0]) in done.err
    assert plugin.version(profiles[1] / "plug-ins" / "deepblend-gimp") == __version__


def test_where_gimp_is_looked_for(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    profile = hosts_gimp.Profile(make_profile(home / ".config" / "GIMP"))
    assert asking_gimp.command(profile) is None
    flatpak = hosts_gimp.Profile(profile.path, "Flatpak")
    assert asking_gimp.command(flatpak) is None
    if os.name == "posix":
        program = make_gimp(tmp_path / "bin" / "flatpak")
        command = asking_gimp.command(flatpak)
        assert command is not None and command[0] == str(program)
        assert command[-2:] == ["--command=gimp-console-3.0", "org.gimp.GIMP"]
        (tmp_path / "gimp").mkdir()
        outside = make_gimp(tmp_path / "gimp" / "gimp")
        monkeypatch.setenv("PATH", f"{outside.parent}:/usr/bin:/bin")
        assert asking_gimp.command(profile) == [str(outside)]
        monkeypatch.setattr(sys, "platform", "darwin")
        inside = make_gimp(home / "Applications" / "GIMP.app" / "Contents" / "MacOS" / "gimp-console-3.0")
        monkeypatch.setenv("PATH", "/usr/bin:/bin")
        assert asking_gimp.command(profile) == [str(inside)]


# the plug-in's side


def test_the_plug_in_takes_the_pyzmq_of_its_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for minor, suffix in ((9, "cpython-39"), (11, "cpython-311"), (12, "abi3")):
        backend = tmp_path / f"py3{minor}" / "zmq" / "backend" / "cython"
        backend.mkdir(parents=True)
        (backend / f"_zmq.{suffix}.so").touch()

    def chosen(minor: int) -> str | None:
        monkeypatch.setattr(vendored, "EXTENSION_SUFFIXES", [f".cpython-3{minor}.so", ".abi3.so", ".so"])
        monkeypatch.setattr(vendored, "sys", types.SimpleNamespace(version_info=(3, minor, 0), path=[]))
        folder = vendored.zmq_folder(tmp_path)
        return folder and folder.name

    assert [chosen(minor) for minor in (9, 10, 11, 12, 13, 14)] == ["py39", None, "py311", "py312", "py312", "py312"]
    monkeypatch.setattr(vendored, "sys", types.SimpleNamespace(version_info=(3, 13, 5), path=["system"]))
    vendored.prepare(tmp_path)
    vendored.prepare(tmp_path)
    assert vendored.sys.path == [str(tmp_path / "py312"), str(tmp_path), "system"]
