"""What pyright takes GIMP's and Krita's bindings for is what these bindings say."""

from __future__ import annotations

import filecmp
import subprocess
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
