"""The Client in a Python without zmq: through the relay, against the real server."""

from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import deepblend_protocol
import psutil
import pytest
import test_client_served as direct
from deepblend_protocol import connection, errors, launch, messages
from deepblend_protocol.client import Client, EchoReceived, JobState, State
from deepblend_protocol.connection import Installation
from deepblend_protocol.geometry import Rect
from deepblend_protocol.piped import PipedLink
from harness import COMMAND, Served, Talker, endless, small
from waiting import wait_for

RELAY = (sys.executable, "-m", "deepblend_protocol.relay")


@pytest.fixture(autouse=True)
def without_zmq(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the Client alone: what its link imports cannot be imported."""
    monkeypatch.setitem(sys.modules, "deepblend_protocol.link", None)


@pytest.fixture
def installation(installation: Installation) -> Installation:
    return replace(installation, relay=RELAY)


@pytest.fixture
def client(installation: Installation) -> Iterator[Client]:
    """One that finds no server and starts one; no relay may be left of it."""
    with Client(installation, "tests") as one:
        yield one
    assert relays(os.getpid()) == []


def relays(pid: int) -> list[psutil.Process]:
    """A process's relays, those that ended and were not reaped among them."""

    def is_relay(child: psutil.Process) -> bool:
        try:
            return RELAY[-1] in child.cmdline()
        except psutil.ZombieProcess:  # a kind of the next
            return True
        except psutil.NoSuchProcess:
            return False

    servers = {process.pid for process in launch._started}  # these outlive their clients, and are reaped later
    return [child for child in psutil.Process(pid).children() if child.pid not in servers and is_relay(child)]


def named(case: Callable[..., None]) -> str:
    return case.__name__


@pytest.mark.parametrize(
    "case",
    [
        direct.test_it_starts_a_server_blends_and_hears_all_of_it,
        direct.test_progress_that_piled_up_comes_once,
        direct.test_cancelling,
        direct.test_info_and_echo,
        direct.test_a_stale_connection_file_whose_port_is_closed,
        direct.test_a_stale_connection_file_whose_port_is_another_programs,
        direct.test_a_server_that_leaves_is_started_again_for_the_next_job,
        direct.test_a_newer_client_replaces_a_local_server,
    ],
    ids=named,
)
def test_as_without_a_relay(
    case: Callable[..., None], client: Client, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"client": client, "installation": installation, "monkeypatch": monkeypatch}
    case(**{name: given[name] for name in inspect.signature(case).parameters})


def test_the_same_pixels_bit_for_bit(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    request = small(settings={"method": "deep"}, side=100)
    assert server.connection
    with Client(Installation(server.path, relay=RELAY), "relayed") as client:
        relayed = client.run(request)
        assert isinstance(client._link, PipedLink)
    monkeypatch.undo()
    with Client(Installation(server.path), "direct") as client:
        straight = client.run(request)
        assert not isinstance(client._link, PipedLink)
    assert relayed.layer is not None and straight.layer is not None
    assert bytes(relayed.layer.samples) == bytes(straight.layer.samples)
    assert replace(relayed.layer, samples=b"") == replace(straight.layer, samples=b"")


def test_big_planes_both_ways(server: Served) -> None:
    samples = [os.urandom(2**20) * 64 for _ in range(2)]
    assert server.connection
    with Client(Installation(server.path, relay=RELAY), "big") as client:
        client.connect()
        for one in samples:  # the first is on its way back when the second is on its way there
            client.echo({"layer": messages.Plane(Rect(0, 0, 4096, 4096), (4096, 4096), "u8", "RGBA", one)})
        back: list[Any] = []

        def both() -> bool:
            client.wait(0.1)
            events = [event for event in client.poll() if isinstance(event, EchoReceived)]
            back.extend(event.planes["layer"].samples.joined() for event in events)
            return len(back) == 2

        wait_for(both, "both echoes")
        assert back == samples


HOST = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from deepblend_protocol import connection, messages
from deepblend_protocol.client import Client, JobState
from deepblend_protocol.geometry import Rect
folder = Path(sys.argv[2])
layer = messages.Plane(Rect(20, 20, 40, 40), (40, 40), "u8", "RGBA", (folder / "layer").read_bytes())
background = messages.Plane(Rect(0, 0, 80, 80), (80, 80), "u8", "RGB", (folder / "background").read_bytes())

def request(**settings):
    return messages.Request(layer, background, settings=settings)

def until(happens):
    while not happens():
        client.wait(1)
        client.poll()

client = Client(connection.read_installation(folder / "installation.json"), "without zmq")
job = client.run(request(method="poisson", preset="painting"))
(folder / "result").write_bytes(job.layer.samples)
for end in sys.argv[3:]:
    job = client.submit(request(method="paper", paper={"num_steps": 100_000}))
    until(lambda: job.state is JobState.RUNNING)
    print("runs", flush=True)
    if end == "cancel":
        client.cancel(job)
        until(lambda: job.ended)
        print(job.state.value, flush=True)
    elif end == "wait":
        until(lambda: job.ended)
print(sorted(name for name in sys.modules if name.startswith(("zmq", "numpy"))), flush=True)
"""
"""In a Python without any package; ends without closing its client, as a host may."""


@pytest.fixture
def host(server: Served, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a host: ``host(*how each endless job ends)``."""
    request = small()
    (tmp_path / "layer").write_bytes(request.layer.samples)
    (tmp_path / "background").write_bytes(request.background.samples)
    assert server.connection
    connection.write_installation(tmp_path / "installation.json", Installation(server.path, relay=RELAY))
    room = tmp_path / "room"  # with our package alone: beside it there may be all the others
    room.mkdir()
    (room / "deepblend_protocol").symlink_to(Path(deepblend_protocol.__file__).parent)
    started: list[subprocess.Popen[str]] = []

    def start(*ends: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-I", "-S", "-c", HOST, str(room), str(tmp_path), *ends]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.communicate()


def test_a_python_without_packages(
    host: Callable[..., subprocess.Popen[str]], server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, complained = host("cancel").communicate(timeout=direct.DEADLINE_S)
    assert (said.split("\n"), complained) == (["runs", "cancelled", "[]", ""], "")
    monkeypatch.undo()
    with Client(Installation(server.path), "direct") as client:
        job = client.run(small())
    assert job.layer is not None
    assert (tmp_path / "result").read_bytes() == bytes(job.layer.samples)


@pytest.mark.parametrize("how", ["killed", "ended"])
def test_a_host_that_goes_takes_its_relay_and_its_job_along(
    host: Callable[..., subprocess.Popen[str]], server: Served, how: str
) -> None:
    process = host("wait" if how == "killed" else "leave")
    assert process.stdout is not None
    assert process.stdout.readline() == "runs\n"
    found = relays(process.pid)
    with Talker(server.connection) as talker:
        if how == "killed":
            assert talker.info()["running"] == 1 and len(found) == 1
            process.kill()
        assert process.wait(direct.DEADLINE_S) == (-signal.SIGKILL if how == "killed" else 0)
        _, alive = psutil.wait_procs(found, direct.DEADLINE_S)
        assert not alive
        wait_for(lambda: talker.info()["running"] == 0, "the job's end")
        wait_for(lambda: talker.info()["clients"] == 1, "the client's end")


def test_its_keys_are_for_nobody_to_see(client: Client) -> None:
    client.run(small())
    (relay,) = relays(os.getpid())
    found = connection.read(client._installation.connection)
    assert found is not None
    seen = [*relay.cmdline(), *relay.environ().values()]
    assert not any(key in part for part in seen for key in (found.secret_key, found.public_key, found.server_key))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_a_server_that_falls_silent(client: Client, how: signal.Signals) -> None:
    job = client.submit(endless())
    direct.runs(client, job)
    pid = direct.pid_of(client)
    os.kill(pid, how)
    direct.until(client, lambda: job.ended)
    assert isinstance(job.error, errors.ServerLost) and client.state is State.LOST
    assert relays(os.getpid()) == []
    os.kill(pid, signal.SIGCONT)
    assert client.run(small()).state is JobState.DONE


def test_a_relay_that_dies(client: Client) -> None:
    job = client.submit(endless())
    direct.runs(client, job)
    (relay,) = relays(os.getpid())
    relay.kill()
    direct.until(client, lambda: job.ended)
    assert isinstance(job.error, errors.ServerLost) and client.state is State.LOST
    pid = direct.pid_of(client)
    assert client.run(small()).state is JobState.DONE  # behind the endless one, which was dropped
    assert direct.pid_of(client) == pid


@pytest.mark.parametrize(
    ("relay", "why"),
    [
        ((), "none is installed"),
        (("/no/such/python", "-m", "deepblend_protocol.relay"), "/no/such/python"),
        ((sys.executable, "-m", "deepblend_protocol.no_such_module"), "no_such_module"),
    ],
)
def test_no_relay(server: Served, relay: tuple[str, ...], why: str) -> None:
    assert server.connection
    with Client(Installation(server.path, COMMAND, relay=relay), "tests") as client:
        job = client.submit(small())
        direct.until(client, lambda: job.ended)
        assert isinstance(job.error, errors.RelayUnusable) and why in str(job.error)
        assert "deepblend install" in str(job.error)
        assert client.state is State.LOST
    assert relays(os.getpid()) == []
