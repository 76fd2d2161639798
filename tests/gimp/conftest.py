"""GIMP itself, the plug-in installed in a profile of its own, and a real server beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hosts_root
import pytest
from desk import Desk
from gimp import Gimp, rewrite
from harness import Served
from host_fixtures import server_of, shots_of, table_of_errors

CLI = (sys.executable, "-m", "deepblend.commands.cli")


@pytest.fixture(scope="session")
def root() -> Path:
    """The root with GIMP in it."""
    return hosts_root.find()


@pytest.fixture(scope="session")
def shots() -> Path:
    """Where screenshots are kept."""
    return shots_of("gimp")


@pytest.fixture(scope="session")
def gimp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with server_of("gimp", tmp_path_factory) as served:
        yield served


def installed(folder: Path, server: Path, *options: str) -> None:
    """Install the plug-in into a profile, as an administrator does, for a server whose connection file is named."""
    (folder / "profile").mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [*CLI, "install", "gimp", "--profile", str(folder / "profile"), "--no-check", *options],
        env={**os.environ, "DEEPBLEND_CONNECTION": str(server)},
        check=True,
        capture_output=True,
    )


@pytest.fixture(scope="session")
def profile(tmp_path_factory: pytest.TempPathFactory, root: Path, gimp_server: Served) -> Path:
    """A profile with the plug-in, GIMP's own start behind it."""
    folder = tmp_path_factory.mktemp("gimp-profile")
    installed(folder, gimp_server.path)
    (folder / "profile" / "gimprc").write_text("(show-welcome-dialog no)\n(check-updates no)\n")
    first = Gimp(root, folder)
    first.run("answer = 1")
    first.end()
    return folder / "profile"


@pytest.fixture(scope="session")
def start(root: Path, profile: Path, gimp_server: Served, tmp_path_factory) -> Iterator[Callable[..., Gimp]]:
    """Starts a GIMP with a copy of the profile: ``start(window=False, server=None, **environment)``."""
    started: list[Gimp] = []

    def one(window: bool = False, server: Path | None = None, shared: tuple[str, ...] = (), **environment: str) -> Gimp:
        folder = tmp_path_factory.mktemp("gimp")
        shutil.copytree(profile, folder / "profile", symlinks=True)
        known = folder / "profile" / "pluginrc"
        moved = known.read_bytes().replace(os.fsencode(profile), os.fsencode(folder / "profile"))
        known.write_bytes(moved)  # not all of it is UTF-8: it holds file formats' first bytes
        if server is not None:
            rewrite(folder, connection=server)
        path = server or gimp_server.path
        started.append(Gimp(root, folder, window, (str(path.parent), *shared), **environment))
        return started[-1]

    yield one
    for each in started:
        each.end()


@pytest.fixture(scope="session")
def gimp(start: Callable[..., Gimp]) -> Gimp:
    """A headless GIMP for all tests that do it no harm."""
    return start()


@pytest.fixture(scope="session")
def adobe(gimp: Gimp) -> Path:
    """A profile with AdobeRGB's primaries and curve, where GIMP sees it."""
    path = gimp.folder / "adobe.icc"
    gimp.run(f'''
profile = Gimp.ColorProfile.new_rgb_adobe()
with open("{path}", "wb") as file:
    file.write(bytes(profile.get_icc_profile()))
''')
    return path


@pytest.fixture(scope="session")
def errors(shots: Path) -> Iterator[dict[str, float]]:
    """The largest error of a colour by precision."""
    with table_of_errors(shots, "precision") as found:
        yield found


@pytest.fixture(scope="session")
def window(start: Callable[..., Gimp], shots: Path) -> Desk:
    """A GIMP in a window for all tests that do it no harm."""
    return Desk(start(window=True), shots)


@pytest.fixture
def desk(window: Desk) -> Iterator[Desk]:
    """The same with the example open, and no dialog left afterwards."""
    window.open()
    yield window
    window.closed()
