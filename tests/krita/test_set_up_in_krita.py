"""A Krita with the standalone zip: imported by Krita's own importer, deepblend set up from the docker, and blended."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import wheelhouse
from hosts_root import ENTER
from krita_app import DRIVER, Krita
from krita_desk import Desk
from screen import Screen
from test_install_in_krita import IMPORT
from waiting import wait_for

SHOWN = """
page = docker().findChild(QtCore.QObject, "deepblend_set_up")
def seen(name):
    one = page.findChild(QtWidgets.QWidget, f"deepblend_set_up_{name}") if page is not None else None
    return one.text() if one is not None and one.isVisible() else None
answer = {
    "page": page is not None and page.isVisible(),
    "panel": bool(widget("blend")) and widget("blend").isVisible(),
    **{name: seen(name) for name in ("told", "begin", "cancel", "step", "line", "failed")},
}
"""
PRESS = 'docker().findChild(QtCore.QObject, "deepblend_set_up_{}").click()'


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if sys.base_prefix == "/usr":
        pytest.skip("the root's own /usr is there: a Python elsewhere is needed, to be lent to it")
    return wheelhouse.make(tmp_path_factory.mktemp("wheels"))


@pytest.fixture
def krita(krita_root: Path, wheels: Path, tmp_path: Path) -> Iterator[Krita]:
    """A Krita that has imported the zip. Packages come from the folder ``links``, which is empty."""
    for name in ("data/krita", "config", "links"):
        (tmp_path / name).mkdir(parents=True)
    path = tmp_path / "deepblend-krita.zip"
    command = [sys.executable, "-m", "deepblend.commands.cli", "install", "--krita-zip", str(path), "--standalone"]
    subprocess.run(command, check=True, capture_output=True)
    entered = ["bash", str(ENTER), str(krita_root), str(tmp_path), "env", "-i", "PATH=/usr/bin:/bin", "python3", "-c"]
    done = subprocess.run(
        [*entered, IMPORT, str(path), str(tmp_path / "data" / "krita")],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0 and done.stdout == "['deepblend_krita']\n", done.stderr
    enabled = "".join(f"enable_{name}=true\n" for name in ("deepblend_krita", DRIVER))
    (tmp_path / "config" / "kritarc").write_text(f"[python]\n{enabled}")
    (tmp_path / "config" / "kritadisplayrc").write_text("[General]\nOpenGLRenderer=none\n")
    own = {"PATH": f"{sys.base_prefix}/bin:/usr/bin:/bin", "PIP_NO_INDEX": "1"}
    lent = (sys.base_prefix, *map(str, wheelhouse.borrowed()))
    one = Krita(krita_root, tmp_path, lent, PIP_FIND_LINKS=str(tmp_path / "links"), OMP_WAIT_POLICY="passive", **own)
    yield one
    one.end()


def test_set_up_from_the_docker(krita: Krita, wheels: Path, krita_shots: Path, tmp_path: Path):
    desk, screen = Desk(krita), Screen(krita, krita_shots)
    environment = tmp_path / "data" / "deepblend" / "environment"
    record = tmp_path / "data" / "krita" / "pykrita" / "deepblend_krita" / "installation.json"
    krita.run("arrange()")
    seen = krita.run(SHOWN)
    assert seen["page"] and not seen["panel"] and seen["begin"] == "Set Up"
    assert str(environment) in seen["told"] and " GB " in seen["told"]
    assert seen["cancel"] is seen["step"] is seen["failed"] is None
    desk.keep(screen, "set_up_offered")
    krita.run("Krita.instance().action('deepblend_blend').trigger()")  # does no harm

    krita.run(PRESS.format("begin"))
    seen = wait_for(lambda: (now := krita.run(SHOWN))["step"] and environment.exists() and now, "the environment")
    assert seen["begin"] is None and seen["cancel"] == "Cancel" and seen["step"] == "Making the environment"
    krita.run(PRESS.format("cancel"))
    seen = krita.run(SHOWN)
    assert seen["begin"] == "Set Up" and seen["step"] is seen["failed"] is None

    krita.run(PRESS.format("begin"))  # nothing is there to be fetched
    seen = wait_for(lambda: (now := krita.run(SHOWN))["failed"] and now, "the failure")
    assert "No matching distribution found for deepblend==" in seen["failed"]
    assert str(tmp_path / "data" / "deepblend" / "set-up.log") in seen["failed"] and seen["begin"] == "Set Up"
    desk.keep(screen, "set_up_failed")
    assert not record.exists()

    for wheel in wheels.iterdir():
        shutil.copy(wheel, tmp_path / "links")
    krita.run(PRESS.format("begin"))
    lines = []

    def set_up() -> bool:
        now = krita.run(SHOWN)
        assert not now["failed"], now
        if now["step"] == "Fetching deepblend and what it needs" and now["line"] and not lines:
            screen.keep("set_up_running")
            lines.append(now["line"])
        return now["panel"]

    wait_for(set_up, "deepblend", 600)
    assert lines and record.exists() and not krita.run(SHOWN)["page"]

    desk.open_example()  # without another start
    desk.blend(style=0.0)
    desk.keep(screen, "set_up_blended")
    assert krita.run("answer = driver.faults") == []
    desk.close_all()
