"""What the tests of the installer share: a profile, a wheel of pyzmq that pip takes, and a GIMP that answers."""

from __future__ import annotations

import base64
import hashlib
import json
import sysconfig
import zipfile
from pathlib import Path

PLATFORM = sysconfig.get_platform().replace("-", "_").replace(".", "_")


def make_profile(base: Path, version: str = "3.0") -> Path:
    """A folder of settings as GIMP makes it."""
    profile = base / version
    (profile / "plug-ins").mkdir(parents=True)
    (profile / "gimprc").write_text("# GIMP gimprc\n")
    return profile


def make_wheel(folder: Path, tags: str = f"cp312-abi3-{PLATFORM}", version: str = "27.9", evil: str = "") -> Path:
    """A wheel that pip accepts, with files where pyzmq has them; ``evil`` is the path of one more."""
    suffix = "abi3" if "abi3" in tags else f"cpython-{tags[2:].split('-')[0]}"
    info = f"pyzmq-{version}.dist-info"
    files = {
        "zmq/__init__.py": f"__version__ = '{version}'\n",
        f"zmq/backend/cython/_zmq.{suffix}.so": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: pyzmq\nVersion: {version}\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: false\nTag: {tags}\n",
        **({evil: "outside"} if evil else {}),
    }
    record = []
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record.append(f"{name},sha256={digest},{len(text)}\n")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"pyzmq-{version}-{tags}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{info}/RECORD", "".join(record) + f"{info}/RECORD,,\n")
    return path


def make_gimp(path: Path, version: str = "3.0.4", silent: str = "", **answer) -> Path:
    """A program that answers as GIMP would, and writes down its arguments and variables beside it."""
    known = {"gimp": version, "python": "3.13.5", "registered": True, "zmq": "27.3.0", "curve": True, **answer}
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / "answer").write_text(f"\ndeepblend answers {json.dumps(known)}\n")
    path.write_text(f"""#!/bin/sh
if [ "$1" = --version ]; then echo "GNU Image Manipulation Program version {version}"; exit; fi
/usr/bin/env > "{path}.env"
PATH=/usr/bin:/bin
for one in "$@"; do printf '%s\\n' "$one"; done > "{path}.arguments"
if [ -n "{silent}" ]; then echo "{silent}" >&2; exit 70; fi
mkdir -p "$GIMP3_DIRECTORY/plug-ins"; touch "$GIMP3_DIRECTORY/gimprc"
cat "{path.parent}/answer"
""")
    path.chmod(0o755)
    return path
