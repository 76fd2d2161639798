"""The plug-in on Qt 6, as in Krita 6: with PyQt6 itself, offscreen, and a stand-in for what Krita has to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("PyQt6.QtWidgets", reason="PyQt6, or what it needs of the system, is missing", exc_type=ImportError)
HERE = Path(__file__).parent


def test_the_docker_previews_and_blends(krita_profile: Path, krita_shots: Path):
    plugins = krita_profile / "data" / "krita" / "pykrita"
    shot = krita_shots / "docker_qt6.png"
    shot.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, str(HERE / "qt6" / "drive.py"), str(shot)],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(plugins)},
        capture_output=True,
        text=True,
        timeout=1000,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["faults"] == []
    assert seen["qt"] == "PyQt6.QtCore"
    assert seen["name"] in ("Boat, blended (style 0.5)", "Boat, seamless")
    assert seen["name"] in seen["said"]
    assert seen["differs"] and seen["box"][0] <= 60 and seen["box"][2] >= 60
    assert shot.stat().st_size > 0
