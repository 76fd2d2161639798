"""pyzmq for the Python inside a host: brought into a plug-in's folder by pip, one build for every version it may be."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

from deepblend_protocol.errors import PluginInvalid

MINORS = (12, 11, 10, 9, 13, 14)
"""The Pythons 3.x that hosts have, in the order in which they are tried: the wheel for 3.12 serves all later ones."""
_WANTED = "pyzmq>=26"
_PIP_S = 300.0


def folder(vendor: Path, minor: int) -> Path:
    """Where the plug-in looks for the pyzmq of a Python."""
    return vendor / f"py3{minor}"


def minors(vendor: Path) -> list[int]:
    """The Pythons 3.x for which a plug-in holds a pyzmq."""
    return [minor for minor in sorted(MINORS) if _extensions(folder(vendor, minor))]


def told(vendor: Path) -> str:
    """The Pythons of ``minors`` in words, such as '3.9, 3.10, 3.12 and later'; empty if there are none."""
    found = minors(vendor)
    later = " and later" if found and _for_later_ones(folder(vendor, found[-1])) else ""
    return ", ".join(f"3.{minor}" for minor in found) + later


def bring(vendor: Path, wheels: Path | None, before: Path | None) -> list[str]:
    """Fill a plug-in's ``vendor`` with pyzmq; returns what was done, in sentences.

    Without internet it takes what the plug-in had before the upgrade, and this environment's own.

    Args:
        wheels: a folder of pyzmq's wheels; None lets pip fetch them from where it is set up to.
        before: ``vendor`` of the installation that is replaced.

    Raises PluginInvalid for a wheel, or a folder of them, that is of no use.
    """
    problem = ""
    for minor in MINORS:
        if minor > 12 and _for_later_ones(folder(vendor, 12)):
            break
        problem = _install(folder(vendor, minor), minor, wheels)
        if problem and wheels is None:
            break  # the other versions would fail as slowly
    fetched = told(vendor)
    if wheels is not None and not fetched:
        remedy = "fetch one with: pip download --no-deps --only-binary :all: --python-version 3.12 pyzmq"
        raise PluginInvalid(path=str(wheels), reason=f"it holds no wheel of pyzmq that fits this system; {remedy}")
    said = [f"pyzmq for Python {fetched} came {'along' if wheels is None else f'from {wheels}'}."] if fetched else []
    if wheels is not None or not problem:
        return said
    said.append(f"pip could not fetch pyzmq{' for other versions' if fetched else ''}: {problem}.")
    missing = set(minors(before)) - set(minors(vendor)) if before is not None else set()
    if before is not None and missing:
        for minor in missing:
            shutil.copytree(folder(before, minor), folder(vendor, minor))
        said.append(f"What was there stays: pyzmq for Python {told(vendor)}.")
    elif not fetched and _copy_own(vendor):
        said.append(f"This environment's own came along instead: pyzmq for Python {told(vendor)}.")
    return said


def _install(place: Path, minor: int, wheels: Path | None) -> str:
    """Let pip choose the wheel for a Python and unpack it; returns its reason where it has none."""
    if importlib.util.find_spec("pip") is None:
        remedy = f"this environment has no pip; add it with: {sys.executable} -m ensurepip"
        if wheels is not None:
            raise PluginInvalid(path=str(wheels), reason=remedy)
        return remedy
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--no-user", "--no-deps", "--no-compile", "--only-binary", ":all:", "--implementation", "cp"]
    command += ["--python-version", f"3.{minor}", "--target", str(place)]
    if wheels is not None:
        command += ["--isolated", "--no-index", "--find-links", str(wheels)]
    else:
        command += ["--retries", "1", "--timeout", "15"]
    try:
        done = subprocess.run(
            [*command, _WANTED], capture_output=True, text=True, errors="replace", timeout=_PIP_S, check=False
        )
        failed, text = done.returncode != 0, done.stderr
    except subprocess.TimeoutExpired:
        failed, text = True, f"ERROR: it took longer than {_PIP_S:.0f} seconds"
    if not failed and _extensions(place):
        return ""
    shutil.rmtree(place, ignore_errors=True)  # of a wheel that breaks in the middle, files may be there
    if not failed:
        return "the wheel holds no compiled part"
    if "Retrying" in text:
        return "there is no connection to where packages come from"
    lines = re.findall(r"^ERROR: (.+?)\.?$", text, re.MULTILINE) or ["it did not say why"]
    if wheels is not None and not any("No matching distribution" in line for line in lines):
        raise PluginInvalid(path=str(wheels), reason=lines[-1])
    return lines[-1]


def _extensions(place: Path) -> list[Path]:
    """The compiled part of a pyzmq that lies in a folder."""
    backend = place / "zmq" / "backend" / "cython"
    return [one for one in backend.glob("_zmq.*") if one.suffix in (".so", ".pyd")]


def _for_later_ones(place: Path) -> bool:
    """Whether it is of the stable ABI: built for one Python, it serves all later ones."""
    return any(one.name in ("_zmq.abi3.so", "_zmq.pyd") for one in _extensions(place))


def _copy_own(vendor: Path) -> bool:
    """Copy this environment's pyzmq, if it is of a wheel that brings libzmq along; whether it was."""
    spec = importlib.util.find_spec("zmq")
    if spec is None or spec.origin is None:
        return False
    package = Path(spec.origin).parent
    libraries = package.parent / "pyzmq.libs"
    if not _extensions(package.parent) or not (libraries.is_dir() or (package / ".dylibs").is_dir()):
        return False
    place = folder(vendor, 12 if _for_later_ones(package.parent) else sys.version_info[1])
    for one in (package, libraries):
        if one.is_dir():
            shutil.copytree(one, place / one.name, ignore=shutil.ignore_patterns("__pycache__", "tests"))
    return True
