"""What pyright takes GIMP's and Krita's bindings for is what these bindings say."""

from __future__ import annotations

import filecmp
import json
import subprocess
import sys
from pathlib import Path

import hosts_root
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MEND = "Copy it to 'typings' in the repository: the plug-ins name other things of the bindings than before."


@pytest.mark.skipif(hosts_root.RELEASE != "trixie", reason="of the older applications, which the plug-ins have to fit")
def test_the_stubs_are_what_the_bindings_say(tmp_path: Path):
    root, made = hosts_root.find(), tmp_path / "typings"
    plugins = [ROOT / "gimp_plugin" / "deepblend-gimp", ROOT / "krita_plugin" / "deepblend_krita"]
    command = ["bash", hosts_root.ENTER, root, f"{tmp_path}:{ROOT}"]
    command += ["python3", "-B", HERE / "make_stubs.py", made, *plugins]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names = {str(path.relative_to(one)) for one in (made, ROOT / "typings") for path in one.rglob("*.pyi")}
    __, other, missing = filecmp.cmpfiles(made, ROOT / "typings", sorted(names), shallow=False)
    assert (other, missing) == ([], []), f"{made}: {MEND}"


WRONG = """
from gi.repository import Gimp, Gtk
from krita import Document
from PyQt5 import QtWidgets


def of_gimp(layer: Gimp.Layer) -> None:
    layer.get_mask()
    layer.get_maks()
    Gimp.Layer.get_offset(layer)
    Gtk.Label(labl="x")


def of_krita(document: Document, label: QtWidgets.QLabel) -> None:
    document.rootNode().childNodes()[0].uniqueId()
    document.rootNode().childNodes()[0].uniqeId()
    label.setTxt("x")
"""


def test_a_name_that_a_binding_does_not_have_is_an_error(tmp_path: Path):
    (tmp_path / "wrong.py").write_text(WRONG)
    config = {"include": ["."], "stubPath": str(ROOT / "typings"), "reportMissingModuleSource": False}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "-p", tmp_path]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    wrong = [one["message"].split('"')[1] for one in told["generalDiagnostics"]]
    assert wrong == ["get_maks", "get_offset", "labl", "uniqeId", "setTxt"]
