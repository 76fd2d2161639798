"""``deepblend install`` and ``uninstall`` with no words: both programs, where they are found."""

from __future__ import annotations

from pathlib import Path

import pytest
from deepblend.hosts import plugin
from gimp_profiles import make_profile
from krita_profiles import make_krita

pytestmark = pytest.mark.usefixtures("nothing_runs")


def krita(home: Path) -> Path:
    return make_krita(home / ".local" / "share", home / ".config") / "pykrita" / "deepblend_krita"


def gimp(home: Path, version: str = "3.0") -> Path:
    return make_profile(home / ".config" / "GIMP", version) / "plug-ins" / "deepblend-gimp"


def test_both_are_installed_and_removed(deepblend, home: Path):
    folders = gimp(home), gimp(home, "3.2"), krita(home)
    done = deepblend("install", "--no-check")
    assert done.status == 0, done.err
    assert all(plugin.version(folder) for folder in folders)
    assert "was not found" not in done.out
    done = deepblend("uninstall")
    assert done.status == 0, done.err
    assert not any(folder.exists() for folder in folders)


@pytest.mark.parametrize(("make", "other"), [(gimp, "Krita"), (krita, "GIMP 3")])
def test_where_one_is_there_the_other_is_told_of(deepblend, home: Path, make, other):
    folder = make(home)
    done = deepblend("install", "--no-check")
    assert done.status == 0, done.err
    assert plugin.version(folder)
    assert f"{other} was not found." in done.out
    assert deepblend("uninstall").status == 0
    assert not folder.exists()


@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_where_neither_is_there_it_is_said_where_they_were_looked_for(deepblend, home: Path, command):
    done = deepblend(command)
    assert done.status == 1
    assert "No profile of GIMP 3 or Krita was found" in done.err
    assert str(home / ".config" / "GIMP" / "3.0") in done.err and str(home / ".local" / "share" / "krita") in done.err
    assert "--profile DIR" in done.err


def test_what_fails_in_one_does_not_keep_the_other_from_it(deepblend, home: Path):
    own, other = gimp(home), krita(home)
    own.mkdir(parents=True)  # not ours: not replaced
    done = deepblend("install", "--no-check")
    assert done.status == 1
    assert str(own) in done.err and "not put there by 'deepblend install'" in done.err
    assert plugin.version(other)


def test_a_folder_needs_its_program(deepblend, home: Path):
    for command in ("install", "uninstall"):
        done = deepblend(command, "--profile", home)
        assert done.status == 2
        assert "give gimp or krita as well" in done.err


def test_the_zip_alone_installs_nothing(deepblend, home: Path):
    folder = gimp(home)
    assert deepblend("install", "--krita-zip", home / "plugin.zip").status == 0
    assert (home / "plugin.zip").is_file() and not folder.exists()
