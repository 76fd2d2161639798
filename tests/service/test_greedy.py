"""Clients that take more than their share: silent ones, ones that do not read, ones that ask for the internet."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import psutil
import pytest
from deepblend.service.keys import Keys
from deepblend_protocol import messages
from deepblend_protocol.errors import KeysUnusable
from harness import Served, Talker, plane, small
from waiting import DEADLINE_S, wait_for

Serve = Callable[..., Served]


def works(talker: Talker) -> None:
    talker.submit("afterwards", small())
    assert isinstance(talker.ending("afterwards"), messages.Result)


def test_connections_that_say_nothing_keep_nobody_out(serve: Serve) -> None:
    """More of them than a process may usually open files: each is dropped by its handshake's end."""
    served = serve()
    host, port = served.connection.endpoint.removeprefix("tcp://").split(":")
    with ExitStack() as silent:
        for _ in range(900):
            silent.enter_context(socket.create_connection((host, int(port)), timeout=DEADLINE_S))
        with Talker(served.connection) as talker:
            assert talker.info()["clients"] == 1
        process = psutil.Process(served.process.pid)
        wait_for(lambda: process.num_fds() < 200, "the end of the silent connections")


def test_who_asks_and_never_reads_is_dropped_and_told(serve: Serve) -> None:
    served = serve()
    process = psutil.Process(served.process.pid)
    with Talker(served.connection, waiting=1) as talker, Talker(served.connection) as other:
        before = process.memory_info().rss
        asked = messages.Echo(small(side=1900).planes, 1)
        number = 0
        while other.info()["clients"] == 2:
            left = talker.socket.send_multipart(messages.to_frames(asked), copy=False, track=True)
            left.wait(DEADLINE_S)  # so that the server is not far behind
            number += 1
            assert number < 100
            # Each answer is 26 MB: what waits is bounded, whatever is sent.
            assert process.memory_info().rss - before < 1.5 * 2**30
        told = talker.until(messages.Failure)
        assert told.code == "client.slow"
        assert told.params["bytes"] > 2**28
        works(other)
        talker.close()
        wait_for(lambda: other.info() and process.memory_info().rss - before < 2**28, "the memory's return")


def test_no_client_makes_the_server_go_to_the_internet(serve: Serve) -> None:
    served = serve()
    with Talker(served.connection) as talker:
        talker.submit("a", small(features="torchvision", settings={"method": "deep"}))
        failure = talker.ending("a")
        assert failure.code == "features.unavailable"
        assert "--torchvision" in failure.text
        works(talker)


def test_more_than_the_memory_limit_is_refused_and_thin_is_not_much(serve: Serve) -> None:
    served = serve("--memory-limit", "0.5")
    with Talker(served.connection) as talker:
        talker.submit("large", small(side=2600))
        failure = talker.ending("large")
        assert failure.code == "device.memory"
        assert failure.params["limit_bytes"] == 2**29 < failure.params["needed_bytes"]
        assert "> 0.5 GiB)" in failure.text
        for name, (height, width) in {"wide": (1, 20_000), "tall": (20_000, 1)}.items():
            noise = np.random.default_rng(0).integers(0, 256, (height + 2, width + 2, 3), dtype=np.uint8)
            request = messages.Request(
                layer=plane(noise[1:-1, 1:-1], 1, 1, "RGB"),
                background=plane(noise[::-1], 0, 0, "RGB"),
                settings={"method": "poisson"},
            )
            talker.submit(name, request)
            result = talker.ending(name)
            assert isinstance(result, messages.Result), result
            assert result.report["peak_memory_bytes"] < 2 * 2**30
        if sys.platform == "linux":
            (worker,) = served.workers()
            soft, _ = worker.rlimit(psutil.RLIMIT_DATA)
            assert 0 < soft < 2**33  # the system refuses it more
        works(talker)


@pytest.mark.parametrize("name", ["keys.json", "authorised.json"])
def test_damaged_keys_are_called_so(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{", "utf-8")
    keys = Keys(tmp_path)
    with pytest.raises(KeysUnusable, match=f"The file of keys .*{name} cannot be used: it is damaged") as refused:
        keys.authorised() if name == "authorised.json" else keys.server
    assert refused.value.code == "keys.unusable"
