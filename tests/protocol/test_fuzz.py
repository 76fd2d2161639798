from __future__ import annotations

import tracemalloc

import fuzzer
from deepblend_protocol import messages

COUNT = 20_000


def test_twenty_thousand_messages_that_nobody_should_send() -> None:
    found = fuzzer.run(COUNT, seed=1)
    assert sum(found.values()) == 2 * COUNT
    for side in ("client", "server"):
        assert found[f"{side}: ok"] > 100  # some are whole: the fuzzer reaches past the first check
        assert found[f"{side}: message.malformed"] > COUNT / 4


def test_the_same_seed_gives_the_same_messages() -> None:
    first, second, other = (fuzzer.cases(seed) for seed in (7, 7, 8))
    pairs = [(next(first), next(second), next(other)) for _ in range(200)]
    assert all(one == again for one, again, _ in pairs)
    assert any(one != differs for one, _, differs in pairs)


def test_memory_does_not_follow_what_is_claimed() -> None:
    rect = b'"rect":[0,0,1,1],"size":[16777216,16777216],"type":"f32","channels":"RGBA","buffer":0'
    text = b'{"type":"echo","planes":{"mask":{' + rect + b'}},"buffers":[4503599627370496]}'
    tracemalloc.start()
    for read in (lambda frames: messages.from_client(frames, messages.Limits(2**62, 2**62)), messages.from_server):
        assert fuzzer.outcome([b"DEEPBLEND/1", text, b"x"], read) != "ok"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20
