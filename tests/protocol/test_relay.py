"""The relay and the link that runs it, against a bare ROUTER in place of the server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import deepblend_protocol
import pytest
import zmq
from deepblend_protocol import errors, messages, pipe, piped
from deepblend_protocol.connection import Connection
from deepblend_protocol.geometry import Rect
from deepblend_protocol.link import Link
from deepblend_protocol.piped import AHEAD_BYTES, PipedLink

DEADLINE_S = 60.0
ROOM = str(Path(deepblend_protocol.__file__).parents[1])
CODE = (  # a relay is started without PYTHONPATH, and the package may not be installed
    f"import runpy, sys; sys.path.insert(0, {ROOM!r}); "
    "runpy.run_module('deepblend_protocol.relay', run_name='__main__')"
)
RELAY = (sys.executable, "-c", CODE)
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


class Router:
    """What a server's socket is."""

    def __init__(self) -> None:
        public, secret = zmq.curve_keypair()
        keys = (one.decode() for one in zmq.curve_keypair())
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.sndhwm, self.socket.rcvhwm = 0, 1
        self.socket.curve_server = True
        self.socket.curve_secretkey = secret
        port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.connection = Connection(f"tcp://127.0.0.1:{port}", public.decode(), *keys)

    def receive(self) -> list[Any]:
        assert self.socket.poll(DEADLINE_S * 1000), "nothing came"
        return self.socket.recv_multipart(copy=False)

    def close(self) -> None:
        self.context.destroy(linger=0)


@pytest.fixture
def router() -> Iterator[Router]:
    one = Router()
    yield one
    one.close()


