"""What the server costs: python -m benchmarks.service

Prints tables: a round trip of 24 megapixels against a bare echo of the same bytes; eight clients with 200 jobs; ping
under load; the first preview from a cold start and from a warm server. With --reach, instead: ping while others flood
the server, and its memory after many jobs. Starts servers of its own on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import zmq
from deepblend.service.planes import to_engine, to_wire
from deepblend_protocol import connection, messages
from deepblend_protocol.client import Client, EchoReceived, JobRunning
from deepblend_protocol.connection import Installation
from deepblend_protocol.geometry import Rect
from deepblend_protocol.link import Link
from deepblend_protocol.settings import as_given, resolve

from .cases import Case

START = (sys.executable, "-m", "deepblend.commands.cli", "serve")


@contextmanager
def served() -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """A server of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "connection.json"
        quiet = subprocess.DEVNULL
        process = subprocess.Popen([*START, "--connection", str(path)], stdout=quiet, stderr=quiet)
        try:
            while connection.read(path) is None:
                time.sleep(0.01)
            yield path, process
        finally:
            process.terminate()
            process.wait(30)


def plane(columns: int, rows: int, channels: str, seed: int = 0) -> messages.Plane:
    samples = np.random.default_rng(seed).integers(0, 256, columns * rows * len(channels), np.uint8)
    return messages.Plane(Rect(0, 0, columns, rows), (columns, rows), "u8", channels, samples)


def small(side: int = 64) -> messages.Request:
    layer, ground = plane(side, side, "RGBA"), plane(side, side, "RGB", 1)
    return messages.Request(layer, ground, settings={"method": "poisson"})


def bare_echo(frames: list[Any], times: int) -> list[float]:
    """Seconds that a plain ROUTER takes to send these bytes back, with CURVE and in these frames."""
    context = zmq.Context()
    public, secret = zmq.curve_keypair()
    own, own_secret = zmq.curve_keypair()
    router, dealer = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
    router.curve_server, router.curve_publickey, router.curve_secretkey = True, public, secret
    port = router.bind_to_random_port("tcp://127.0.0.1")

    def echo() -> None:
        for _ in range(times):
            router.send_multipart(router.recv_multipart(copy=False), copy=False)

    thread = threading.Thread(target=echo)
    thread.start()
    dealer.curve_serverkey, dealer.curve_publickey, dealer.curve_secretkey = public, own, own_secret
    dealer.connect(f"tcp://127.0.0.1:{port}")
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        dealer.send_multipart(frames, copy=False)
        dealer.recv_multipart(copy=False)
        seconds.append(time.perf_counter() - began)
    thread.join()
    context.destroy(0)
    return seconds


def round_trip(times: int = 5) -> None:
    planes = {
        "layer": plane(6000, 4000, "RGBA"),
        "mask": plane(6000, 4000, "Y"),
        "background": plane(6000, 4000, "RGB"),
    }
    message = messages.Echo(planes)
    frames = messages.to_frames(message)
    whole = [frames[0], frames[1], *(one.samples for one in planes.values())]
    size = sum(one.nbytes for one in planes.values())
    with served() as (path, _), Client(Installation(path), "benchmark") as client:
        client.run(small())  # the engine has started
        ours = []
        for _ in range(times):
            began = time.perf_counter()
            client.echo(planes)
            while not any(isinstance(event, EchoReceived) for event in client.poll()):
                client.wait(1)
            ours.append(time.perf_counter() - began)
    print(f"\nRound trip of 24 megapixels (RGBA, mask, RGB: {size / 1e6:.0f} MB each way), median of {times - 1}")
    median = statistics.median(ours[1:])
    print(f"  server, through the protocol            {median:6.2f} s")
    for name, sent in (("bare echo, CURVE, frames of 1 MiB", frames), ("bare echo, CURVE, one frame a plane", whole)):
        bare = statistics.median(bare_echo(sent, times)[1:])
        print(f"  {name:<38}  {bare:6.2f} s   server / this {median / bare:5.2f}")


def many(clients: int = 8, jobs: int = 200) -> None:
    with served() as (path, process):
        server = psutil.Process(process.pid)
        everybody = [Client(Installation(path), f"client {number}") for number in range(clients)]
        for number in range(10):
            everybody[number % clients].run(small())
        before = memory(server)
        each = jobs // clients
        ends: dict[int, list[float]] = {number: [] for number in range(clients)}
        began = time.perf_counter()
        waiting: dict[int, list[Any]] = {number: [] for number in range(clients)}
        failed = 0
        while any(len(own) < each for own in ends.values()):
            for number, one in enumerate(everybody):
                one.poll()
                ended = [job for job in waiting[number] if job.ended]
                failed += sum(job.error is not None for job in ended)
                ends[number] += [time.perf_counter() - began] * len(ended)
                waiting[number] = [job for job in waiting[number] if not job.ended]
                for _ in range(min(25, each - len(ends[number])) - len(waiting[number])):
                    waiting[number].append(one.submit(small()))
            time.sleep(0.005)
        total = time.perf_counter() - began
        # Fair: at half the time, everybody has had as many jobs done.
        half = [sum(end < total / 2 for end in own) for own in ends.values()]
        after = memory(server)
        for one in everybody:
            one.close()
    print(f"\n{clients} clients, {jobs} jobs: {total:.1f} s, {failed} failed")
    print(f"  done at half the time, by client        {half} (mean {statistics.mean(half):.1f})")
    for name, first, last in zip(("the socket loop's process", "with its worker's"), before, after, strict=True):
        print(f"  {name:<38}  {first:.1f} MiB after ten jobs, {last:.1f} after all: {last / first:.3f}")


