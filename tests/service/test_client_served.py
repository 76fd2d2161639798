"""The Client against the real server, and against what happens to servers."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from deepblend_protocol import client as client_module
from deepblend_protocol import connection, errors, finder, messages
from deepblend_protocol.client import (
    Client,
    EchoReceived,
    InfoReceived,
    Job,
    JobDone,
    JobFailed,
    JobQueued,
    JobRunning,
    JobState,
    State,
    StateChanged,
)
from deepblend_protocol.connection import Installation
from deepblend_protocol.geometry import Rect
from harness import COMMAND, Served, endless, small
from waiting import DEADLINE_S, wait_for


@pytest.fixture
def client(installation: Installation):
    with Client(installation, "tests") as one:
        yield one


def until(client: Client, happens: Callable[[], object]) -> list:
    """All events until something is true."""
    events: list = []
    deadline = time.monotonic() + DEADLINE_S
    while not happens():
        assert time.monotonic() < deadline, (client.state, client.error, events)
        client.wait(0.1)
        events += client.poll()
    return events


def received(client: Client, kind: type, wanted: Callable[[Any], bool] = lambda event: True) -> Any:
    """The next event of a kind that is as wanted."""
    found: list = []
    deadline = time.monotonic() + DEADLINE_S
    while not found:
        assert time.monotonic() < deadline, (client.state, client.error)
        client.wait(0.1)
        found = [event for event in client.poll() if isinstance(event, kind) and wanted(event)]
    return found[0]


def runs(client: Client, job: Job) -> list:
    return until(client, lambda: job.state is JobState.RUNNING)


def pid_of(client: Client) -> int:
    found = connection.read(client._installation.connection)
    assert found is not None
    return found.pid


def test_the_public_surface() -> None:
    public = {name for name in dir(Client) if not name.startswith("_")}
    assert public == {
        "ask_info",
        "cancel",
        "close",
        "connect",
        "echo",
        "endpoint",
        "fd",
        "leave",
        "poll",
        "run",
        "state",
        "submit",
        "wait",
    }
    assert set(vars(Client(Installation(Path("x")), "")).keys()) >= {"error", "welcome", "leaving"}
    assert client_module.__all__ == sorted(client_module.__all__)
    assert all(hasattr(client_module, name) for name in client_module.__all__)


def test_it_starts_a_server_blends_and_hears_all_of_it(client: Client) -> None:
    assert client.state is State.IDLE and client.fd is None
    profile = b"not looked at by Poisson"
    request = small(settings={"method": "deep"}, side=100, previews=messages.Previews(64))
    request = replace(request, background=replace(request.background, profile=profile))
    job = client.submit(request)
    assert (client.state, job.state) == (State.STARTING, JobState.WAITING)
    events = until(client, lambda: job.ended)
    assert job.state is JobState.DONE and job.error is None
    assert job.layer is not None and job.layer.channels == "RGBA" and job.layer.profile == profile
    assert len(job.layer.samples) == job.layer.nbytes
    assert job.report["method"] == "deep"
    states = [event.state for event in events if isinstance(event, StateChanged)]
    assert states == [State.STARTING, State.CONNECTING, State.READY]
    kinds = [type(event) for event in events if not isinstance(event, StateChanged)]
    assert kinds[0] is JobQueued and kinds[-1] is JobDone and JobRunning in kinds
    assert any(isinstance(event, JobRunning) and event.preview is not None for event in events)


def test_a_shadow_comes_with_the_result_where_it_is_asked_for(client: Client) -> None:
    request = small(settings={"method": "poisson", "shadow": 0.5, "shadow_px": 8}, side=100)
    request = replace(request, background=replace(request.background, profile=b"not looked at"))
    job = client.run(request)
    assert job.layer is not None and job.shadow is not None
    assert (job.shadow.type, job.shadow.channels) == (job.layer.type, job.layer.channels)
    assert (job.shadow.profile, len(job.shadow.samples)) == (b"not looked at", job.shadow.nbytes)
    assert job.report["shadow"] == job.shadow.rect._asdict() and job.shadow.rect != job.layer.rect
    plain = client.run(small(settings={"method": "poisson"}, side=100))
    assert plain.layer is not None and plain.shadow is None


def test_the_descriptor_alone_wakes_a_host(client: Client) -> None:
    """As Qt's notifier does: edge triggered, all of it read at each waking."""
    job = client.submit(small())
    until(client, lambda: client.state is State.READY)
    slept = 0.0
    while not job.ended:
        assert client.fd is not None
        before = time.monotonic()
        readable, _, _ = select.select([client.fd], [], [], 30)
        slept = max(slept, time.monotonic() - before)
        assert readable, "nothing woke the host"
        client.poll()
    assert slept < 30


