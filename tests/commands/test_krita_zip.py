"""``deepblend install --krita-zip``: the file that Krita's own importer takes."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest
from deepblend import __version__
from deepblend.hosts import plugin
from deepblend_protocol import connection
from gimp_profiles import make_wheel
from krita_profiles import make_krita

pytestmark = pytest.mark.usefixtures("nothing_runs")


def test_the_zip_holds_what_the_importer_looks_for(deepblend, home: Path, tmp_path: Path):
    path = tmp_path / "deepblend_krita.zip"
    done = deepblend("install", "--krita-zip", path)
    assert done.status == 0, done.err
    assert f"{path}: deepblend {__version__} was written." in done.out and "Import Python Plugin from File" in done.out
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "out")
    assert {"deepblend_krita/", "deepblend_krita/__init__.py", "deepblend_krita/installation.json"} <= set(names)
    assert [name for name in names if name.endswith(".desktop")] == ["deepblend_krita.desktop"]
    assert plugin.version(tmp_path / "out" / "deepblend_krita") == __version__
    known = connection.read_installation(tmp_path / "out" / "deepblend_krita" / "installation.json")
    assert known.command == (sys.executable, "-m", "deepblend.commands.cli", "serve")
    assert list(home.iterdir()) == []
    # what Krita's importer has put there is upgraded and removed as what the installer has
    plugins = make_krita(home / ".local" / "share", home / ".config") / "pykrita"
    (tmp_path / "out").rename(plugins)
    assert "was installed again" in deepblend("install", "krita").out
    assert "removed" in deepblend("uninstall", "krita").out


def test_a_standalone_zip_is_for_any_machine(deepblend, home: Path, tmp_path: Path):
    path = tmp_path / "deepblend-krita.zip"
    done = deepblend("install", "--krita-zip", path, "--standalone")
    assert done.status == 0, done.err
    assert "Import Python Plugin from File" in done.out and "offers to set deepblend up" in done.out
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        text = b"".join(archive.read(name) for name in names)
    assert {"deepblend_krita/set_up.py", "deepblend_krita/vendor/deepblend_protocol/plugins/set_up.py"} <= set(names)
    assert not [name for name in names if "installation.json" in name or "/vendor/py3" in name or ".so" in name]
    assert str(Path.home()).encode() not in text and sys.executable.encode() not in text
    assert list(home.iterdir()) == []
    for arguments in (
        ["--standalone"],
        ["krita", "--standalone"],
        ["--krita-zip", path, "--standalone", "--wheel-dir", tmp_path],
        ["--krita-zip", path, "--standalone", "--connection", tmp_path / "connection.json"],
    ):
        done = deepblend("install", *arguments)
        assert done.status == 2 and "tandalone" in done.err and done.err.count("\n") == 1


@pytest.mark.parametrize("what", ["no folder", "disk full", "bad wheel"])
def test_the_zip_is_whole_or_not_there(deepblend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str):
    folder = tmp_path / "out"
    folder.mkdir()
    path = folder / ("there" if what == "no folder" else ".") / "a.zip"
    arguments: list[str | Path] = ["--krita-zip", path]
    if what == "disk full":

        def full(*_, **__):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(zipfile.ZipFile, "write", full)
    elif what == "bad wheel":
        make_wheel(tmp_path / "wheels").write_bytes(b"PK")
        arguments += ["--wheel-dir", tmp_path / "wheels"]
    done = deepblend("install", *arguments)
    assert done.status == 1 and done.err.count("\n") == 1
    assert list(folder.iterdir()) == []
