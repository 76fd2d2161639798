from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from itertools import islice
from typing import Any

import fuzzer
import pytest
from deepblend_protocol import messages
from hypothesis import given, settings
from hypothesis import strategies as some

COUNT = 20_000


def test_twenty_thousand_messages_that_nobody_should_send() -> None:
    found, _ = fuzzer.run(COUNT, seed=1)
    assert sum(found.values()) == 2 * COUNT
    for side in ("client", "server"):
        assert found[f"{side}: ok"] > 100  # some are whole: the fuzzer reaches past the first check
        assert found[f"{side}: message.malformed"] > COUNT / 4
    for code in ("message.unknown", "message.too_large", "size.absurd", "setting.unknown", "setting.range"):
        assert found[f"client: {code}"] > 10


def test_the_same_seed_gives_the_same_messages() -> None:
    first, second, other = (list(islice(fuzzer.cases(seed), 200)) for seed in (7, 7, 8))
    assert first == second
    assert first != other
    assert all(type(frame) is bytes for frames in first for frame in frames)


def test_the_fuzzer_runs_by_hand() -> None:
    done = subprocess.run([sys.executable, fuzzer.__file__, "100", "--seed", "3"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("100 messages, each read by both sides")
    assert sum(int(line.split()[0]) for line in lines[2:]) == 200


# Any frames at all

WORDS = some.text(max_size=20)  # with halves of characters
SCALARS = some.none() | some.booleans() | some.integers() | some.floats() | WORDS
ANYTHING = some.recursive(
    SCALARS,
    lambda inner: some.lists(inner, max_size=5) | some.dictionaries(WORDS, inner, max_size=5),
    max_leaves=12,
)
TYPES = some.sampled_from(sorted(messages._CLIENT_READERS.keys() | messages._SERVER_READERS.keys()))
NAMES = some.sampled_from(
    (
        "job",
        "id",
        "to",
        "planes",
        "layer",
        "preview",
        "settings",
        "buffers",
        "previews",
        "fraction",
        "protocols",
        "text",
    )
)
FRAMES = some.lists(some.binary(max_size=40), max_size=5)


@given(FRAMES)
def test_any_bytes(frames: list[bytes]) -> None:
    for read in fuzzer.readers().values():
        assert fuzzer.outcome(frames, read) == "message.malformed"
        assert fuzzer.outcome([b"DEEPBLEND/1", *frames], read) == "message.malformed"


@given(TYPES, some.dictionaries(NAMES | WORDS, ANYTHING, max_size=6), FRAMES)
@settings(max_examples=400)
def test_any_header(kind: str, given_fields: dict[str, Any], buffers: list[bytes]) -> None:
    text = json.dumps({"type": kind, **given_fields}).encode()
    for read in fuzzer.readers().values():
        fuzzer.outcome([b"DEEPBLEND/1", text, *buffers], read)


@given(
    some.dictionaries(some.sampled_from(("rect", "size", "type", "channels", "buffer", "profile", "scale")), ANYTHING),
    some.lists(some.integers(-1, 40) | ANYTHING, max_size=3),
    FRAMES,
)
@settings(max_examples=400)
def test_any_plane(changed: dict[str, Any], lengths: list[Any], buffers: list[bytes]) -> None:
    plane = {"rect": [0, 0, 2, 2], "size": [2, 2], "type": "u8", "channels": "Y", "buffer": 0, **changed}
    text = json.dumps({"type": "echo", "planes": {"mask": plane}, "buffers": lengths}).encode()
    for read in fuzzer.readers().values():
        fuzzer.outcome([b"DEEPBLEND/1", text, *buffers], read)


# Monsters

BIG = 2**20 - 100
MONSTERS = {
    "lists without end": b"[" * BIG,
    "objects without end": b'{"a":' * (BIG // 5),
    "lists that end": b'{"type":"ping","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a long integer": b'{"type":"ping","id":' + b"9" * BIG + b"}",
    "a long fraction": b'{"type":"ping","x":0.' + b"9" * BIG + b"}",
    "a long exponent": b'{"type":"ping","x":1e' + b"9" * BIG + b"}",
    "a long word": b'{"type":"' + b"x" * BIG + b'"}',
    "a long word of escapes": b'{"type":"' + b"\\ud83d\\ude00" * (BIG // 12) + b'"}',
    "many names": b"{" + b",".join(b'"%d":0' % number for number in range(90_000)) + b"}",
    "many buffers": b'{"type":"ping","buffers":[1' + b",1" * (BIG // 2 - 20) + b"]}",
    "a long setting": b'{"type":"error","code":"x","params":{"x":"' + b"x" * (BIG - 60) + b'"},"text":"x"}',
    "spaces": b" " * BIG + b"{}",
    "a header too long": b" " * 2**20 + b"{}",
}


@pytest.mark.parametrize("text", MONSTERS.values(), ids=MONSTERS)
def test_no_header_costs_more_than_its_length(text: bytes) -> None:
    """Quadratic reading of one of these would take many minutes; the tests' own time limit is the limit here."""
    for read in fuzzer.readers().values():
        tracemalloc.start()
        fuzzer.outcome([b"DEEPBLEND/1", text], read)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 64 * 2**20


@pytest.mark.parametrize("length", [1, 2**32, 2**48, 2**52])
def test_memory_does_not_follow_what_is_claimed(length: int) -> None:
    plane = b'"rect":[0,0,1,1],"size":[16777216,16777216],"type":"u8","channels":"Y","buffer":0,"profile":1'
    text = b'{"type":"echo","planes":{"mask":{%s}},"buffers":[1,%d]}' % (plane, length)
    claimed = b'{"type":"echo","planes":{"mask":{%s}},"buffers":[281474976710656]}' % plane
    unlimited = messages.Limits(2**62, 2**62)
    tracemalloc.start()
    for read in (lambda frames: messages.from_client(frames, unlimited), *fuzzer.readers().values()):
        for frames in ([b"DEEPBLEND/1", text, b"x", b"y"], [b"DEEPBLEND/1", claimed, b"x"]):
            assert fuzzer.outcome(frames, read) != "ok"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20
