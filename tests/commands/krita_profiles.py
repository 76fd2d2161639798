"""What the tests of the installer for Krita share: Krita's folders, and a kritarunner that answers."""

from __future__ import annotations

import json
from pathlib import Path

KRITARC = """\
CanvasOnlyActive=false

[krita][DockWidget KisLayerBox]
Locked=false

[python]
enable_scripter=true

[theme]
Theme=Krita dark
"""


def make_krita(data: Path, config: Path, content: str = KRITARC) -> Path:
    """A folder of resources as Krita makes it, and a kritarc."""
    folder = data / "krita"
    (folder / "paintoppresets").mkdir(parents=True)
    (folder / "KRITA_RESOURCE_VERSION").write_text("5.2.9")
    config.mkdir(parents=True, exist_ok=True)
    (config / "kritarc").write_text(content)
    return folder


def make_kritarunner(path: Path, silent: str = "", **answer) -> Path:
    """A program that answers as kritarunner would, and writes down its arguments and variables beside it."""
    known = {"krita": "5.2.9", "python": "3.13.5", "zmq": "27.3.0", "curve": True, **answer}
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / "krita_answer").write_text(f"\ndeepblend answers {json.dumps(known)}\n")
    path.write_text(f"""#!/bin/sh
/usr/bin/env > "{path}.env"
PATH=/usr/bin:/bin
for one in "$@"; do printf '%s\\n' "$one"; done > "{path}.arguments"
cp "$PYTHONPATH/$2.py" "{path}.py"
if [ -n "{silent}" ]; then echo "{silent}" >&2; exit 1; fi
cat "{path.parent}/krita_answer"
""")
    path.chmod(0o755)
    return path
