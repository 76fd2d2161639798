"""``deepblend install gimp`` and ``uninstall gimp``, in profiles made here; GIMP itself is in tests/gimp."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from pathlib import Path

import deepblend.hosts.gimp as hosts_gimp
import pytest
from deepblend import __version__
from deepblend.hosts import plugin, vendored
from deepblend_protocol import connection
from deepblend_protocol.errors import HostMissing, PluginInvalid, WriteFailed
from gimp_profiles import PLATFORM, make_gimp, make_profile, make_wheel

pytestmark = pytest.mark.usefixtures("home")


def found() -> list[tuple[str, str]]:
    return [(str(one.path.relative_to(Path.home())), one.sandbox) for one in hosts_gimp.profiles()]


def tree(folder: Path) -> set[str]:
    return {str(one.relative_to(folder)) for one in folder.rglob("*")}


# where profiles are


def test_linux_native_flatpak_and_snap_side_by_side(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "linux")
    make_gimp(tmp_path / "bin" / "gimp")
    for version in ("2.10", "2.99", "3.0", "3.10", "3.2"):
        make_profile(home / ".config" / "GIMP", version)
    make_profile(home / ".var" / "app" / "org.gimp.GIMP" / "config" / "GIMP")
    make_profile(home / "snap" / "gimp" / "current" / ".config" / "GIMP")
    assert found() == [
        (".config/GIMP/3.0", ""),
        (".config/GIMP/3.2", ""),
        (".config/GIMP/3.10", ""),
        (".var/app/org.gimp.GIMP/config/GIMP/3.0", "Flatpak"),
        ("snap/gimp/current/.config/GIMP/3.0", "Snap"),
    ]


def test_a_flatpak_may_use_the_folder_outside(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "linux")
    make_profile(home / ".config" / "GIMP")
    inside = home / ".var" / "app" / "org.gimp.GIMP" / "config"
    inside.mkdir(parents=True)
    (inside / "GIMP").symlink_to(home / ".config" / "GIMP")
    assert found() == [(".config/GIMP/3.0", "Flatpak")]
    make_gimp(tmp_path / "bin" / "gimp")
    assert found() == [(".config/GIMP/3.0", "")]


def test_what_the_variables_say_comes_first(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "linux")
    make_profile(home / "elsewhere" / "GIMP")
    make_profile(home, "mine")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "elsewhere"))
    monkeypatch.setenv("GIMP3_DIRECTORY", str(home / "mine"))
    assert found() == [("mine", ""), ("elsewhere/GIMP/3.0", "")]
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    monkeypatch.delenv("GIMP3_DIRECTORY")
    assert found() == []


def test_macos_and_windows(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    make_profile(home / "Library" / "Application Support" / "GIMP")
    assert found() == [("Library/Application Support/GIMP/3.0", "")]
    monkeypatch.setattr(sys, "platform", "win32")
    make_profile(home / "Roaming" / "GIMP", "3.2")
    monkeypatch.setenv("APPDATA", str(home / "Roaming"))
    assert found() == [("Roaming/GIMP/3.2", "")]


def test_no_profile_is_a_sentence(deepblend, home: Path):
    done = deepblend("install", "gimp")
    assert done.status == 1
    assert f"No profile of GIMP 3 was found; looked for {home}/" in done.err and "--profile DIR" in done.err
    assert deepblend("uninstall", "gimp").status == 1
    with pytest.raises(HostMissing):
        hosts_gimp.chosen(None)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("GIMP/2.10", "the plug-in needs GIMP 3.0 or newer"),
        ("GIMP/3.0/plug-ins", "name the one above it"),
        ("GIMP", "name one of them"),
        ("GMIP/3.0", "there is no such folder"),
        ("pictures", "does not look like GIMP's folder of settings"),
        ("GIMP/3.0/gimprc", "it is not a folder"),
    ],
)
def test_a_folder_that_is_not_a_profile_is_refused(deepblend, home: Path, name: str, words: str):
    make_profile(home / "GIMP")
    (home / "GIMP" / "2.10").mkdir()
    (home / "pictures").mkdir()
    (home / "pictures" / "beach.jpg").touch()
    before = tree(home)
    done = deepblend("install", "gimp", "--profile", home / name)
    assert done.status == 1
    assert str(home / name) in done.err and words in done.err
    assert tree(home) == before


# what is installed


def test_without_internet(deepblend, profile: Path, home: Path):
    done = deepblend("install", "gimp")
    folder = profile / "plug-ins" / "deepblend-gimp"
    assert done.status == 0, done.err
    assert f"{folder}: deepblend {__version__} was installed." in done.out
    assert "pip could not fetch pyzmq" in done.out
    assert "GIMP was not asked" in done.out and "Filters > Combine" in done.out
    assert os.access(folder / "deepblend-gimp.py", os.X_OK)
    assert (folder / "vendor" / "deepblend_protocol" / "client.py").is_file()
    assert not list(folder.rglob("__pycache__"))
    if vendored.minors(folder / "vendor"):  # this environment's pyzmq is of a wheel
        assert "This environment's own came along instead" in done.out
    known = connection.read_installation(folder / "installation.json")
    assert known.connection == connection.default_path()
    assert known.command == (sys.executable, "-m", "deepblend.commands.cli", "serve")
    assert known.relay == (sys.executable, "-m", "deepblend_protocol.relay")
    assert tree(profile / "plug-ins") == {"deepblend-gimp", *(f"deepblend-gimp/{name}" for name in tree(folder))}
    if os.name == "posix":
        assert folder.stat().st_mode & 0o777 == 0o755
        assert (folder / "installation.json").stat().st_mode & 0o777 == 0o600


def test_without_anything_a_process_carries_the_messages(deepblend, profile: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(vendored, "_copy_own", lambda vendor: False)
    done = deepblend("install", "gimp", "--no-check")
    assert done.status == 0
    assert f"a process of {sys.executable} carries the messages" in done.out
    assert "GIMP was not asked" not in done.out


def test_without_pip(deepblend, profile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pip" else find_spec(name))
    done = deepblend("install", "gimp")
    assert done.status == 0 and "-m ensurepip" in done.out
    make_wheel(tmp_path / "wheels")
    done = deepblend("install", "gimp", "--wheel-dir", tmp_path / "wheels")
    assert done.status == 1 and "-m ensurepip" in done.err


def test_windows_has_no_use_for_wheels(profile: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "win32")
    said = hosts_gimp.install(hosts_gimp.Profile(profile), ("python",))
    assert not any("pip" in one for one in said) and "carries the messages" in said[-1]


def test_a_sandbox_is_told_of_autostart(deepblend, home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "linux")
    flatpak = make_profile(home / ".var" / "app" / "org.gimp.GIMP" / "config" / "GIMP")
    snap = make_profile(home / "snap" / "gimp" / "current" / ".config" / "GIMP")
    done = deepblend("install", "gimp")
    assert done.status == 0
    assert "runs in a Flatpak and cannot start the server" in done.out
    place = home / "snap" / "gimp" / "common" / "deepblend" / "connection.json"
    assert f"--connection {place}" in done.out
    known = connection.read_installation(flatpak / "plug-ins" / "deepblend-gimp" / "installation.json")
    assert (known.command, known.relay) == ((), ())
    assert "deepblend install --autostart" in known.remedy
    done = deepblend("install", "gimp", "--profile", snap, "--autostart", "--connection", place)
    assert done.status == 0 and "cannot start the server" not in done.out
    known = connection.read_installation(snap / "plug-ins" / "deepblend-gimp" / "installation.json")
    assert known.connection == place
    unit = home / ".config" / "systemd" / "user" / "deepblend.service"
    assert f'"--connection" "{place}"' in unit.read_text()


def test_a_folder_that_gimp_has_not_made_yet(deepblend, home: Path, tmp_path: Path):
    profile = home / ".config" / "GIMP" / "3.0"
    done = deepblend("install", "gimp", "--profile", profile)
    assert done.status == 0 and f"{profile}: new." in done.out
    assert tree(profile) >= {"plug-ins/deepblend-gimp/deepblend-gimp.py"}
    if os.name == "posix":
        other = home / ".config" / "GIMP" / "3.2"
        gimp = make_gimp(tmp_path / "gimp", "3.2.1")
        done = deepblend("install", "gimp", "--profile", other, "--gimp", gimp)
        assert done.status == 0 and f"{other}: made by GIMP" in done.out
        assert (other / "gimprc").exists()


# wheels


def test_wheels_of_a_folder(deepblend, profile: Path, tmp_path: Path):
    make_wheel(tmp_path / "wheels")
    make_wheel(tmp_path / "wheels", f"cp310-cp310-{PLATFORM}", "26.4")
    make_wheel(tmp_path / "wheels", "cp311-cp311-other_machine", "27.9")
    done = deepblend("install", "gimp", "--wheel-dir", tmp_path / "wheels")
    assert done.status == 0, done.err
    assert f"pyzmq for Python 3.10, 3.12 and later came from {tmp_path / 'wheels'}." in done.out
    vendor = profile / "plug-ins" / "deepblend-gimp" / "vendor"
    assert (vendor / "py312" / "zmq" / "__init__.py").read_text() == "__version__ = '27.9'\n"
    assert vendored.minors(vendor) == [10, 12]
    assert {one.name for one in vendor.iterdir()} == {"py310", "py312", "deepblend_protocol"}


@pytest.mark.parametrize("what", ["corrupt", "evil", "none", "old", "no folder"])
def test_wheels_that_are_of_no_use(deepblend, profile: Path, tmp_path: Path, what: str):
    wheels = tmp_path / "wheels"
    if what == "corrupt":
        wheel = make_wheel(wheels)
        wheel.write_bytes(wheel.read_bytes()[:300])
    elif what == "evil":
        make_wheel(wheels, evil="../../../outside.py")
    elif what == "none":
        make_wheel(wheels, "cp312-abi3-other_machine")
    elif what == "old":
        make_wheel(wheels, version="25.1")
    done = deepblend("install", "gimp", "--wheel-dir", wheels)
    assert done.status == 1
    words = {"corrupt": "is invalid", "evil": "outside", "no folder": "there is no such folder"}
    assert words.get(what, "it holds no wheel of pyzmq that fits this system; fetch one with: pip") in done.err
    assert done.err.count("\n") == 1
    assert tree(profile) == {"gimprc", "plug-ins"}
    assert not list(tmp_path.rglob("outside.py"))


# upgrades


@pytest.fixture
def older(deepblend, profile: Path) -> Path:
    """An installed plug-in of a version before."""
    assert deepblend("install", "gimp").status == 0
    folder = profile / "plug-ins" / "deepblend-gimp"
    (folder / plugin.MARK).write_text("deepblend 0.0.9\n")
    (folder / "a_module_that_is_gone.py").touch()
    return folder


def test_an_upgrade_replaces_all_of_it(deepblend, older: Path, tmp_path: Path):
    make_wheel(tmp_path / "wheels")
    done = deepblend("install", "gimp", "--wheel-dir", tmp_path / "wheels")
    assert f"deepblend {__version__} replaces 0.0.9." in done.out
    assert plugin.version(older) == __version__
    assert not (older / "a_module_that_is_gone.py").exists()
    done = deepblend("install", "gimp")
    assert f"deepblend {__version__} was installed again." in done.out
    assert "What was there stays: pyzmq for Python 3.12 and later." in done.out
    assert [one.name for one in older.parent.iterdir()] == ["deepblend-gimp"]


def test_gimp_notices_that_it_is_another_one(deepblend, profile: Path):
    """By the program's date alone, even where nothing but a translation has changed."""
    since = time.time() - 2
    assert deepblend("install", "gimp").status == 0
    assert (profile / "plug-ins" / "deepblend-gimp" / "deepblend-gimp.py").stat().st_mtime > since


