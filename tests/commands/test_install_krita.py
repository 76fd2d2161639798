"""``deepblend install krita`` and ``uninstall krita``, in folders made here; Krita itself is in tests/krita."""

from __future__ import annotations

import sys
from pathlib import Path

import deepblend.hosts.krita as hosts_krita
import pytest
from deepblend import __version__
from deepblend.hosts import kritarc, plugin, running, vendored
from deepblend_protocol import connection
from deepblend_protocol.errors import WriteFailed
from gimp_profiles import make_wheel
from krita_profiles import KRITARC, make_krita

ROOT = Path(__file__).parents[2]
ENABLED = "enable_deepblend_krita=true\n"


pytestmark = pytest.mark.usefixtures("nothing_runs")


@pytest.fixture
def folder(home: Path) -> Path:
    """Krita's folder of resources in that home, where Linux has it."""
    return make_krita(home / ".local" / "share", home / ".config")


@pytest.fixture
def settings(home: Path) -> Path:
    return home / ".config" / "kritarc"


def found() -> list[tuple[str, str, str]]:
    return [
        (one.path.relative_to(Path.home()).as_posix(), one.kritarc.relative_to(Path.home()).as_posix(), one.sandbox)
        for one in hosts_krita.profiles()
    ]


def tree(folder: Path) -> set[str]:
    return {str(one.relative_to(folder)) for one in folder.rglob("*")}


# where Krita's folders are


def test_linux_native_flatpak_and_snap_side_by_side(home: Path):
    inside = home / ".var" / "app" / "org.kde.krita"
    snap = home / "snap" / "krita" / "current"
    make_krita(home / ".local" / "share", home / ".config")
    make_krita(inside / "data", inside / "config")
    make_krita(snap / ".local" / "share", snap / ".config")
    assert found() == [
        (".local/share/krita", ".config/kritarc", ""),
        (".var/app/org.kde.krita/data/krita", ".var/app/org.kde.krita/config/kritarc", "Flatpak"),
        ("snap/krita/current/.local/share/krita", "snap/krita/current/.config/kritarc", "Snap"),
    ]


def test_the_variables_count_where_they_are_absolute(home: Path, monkeypatch: pytest.MonkeyPatch):
    make_krita(home / "data", home / "settings")
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "settings"))
    assert found() == [("data/krita", "settings/kritarc", "")]
    monkeypatch.setenv("XDG_DATA_HOME", "data")
    monkeypatch.setenv("XDG_CONFIG_HOME", "settings")
    assert found() == []


MOVED = [
    ("{folder}", "ResourceDirectory"),
    ("$HOME/paint\\\\er\\s", "ResourceDirectory[$e]"),
]


@pytest.mark.parametrize(("value", "key"), MOVED, ids=["plain", "escaped and expanded"])
def test_a_folder_that_kritas_settings_name(deepblend, home: Path, folder: Path, settings: Path, value: str, key: str):
    """Krita then looks for plug-ins there alone, and makes it where it is missing."""
    there = home / ("mine" if key == "ResourceDirectory" else "paint\\er ")
    settings.write_text(f"{key}={value.format(folder=there)}\n\n" + KRITARC)
    done = deepblend("install", "krita", "--no-check")
    assert done.status == 0, done.err
    assert (there / "pykrita" / "deepblend_krita").is_dir() and not (folder / "pykrita").exists()
    assert ENABLED in settings.read_text()

    for arguments in ([], ["--kritarc", settings]):
        done = deepblend("install", "krita", "--no-check", "--profile", folder, *arguments)
        assert done.status == 1 and f"{folder}" in done.err and f"name {there}; name that" in done.err
    assert deepblend("install", "krita", "--no-check", "--profile", there).status == 0
    assert deepblend("uninstall", "krita").status == 0
    assert not (there / "pykrita").exists() and ENABLED not in settings.read_text()


def test_settings_that_name_no_other_folder(home: Path, folder: Path, settings: Path):
    for text in (
        "ResourceDirectory=\n",
        "ResourceDirectory=mine\n",
        f"[x]\nResourceDirectory={home}\n",
        "ResourceDirectory[$d]\n",
    ):
        settings.write_text(text)
        assert found() == [(".local/share/krita", ".config/kritarc", "")]


