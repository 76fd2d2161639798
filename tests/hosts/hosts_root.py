"""The root that the tests of GIMP and Krita run in, and how a command runs there."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ENTER = HERE / "enter.sh"
RELEASE = os.environ.get("DEEPBLEND_HOSTS_RELEASE") or "trixie"
"""Debian's release, which says which GIMP and which Krita are tested; tests/hosts/make_root.sh names them."""

GIMP = {"trixie": "3.0", "forky": "3.2"}[RELEASE]
"""The version of the GIMP there, as its folders of settings are named."""


def find() -> Path:
    """The root; skips where there is none, unless DEEPBLEND_HOSTS_NEEDED asks for it."""
    command = ["bash", HERE / "make_root.sh", "--find", RELEASE]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        assert not os.environ.get("DEEPBLEND_HOSTS_NEEDED"), found.stderr
        pytest.skip(found.stderr.strip())
    return Path(found.stdout.strip())
