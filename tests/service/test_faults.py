"""Faults, each against a real server process: what breaks is named, what was at work is told, the next job works."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
import zmq
from deepblend_protocol import connection, messages
from deepblend_protocol.geometry import Rect
from harness import Served, Talker, endless, small
from waiting import DEADLINE_S, wait_for

Serve = Callable[..., Served]


def works(talker: Talker, name: str = "afterwards") -> messages.Result:
    """A small job goes through."""
    talker.submit(name, small())
    result = talker.ending(name)
    assert isinstance(result, messages.Result), result
    return result


def pixels(result: messages.Result) -> bytes:
    return bytes(result.layer.samples.joined())


def test_a_killed_worker_costs_its_job_nothing_but_time(serve: Serve) -> None:
    served = serve()
    with Talker(served.connection) as talker:
        expected = pixels(works(talker, "before"))
        talker.submit("a", small(side=300, settings={"method": "deep"}))
        talker.until(messages.Running, job="a")
        os.kill(served.workers()[0].pid, signal.SIGKILL)
        again = talker.until(messages.Queued, job="a")
        assert again.why == "again"
        assert isinstance(talker.ending("a"), messages.Result)
        assert pixels(works(talker)) == expected


def test_a_job_whose_worker_is_killed_twice_fails_alone(serve: Serve) -> None:
    served = serve()
    with Talker(served.connection) as talker:
        talker.submit("a", endless())
        talker.submit("b", small())
        for _ in range(2):
            while talker.until(messages.Running, job="a").stage == "start":
                pass
            os.kill(served.workers()[0].pid, signal.SIGKILL)
            # What the dead worker told of its progress comes before this.
            told = talker.until(messages.Queued, messages.Failure, job="a")
        assert isinstance(told, messages.Failure) and told.code == "worker.lost"
        assert "died twice" in told.text and "signal 9" in told.text
        assert isinstance(talker.ending("b"), messages.Result)


def test_an_idle_worker_that_is_killed_is_replaced(serve: Serve) -> None:
    served = serve()
    with Talker(served.connection) as talker:
        works(talker, "before")
        first = served.workers()[0].pid
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: [one for one in talker.info()["workers"] if one["pid"] not in (0, first)], "another worker")
        works(talker)


CLIENT = """
import sys
from harness import Talker, endless
from deepblend_protocol import connection, messages
from pathlib import Path
talker = Talker(connection.read(Path(sys.argv[1])))
talker.submit("mine", endless())
talker.until(messages.Running, job="mine")
talker.submit("waiting", endless())
talker.until(messages.Queued, job="waiting")
print("running", flush=True)
talker.until(messages.Pong)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_client_that_is_killed_or_stopped_leaves_the_device_free(serve: Serve, how: signal.Signals) -> None:
    served = serve()
    with Talker(served.connection) as talker:
        works(talker, "before")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", CLIENT, str(served.path)]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as client:
            assert client.stdout is not None and client.stdout.readline() == b"running\n"
            assert talker.info()["queued"] == 1
            client.send_signal(how)
            wait_for(lambda: not talker.info()["running"] and not talker.info()["queued"], "the end of its jobs")
            client.kill()
        works(talker)


def test_a_client_whose_thread_is_busy_for_ten_seconds_keeps_its_job(serve: Serve) -> None:
    served = serve()
    with Talker(served.connection) as talker:
        works(talker, "before")
        talker.submit("a", small(side=300, settings={"method": "deep"}, previews=messages.Previews(300)))
        time.sleep(10)
        assert isinstance(talker.ending("a"), messages.Result)


def test_a_client_that_reads_nothing_for_long_gets_every_ending(serve: Serve) -> None:
    served = serve("--max-queue", "100")
    with Talker(served.connection) as talker:
        works(talker, "before")
        names = [f"n{number}" for number in range(100)]
        for name in names:
            talker.submit(name, small(side=150, previews=messages.Previews(150)))
        with Talker(served.connection) as other:
            wait_for(lambda: not other.info()["running"] and not other.info()["queued"], "all jobs' end")
        for name in names:
            assert isinstance(talker.ending(name), messages.Result)


