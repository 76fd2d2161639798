"""Where this plug-in was installed, and what came with it."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
VENDOR = HERE / "vendor"


def prepare() -> None:
    """Make deepblend_protocol and pyzmq importable: the installer put them under ``vendor``."""
    sys.path.insert(0, str(VENDOR))
    from deepblend_protocol import vendored

    vendored.prepare(VENDOR)