def flood(wanted: int, most_s: float, floods: int = 2) -> None:
    """Ping while processes of eight clients each send as fast as they are answered, until so many answers came."""
    spawn = multiprocessing.get_context("spawn")
    with served() as (path, process), Client(Installation(path), "benchmark") as client:
        server = psutil.Process(process.pid)
        client.run(small())
        before = memory(server)[0]
        answers, stop = spawn.Value("q", 0), spawn.Event()
        beside = [spawn.Process(target=flooding, args=(path, answers, stop)) for _ in range(floods)]
        for one in beside:
            one.start()
        while not answers.value:
            time.sleep(0.01)
        began, first, pings = time.perf_counter(), answers.value, []
        link = Link(client_connection(path))
        link.send(messages.Hello("0.1.0", (1,), "ping"))
        while answers.value - first < wanted and time.perf_counter() - began < most_s:
            sent = time.perf_counter()
            link.send(messages.Ping())
            while not isinstance(link.receive(), messages.Pong):
                link.wait(1)
            pings.append((time.perf_counter() - sent) * 1000)
            time.sleep(0.01)
        seconds, count = time.perf_counter() - began, answers.value - first
        stop.set()
        for one in beside:
            one.join(30)
        link.close()
        client.run(small())
        after = memory(server)[0]
    pings.sort()
    print(f"\n{8 * floods} clients flood: {count} messages answered in {seconds:.0f} s, {count / seconds:.0f} a second")
    print(f"  ping, {len(pings)} times, milliseconds        median {pings[len(pings) // 2]:.2f}, ", end="")
    print(f"99th percentile {pings[len(pings) * 99 // 100]:.2f}, worst {pings[-1]:.2f}")
    print(f"  the socket loop's process               {before:.1f} MiB before, {after:.1f} after: {after / before:.3f}")


def client_connection(path: Path) -> connection.Connection:
    found = connection.read(path)
    assert found is not None
    return found


def flooding(path: Path, answers: Any, stop: Any) -> None:
    """A process: eight clients with fifty messages each on their way, of those that are answered by one."""
    links = [Link(client_connection(path)) for _ in range(8)]
    for link in links:
        link.send(messages.Hello("0.1.0", (1,), "flood"))
    kinds = (messages.Ping(), messages.InfoQuery(), messages.Cancel("none"))
    for link in links:
        for number in range(50):
            link.send(kinds[number % 3])
    while not stop.is_set():
        heard = 0
        for link in links:
            while (message := link.receive()) is not None:
                if not isinstance(message, (messages.Pulse, messages.Welcome)):
                    link.send(kinds[heard % 3])
                    heard += 1
        with answers.get_lock():
            answers.value += heard
        if not heard:
            links[0].wait(0.01)


def memory(server: psutil.Process) -> tuple[float, float]:
    """MiB of the server's own process, and of all its processes, when they have come to rest."""
    time.sleep(1)
    own = server.memory_info().rss
    return own / 2**20, (own + sum(one.memory_info().rss for one in server.children())) / 2**20


def ping(count: int = 500) -> None:
    with served() as (path, _), Client(Installation(path), "busy") as busy:
        busy.run(small())
        found = connection.read(path)
        assert found is not None
        link = Link(found)
        link.send(messages.Hello("0.1.0", (1,), "ping"))

        def answer() -> float:
            began = time.perf_counter()
            link.send(messages.Ping())
            while not isinstance(link.receive(), messages.Pong):
                link.wait(1)
            return (time.perf_counter() - began) * 1000

        answer()
        idle = sorted(answer() for _ in range(count))
        layer, ground = plane(700, 700, "RGBA"), plane(700, 700, "RGB", 1)
        job = busy.submit(messages.Request(layer, ground, settings={"method": "deep"}))
        while not any(isinstance(event, JobRunning) and event.stage == "optimise" for event in busy.poll()):
            busy.wait(1)
        loaded = []
        for _ in range(count):
            loaded.append(answer())
            time.sleep(0.01)
        loaded.sort()
        still = not job.ended
        busy.poll()
        busy.cancel(job)
        link.close()
    print(f"\nping, {count} times, milliseconds: median / 99th percentile / worst")
    for name, values in (("idle", idle), (f"while a blend runs (to the end: {still})", loaded)):
        print(f"  {name:<38}  {values[count // 2]:.2f} / {values[count * 99 // 100]:.2f} / {values[-1]:.2f}")


