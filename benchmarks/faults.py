"""What breaks, and how soon all is well again: python -m benchmarks.faults

Each fault happens to a real server while it blends. Prints one line each: what the client is told, after how long, and
how long it then takes until the same job, offered again, is running (a worker that was lost has to start anew).
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
from deepblend_protocol import connection, messages
from deepblend_protocol.client import Client, Job, JobState
from deepblend_protocol.connection import Installation
from deepblend_protocol.geometry import Rect

START = (sys.executable, "-m", "deepblend.commands.cli", "serve", "--device", "cpu")


def endless() -> messages.Request:
    """A job that ends by being stopped."""
    noise = np.random.default_rng(0).integers(0, 256, (80, 80, 4), np.uint8)

    def plane(samples: np.ndarray, x: int, channels: str) -> messages.Plane:
        rows, columns = samples.shape[:2]
        return messages.Plane(Rect(x, x, columns, rows), (columns, rows), "u8", channels, np.ascontiguousarray(samples))

    settings = {"method": "paper", "paper": {"num_steps": 100_000}}
    return messages.Request(plane(noise[20:60, 20:60], 20, "RGBA"), plane(noise[..., :3], 0, "RGB"), settings=settings)


@contextmanager
def working() -> Iterator[tuple[Client, Job, int, Installation]]:
    """A client whose job is running, and the server's process id."""
    with tempfile.TemporaryDirectory() as folder:
        installation = Installation(Path(folder) / "connection.json", START)
        with Client(installation, "benchmark") as client:
            job = client.submit(endless())
            until(client, lambda: job.state is JobState.RUNNING)
            found = connection.read(installation.connection)
            assert found is not None
            yield client, job, found.pid, installation
        found = connection.read(installation.connection)
        if found is not None:
            os.kill(found.pid, signal.SIGTERM)
            while connection.server_runs(installation.connection):
                time.sleep(0.05)


def until(client: Client, happens: Callable[[], bool]) -> float:
    """Seconds until something is so."""
    began = time.perf_counter()
    while not happens():
        client.poll()
        client.wait(0.02)
    return time.perf_counter() - began


def again(client: Client) -> float:
    """Seconds until the job, offered again, is running."""
    job = client.submit(endless())
    return until(client, lambda: job.state is JobState.RUNNING)


def row(fault: str, told: str, noticed: float, recovered: float) -> None:
    print(f"{fault:<34} {noticed:6.2f} {recovered:6.2f}   {told}")


def workers(server: int) -> list[psutil.Process]:
    return [one for one in psutil.Process(server).children() if "spawn_main" in " ".join(one.cmdline())]


def killed_server() -> None:
    with working() as (client, job, server, _):
        os.kill(server, signal.SIGKILL)
        noticed = until(client, lambda: job.ended)
        row("server killed", str(job.error), noticed, again(client))


def stopped_server() -> None:
    with working() as (client, job, server, _):
        os.kill(server, signal.SIGSTOP)
        noticed = until(client, lambda: job.ended)
        os.kill(server, signal.SIGCONT)
        row("server stopped, then continued", str(job.error), noticed, again(client))


def killed_worker() -> None:
    with working() as (client, job, server, _):
        workers(server)[0].kill()
        noticed = until(client, lambda: job.state is JobState.QUEUED)
        row("worker killed", "waits: once more (a job's second attempt)", noticed, until_running(client, job))


def until_running(client: Client, job: Job) -> float:
    return until(client, lambda: job.state is JobState.RUNNING)


def killed_client() -> None:
    code = (
        "import sys, time\nfrom benchmarks.faults import *\n"
        "with Client(Installation(Path(sys.argv[1])), 'doomed') as client:\n"
        "    job = client.submit(endless())\n    until(client, lambda: job.state is JobState.RUNNING)\n"
        "    print('runs', flush=True)\n    time.sleep(1000)\n"
    )
    with working() as (client, job, _, installation):
        client.cancel(job)
        until(client, lambda: job.ended)
        doomed = subprocess.Popen([sys.executable, "-c", code, str(installation.connection)], stdout=subprocess.PIPE)
        assert doomed.stdout is not None
        doomed.stdout.readline()
        waiting = client.submit(endless())
        until(client, lambda: waiting.state is JobState.QUEUED)
        doomed.kill()
        row("another client killed", "nothing: its job ends, the next one begins", 0, until_running(client, waiting))
        doomed.wait()
        doomed.stdout.close()


def cancelled() -> None:
    with working() as (client, job, _, _):
        client.cancel(job)
        noticed = until(client, lambda: job.ended)
        row("a running job cancelled", "cancelled", noticed, again(client))


def stale_file() -> None:
    with working() as (client, job, server, installation):
        workers(server)[0].kill()
        os.kill(server, signal.SIGKILL)
        until(client, lambda: job.ended)
        with Client(installation, "another") as another:
            row("a killed server's connection file", "nothing: a new server is started", 0, again(another))


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(f"{'fault':<34} {'told':>6} {'works':>6}   what the client is told\n{'':<34} {'s':>6} {'s':>6}")
    for one in (killed_server, stopped_server, killed_worker, killed_client, cancelled, stale_file):
        one()


if __name__ == "__main__":
    main()