def test_macos_and_windows(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    make_krita(home / "Library" / "Application Support", home / "Library" / "Preferences")
    assert found() == [("Library/Application Support/krita", "Library/Preferences/kritarc", "")]
    monkeypatch.setattr(sys, "platform", "win32")
    make_krita(home / "AppData" / "Roaming", home / "AppData" / "Local")
    store = home / "AppData" / "Local" / "Packages" / "49800Krita_abc" / "LocalCache"
    make_krita(store / "Roaming", store / "Local")
    inside = "AppData/Local/Packages/49800Krita_abc/LocalCache"
    native = ("AppData/Roaming/krita", "AppData/Local/kritarc", "")
    assert found() == [native, (f"{inside}/Roaming/krita", f"{inside}/Local/kritarc", "")]
    monkeypatch.setenv("APPDATA", str(home / "elsewhere"))
    monkeypatch.setenv("LOCALAPPDATA", str(home / "elsewhere"))
    assert found() == []


def test_no_folder_is_a_sentence(deepblend, home: Path):
    for word in ("install", "uninstall"):
        done = deepblend(word, "krita")
        assert done.status == 1
        assert f"No profile of Krita was found; looked for {home}/" in done.err and "--profile DIR" in done.err


def test_the_kritarc_of_a_folder_that_is_named(deepblend, home: Path, folder: Path, settings: Path):
    other = make_krita(home / "other" / ".local" / "share", home / "other" / ".config")
    inside = make_krita(home / "app" / "data", home / "app" / "config")
    custom = make_krita(home / "resources", home / "mine")
    (home / "link").symlink_to(folder)
    expected = {folder: settings, home / "link": settings}
    expected |= {other: home / "other" / ".config" / "kritarc", inside: home / "app" / "config" / "kritarc"}
    for path, known in expected.items():
        assert hosts_krita.chosen(path)[0].kritarc == known
    done = deepblend("install", "krita", "--profile", custom)
    assert done.status == 1 and "name it: --kritarc FILE" in done.err
    named = ("--profile", custom, "--kritarc", home / "mine" / "kritarc")
    assert deepblend("install", "krita", *named).status == 0
    assert ENABLED in (home / "mine" / "kritarc").read_text() and settings.read_text() == KRITARC
    assert deepblend("uninstall", "krita", *named).status == 0
    assert (home / "mine" / "kritarc").read_text() == KRITARC
    for arguments in (["--kritarc", settings], ["gimp", "--kritarc", settings]):
        assert deepblend("install", *(arguments if "gimp" in arguments else ["krita", *arguments])).status == 2


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (".local/share/krita/pykrita", "name the one above it"),
        (".local/share", "it holds Krita's folder; name that"),
        ("nowhere/krita", "there is no such folder; start Krita once"),
        ("pictures", "does not look like Krita's folder of resources"),
        (".config/kritarc", "it is not a folder"),
    ],
)
def test_a_folder_that_is_not_kritas_is_refused(deepblend, home: Path, folder: Path, name: str, words: str):
    (folder / "pykrita").mkdir()
    (home / ".local" / "share" / "fonts").mkdir()
    (home / "pictures").mkdir()
    (home / "pictures" / "beach.jpg").touch()
    before = tree(home)
    done = deepblend("install", "krita", "--profile", home / name, "--kritarc", home / "kritarc")
    assert done.status == 1
    assert str(home / name) in done.err and words in done.err
    assert tree(home) == before


# what is installed


