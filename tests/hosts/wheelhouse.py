"""A folder of wheels that a set-up is made from without the internet: deepblend itself, and what it needs, borrowed.

deepblend's wheel is built from this working copy. Those of the packages that it needs are of the versions that are
installed here, and empty but for a path file that leads to them: no one carries gigabytes of PyTorch along for a test.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]
NEEDED = ("torch", "torchvision", "numpy", "pillow", "pyzmq", "safetensors", "opencv-python-headless")


def borrowed() -> list[Path]:
    """The folders that the packages needed are installed in."""
    return sorted({Path(str(metadata.distribution(name).locate_file(""))).resolve() for name in NEEDED})


def make(folder: Path) -> Path:
    """Fill a folder with the wheels; returns it."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    for name in NEEDED:
        _empty(folder, name, metadata.version(name))
    return folder


def _empty(folder: Path, name: str, version: str) -> None:
    stem = f"{name.replace('-', '_')}-{version}"
    about = f"{stem}.dist-info"
    files = {
        f"{name}-borrowed.pth": "".join(f"{path}\n" for path in borrowed()),
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: deepblend-tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{about}/RECORD"))
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
        for path, text in {**files, f"{about}/RECORD": record}.items():
            archive.writestr(path, text)
