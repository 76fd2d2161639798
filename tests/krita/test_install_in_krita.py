"""The installer and the doctor with the real Krita: installed, upgraded while it runs, broken, removed; and the zip."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from deepblend import __version__
from hosts_root import ENTER
from krita_app import DRIVER, Krita
from waiting import DEADLINE_S

SEEN = """\
import sys
module = sys.modules.get("deepblend_krita")
answer = dict(
    loaded=bool(module),
    docker="deepblend" in [one.objectName() for one in Krita.instance().dockers()],
    mark=getattr(module, "MARK", None),
)
"""
QUIT = "QtCore.QTimer.singleShot(100, Krita.instance().action('file_quit').trigger)"
OWN = f"CanvasOnlyActive=false\n\n[python]\nenable_{DRIVER}=true\n\n[zz][inner]\nmine=yes\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a kritarc, where Krita has not been started yet."""
    for name in ("home", "data", "config", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "config" / "kritarc").write_text(OWN)
    return tmp_path


@pytest.fixture
def run(krita_root: Path, place: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command of deepblend's on the folder; kritarunner, where it takes one, is the root's."""
    inside = ["env", f"HOME={place / 'home'}", "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"]
    runner = shlex.join(["bash", str(ENTER), str(krita_root), str(place), *inside, "kritarunner"])

    def run(*arguments: str, asked: bool = False) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "deepblend.commands.cli", *arguments]
        own = {"DEEPBLEND_CONNECTION": str(place / "state" / "connection.json"), "TMPDIR": str(place / "tmp")}
        return subprocess.run(
            [*command, "--profile", str(place / "data" / "krita"), *(["--krita", runner] if asked else [])],
            env={**os.environ, **own},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    return run


@pytest.fixture
def start(krita_root: Path, place: Path) -> Iterator[Callable[..., Krita]]:
    """Starts Krita in the folder: ``start(**environment)``."""
    started: list[Krita] = []

    def start(**environment: str) -> Krita:
        started.append(Krita(krita_root, place, **environment))
        return started[-1]

    yield start
    for one in started:
        one.end()


def leave(krita: Krita) -> None:
    """Quit as its user does: then it writes kritarc."""
    krita.start(QUIT)
    krita.process.wait(DEADLINE_S)


def findings(run) -> dict[str, dict[str, str]]:
    done = run("doctor", "krita", "--json", asked=True)
    return {one["name"]: one for one in json.loads(done.stdout)["findings"]}


def test_installed_upgraded_broken_and_removed(run, start, place: Path):
    kritarc = place / "config" / "kritarc"
    folder = place / "data" / "krita" / "pykrita" / "deepblend_krita"
    done = run("install", "krita", asked=True)
    assert done.returncode == 0, done.stderr
    assert f"{folder}: deepblend {__version__} was installed." in done.stdout
    assert f"{kritarc}: the plug-in was enabled there." in done.stdout
    assert "was asked and can load it: Settings > Dockers > Deep Image Blending." in done.stdout
    assert kritarc.read_text() == OWN.replace("=true\n", "=true\nenable_deepblend_krita=true\n")
    assert not list((place / "tmp").glob("deepblend*"))
    assert {one.name for one in (place / "data" / "krita").iterdir()} == {"pykrita"}

    krita = start()
    assert krita.run(SEEN) == {"loaded": True, "docker": True, "mark": None}

    # upgraded while it runs; when it leaves it writes kritarc, and keeps the entry
    (folder / "installed-by-deepblend.txt").write_text("deepblend 0.0.9\n")
    (folder / "gone.py").touch()
    done = run("install", "krita", "--no-check")
    assert done.returncode == 0, done.stderr
    assert f"{__version__} replaces 0.0.9" in done.stdout and "Krita is running: close it" in done.stdout
    assert not (folder / "gone.py").exists()
    with (folder / "__init__.py").open("a", encoding="utf-8") as file:
        file.write('\nMARK = "upgraded"\n')
    leave(krita)
    text = kritarc.read_text()
    assert "enable_deepblend_krita=true\n" in text and "[zz][inner]\nmine=yes\n" in text

    known = findings(run)
    assert not [one for one in known.values() if one["status"] == "wrong"]
    assert "can load it" in known["Krita"]["sentence"] and known["Krita pyzmq"]["status"] == "ok"

    # a module that the plug-in imports is damaged
    module = folder / "docker.py"
    whole = module.read_text(encoding="utf-8")
    module.write_text("import nothing_of_this_name\n")
    found = findings(run)["Krita"]
    assert found["status"] == "wrong" and "No module named 'nothing_of_this_name'" in found["sentence"]
    module.write_text(whole, encoding="utf-8")

    # pyzmq is gone: the plug-in is loaded all the same, and a process carries its messages
    kept = {one: one.with_name(f"no-{one.name}") for one in (folder / "vendor").glob("py3*")}
    for one, other in kept.items():
        one.rename(other)
    known = findings(run)
    assert known["Krita"]["status"] == "ok"
    assert known["Krita pyzmq"]["status"] == "warn" and "has no pyzmq to use" in known["Krita pyzmq"]["sentence"]
    for one, other in kept.items():
        other.rename(one)

    # removed while it runs: it does not put the entry back
    krita = start()
    assert krita.run(SEEN) == {"loaded": True, "docker": True, "mark": "upgraded"}
    done = run("uninstall", "krita", "--purge")
    assert done.returncode == 0 and f"{folder}: removed." in done.stdout
    leave(krita)
    assert "enable_deepblend_krita" not in kritarc.read_text()
    assert not [one for one in folder.parent.iterdir() if "deepblend_krita" in one.name]

    run("uninstall", "krita", "--purge")  # of what Krita wrote when it was left
    assert "deepblend" not in kritarc.read_text().replace(DRIVER, "")
    assert f"enable_{DRIVER}=true\n" in kritarc.read_text()


IMPORT = """\
import builtins, sys
builtins.i18n = str
sys.path.insert(0, "/usr/share/krita/pykrita/plugin_importer")
from plugin_importer import PluginImporter
print([one["name"] for one in PluginImporter(*sys.argv[1:], lambda plugin: True).import_all()])
"""


GERMAN = """\
answer = [
    docker().windowTitle(),
    widget("blend").text(),
    widget("state").text(),
    Krita.instance().action("deepblend_blend").text(),
    docker().widget().form.minimumSizeHint().width(),
]
"""


def test_kritas_own_importer_takes_the_zip_and_it_speaks_kritas_language(krita_root: Path, run, start, place: Path):
    path = place / "deepblend_krita.zip"
    done = run("install", "--krita-zip", str(path))
    assert done.returncode == 0, done.stderr
    resources = place / "data" / "krita"
    resources.mkdir()
    entered = ["bash", str(ENTER), str(krita_root), str(place), "env", "-i", "PATH=/usr/bin:/bin", "python3", "-c"]
    done = subprocess.run(
        [*entered, IMPORT, str(path), str(resources)], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0 and done.stdout == "['deepblend_krita']\n", done.stderr
    # the user enables it in the Python Plugin Manager
    (place / "config" / "kritarc").write_text(OWN.replace("=true\n", "=true\nenable_deepblend_krita=true\n"))
    # what Settings > Switch Application Language writes; the system's is another
    (place / "config" / "klanguageoverridesrc").write_text("[Language]\nkrita=de\n")
    krita = start(LANG="en_US.UTF-8", LANGUAGE="en_US")
    assert krita.run(SEEN)["docker"]
    *words, narrowest = krita.run(GERMAN)
    assert words == [
        "Nahtlos einpassen (Deep Image Blending)",
        "Einpassen",
        "Nicht verbunden; beim Einpassen startet der Server.",
        "Mit den letzten Einstellungen einpassen",
    ]
    assert narrowest < 236  # of 250 pixels a scroll bar takes 14
    leave(krita)
    assert run("uninstall", "krita").returncode == 0
    assert {one.name for one in (resources / "pykrita").iterdir()} == {DRIVER, f"{DRIVER}.desktop"}
