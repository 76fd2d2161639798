from __future__ import annotations

import plistlib
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest
from deepblend.commands.cli import main
from deepblend.hosts import autostart

COMMAND = ("/opt/my apps/py 100%/python", "-m", "deepblend.commands.cli", "serve", 'a "b" $c \\d', "--idle-exit", "0")


@pytest.fixture
def linux(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Without systemctl: nothing outside of tmp_path may be touched."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    return tmp_path / "config" / "systemd" / "user" / "deepblend.service"


def test_systemd(linux: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert main(["install", "--autostart"]) == 0
        unit = linux.read_text()
        assert f'ExecStart="{sys.executable}" "-m" "deepblend.commands.cli" "serve" "--idle-exit" "0"\n' in unit
        said = capsys.readouterr().out
        assert str(linux) in said and "systemctl --user enable --now deepblend.service" in said
    assert main(["uninstall", "--autostart"]) == 0
    assert not linux.exists()
    assert "not started at login any more" in capsys.readouterr().out
    assert main(["uninstall", "--autostart"]) == 0
    assert "was not registered" in capsys.readouterr().out


def test_systemd_is_told_where_it_is_there(linux: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "told"
    tool = tmp_path / "systemctl"
    tool.write_text(f'#!/bin/sh\necho "$@" >> {told}\n')
    tool.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(tool))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert "It was started." in autostart.install(COMMAND)
    assert told.read_text().splitlines() == ["--user daemon-reload", "--user enable --now deepblend.service"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    program = tmp_path / "a 100% $odd \"name'"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "deepblend.service"
    unit.write_text(autostart.systemd_unit([str(program), *COMMAND[1:]]))
    found = subprocess.run(["systemd-analyze", "--user", "verify", str(unit)], capture_output=True, text=True)
    assert "deepblend.service" not in found.stderr, found.stderr


def test_systemd_quotes_what_means_something_to_it() -> None:
    line = next(line for line in autostart.systemd_unit(COMMAND).splitlines() if line.startswith("ExecStart"))
    assert line.startswith('ExecStart="/opt/my apps/py 100%%/python" "-m" ')
    assert '"a \\"b\\" $$c \\\\d"' in line


def test_launchd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    path = tmp_path / "Library" / "LaunchAgents" / "org.deepblend.server.plist"
    done = autostart.install(COMMAND)
    assert str(path) in done[0]
    known = plistlib.loads(path.read_bytes())
    assert known["ProgramArguments"] == list(COMMAND) and known["RunAtLoad"] is True
    autostart.uninstall()
    assert not path.exists()


def test_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a registry of our own, since there is none here."""
    values: dict[str, str] = {}

    class Key:
        def __enter__(self) -> Key:
            return self

        def __exit__(self, *_: object) -> None:
            return None

    def delete(key: Key, name: str) -> None:
        if values.pop(name, None) is None:
            raise FileNotFoundError(name)

    registry = types.SimpleNamespace(
        HKEY_CURRENT_USER=1,
        KEY_SET_VALUE=2,
        REG_SZ=3,
        CreateKey=lambda root, path: Key(),
        OpenKey=lambda root, path, reserved, access: Key(),
        SetValueEx=lambda key, name, reserved, kind, value: values.update({name: value}),
        DeleteValue=delete,
    )
    monkeypatch.setitem(sys.modules, "winreg", registry)
    monkeypatch.setattr(sys, "platform", "win32")
    autostart.install([r"C:\Program Files\Python\python.exe", "-m", "deepblend.commands.cli", "serve"])
    assert values["deepblend"] == r'"C:\Program Files\Python\python.exe" -m deepblend.commands.cli serve'
    assert "not started at login any more" in autostart.uninstall()[0]
    assert autostart.uninstall() == ["The server was not registered."]


def test_a_folder_that_cannot_be_made_is_a_sentence(linux: Path, capsys: pytest.CaptureFixture[str]) -> None:
    linux.parents[2].write_text("a file where a folder should be")
    assert main(["install", "--autostart"]) == 1
    assert "could not be written" in capsys.readouterr().err