def test_a_full_queue(serve: Serve) -> None:
    served = serve("--max-queue", "3")
    with Talker(served.connection) as talker:
        for name in "abcd":
            talker.submit(name, endless())
        failure = talker.until(messages.Failure)
        assert (failure.code, failure.job, failure.params) == ("queue.full", "d", {"limit": 3})
        with Talker(served.connection) as other:  # it is this client's queue that is full
            other.submit("d", small())
            assert isinstance(other.until(messages.Queued), messages.Queued)
        talker.send(messages.Cancel("b"))
        assert isinstance(talker.ending("b"), messages.Cancelled)
        talker.submit("e", small())
        talker.until(messages.Queued, job="e")


def test_limits_on_size(serve: Serve) -> None:
    served = serve("--max-message", "1", "--max-pixels", "1")
    with Talker(served.connection) as talker:
        assert talker.welcome.limits["message_bytes"] == 2**20
        blank = messages.Plane(Rect(0, 0, 2000, 600), (2000, 600), "u8", "Y", bytes(1_200_000))
        talker.send(messages.Echo({"layer": blank}, id=1))
        failure = talker.until(messages.Failure)
        assert (failure.code, failure.to) == ("message.too_large", 1)
        mask = b'{"rect":[0,0,1,1],"size":[1001,1000],"type":"u8","channels":"Y","buffer":0}'
        header = b'{"type":"echo","id":2,"planes":{"mask":%s},"buffers":[1]}' % mask
        talker.socket.send_multipart([b"DEEPBLEND/1", header, b"x"])
        assert talker.until(messages.Failure).code == "size.absurd"
        works(talker)


def test_a_frame_that_is_too_long_ends_the_connection_and_nothing_else(serve: Serve) -> None:
    served = serve()
    with Talker(served.connection) as talker, Talker(served.connection) as other:
        talker.socket.send_multipart([b"DEEPBLEND/1", b"{}", bytes(17 * 2**20)])
        assert talker.receive(1.0) is None
        works(other)


def test_too_many_clients(serve: Serve) -> None:
    served = serve("--max-clients", "2")
    with Talker(served.connection), Talker(served.connection) as second:
        with Talker(served.connection, hello=False) as third:
            third.send(messages.Hello("0.1.0", (1,), "third"))
            assert third.until(messages.Failure).code == "clients.full"
        second.close()
        with Talker(served.connection, hello=False) as fourth:

            def welcome() -> bool:
                fourth.send(messages.Hello("0.1.0", (1,), "fourth"))
                return isinstance(fourth.until(messages.Failure, messages.Welcome), messages.Welcome)

            wait_for(welcome, "the place of one who has gone")


def test_a_job_that_takes_too_long(serve: Serve) -> None:
    served = serve("--max-seconds", "4")  # in which the small job ends on a busy machine too
    with Talker(served.connection) as talker:
        talker.submit("a", endless())
        failure = talker.ending("a")
        assert (failure.code, failure.params) == ("job.timeout", {"seconds": 4})
        works(talker)


def test_a_worker_that_hangs_is_replaced(serve: Serve) -> None:
    served = serve()
    with Talker(served.connection) as talker:
        talker.submit("a", endless())
        while talker.until(messages.Running, job="a").stage == "start":
            pass
        os.kill(served.workers()[0].pid, signal.SIGSTOP)
        talker.send(messages.Cancel("a"))
        assert isinstance(talker.ending("a"), messages.Cancelled)
        works(talker)


WORDS = {"engine": "the paint is dry", "cuda": "CUDA error: an illegal memory access was encountered"}


@pytest.mark.parametrize("sabotage", WORDS)
def test_a_fault_in_the_engine(serve: Serve, tmp_path: Path, sabotage: str) -> None:
    marker = tmp_path / "broken"
    served = serve(sabotage=sabotage, SABOTAGE_WHILE=str(marker))
    with Talker(served.connection) as talker:
        works(talker, "before")
        worker = served.workers()[0].pid
        marker.touch()
        talker.submit("a", small())
        failure = talker.ending("a")
        marker.unlink()
        if sabotage == "engine":
            assert failure.code == "fault"
            assert "RuntimeError: the paint is dry" in failure.text
            assert "Traceback" not in failure.text
        works(talker)
        # A spoiled GPU context goes with its process; an ordinary fault costs none.
        assert (served.workers()[0].pid == worker) == (sabotage == "engine")
        log = served.path.with_name("server.log").read_text()
        assert "Traceback" in log and WORDS[sabotage] in log


