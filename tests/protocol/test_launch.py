from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from deepblend_protocol import launch

TELL = (
    "import json, os, sys; print(json.dumps([dict(os.environ), sys.argv[1:], os.getcwd(), os.getsid(0), os.getpid()]))"
)


def test_a_hosts_variables_stay_behind_and_the_users_remain() -> None:
    host = {
        "PYTHONHOME": "/tmp/.mount_krita/usr",
        "PYTHONPATH": "/x",
        "LD_LIBRARY_PATH": "/x",
        "DYLD_INSERT_LIBRARIES": "/x",
        "GI_TYPELIB_PATH": "/x",
        "QT_PLUGIN_PATH": "/x",
        "GIMP3_DIRECTORY": "/x",
        "GEGL_PATH": "/x",
        "APPDIR": "/tmp/.mount_krita",
        "APPIMAGE": "/home/me/krita.appimage",
        "VIRTUAL_ENV": "/x",
        "PATH": os.pathsep.join(["/tmp/.mount_krita/usr/bin", "/usr/bin", "/bin"]),
    }
    own = {
        "HOME": "/home/me",
        "LANG": "de_DE.UTF-8",
        "DISPLAY": ":0",
        "CUDA_VISIBLE_DEVICES": "1",
        "XDG_STATE_HOME": "/home/me/state",
        "OMP_NUM_THREADS": "4",
        "DEEPBLEND_DEBUG": "1",
    }
    assert launch.clean_environment({**host, **own}) == {**own, "PATH": os.pathsep.join(["/usr/bin", "/bin"])}


@pytest.mark.skipif(os.name != "posix", reason="sessions are POSIX's")
def test_it_runs_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME_OF_HOST", "/nowhere")
    monkeypatch.setenv("QT_PLUGIN_PATH", "/nowhere")
    path = tmp_path / "home" / "connection.json"
    process = launch.start([sys.executable, "-c", TELL], path)
    assert process.wait(60) == 0
    environment, arguments, folder, session, pid = json.loads(path.with_name("start.log").read_text())
    assert not {name for name in environment if name.startswith(("PYTHON", "QT_"))}
    assert arguments == ["--connection", str(path)]
    assert Path(folder) == Path.home().resolve()
    assert session == pid  # a session of its own: closing the host's terminal does not end it
    assert path.with_name("start.log").stat().st_mode & 0o777 == 0o600


def test_why_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "connection.json"
    assert launch.reason(path) == "it said nothing"
    process = launch.start([sys.executable, "-c", "import sys; sys.exit('first\\nthe paint is gone\\n\\n')"], path)
    assert process.wait(60) == 1
    assert launch.reason(path) == "the paint is gone"
    with pytest.raises(OSError):
        launch.start(["/no/such/program"], path)
