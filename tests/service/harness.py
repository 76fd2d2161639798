"""The real server process, and a client of bare zmq that knows the protocol's document and nothing of our Client."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import zmq
from deepblend_protocol import connection, messages
from deepblend_protocol.connection import Connection
from deepblend_protocol.geometry import Rect
from waiting import DEADLINE_S, wait_for

SABOTAGE = Path(__file__).parent / "sabotage"


class Served:
    """A server process."""

    def __init__(self, path: Path, options: tuple[str, ...], env: dict[str, str]) -> None:
        self.path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.said = path.with_name("said.txt")
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [*COMMAND, *options, "--connection", str(path)],
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    @property
    def connection(self) -> Connection:
        def found() -> Connection | None:
            assert self.process.poll() is None, self.said.read_text()
            here = connection.read(self.path)
            return here if here is not None and here.pid == self.process.pid else None

        return wait_for(found, "the connection file")

    def workers(self) -> list[psutil.Process]:
        """Its worker processes."""

        def is_worker(child: psutil.Process) -> bool:
            try:
                return "spawn_main" in " ".join(child.cmdline())
            except psutil.Error:  # it has just ended
                return False

        return [one for one in psutil.Process(self.process.pid).children() if is_worker(one)]

    def end(self) -> None:
        if self.process.poll() is not None:
            return
        children = psutil.Process(self.process.pid).children(recursive=True)
        os.kill(self.process.pid, signal.SIGCONT)
        os.kill(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        _, alive = psutil.wait_procs(children, DEADLINE_S)
        assert not alive, f"the server left {alive} behind"


COMMAND = (sys.executable, "-m", "deepblend.commands.cli", "serve", "--device", "cpu")


class Talker:
    """A DEALER as docs/protocol.md describes it.

    Args:
        to: where and with what keys.
        hello: whether to say it at once.
        waiting: messages that its socket reads before the program does; 0: any number.
    """

    def __init__(self, to: Connection, hello: bool = True, curve: bool = True, waiting: int = 0) -> None:
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.rcvhwm = waiting
        self.socket.sndtimeo = int(1000 * DEADLINE_S)  # a socket that the server has refused can send nothing, ever
        if curve:
            self.socket.curve_serverkey = to.server_key.encode()
            self.socket.curve_publickey = to.public_key.encode()
            self.socket.curve_secretkey = to.secret_key.encode()
        if not waiting:  # else it would take the server for dead, and connect again
            self.socket.setsockopt(zmq.HEARTBEAT_IVL, 1000)
            self.socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 3000)
        self.socket.connect(to.endpoint)
        if hello:
            self.send(messages.Hello("0.1.0", (1,), "talker"))
            self.welcome = self.until(messages.Welcome)

    def send(self, message: messages.FromClient) -> None:
        self.socket.send_multipart(messages.to_frames(message), copy=False)

    def submit(self, job: str, request: messages.Request) -> None:
        self.send(messages.Submit(job, request))

    def receive(self, seconds: float = DEADLINE_S) -> Any:
        """The next message that is not a pulse; None where none comes."""
        deadline = time.monotonic() + seconds
        while self.socket.poll(max(0, int((deadline - time.monotonic()) * 1000))):
            message = messages.from_server(self.socket.recv_multipart())
            if not isinstance(message, messages.Pulse):
                return message
        return None

    def until(self, *kinds: type, job: str | None = None) -> Any:
        """The next message of one of these kinds (about a job)."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            message = self.receive(deadline - time.monotonic())
            assert message is not None, f"no {kinds} came"
            if isinstance(message, kinds) and (job is None or message.job == job):
                return message
        raise AssertionError(f"no {kinds} came")

    def ending(self, job: str) -> Any:
        """What ends a job."""
        return self.until(messages.Result, messages.Cancelled, messages.Failure, job=job)

    def info(self) -> dict[str, Any]:
        self.send(messages.InfoQuery(1))
        return dict(self.until(messages.Info).known)

    def close(self) -> None:
        self.socket.close(0)
        self.context.term()

    def __enter__(self) -> Talker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def small(**given: Any) -> messages.Request:
    """A request of a tenth of a second: a noisy disc on a ramp, Poisson unless the settings say otherwise."""
    side, margin = given.pop("side", 40), 20
    whole = side + 2 * margin
    rows, columns = np.mgrid[:side, :side] - (side - 1) / 2
    noise = np.random.default_rng(7).integers(0, 256, (side, side, 3))
    alpha = np.where(np.hypot(rows, columns) < side / 2 - 2, 255, 0)[:, :, None]
    ramp = np.broadcast_to(np.linspace(20, 220, whole)[:, None, None], (whole, whole, 3))
    settings = {"method": "poisson", "preset": "painting", **given.pop("settings", {})}
    return messages.Request(
        layer=plane(np.concatenate([noise, alpha], 2).astype(np.uint8), margin, margin, "RGBA"),
        background=plane(ramp.astype(np.uint8), 0, 0, "RGB"),
        settings=settings,
        **given,
    )


def endless(**given: Any) -> messages.Request:
    """A request that goes on until it is stopped, in steps of some hundredths of a second."""
    return small(settings={"method": "paper", "paper": {"num_steps": 100_000}}, **given)


def plane(samples: np.ndarray, x: int, y: int, channels: str) -> messages.Plane:
    rows, columns = samples.shape[:2]
    return messages.Plane(Rect(x, y, columns, rows), (columns, rows), "u8", channels, np.ascontiguousarray(samples))