@pytest.mark.parametrize("moment", ["writing", "renaming", "wheel"])
def test_an_upgrade_that_fails_leaves_the_old_one(
    deepblend, older: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
):
    before = tree(older)
    arguments: list[str | Path] = []
    if moment == "writing":

        def fail(path: Path, *_):
            raise WriteFailed(path=str(path), reason="the disk is full")

        monkeypatch.setattr(connection, "write_installation", fail)
    elif moment == "renaming":
        rename = Path.rename

        def refuse(self: Path, target: Path):
            if self.name.endswith(".new"):
                raise PermissionError(13, "Permission denied", str(target))
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", refuse)
    else:
        make_wheel(tmp_path / "wheels").write_bytes(b"PK")
        arguments = ["--wheel-dir", tmp_path / "wheels"]
    done = deepblend("install", "gimp", *arguments)
    assert done.status == 1 and done.err.count("\n") == 1
    assert plugin.version(older) == "0.0.9"
    assert tree(older) == before
    assert [one.name for one in older.parent.iterdir()] == ["deepblend-gimp"]


def test_an_upgrade_that_was_cut_off_is_taken_up(deepblend, older: Path):
    older.rename(older.with_name(".deepblend-gimp.old"))
    older.with_name(".deepblend-gimp.new").mkdir()
    assert f"{__version__} replaces 0.0.9" in deepblend("install", "gimp").out
    older.rename(older.with_name(".deepblend-gimp.old"))
    assert "removed" in deepblend("uninstall", "gimp").out
    assert list(older.parent.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "link", "dangling"])
