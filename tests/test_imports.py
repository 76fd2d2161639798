"""Imports point one way, and what computes or decodes is loaded where it is needed alone."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import deepblend
import deepblend_protocol
import pytest

ROOM = Path(deepblend.__file__).parent
BELOW = {
    "files": {"batch", "checks", "commands", "engine", "file_blend", "hosts", "pictures", "service", "video"},
    "engine": {"api", "batch", "checks", "commands", "file_blend", "files", "hosts", "pictures", "service", "video"},
    "pictures": {"api", "batch", "checks", "commands", "file_blend", "hosts", "service", "video"},
    "examples": {"api", "batch", "checks", "commands", "engine", "file_blend", "hosts", "service", "video"},
    "hosts": {"batch", "checks", "commands", "engine", "file_blend", "pictures", "service", "video"},
    "api": {"batch", "checks", "commands", "file_blend", "hosts", "service", "video"},
    "file_blend": {"api", "batch", "checks", "commands", "hosts", "service"},
    "batch": {"checks", "commands", "hosts", "service"},
}
"""By room, those that it must not know."""


def known(path: Path) -> set[str]:
    """The rooms of deepblend that a module imports anything of, inside functions too."""
    here = ("deepblend", *path.relative_to(ROOM).parent.parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            above = ".".join(here[: len(here) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (above, node.module) if part)
            found |= {f"{module}.{one.name}" for one in node.names}
        elif isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
    return {name.split(".")[1] for name in found if name.startswith("deepblend.")}


@pytest.mark.parametrize("room", BELOW)
def test_a_room_knows_none_above_it(room):
    modules = list((ROOM / room).rglob("*.py")) or [ROOM / f"{room}.py"]
    assert {path.name: wrong for path in modules if (wrong := known(path) & BELOW[room])} == {}


def test_imports_are_seen_wherever_they_stand():
    assert {"batch", "file_blend", "files"} <= known(ROOM / "commands" / "batch.py")


def run_alone(code: str) -> None:
    """Python code in a process that has imported nothing yet."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_who_finds_the_hosts_loads_no_pictures():
    code = (
        "import pkgutil, sys; from importlib import import_module; from deepblend import hosts\n"
        "for found in pkgutil.iter_modules(hosts.__path__, 'deepblend.hosts.'): import_module(found.name)\n"
        "assert 'deepblend.hosts.krita' in sys.modules\n"
        "heavy = {'torch', 'numpy', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    run_alone(code)


def test_a_painted_blend_imports_no_more_of_torch_than_it_needs():
    """Some calls of torch import sympy, or its compiler, when they are first made: half a second and more."""
    code = (
        "import sys, numpy as np, torch; before = set(sys.modules)\n"
        "from deepblend import Plane, Rect, Request\n"
        "from deepblend.engine.blend import blend\n"
        "def plane(size, channels):\n"
        "    noise = np.random.default_rng(1).integers(0, 256, (size, size, len(channels)), np.uint8)\n"
        "    return Plane(noise, Rect(40 - size // 2, 40 - size // 2, size, size), channels)\n"
        "layer = blend(Request(plane(24, 'RGBA'), None, plane(80, 'RGB'), device='cpu'))\n"
        "assert sum(level['evaluations'] for level in layer.report['levels']) > 5\n"
        "more = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "heavy = more & {'sympy', 'mpmath', 'scipy', 'torchvision', 'matplotlib'}\n"
        "heavy |= {'torch._dynamo', 'torch._inductor'} & set(sys.modules) - before\n"
        "assert 'cv2' in more and not heavy, heavy"
    )
    run_alone(code)


@pytest.mark.parametrize(
    ("module", "others"),
    [
        ("deepblend.service.server", {"torch", "numpy", "PIL", "cv2"}),
        ("deepblend.service.process, deepblend.service.worker", {"torch", "PIL", "zmq", "asyncio"}),
        ("deepblend.commands.served, deepblend.file_blend, deepblend.file_blend.watch", {"torch", "cv2"}),
    ],
)
def test_who_waits_for_nothing_else_imports_nothing_else(module: str, others: set[str]):
    """The server listens, and its worker begins with torch, before all else; a blend on the server needs no engine."""
    code = f"import sys, {module}; heavy = {others} & set(sys.modules); assert not heavy, heavy"
    run_alone(code)


def imported(path: Path) -> set[str]:
    """All modules that a module names in imports, as they stand there."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    found = {f"{node.module}.{one.name}" for node in nodes if isinstance(node, ast.ImportFrom) for one in node.names}
    return found | {one.name for node in nodes if isinstance(node, ast.Import) for one in node.names}


def test_what_the_plugins_share_is_theirs_alone():
    protocol = Path(deepblend_protocol.__file__).parent
    others = [*protocol.glob("*.py"), *(path for path in ROOM.rglob("*.py") if ROOM / "plugins" not in path.parents)]
    shared = {"deepblend_protocol.plugins", "plugins", "None.plugins"}
    known = {
        path.name: {name for name in imported(path) if name.rpartition(".")[0] in shared or name in shared}
        for path in others
    }
    assert {name: wrong for name, wrong in known.items() if wrong} == {}
    assert any("plugins.refused" in name for path in (ROOM / "plugins").rglob("*.py") for name in imported(path))