def test_installed_enabled_and_removed(deepblend, home: Path, folder: Path, settings: Path):
    before = tree(home)
    done = deepblend("install", "krita")
    assert done.status == 0, done.err
    plugins = folder / "pykrita"
    inside = plugins / "deepblend_krita"
    assert f"{inside}: deepblend {__version__} was installed." in done.out
    assert f"{settings}: the plug-in was enabled there." in done.out
    assert "Krita was not asked" in done.out and "Settings > Dockers > Deep Image Blending" in done.out
    assert "running" not in done.out
    assert {one.name for one in plugins.iterdir()} == {"deepblend_krita", "deepblend_krita.desktop"}
    assert {"__init__.py", "host.py", "vendor", plugin.MARK} <= {one.name for one in inside.iterdir()}
    assert (inside / "vendor" / "deepblend_protocol" / "vendored.py").is_file()
    assert not list(inside.rglob("__pycache__"))
    known = connection.read_installation(inside / "installation.json")
    assert known.connection == connection.default_path()
    assert known.command == (sys.executable, "-m", "deepblend.commands.cli", "serve")
    assert settings.read_text() == KRITARC.replace("enable_scripter=true\n", f"enable_scripter=true\n{ENABLED}")
    done = deepblend("install", "krita")
    assert f"deepblend {__version__} was installed again." in done.out
    assert f"{settings}: the plug-in is enabled there already." in done.out
    done = deepblend("uninstall", "krita")
    assert done.status == 0
    assert f"{inside}: removed." in done.out and f"{settings}: the plug-in is not enabled there any more." in done.out
    assert tree(home) == before and settings.read_text() == KRITARC
    done = deepblend("uninstall", "krita")
    assert "nothing of deepblend is there" in done.out and "enabled there" not in done.out


def test_one_that_was_switched_off_is_switched_on(deepblend, folder: Path, settings: Path):
    settings.write_text("[python]\nenable_deepblend_krita=false\n")
    assert "was enabled there" in deepblend("install", "krita").out
    assert settings.read_text() == f"[python]\n{ENABLED}"


def test_before_krita_was_ever_started(deepblend, home: Path):
    done = deepblend("install", "krita", "--profile", home / ".local" / "share" / "krita")
    assert done.status == 0, done.err
    assert (home / ".config" / "kritarc").read_text() == f"[python]\n{ENABLED}"