def test_progress_that_piled_up_comes_once(client: Client) -> None:
    job = client.submit(endless(previews=messages.Previews(32)))
    received(client, JobRunning, lambda event: event.preview is not None)  # its steps have begun
    time.sleep(2)
    client.wait(DEADLINE_S)  # at least one has come; a host that polls now has all that came
    events = client.poll()
    assert [type(event) for event in events] == [JobRunning]
    assert events[0].preview is not None
    client.cancel(job)
    until(client, lambda: job.ended)


def test_cancelling(client: Client) -> None:
    waiting = client.submit(small())
    client.cancel(waiting)
    assert waiting.state is JobState.CANCELLED
    running, queued = client.submit(endless()), client.submit(small())
    runs(client, running)
    for _ in range(2):
        client.cancel(queued)
        client.cancel(running)
    until(client, lambda: running.ended and queued.ended)
    assert {running.state, queued.state} == {JobState.CANCELLED}
    client.cancel(running)  # of what has ended: nothing
    assert client.run(small()).state is JobState.DONE


def test_info_and_echo(client: Client) -> None:
    client.connect()
    client.ask_info()
    info = received(client, InfoReceived)
    assert info.known["pid"] == pid_of(client)
    sent = small().layer
    client.echo({"layer": sent})
    echo = received(client, EchoReceived)
    assert bytes(echo.planes["layer"].samples.joined()) == bytes(sent.samples)


def test_what_is_wrong_is_said_before_it_is_sent(client: Client) -> None:
    with pytest.raises(errors.SettingUnknown):
        client.submit(small(settings={"stile": 1}))
    with pytest.raises(errors.SettingOutOfRange):
        client.submit(small(settings={"style": float("nan")}))
    request = small()
    with pytest.raises(errors.PlaneInvalid):
        client.submit(replace(request, layer=replace(request.layer, samples=b"short")))
    assert client.state is State.IDLE


def test_the_servers_limits(serve: Callable[..., Served]) -> None:
    served = serve("--max-message", "1", "--max-pixels", "1")
    served.connection  # noqa: B018 (waits)
    big = messages.Plane(Rect(0, 0, 1200, 400), (1200, 400), "u8", "RGB", bytes(1_440_000))
    wide = messages.Plane(Rect(0, 0, 1200, 850), (1200, 850), "u8", "Y", bytes(1_020_000))
    with Client(Installation(served.path), "tests") as client:
        job = client.submit(replace(small(), background=big))
        until(client, lambda: job.ended)
        assert isinstance(job.error, errors.MessageTooLarge)
        with pytest.raises(errors.SizeAbsurd):
            client.submit(replace(small(), background=wide))


def test_a_killed_server(client: Client) -> None:
    job = client.submit(endless())
    runs(client, job)
    queued = client.submit(small())
    first = pid_of(client)
    os.kill(first, signal.SIGKILL)
    events = until(client, lambda: client.state is State.LOST)
    assert isinstance(client.error, errors.ServerLost)
    assert isinstance(job.error, errors.ServerLost) and isinstance(queued.error, errors.ServerLost)
    assert len([event for event in events if isinstance(event, JobFailed)]) == 2
    # The job is offered again: with the same request, by a new server.
    assert client.run(queued.request).state is JobState.DONE
    assert pid_of(client) != first