@pytest.mark.skipif(sys.platform != "linux", reason="limits a process's memory from outside")
def test_out_of_memory(serve: Serve) -> None:
    served = serve()
    with Talker(served.connection) as talker:
        works(talker, "before")
        worker = served.workers()[0]
        used = worker.memory_info().vms
        worker.rlimit(psutil.RLIMIT_AS, (used + 2**26, psutil.RLIM_INFINITY))
        big = messages.Plane(Rect(0, 0, 3000, 3000), (3000, 3000), "u8", "RGBA", np.full(36_000_000, 200, np.uint8))
        ground = messages.Plane(Rect(0, 0, 3000, 3000), (3000, 3000), "u8", "RGB", np.full(27_000_000, 90, np.uint8))
        talker.submit("a", messages.Request(big, ground))
        failure = talker.ending("a")
        assert failure.code in ("device.memory", "worker.lost"), failure
        assert "memory" in failure.text
        if failure.code == "device.memory":
            worker.rlimit(psutil.RLIMIT_AS, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
        works(talker)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no disk that is always full")
def test_a_full_disk_for_the_log(serve: Serve) -> None:
    served = serve("--log-file", "/dev/full")
    with Talker(served.connection) as talker:
        works(talker, "a")
        works(talker, "b")


def test_the_clock_set_back_and_forth(serve: Serve) -> None:
    served = serve("--idle-exit", "1", "--rest-after", "1", sabotage="clock")
    with Talker(served.connection) as talker:
        for number in range(3):
            works(talker, f"a{number}")
        talker.submit("b", endless())
        talker.until(messages.Running, job="b")
        for _ in range(5):  # of at least one a second
            talker.until(messages.Running, job="b")
        talker.send(messages.Cancel("b"))
        assert isinstance(talker.ending("b"), messages.Cancelled)


def test_a_second_server(serve: Serve) -> None:
    first = serve()
    before = first.connection
    second = serve()
    assert second.process.wait(DEADLINE_S) == 3
    said = second.said.read_text()
    assert f"process {first.process.pid}" in said and before.endpoint in said and "deepblend stop" in said
    assert "Traceback" not in said
    assert connection.read(first.path) == before


def test_a_server_starts_over_what_a_killed_one_left(serve: Serve) -> None:
    first = serve()
    before = first.connection
    workers = wait_for(first.workers, "its worker")
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    assert connection.read(first.path) == before  # stale
    assert not connection.server_runs(first.path)
    psutil.wait_procs(workers, DEADLINE_S)
    assert not any(one.is_running() for one in workers)  # nobody goes on computing for a server that is no more
    with Talker(serve().connection) as talker:
        works(talker)


@pytest.mark.parametrize("major", [2, 9, 1000])
def test_a_client_of_a_newer_protocol(serve: Serve, major: int) -> None:
    served = serve()
    with Talker(served.connection, hello=False) as talker:
        hello = b'{"type":"hello","version":"7.0","protocols":[%d],"client":"x","id":3}' % major
        talker.socket.send_multipart([b"DEEPBLEND/%d" % major, hello])
        failure = talker.until(messages.Failure)
        assert (failure.code, failure.to) == ("protocol.unsupported", 3)
        assert failure.params["client"] == major and failure.params["client_version"] == "7.0"
        assert "7.0" in failure.text and "0.1.0" in failure.text and "deepblend stop" in failure.text
        talker.socket.send_multipart([b"DEEPBLEND/%d" % major, b'{"type":"leave","when":"idle","id":4}'])
        leaving = talker.until(messages.Leaving)
        assert (leaving.reason, leaving.to) == ("replaced", 4)
        assert served.process.wait(DEADLINE_S) == 0


def test_a_client_of_an_older_protocol(serve: Serve) -> None:
    served = serve(sabotage="protocol")
    with Talker(served.connection, hello=False) as talker:
        talker.send(messages.Hello("0.1.0", (1,), "old"))
        frames = talker.socket.recv_multipart()
        assert frames[0] == b"DEEPBLEND/2"
        failure = messages.from_server(frames)
        assert isinstance(failure, messages.Failure) and failure.code == "protocol.unsupported"
        assert failure.params["client"] == 1 and failure.params["server"] == "2"
        assert "deepblend install" in failure.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_everybody_is_told(serve: Serve, number: signal.Signals) -> None:
    served = serve()
    with Talker(served.connection) as talker:
        talker.submit("a", endless())
        talker.submit("b", small())
        talker.until(messages.Running, job="a")
        workers = served.workers()
        served.process.send_signal(number)
        assert talker.until(messages.Leaving).reason == "asked"
        assert talker.until(messages.Failure, job="a").code == "server.leaving"
        assert talker.until(messages.Failure, job="b").code == "server.leaving"
    assert served.process.wait(DEADLINE_S) == 0
    assert connection.read(served.path) is None
    assert not any(one.is_running() for one in workers)
    assert "Traceback" not in served.said.read_text()


def test_it_finishes_what_it_accepted_when_it_is_replaced(serve: Serve) -> None:
    old = serve()
    with Talker(old.connection) as talker, Talker(old.connection) as newer:
        works(talker, "before")
        talker.submit("a", small(side=300, settings={"method": "deep"}))
        talker.until(messages.Running, job="a")
        newer.send(messages.Leave("idle", 9))
        assert newer.until(messages.Leaving).to == 9
        assert not connection.server_runs(old.path)
        talker.submit("b", small())
        assert talker.until(messages.Failure, job="b").code == "server.leaving"
        with Talker(serve().connection) as third:
            works(third)
        assert isinstance(talker.ending("a"), messages.Result)
    assert old.process.wait(DEADLINE_S) == 0


def test_an_unused_server_leaves(serve: Serve) -> None:
    served = serve("--idle-exit", "0.05")
    with Talker(served.connection) as talker:
        works(talker)
        assert talker.until(messages.Leaving).reason == "idle"
        assert served.process.wait(DEADLINE_S) == 0
    assert connection.read(served.path) is None


def test_an_unused_worker_gives_its_memory_back_and_wakes(serve: Serve) -> None:
    served = serve("--rest-after", "0.02")
    with Talker(served.connection) as talker:
        expected = pixels(works(talker, "before"))
        wait_for(lambda: talker.info()["workers"][0]["state"] == "resting", "the worker's rest")
        assert not served.workers()
        assert pixels(works(talker)) == expected


def test_a_device_that_does_not_exist(serve: Serve) -> None:
    served = serve("--device", "cuda:99")
    with Talker(served.connection) as talker:
        talker.submit("a", small())
        failure = talker.ending("a")
        assert failure.code == "worker.unavailable"
        assert "cuda:99" in failure.text and "Available:" in failure.text


def test_two_workers_share_the_jobs(serve: Serve) -> None:
    served = serve("--device", "cpu,cpu")
    with Talker(served.connection) as talker, Talker(served.connection) as other:
        wait_for(lambda: [one["state"] for one in talker.info()["workers"]] == ["ready"] * 2, "two workers")
        talker.submit("a", endless())
        other.submit("b", endless())
        talker.until(messages.Running, job="a")
        other.until(messages.Running, job="b")
        first, second = (one.pid for one in served.workers())
        os.kill(first, signal.SIGKILL)  # costs one of the two its worker, not both

        def pids() -> set[int]:
            return {one["pid"] for one in talker.info()["workers"]}

        wait_for(lambda: not pids() & {0, first}, "its replacement")
        assert second in pids()
        for one, name in ((talker, "a"), (other, "b")):
            one.send(messages.Cancel(name))
            assert isinstance(one.ending(name), messages.Cancelled)


def test_who_has_no_authorised_key_hears_nothing(serve: Serve) -> None:
    from deepblend.service.keys import Keys

    served = serve()
    own = served.connection
    public, secret = (key.decode() for key in zmq.curve_keypair())
    foreign = connection.Connection(own.endpoint, own.server_key, public, secret)
    hello = messages.Hello("0.1.0", (1,), "stranger")
    for curve in (True, False):
        with Talker(foreign, hello=False, curve=curve) as stranger:
            if not curve:
                stranger.socket.sndtimeo = 2000
            with contextlib.suppress(zmq.Again):  # refused before it has sent anything
                stranger.send(hello)
            assert stranger.receive(2.0) is None
    Keys(served.path.parent).add("stranger", public)  # counts at once
    with Talker(foreign) as friend:
        works(friend)
    Keys(served.path.parent).remove("stranger")
    with Talker(foreign, hello=False) as stranger:
        stranger.send(hello)
        assert stranger.receive(2.0) is None
    with Talker(own) as talker:
        works(talker)
