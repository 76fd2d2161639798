"""The fuzzer's messages, sent to a real server."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import fuzzer
import psutil
import pytest
from deepblend_protocol import messages, wire
from deepblend_protocol.errors import DeepBlendError, MessageMalformed
from harness import Served, Talker, small
from waiting import wait_for

BATCH = 50


def harmless(seed: int) -> Iterator[list[bytes]]:
    """All but those that would end the server in good order."""
    for frames in fuzzer.cases(seed):
        try:
            if wire.header_of(frames).get("type") == "leave":
                continue
        except (DeepBlendError, IndexError):
            pass
        if frames and len(frames[0]) < 2**20:
            yield frames


def code_of(frames: list[bytes]) -> str | None:
    """What the server has to answer to a message that cannot be understood."""
    try:
        if wire.major_of(frames) not in wire.PROTOCOLS:
            wire.header_of(frames)
            return "protocol.unsupported"
        message = messages.from_client(frames, messages.Limits())
    except DeepBlendError as error:
        return error.code
    strange = isinstance(message, messages.Hello) and not set(message.protocols) & set(wire.PROTOCOLS)
    return "protocol.unsupported" if strange else None


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_a_server_answers_what_nobody_should_send(server: Served, seed: int) -> None:
    source = harmless(seed)
    with Talker(server.connection) as talker:
        wait_for(lambda: [one["state"] for one in talker.info()["workers"]] == ["ready"], "the engine")
        before = psutil.Process(server.process.pid).memory_info().rss
        for number in range(10):
            batch = list(islice(source, BATCH))
            for frames in batch:
                talker.socket.send_multipart(frames)
            talker.send(messages.Ping(number + 1000))
            answers = []
            while not (isinstance(answer := talker.receive(), messages.Pong) and answer.to == number + 1000):
                assert answer is not None
                if isinstance(answer, messages.Failure):
                    answers.append(answer)
            ours = ("message.", "protocol.", "size.")  # the other errors are of what could be understood
            expected = [code for frames in batch if (code := code_of(frames)) is not None and code.startswith(ours)]
            assert [one.code for one in answers if one.code.startswith(ours)] == expected
    with Talker(server.connection) as talker:
        talker.submit("after", small())
        assert isinstance(talker.ending("after"), messages.Result)
        wait_for(lambda: talker.info()["clients"] == 1, "the first connection's end is noticed")
    assert len(server.workers()) == 1
    process = psutil.Process(server.process.pid)
    wait_for(lambda: process.memory_info().rss < before + 2**24, "the memory's return")


def test_an_address_is_answered_wherever_there_is_one(talker: Talker) -> None:
    for seed in (21, 22):
        for frames in islice(harmless(seed), 300):
            job, to = messages.address(frames)
            try:
                messages.from_client(frames, messages.Limits())
            except MessageMalformed:
                talker.socket.send_multipart(frames)
                answer = talker.until(messages.Failure)
                assert (answer.code, answer.to, answer.job) == ("message.malformed", to, job)
            except DeepBlendError:
                continue


@pytest.fixture
def talker(server: Served) -> Iterator[Talker]:
    with Talker(server.connection) as one:
        yield one
