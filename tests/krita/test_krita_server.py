"""The docker and its server: killed, refusing, or not there at all; each is said."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Served
from krita_desk import Desk, ellipse
from pictures import picture
from screen import Screen
from waiting import wait_for

ELLIPSE = ellipse((50, 40, 80, 60))


@pytest.fixture
def own_server(desk: Desk, krita_server: Served, tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts a server of the test's own, and has the docker use it."""
    folder = krita_server.path.parent / "own"
    started: list[Served] = []

    def one(*options: str) -> Served:
        started.append(Served(folder / "connection.json", options, {}))
        started[-1].connection  # noqa: B018  waits for it
        return started[-1]

    use(desk, folder / "connection.json")
    yield one
    for each in started:
        each.end()
    use(desk, krita_server.path)


def use(desk: Desk, path: Path, **changed: Any) -> None:
    """Have the docker find the server elsewhere from now on."""
    file = desk.folder / "data" / "krita" / "pykrita" / "deepblend_krita" / "installation.json"
    known = {**json.loads(file.read_text()), "connection": str(path), "command": [], "relay": [], **changed}
    file.write_text(json.dumps(known))
    desk.run("shared().server.close()")


def test_a_server_that_is_killed_is_said_and_the_next_blend_has_another(
    desk: Desk, own_server: Callable[..., Served], screen: Screen
):
    first = own_server()
    desk.open_large()
    desk.run("arrange(); before = state(document)")
    desk.press(style=0.5)
    wait_for(lambda: desk.shown()["words"] == "Painting in", "the blend")
    for worker in first.workers():
        worker.kill()
    first.process.kill()
    assert desk.ended().startswith("The connection to the server was lost during the blend.")
    assert desk.shown()["dot"] == "#d0443e"
    assert desk.run("answer = state(document) == before")
    desk.keep(screen, "docker_error")
    first.process.wait()
    own_server()
    desk.press(style=0.0)
    assert desk.ended() == "'Boat, seamless' was made."
    assert desk.shown()["state"] == "Connected to the server."


def test_a_server_that_refuses_says_why(desk: Desk, own_server: Callable[..., Served]):
    own_server("--max-message", "1")
    desk.open(picture(900, 700, 4), picture(600, 500, 4, seed=11), (100, 80))
    desk.press(style=0.0)
    assert "and the server takes 1048576 at most. Select less" in desk.ended()


def test_without_a_server_and_a_way_to_start_one(desk: Desk, own_server: Callable[..., Served], krita_server: Served):
    nowhere = krita_server.path.parent / "nowhere" / "connection.json"
    nowhere.parent.mkdir(mode=0o700, exist_ok=True)
    desk.open(mask=ELLIPSE)
    cases: dict[tuple[str, ...], str] = {
        (): "cannot be started from here. Start it by hand",
        ("/no/such/python", "-m", "x"): "is not there any more (/no/such/python)",
        ("/bin/sh", "-c", "echo no room left; exit 1"): "could not be started: no room left",
    }
    for command, words in cases.items():
        use(desk, nowhere, command=list(command))
        desk.press(style=0.0)
        assert words in desk.ended()
        assert desk.shown()["state"] == "Not connected; the next blend tries again."
    boxes = desk.run("""
tops = QtWidgets.QApplication.topLevelWidgets()
answer = [type(one).__name__ for one in tops if one.isModal() and one.isVisible()]
""")
    assert not boxes, "a message box"


def test_an_installation_that_was_repaired_is_used_at_once(desk: Desk, krita_server: Served):
    """Krita need not be started again: what the installer writes down is read whenever there is no connection."""
    file = desk.folder / "data" / "krita" / "pykrita" / "deepblend_krita" / "installation.json"
    sound = file.read_text()
    gone = krita_server.path.parent / "gone" / "connection.json"
    use(desk, gone, command=["/no/such/environment/bin/python"])
    desk.open(mask=ELLIPSE)
    desk.press(style=0.0)
    assert "is not there any more" in desk.ended()
    file.write_text("{")
    desk.press(style=0.0)
    assert "it is damaged; install the plug-in again" in desk.ended()
    file.write_text(sound)
    desk.press(style=0.0)
    assert desk.ended() == "'Boat, seamless' was made."
