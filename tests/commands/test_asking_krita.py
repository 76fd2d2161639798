"""The installer and Krita: which kritarunner is asked, and what becomes of its answer. The real one: tests/krita."""

from __future__ import annotations

import importlib.util
import os
import shlex
import subprocess
import sys
from pathlib import Path

import deepblend.hosts.krita as hosts_krita
import pytest
from deepblend.hosts import asking_krita, running
from krita_profiles import make_krita, make_kritarunner
from waiting import wait_for

posix = pytest.mark.skipif(os.name != "posix", reason="the stand-ins for kritarunner are shell scripts")


@pytest.fixture(autouse=True)
def linux(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else runs on this machine."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(running, "runs", lambda name: False)


@pytest.fixture
def folder(home: Path) -> Path:
    """Krita's folder of resources in that home."""
    return make_krita(home / ".local" / "share", home / ".config")


@posix
def test_krita_is_asked_out_of_the_users_folders(
    deepblend, home: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    runner = make_kritarunner(tmp_path / "bin" / "kritarunner")
    own = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", os.pathsep.join([own, str(runner.parent), "/usr/bin", "/bin"]))
    monkeypatch.setenv("DISPLAY", ":77")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    done = deepblend("install", "krita")
    assert done.status == 0, done.err
    assert "Krita 5.2.9 (Python 3.13.5) was asked and can load it: Settings > Dockers >" in done.out
    given = dict(line.split("=", 1) for line in Path(f"{runner}.env").read_text().splitlines() if "=" in line)
    assert not {"DISPLAY", "WAYLAND_DISPLAY"} & set(given)  # a screen without GLX would end it
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "PYTHONPATH"):
        assert not given[name].startswith(str(home)) and not Path(given[name]).exists()
    assert given["QT_QPA_PLATFORM"] == "offscreen" and own not in given["PATH"].split(os.pathsep)
    arguments = Path(f"{runner}.arguments").read_text().splitlines()
    assert arguments == ["-s", "deepblend_asks", str(folder / "pykrita")]
    compile(Path(f"{runner}.py").read_text(), "deepblend_asks.py", "exec")
    assert "was asked" not in deepblend("install", "krita", "--no-check").out


@posix
@pytest.mark.parametrize("what", ["fails", "no PyQt", "cannot load", "no pyzmq", "is not there"])
def test_a_krita_that_cannot_load_it(deepblend, folder: Path, tmp_path: Path, monkeypatch, what: str):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    runner = tmp_path / "my runner"
    if what == "fails":
        make_kritarunner(runner, silent="cannot open libfoo.so")
    elif what == "no PyQt":
        make_kritarunner(runner, silent="ModuleNotFoundError: No module named 'PyQt5'")
    elif what == "cannot load":
        make_kritarunner(runner, plugin_fails="SyntaxError: invalid syntax (docker.py, line 3)")
    elif what == "no pyzmq":
        make_kritarunner(runner, zmq="", zmq_fails="No module named 'zmq'")
    done = deepblend("install", "krita", "--krita", shlex.quote(str(runner)))
    words = {
        "fails": "Krita could not be asked: cannot open libfoo.so. It was started with:",
        "no PyQt": "its Python has no PyQt, without which no plug-in is loaded",
        "cannot load": "Krita 5.2.9 (Python 3.13.5) cannot load it: SyntaxError: invalid syntax",
        "no pyzmq": "Krita's Python has no pyzmq to use (No module named 'zmq'); a process of",
        "is not there": "Krita could not be asked: No such file or directory",
    }
    assert done.status == (0 if what == "no pyzmq" else 1) and words[what] in done.err + done.out
    assert (folder / "pykrita" / "deepblend_krita").is_dir()


@posix
def test_which_kritarunner_is_asked(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    profile = hosts_krita.Profile(home, home / "kritarc")
    assert asking_krita.command(profile) is None
    runner = make_kritarunner(tmp_path / "bin" / "kritarunner")
    assert asking_krita.command(profile) == [str(runner)]
    assert asking_krita.command(profile, "podman run kritarunner") == ["podman", "run", "kritarunner"]
    assert asking_krita.command(hosts_krita.Profile(home, home / "kritarc", "Flatpak")) is None
    monkeypatch.setattr(sys, "platform", "darwin")
    assert asking_krita.command(profile) is None


def test_a_program_that_runs_is_seen():
    spec = importlib.util.find_spec("deepblend.hosts.running")
    assert spec is not None and spec.loader is not None
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    assert not fresh.runs("deepblend-none")
    if Path("/proc/self/comm").exists():
        with subprocess.Popen(["/bin/sleep", "60"]) as process:
            try:
                wait_for(lambda: fresh.runs("sleep"), "the name that exec gives")  # a moment after Popen returns
            finally:
                process.kill()
