"""Krita itself, the plug-in installed in a profile of its own, and a real server beside it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import hosts_root
import pytest
from deepblend.hosts import plugin
from deepblend_protocol.connection import Installation
from harness import Served
from host_fixtures import server_of, shots_of, table_of_errors
from krita_app import DRIVER, Krita
from krita_desk import Desk
from screen import Screen

MOST_DOCUMENTS = 24
"""Open at once, before they are closed."""


@pytest.fixture(scope="session")
def krita_root() -> Path:
    """The root with Krita in it."""
    return hosts_root.find()


@pytest.fixture(scope="session")
def krita_shots() -> Path:
    """Where screenshots are kept."""
    return shots_of("krita")


@pytest.fixture(scope="session")
def krita_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with server_of("krita", tmp_path_factory) as served:
        yield served


def install(folder: Path, server: Path) -> None:
    """Put the plug-in into a folder that a Krita works in, for a server whose connection file is named."""
    source = plugin.source("krita_plugin")
    plugins = folder / "data" / "krita" / "pykrita"
    plugins.mkdir(parents=True)
    shutil.copy(source / "deepblend_krita.desktop", plugins)
    plugin.put(
        source / "deepblend_krita", plugins / "deepblend_krita", Installation(server, remedy="Start it by hand.")
    )
    (folder / "config").mkdir()
    enabled = "".join(f"enable_{name}=true\n" for name in ("deepblend_krita", DRIVER))
    # Drawn without OpenGL, which a virtual screen has in software only: a selection's moving outline takes a core.
    (folder / "config" / "kritadisplayrc").write_text("[General]\nOpenGLRenderer=none\n")
    (folder / "config" / "kritarc").write_text(f"[python]\n{enabled}")


@pytest.fixture(scope="session")
def krita_profile(tmp_path_factory: pytest.TempPathFactory, krita_server: Served) -> Path:
    """A folder with the plug-in in it, to be copied."""
    folder = tmp_path_factory.mktemp("krita-profile")
    install(folder, krita_server.path)
    return folder


@pytest.fixture(scope="session")
def start_krita(
    krita_root: Path, krita_profile: Path, krita_server: Served, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Krita]]:
    """Starts a Krita with a copy of the profile, or with the folder of one that has ended.

    ``start_krita(folder=None, shared=(), **environment)``.
    """
    started: list[Krita] = []

    def one(folder: Path | None = None, shared: tuple[str, ...] = (), **environment: str) -> Krita:
        if folder is None:
            folder = tmp_path_factory.mktemp("krita")
            shutil.copytree(krita_profile, folder, dirs_exist_ok=True)
        started.append(Krita(krita_root, folder, (str(krita_server.path.parent), *shared), **environment))
        return started[-1]

    yield one
    for each in started:
        each.end()


@pytest.fixture(scope="session")
def krita(start_krita: Callable[..., Krita]) -> Krita:
    """A Krita for all tests that do it no harm."""
    return start_krita()


@pytest.fixture(scope="session")
def screen(krita: Krita, krita_shots: Path) -> Screen:
    krita.run("answer = 1")
    return Screen(krita, krita_shots)


@pytest.fixture
def desk(krita: Krita) -> Iterator[Desk]:
    """What a test has left open is closed."""
    own = Desk(krita)
    yield own
    left, faults = krita.run("""
widget("as_mask").setChecked(False)
for one in documents():
    close(one)
answer = [len(retired), driver.faults]
driver.faults = []
""")
    assert not faults, faults[0]
    if left >= MOST_DOCUMENTS:
        own.close_all()


@pytest.fixture(scope="session")
def krita_errors(krita_shots: Path) -> Iterator[dict[str, float]]:
    """The largest error of a colour by colour space."""
    with table_of_errors(krita_shots, "colour space") as found:
        yield found
