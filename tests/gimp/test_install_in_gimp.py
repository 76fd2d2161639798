"""The installer and the doctor with the real GIMP: installed, upgraded, broken, removed."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import hosts_root
import pytest
from deepblend import __version__


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a profile that GIMP has not made yet."""
    (tmp_path / "home").mkdir()
    return tmp_path


@pytest.fixture
def profile(place: Path) -> Path:
    return place / "GIMP" / hosts_root.GIMP


@pytest.fixture
def run(root: Path, place: Path, profile: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command of deepblend's on the profile; GIMP, where it takes one, is the root's."""
    inside = ["env", f"HOME={place / 'home'}", "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", f"GIMP3_DIRECTORY={profile}"]
    gimp = shlex.join(
        ["bash", str(hosts_root.ENTER), str(root), str(place), *inside, f"gimp-console-{hosts_root.GIMP}"]
    )

    def run(*arguments: str, asked: bool = True) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "deepblend.commands.cli", *arguments, "--profile", str(profile)]
        return subprocess.run(
            [*command, *(["--gimp", gimp] if asked else [])],
            env={**os.environ, "DEEPBLEND_CONNECTION": str(place / "state" / "connection.json")},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    return run


def findings(run) -> dict[str, dict[str, str]]:
    return {one["name"]: one for one in json.loads(run("doctor", "--json").stdout)["findings"]}


def test_installed_upgraded_broken_and_removed(run, place: Path, profile: Path):
    folder = profile / "plug-ins" / "deepblend-gimp"
    done = run("install", "gimp")
    assert done.returncode == 0, done.stderr
    assert f"{profile}: made by GIMP, which was started for the first time." in done.stdout
    assert f"{folder}: deepblend {__version__} was installed." in done.stdout
    assert "was asked and has it: Filters > Combine > Deep Image Blending." in done.stdout
    assert (profile / "pluginrc").exists()

    (folder / "installed-by-deepblend.txt").write_text("deepblend 0.0.9\n")
    (folder / "deepblend_gimp" / "gone.py").touch()
    done = run("install", "gimp")
    assert done.returncode == 0, done.stderr
    assert f"{__version__} replaces 0.0.9" in done.stdout and "has it" in done.stdout
    assert not (folder / "deepblend_gimp" / "gone.py").exists()

    known = findings(run)
    assert not [one for one in known.values() if one["status"] == "wrong"]
    assert "has it" in known[f"GIMP {hosts_root.GIMP}"]["sentence"]

    # pyzmq is gone: GIMP still has the plug-in, and a process carries its messages
    vendor = folder / "vendor"
    kept = {one: one.with_name(f"no-{one.name}") for one in vendor.glob("py3*")}
    for one, other in kept.items():
        one.rename(other)
    found = findings(run)[f"GIMP {hosts_root.GIMP} pyzmq"]
    assert found["status"] == "warn" and "has no pyzmq to use: No module named 'zmq'" in found["sentence"]
    for one, other in kept.items():
        other.rename(one)

    # the server's environment is gone
    path = folder / "installation.json"
    text = path.read_text()
    path.write_text(text.replace(json.dumps(sys.executable), json.dumps(str(place / "gone" / "python"))))
    found = findings(run)[f"GIMP {hosts_root.GIMP} server"]
    assert found["status"] == "wrong" and "is not there any more" in found["sentence"]
    path.write_text(text)

    # a module that the plug-in imports is damaged: GIMP says nothing, the doctor does
    module = folder / "deepblend_gimp" / "procedure.py"
    whole = module.read_text()
    module.write_text("import nothing_of_this_name\n")
    os.utime(folder / "deepblend-gimp.py")  # or GIMP would take what it has registered before
    found = findings(run)[f"GIMP {hosts_root.GIMP}"]
    assert found["status"] == "wrong" and "No module named 'nothing_of_this_name'" in found["sentence"]
    module.write_text(whole)

    # no executable bit: GIMP leaves the plug-in out
    (folder / "deepblend-gimp.py").chmod(0o644)
    known = findings(run)
    assert known[f"GIMP {hosts_root.GIMP} executable"]["status"] == "wrong"
    assert (
        known[f"GIMP {hosts_root.GIMP}"]["status"] == "wrong"
        and "does not register it" in known[f"GIMP {hosts_root.GIMP}"]["sentence"]
    )

    done = run("uninstall", "gimp", asked=False)
    assert done.returncode == 0 and f"{folder}: removed." in done.stdout
    assert list((profile / "plug-ins").iterdir()) == []
    assert not list(profile.rglob("*deepblend*"))