def test_a_stopped_server_is_noticed_and_works_again_when_it_goes_on(client: Client) -> None:
    job = client.submit(endless())
    runs(client, job)
    pid = pid_of(client)
    os.kill(pid, signal.SIGSTOP)
    stopped = time.monotonic()
    until(client, lambda: job.ended)
    assert isinstance(job.error, errors.ServerLost)
    # Whoever tries again meanwhile is told, and does not wait for ever; no second server is begun.
    again = client.submit(small())
    until(client, lambda: again.ended)
    assert isinstance(again.error, errors.ServerSilent)
    while time.monotonic() < stopped + 10:
        client.poll()
        client.wait(0.2)
    os.kill(pid, signal.SIGCONT)
    assert client.run(small()).state is JobState.DONE
    assert pid_of(client) == pid


def test_a_stale_connection_file_whose_port_is_closed(client: Client, installation: Installation) -> None:
    key, secret = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
    with socket.socket() as deaf:  # bound, and held, so that nobody else comes to listen there
        deaf.bind(("127.0.0.1", 0))
        endpoint = f"tcp://127.0.0.1:{deaf.getsockname()[1]}"
        connection.write(installation.connection, connection.Connection(endpoint, key, key, secret, pid=1))
        assert client.run(small()).state is JobState.DONE


def test_a_stale_connection_file_whose_port_is_another_programs(client: Client, installation: Installation) -> None:
    key = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
    with socket.create_server(("127.0.0.1", 0)) as mute:
        endpoint = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
        stale = connection.Connection(endpoint, key, key, "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs", pid=os.getpid())
        connection.write(installation.connection, stale)
        assert client.run(small()).state is JobState.DONE


def test_a_damaged_connection_file_is_a_sentence(client: Client, installation: Installation) -> None:
    connection.write_private(installation.connection, {"format": 99})
    job = client.submit(small())
    until(client, lambda: job.ended)
    assert isinstance(job.error, errors.ConnectionUnusable)
    assert str(installation.connection) in str(job.error)


CLIENT = """
import sys
from harness import small, COMMAND
from pathlib import Path
from deepblend_protocol.client import Client
from deepblend_protocol.connection import Installation
with Client(Installation(Path(sys.argv[1]), COMMAND), "one of many") as client:
    client.run(small())
    print(client.welcome.instance)
"""


def test_clients_that_start_at_once_end_with_one_server(installation: Installation) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", CLIENT, str(installation.connection)]
    clients = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = [client.communicate(timeout=DEADLINE_S)[0] for client in clients]
    assert all(client.returncode == 0 for client in clients)
    found = connection.read(installation.connection)
    assert found is not None
    assert set(said) == {found.instance + "\n"}

    def servers() -> list[int]:
        each = psutil.process_iter(["cmdline"])
        return [one.pid for one in each if str(installation.connection) in " ".join(one.info["cmdline"] or ())]

    deadline = time.monotonic() + DEADLINE_S
    while servers() != [found.pid]:  # those that came second may be starting still
        assert time.monotonic() < deadline, servers()
        time.sleep(0.1)


def test_no_server_and_no_way_to_start_one(tmp_path: Path) -> None:
    nowhere = Installation(tmp_path / "connection.json", (), "Start it yourself.")
    with Client(nowhere, "tests") as client:
        job = client.submit(small())
        assert client.poll()[-1] == JobFailed(job, job.error)
        assert isinstance(job.error, errors.ServerAbsent) and str(job.error).endswith("Start it yourself.")


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ((sys.executable, "-c", "raise SystemExit('the paint is gone')"), "the paint is gone"),
        ((sys.executable, "-c", "0"), "it said nothing"),
    ],
)
def test_a_server_that_does_not_start(tmp_path: Path, command: tuple[str, ...], why: str) -> None:
    with Client(Installation(tmp_path / "connection.json", command), "tests") as client:
        job = client.submit(small())
        until(client, lambda: job.ended)
        assert isinstance(job.error, errors.ServerStart)
        assert why in str(job.error)
        assert client.state is State.LOST