@pytest.fixture
def link(router: Router) -> Iterator[PipedLink]:
    one = PipedLink(RELAY, router.connection)
    yield one
    one.close()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay may take longer to end by itself: it is a Python that a busy machine holds up."""
    monkeypatch.setattr(piped, "DYING_S", DEADLINE_S)


def echo(megabytes: int, fill: bytes = b"x") -> messages.Echo:
    size = (1024, 1024 * megabytes)
    return messages.Echo({"layer": messages.Plane(Rect(0, 0, *size), size, "u8", "Y", fill * (megabytes * 2**20))})


SMALL = messages.Echo({"layer": messages.Plane(Rect(0, 0, 2, 2), (2, 2), "u8", "Y", b"abcd")})


def until(link: PipedLink, happens: Callable[[], Any], seconds: float = DEADLINE_S) -> Any:
    """What ``happens`` returns, as soon as that is true."""
    deadline = time.monotonic() + seconds
    while not (found := happens()):
        assert time.monotonic() < deadline, "it has not happened"
        link.wait(0.1)
        link.look()
    return found


def samples(message: Any) -> bytes:
    return bytes(message.planes["layer"].samples.joined())


def meet(router: Router, link: PipedLink) -> bytes:
    """One message to the server and back; what the server calls the client."""
    link.send(SMALL)
    frames = router.receive()
    router.socket.send_multipart(frames, copy=False)
    assert samples(until(link, link.receive)) == b"abcd"
    return frames[0].bytes


def test_it_has_what_a_link_has(router: Router, link: PipedLink) -> None:
    def public(one: object) -> set[str]:
        return {name for name in dir(one) if not name.startswith("_")}

    plain = Link(router.connection)
    assert public(plain) - public(link) == {"receive_frames", "watch"}  # the relay's own
    assert public(link) <= public(plain)
    plain.close()


@pytest.fixture
def ends() -> Iterator[tuple[FileIO, FileIO]]:
    reading, writing = os.pipe()
    with FileIO(reading, "r") as reader, FileIO(writing, "w") as writer:
        yield reader, writer


def test_messages_on_a_pipe(ends: tuple[FileIO, FileIO]) -> None:
    reader, writer = ends
    sent = [[b"one"], [b"", memoryview(b"abc")[1:], b""], [b"x" * 10_000, bytearray(b"y")]]
    for frames in sent:
        pipe.write(writer, frames)
    assert [pipe.read(reader) for _ in sent] == [[bytes(frame) for frame in frames] for frames in sent]
    writer.close()
    assert pipe.read(reader) is None


@pytest.mark.parametrize("length", range(1, 17))
def test_a_pipe_that_ends_within_a_message(ends: tuple[FileIO, FileIO], length: int) -> None:
    reader, writer = ends
    writer.write((b"\2\0\0\0" + b"\1\0\0\0" + b"\4\0\0\0" + b"abcde")[:length])
    writer.close()
    assert pipe.read(reader) is None


@pytest.mark.parametrize("text", [b"Hello", b"\0\0\0\0", b"\1\0\x10\0"])
def test_what_is_no_message(ends: tuple[FileIO, FileIO], text: bytes) -> None:
    reader, writer = ends
    writer.write(text)
    with pytest.raises(ValueError, match="frames"):
        pipe.read(reader)


def test_big_messages_both_ways_at_once(router: Router, link: PipedLink) -> None:
    client = meet(router, link)
    up, down = echo(200, b"u"), echo(200, b"d")
    link.send(up)
    router.socket.send_multipart([client, *messages.to_frames(down)], copy=False)  # before it reads what comes
    frames = router.receive()
    assert b"".join(frame.buffer for frame in frames[3:]) == up.planes["layer"].samples
    assert samples(until(link, link.receive)) == down.planes["layer"].samples


def test_a_busy_host_finds_everything_in_order(router: Router, link: PipedLink) -> None:
    client = meet(router, link)
    fills = [bytes([65 + number]) for number in range(12)]
    for fill in fills:
        router.socket.send_multipart([client, *messages.to_frames(echo(16, fill))], copy=False)
    until(link, lambda: link._held >= AHEAD_BYTES)
    assert link._held <= AHEAD_BYTES + 2**25
    assert [samples(until(link, link.receive))[:1] for _ in fills] == fills
    assert link._held == 0


@linux
def test_a_server_that_does_not_read_fills_nobodys_memory(router: Router, link: PipedLink) -> None:
    meet(router, link)
    message = echo(32)
    for _ in range(20):
        link.send(message)
    status = Path(f"/proc/{link._process.pid}/status")

    def mebibytes() -> int:
        return next(int(line.split()[1]) for line in status.read_text().split("\n") if line.startswith("VmHWM")) // 1024

    until(link, lambda: mebibytes() > 4 * 32)
    for _ in range(20):
        router.receive()
    assert mebibytes() < 10 * 32  # of 20


def test_nobody_listens() -> None:
    public, secret = (key.decode() for key in zmq.curve_keypair())
    with socket.socket() as deaf:  # bound, and held, so that nobody else comes to listen there
        deaf.bind(("127.0.0.1", 0))
        endpoint = f"tcp://127.0.0.1:{deaf.getsockname()[1]}"
        link = PipedLink(RELAY, Connection(endpoint, public, public, secret))
        until(link, lambda: link.broken)
        assert link.refused and link.receive() is None
        link.close()


def test_the_server_goes(router: Router, link: PipedLink) -> None:
    client = meet(router, link)
    for _ in range(3):
        router.socket.send_multipart([client, *messages.to_frames(SMALL)])
    until(link, lambda: len(link._came) == 3)
    router.close()
    until(link, lambda: link.broken)
    assert not link.refused
    for _ in range(3):
        assert link.receive() is not None  # what came before
    assert link.receive() is None


def test_the_relay_dies(router: Router, link: PipedLink) -> None:
    meet(router, link)
    link._process.kill()
    until(link, lambda: link.broken)
    assert not link.refused
    link.send(echo(1))  # to nobody: nothing happens
    link.close()
    link.close()


@pytest.mark.usefixtures("patient")
def test_closing_ends_it(router: Router, link: PipedLink) -> None:
    meet(router, link)
    link.close()
    assert link._process.returncode == 0
    assert not any(thread.is_alive() for thread in link._threads)


def test_closing_ends_one_that_is_in_the_midst_of_something(router: Router, link: PipedLink) -> None:
    client = meet(router, link)
    for _ in range(12):  # more than a host that does not ask is given
        router.socket.send_multipart([client, *messages.to_frames(echo(16))], copy=False)
        link.send(echo(16))
    until(link, lambda: link._held >= AHEAD_BYTES)
    link.close()
    assert link._process.returncode is not None
    assert not any(thread.is_alive() for thread in link._threads)


def test_closing_ends_one_that_hangs(router: Router) -> None:
    link = PipedLink((sys.executable, "-c", "import time; time.sleep(600)"), router.connection)
    link.close()
    assert link._process.returncode not in (None, 0)


def program(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", text)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (program("raise SystemExit('first\\nthe paint is gone\\n')"), "the paint is gone"),
        (program("raise SystemExit(7)"), "it ended with 7"),
        (
            program("print('Hello from a module that greets', flush=True); import time; time.sleep(600)"),
            "it ended with",
        ),
        ((sys.executable, "-m", "deepblend_protocol.no_such_module"), "no_such_module"),
    ],
)
def test_a_relay_that_never_works(router: Router, command: tuple[str, ...], why: str) -> None:
    link = PipedLink(command, router.connection)
    with pytest.raises(errors.RelayUnusable) as caught:
        until(link, lambda: False)
    assert why in str(caught.value) and sys.executable in str(caught.value)
    assert "deepblend install gimp" in str(caught.value)
    assert link.broken and not link.refused
    link.close()


@pytest.mark.parametrize("command", ["/no/such/program", "/", "a\0b"])
def test_a_relay_that_cannot_be_started(router: Router, command: str) -> None:
    with pytest.raises(errors.RelayUnusable) as caught:
        PipedLink((command,), router.connection)
    assert command in str(caught.value)


def test_a_relay_of_another_format(router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe, "FORMAT", 99)  # here alone: the relay is another process
    link = PipedLink(RELAY, router.connection)
    with pytest.raises(errors.RelayUnusable, match="format 1, not 99"):
        until(link, lambda: False)
    link.close()


BUSY = """
import signal, sys, time
sys.path.insert(0, sys.argv[1])
from deepblend_protocol import messages
from deepblend_protocol.connection import Connection
from deepblend_protocol.piped import PipedLink
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
link = PipedLink((sys.executable, "-c", "0"), Connection("tcp://127.0.0.1:1", "", "", ""))
link._process.wait()
link.send(messages.InfoQuery())
link._threads[0].join()
print("zmq" in sys.modules)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_a_host_that_heeds_sigpipe_survives_its_relay() -> None:
    done = subprocess.run([sys.executable, "-c", BUSY, ROOM], capture_output=True, text=True, timeout=DEADLINE_S)
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr


@pytest.mark.usefixtures("patient")
def test_its_threads_end_with_it(router: Router) -> None:
    before = threading.active_count()
    for _ in range(3):
        link = PipedLink(RELAY, router.connection)
        meet(router, link)
        link.close()
    assert threading.active_count() == before