def test_what_is_not_ours_is_not_touched(deepblend, profile: Path, tmp_path: Path, kind: str):
    folder = profile / "plug-ins" / "deepblend-gimp"
    if kind == "folder":
        folder.mkdir()
        (folder / "deepblend-gimp.py").touch()
    else:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / plugin.MARK).write_text("deepblend 0.0.9\n")
        folder.symlink_to(tmp_path / ("mine" if kind == "link" else "nowhere"))
    before = tree(profile)
    done = deepblend("install", "gimp")
    assert done.status == 1 and "was not put there by 'deepblend install'" in done.err
    assert "nothing of deepblend is there" in deepblend("uninstall", "gimp").out
    assert tree(profile) == before


# removal


def test_uninstall_leaves_nothing_but_the_users_own(deepblend, profile: Path):
    before = tree(profile)
    kept = profile / "plug-in-settings"
    kept.mkdir()
    own = [profile / "deepblend-presets.json", kept / "GimpProcedureConfigRun-deepblend.last"]
    others = kept / "GimpProcedureConfigRun-plug-in-deepblender.last"
    for path in (*own, others):
        path.touch()
    assert deepblend("install", "gimp").status == 0
    done = deepblend("uninstall", "gimp")
    assert done.status == 0
    assert all(f"{path}: yours, left there; --purge removes it." in done.out for path in own)
    assert all(path.exists() for path in own)
    done = deepblend("uninstall", "gimp", "--purge")
    assert "nothing of deepblend is there" in done.out
    assert all(f"{path}: removed." in done.out and not path.exists() for path in own)
    assert others.exists()
    others.unlink()
    kept.rmdir()
    assert tree(profile) == before


def test_a_plugin_that_is_not_shipped_is_a_sentence():
    with pytest.raises(PluginInvalid, match="install deepblend again"):
        plugin.source("paint_plugin")