@pytest.mark.parametrize(
    "command", [("/no/such/program",), (sys.executable, "-I", "-S", "-m", "deepblend.commands.cli")]
)
def test_an_environment_that_was_moved_or_emptied(tmp_path: Path, command: tuple[str, ...]) -> None:
    """'deepblend serve' is as gone as the server: only installing again mends it."""
    with Client(Installation(tmp_path / "connection.json", command), "tests") as client:
        job = client.submit(small())
        until(client, lambda: job.ended)
        assert isinstance(job.error, errors.ServerGone)
        assert "'deepblend install gimp'" in str(job.error) and "deepblend serve" not in str(job.error)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk is Linux's to offer")
@pytest.mark.parametrize("what", ["full", "none"])
def test_a_state_folder_that_takes_no_file_is_what_is_blamed(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "state"
    if what == "full":
        folder.mkdir(mode=0o700)
        (folder / "start.log").symlink_to("/dev/full")
    else:
        folder.write_text("a file")
    with Client(Installation(folder / "connection.json", (sys.executable, "-c", "0")), "tests") as client:
        job = client.submit(small())
        until(client, lambda: job.ended)
        assert isinstance(job.error, errors.WriteFailed)
        assert str(folder) in str(job.error) and sys.executable not in str(job.error)


def test_the_next_job_after_a_failed_start_tries_anew(tmp_path: Path, installation: Installation) -> None:
    with Client(replace(installation, command=("/no/such/program",)), "tests") as client:
        job = client.submit(small())
        until(client, lambda: job.ended)
        client._installation = installation
        assert client.run(job.request).state is JobState.DONE


def test_a_server_that_leaves_is_started_again_for_the_next_job(client: Client) -> None:
    client.run(small())
    first = pid_of(client)
    client.leave("now")
    until(client, lambda: client.state is State.IDLE)
    assert client.error is None
    assert client.run(small()).state is JobState.DONE
    assert pid_of(client) != first


def test_a_job_submitted_while_the_server_finishes_goes_to_the_next_one(client: Client) -> None:
    client.run(small())
    first = pid_of(client)
    running = client.submit(small(side=300, settings={"method": "deep"}))
    runs(client, running)
    client.leave("idle")
    until(client, lambda: client.leaving)
    job = client.submit(small())
    assert job.state is JobState.WAITING
    until(client, lambda: job.ended and running.ended)
    assert (running.state, job.state) == (JobState.DONE, JobState.DONE)
    assert pid_of(client) != first


def test_a_newer_client_replaces_a_local_server(
    client: Client, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Client(installation, "old") as old:
        old.run(small())
        before = pid_of(old)
    monkeypatch.setattr(finder, "__version__", "0.2.0")
    assert client.run(small()).state is JobState.DONE  # with the version that its command starts, whatever that is
    assert pid_of(client) != before

    def ended() -> bool:
        try:
            return psutil.Process(before).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    wait_for(ended, "the old one's end")


def test_an_older_client_is_told_what_mends_it(serve: Callable[..., Served]) -> None:
    served = serve(sabotage="protocol")
    served.connection  # noqa: B018 (waits)
    with Client(Installation(served.path, COMMAND), "old") as client:
        job = client.submit(small())
        until(client, lambda: job.ended)
        assert isinstance(job.error, errors.ProtocolUnsupported)
        assert "deepblend install" in str(job.error)


def test_a_remote_server_is_never_started(tmp_path: Path) -> None:
    key, secret = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
    path = tmp_path / "connection.json"
    with socket.socket() as deaf, Client(Installation(path, ("/must/not/run",)), "tests") as client:
        deaf.bind(("127.0.0.1", 0))
        endpoint = f"tcp://127.0.0.1:{deaf.getsockname()[1]}"
        connection.write(path, connection.Connection(endpoint, key, key, secret, remote=True))
        job = client.submit(small())
        until(client, lambda: job.ended)
        assert isinstance(job.error, errors.ServerSilent) and endpoint in str(job.error)


def test_a_big_request_in_pieces(client: Client) -> None:
    """Sixteen megapixels there and back, byte for byte."""
    samples = os.urandom(2**20) * 64
    sent = messages.Plane(Rect(0, 0, 4096, 4096), (4096, 4096), "u8", "RGBA", samples)
    client.connect()
    client.echo({"layer": sent})
    echo = received(client, EchoReceived)
    assert echo.planes["layer"].samples.joined() == samples