def first_preview() -> None:
    """The shipped example, whose box is 480 pixels wide, with previews as a plug-in asks for them."""
    from deepblend import examples, pictures

    given = pictures.to_request(examples.read(), resolve({"preset": "painting"}), "auto", "shipped")
    assert given.mask is not None and given.style is not None
    request = messages.Request(
        to_wire(given.layer),
        to_wire(given.background),
        to_wire(given.mask),
        to_wire(given.style),
        as_given(given.settings),
        previews=messages.Previews(512),
    )
    print("\nThe shipped example (479 x 324), seconds after submit: first preview / first refined one / result")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "connection.json"
        with Client(Installation(path, START), "benchmark") as client:
            for name in ("cold: no server", "warm", "warm, again"):
                began = time.perf_counter()
                seen: dict[str, float] = {}

                def note(event: Any, began: float = began, seen: dict[str, float] = seen) -> None:
                    if isinstance(event, JobRunning) and event.preview is not None:
                        seen.setdefault("refined" if event.fraction > 0.06 else "first", time.perf_counter() - began)

                client.run(request, note)
                total = time.perf_counter() - began
                print(f"  {name:<38}  {seen['first']:.2f} / {seen['refined']:.2f} / {total:.2f}")
            client.leave("now")
            while connection.server_runs(path):
                client.poll()
                client.wait(0.1)


def after_a_move(case: Case, device: str = "auto", moves: int = 5) -> list[float]:
    """Seconds from each move of the style slider to the first preview that is more than the seamless start.

    The server is warm, and busy with the picture of the move before, as when a slider is being dragged.
    """
    seconds: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "connection.json"
        with Client(Installation(path, (*START, "--device", device)), "benchmark") as client:

            def request(style: float) -> messages.Request:
                given = case.request(resolve({"preset": "painting", "style": style}))
                roles = ("layer", "background", "mask", "style")
                planes = {role: to_wire(plane) for role in roles if (plane := getattr(given, role)) is not None}
                return messages.Request(
                    **planes, settings={"preset": "painting", "style": style}, previews=messages.Previews(4096)
                )

            job = client.run(request(0.0))
            assert job.layer is not None
            seamless = to_engine(job.layer).samples.astype(np.float32)
            for move in range(moves + 1):
                began = time.perf_counter()
                client.cancel(job)  # ended or not
                job = client.submit(request(0.4 + 0.02 * move))
                refined = False
                while not refined and not job.ended:
                    client.wait(1)
                    for event in client.poll():
                        plane = getattr(event, "preview", None)
                        # The seamless start is shown while it is being solved, and once more when it is there.
                        if plane is not None and event.job is job and event.stage == "optimise":
                            refined = refined or differs(to_engine(plane).samples, seamless)
                if move:  # the first warms the engine
                    seconds.append(time.perf_counter() - began)
            client.leave("now")
            while connection.server_runs(path):
                client.poll()
                client.wait(0.1)
    return seconds


def differs(preview: np.ndarray, seamless: np.ndarray) -> bool:
    """Whether a preview of the same box is more than the seamless start and what rounding makes of it."""
    return preview.shape == seamless.shape and float(np.abs(preview - seamless)[..., :-1].mean()) > 0.1


def started(device: str = "auto") -> tuple[float, float]:
    """Seconds from a server's start until its socket listens, and until its engine is ready."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "connection.json"
        began = time.perf_counter()
        command = [*START, "--connection", str(path), "--device", device]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        process.stderr.readline()
        listens = time.perf_counter() - began
        process.stderr.readline()
        ready = time.perf_counter() - began
        process.terminate()
        process.wait(30)
        process.stderr.close()
    return listens, ready


def start() -> None:
    listens, ready = started()
    print(f"\nStart: the socket listens after {listens:.2f} s, the engine is ready after {ready:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reach", metavar="MINUTES", type=float, help="flood the server for so long at most")
    parser.add_argument("--messages", type=int, default=10**6, help="answers to a flood (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=10**4, help="after the flood (default: %(default)s)")
    args = parser.parse_args()
    print(
        f"{os.cpu_count()} logical processors, load {os.getloadavg()[0]:.1f}, "
        f"zmq {zmq.zmq_version()}, pyzmq {zmq.__version__}"
    )
    if args.reach is not None:
        flood(args.messages, args.reach * 60)
        many(jobs=args.jobs)
        return
    for one in (start, round_trip, ping, first_preview, many):
        one()


if __name__ == "__main__":
    main()
