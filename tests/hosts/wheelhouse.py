"""A folder of wheels that a set-up is made from without the internet: deepblend itself, and what it needs, borrowed.

deepblend's wheel is built from this working copy. Those of the packages that it needs are of the versions that are
installed here, and empty but for a path file that leads to them: no one carries gigabytes of PyTorch along for a test.
uv, which would go to PyTorch's own builds, is one that notes how it was called and lets pip install the same.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]
UV = """\
import subprocess, sys
from pathlib import Path
Path(sys.prefix, "uv-was-called.txt").write_text(" ".join(sys.argv[1:]))
wanted = sys.argv[sys.argv.index("--torch-backend") + 2:]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *wanted]))
"""
NEEDED = ("torch", "torchvision", "numpy", "pillow", "pyzmq", "safetensors", "opencv-python-headless")


def borrowed() -> list[Path]:
    """The folders that the packages needed are installed in."""
    return sorted({Path(str(metadata.distribution(name).locate_file(""))).resolve() for name in NEEDED})


def make(folder: Path) -> Path:
    """Fill a folder with the wheels; returns it."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    paths = "".join(f"{path}\n" for path in borrowed())
    for name in NEEDED:
        _wheel(folder, name, metadata.version(name), {f"{name}-borrowed.pth": paths})
    _wheel(folder, "uv", "1.0", {"uv/__main__.py": UV})
    return folder


def _wheel(folder: Path, name: str, version: str, content: dict[str, str]) -> None:
    stem = f"{name.replace('-', '_')}-{version}"
    about = f"{stem}.dist-info"
    files = {
        **content,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: deepblend-tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in (*files, f"{about}/RECORD"))
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
        for path, text in {**files, f"{about}/RECORD": record}.items():
            archive.writestr(path, text)