def test_a_krita_that_runs_is_told_of(deepblend, folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(running, "runs", lambda name: name == "krita")
    for word in ("install", "uninstall"):
        assert "Krita is running: close it and start it again." in deepblend(word, "krita").out


def test_a_sandbox_is_told_of_autostart(deepblend, home: Path):
    inside = home / ".var" / "app" / "org.kde.krita"
    snap = home / "snap" / "krita" / "current"
    flatpak = make_krita(inside / "data", inside / "config")
    make_krita(snap / ".local" / "share", snap / ".config")
    done = deepblend("install", "krita")
    assert done.status == 0
    assert "Krita runs in a Flatpak and cannot start the server" in done.out
    assert f"--connection {home / 'snap' / 'krita' / 'common' / 'deepblend' / 'connection.json'}" in done.out
    known = connection.read_installation(flatpak / "pykrita" / "deepblend_krita" / "installation.json")
    assert (known.command, known.relay) == ((), ()) and "deepblend install --autostart" in known.remedy
    assert "cannot start" not in deepblend("install", "krita", "--profile", flatpak, "--autostart").out


def test_wheels_of_a_folder(deepblend, folder: Path, tmp_path: Path):
    make_wheel(tmp_path / "wheels")
    done = deepblend("install", "krita", "--wheel-dir", tmp_path / "wheels")
    assert done.status == 0, done.err
    assert vendored.minors(folder / "pykrita" / "deepblend_krita" / "vendor") == [12]
    done = deepblend("install", "krita", "--wheel-dir", tmp_path / "nowhere")
    assert done.status == 1 and "there is no such folder" in done.err


# upgrades


@pytest.fixture
def older(deepblend, folder: Path) -> Path:
    """An installed plug-in of a version before, with an entry of its own."""
    assert deepblend("install", "krita").status == 0
    inside = folder / "pykrita" / "deepblend_krita"
    (inside / plugin.MARK).write_text("deepblend 0.0.9\n")
    (inside / "a_module_that_is_gone.py").touch()
    inside.with_name("deepblend_krita.desktop").write_text("old")
    return inside


def pair(older: Path) -> tuple[str | None, str]:
    """The version of the folder, and what its entry is."""
    text = older.with_name("deepblend_krita.desktop").read_text()
    return plugin.version(older), text if text == "old" else "new"


def test_an_upgrade_replaces_both(deepblend, older: Path):
    done = deepblend("install", "krita")
    assert f"deepblend {__version__} replaces 0.0.9." in done.out
    assert pair(older) == (__version__, "new")
    assert not (older / "a_module_that_is_gone.py").exists()
    assert {one.name for one in older.parent.iterdir()} == {"deepblend_krita", "deepblend_krita.desktop"}


@pytest.mark.parametrize("name", [".deepblend_krita.new", ".deepblend_krita.desktop.new", "deepblend_krita.desktop"])
def test_an_upgrade_that_fails_leaves_both(deepblend, older: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    rename = Path.rename

    def refuse(self: Path, target: Path):
        if self.name == name:
            raise PermissionError(13, "Permission denied", str(target))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    done = deepblend("install", "krita")
    assert done.status == 1 and done.err.count("\n") == 1
    assert pair(older) == ("0.0.9", "old")
    assert {one.name for one in older.parent.iterdir()} == {"deepblend_krita", "deepblend_krita.desktop"}


def test_an_upgrade_that_was_cut_off_is_taken_up(deepblend, older: Path, monkeypatch: pytest.MonkeyPatch):
    entry = older.with_name("deepblend_krita.desktop")
    for place in (older, entry):
        place.rename(place.with_name(f".{place.name}.old"))

    def full(*_):
        raise WriteFailed(path="", reason="the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(connection, "write_installation", full)
        assert deepblend("install", "krita").status == 1
    assert pair(older) == ("0.0.9", "old")
    for place in (older, entry):
        place.rename(place.with_name(f".{place.name}.old"))
    assert "removed" in deepblend("uninstall", "krita").out
    assert not older.parent.exists()


def test_a_kritarc_that_cannot_be_read_ends_it_before_anything_is_done(deepblend, folder: Path, settings: Path):
    settings.unlink()
    settings.mkdir()
    before = tree(folder)
    done = deepblend("install", "krita")
    assert done.status == 1 and f"{settings} could not be written: it is a folder" in done.err
    assert tree(folder) == before


@pytest.mark.parametrize("kind", ["folder", "link", "entry's link"])
def test_what_is_not_ours_is_not_touched(deepblend, folder: Path, settings: Path, tmp_path: Path, kind: str):
    plugins = folder / "pykrita"
    plugins.mkdir()
    if kind == "folder":
        (plugins / "deepblend_krita").mkdir()
        (plugins / "deepblend_krita" / "__init__.py").touch()
    else:
        (plugins / f"deepblend_krita{'.desktop' if kind != 'link' else ''}").symlink_to(tmp_path)
    before = tree(folder)
    done = deepblend("install", "krita")
    assert done.status == 1 and "was not put there by 'deepblend install'" in done.err
    assert "nothing of deepblend is there" in deepblend("uninstall", "krita").out
    assert tree(folder) == before and settings.read_text() == KRITARC


def test_an_entry_that_lost_its_folder_is_removed(deepblend, folder: Path):
    (folder / "pykrita").mkdir()
    (folder / "pykrita" / "deepblend_krita.desktop").touch()
    assert "removed" in deepblend("uninstall", "krita").out
    assert not (folder / "pykrita").exists()


def test_what_the_docker_keeps_stays_unless_it_is_purged(deepblend, folder: Path, settings: Path):
    kept = '\n[deepblend]\nlive=true\nsettings={"style": 0.5}\n\n[krita][DockWidget deepblend]\nLocked=false\n'
    settings.write_text(KRITARC + kept)
    assert deepblend("install", "krita").status == 0
    done = deepblend("uninstall", "krita")
    assert f"{settings}: the settings of the docker: yours, left there; --purge removes them." in done.out
    assert settings.read_text() == KRITARC + kept
    done = deepblend("uninstall", "krita", "--purge")
    assert f"{settings}: the settings of the docker: removed." in done.out
    assert settings.read_text() == KRITARC
    assert "settings of the docker" not in deepblend("uninstall", "krita", "--purge").out


def test_the_groups_are_those_that_the_plug_in_writes():
    text = "".join(one.read_text(encoding="utf-8") for one in (ROOT / "krita_plugin").rglob("*.py"))
    assert '"deepblend", "settings"' in text and 'DOCKER = "deepblend"' in text


def test_kritarc_is_what_krita_reads(folder: Path, settings: Path):
    profile = hosts_krita.chosen(None)[0]
    for value, there in (("true", True), ("TRUE", True), ("1", True), ("false", False), ("", False)):
        settings.write_text(f"[python]\nenable_deepblend_krita={value}\n")
        assert hosts_krita.enabled(profile) is there
    assert kritarc.get(settings.read_bytes(), (b"python",), b"enable_deepblend_krita") == b""
