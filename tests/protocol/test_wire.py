from __future__ import annotations

import json
import time

import pytest
from deepblend_protocol import wire
from deepblend_protocol.errors import DeepBlendError, MessageMalformed, MessageTooLarge

TAG = b"DEEPBLEND/1"


def header(text: str) -> list[bytes]:
    return [TAG, text.encode()]


def test_there_and_back() -> None:
    first, second = bytes(range(256)) * 10_000, b"profile"
    frames = wire.encode({"type": "x", "word": "größer"}, [first, second])
    found = wire.decode(frames, 2**30)
    assert found.major == 1
    assert found.header == {"type": "x", "word": "größer", "buffers": [2_560_000, 7]}
    assert [bytes(one.joined()) for one in found.buffers] == [first, second]


def test_buffers_travel_in_pieces_without_being_copied() -> None:
    buffer = bytearray(3 * wire.CHUNK_BYTES + 5)
    frames = wire.encode({"type": "x"}, [buffer])
    assert [len(frame) for frame in frames[2:]] == [wire.CHUNK_BYTES] * 3 + [5]
    assert all(frame.obj is buffer for frame in frames[2:])
    (found,) = wire.decode(frames, 2**30).buffers
    assert found.nbytes == len(buffer)
    assert all(part.obj is buffer for part in found.parts)
    again = wire.encode({"type": "x"}, [found])  # what was received is passed on as it is
    assert all(frame.obj is buffer for frame in again[2:])


def test_one_piece_is_joined_without_a_copy() -> None:
    buffer = bytearray(100)
    (found,) = wire.decode(wire.encode({}, [buffer]), 2**30).buffers
    assert found.joined().obj is buffer


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ([], "does not begin with DEEPBLEND/"),
        ([b""], "does not begin"),
        ([b"DEEPBLEND/"], "does not begin"),
        ([b"DEEPBLEND/0"], "does not begin"),
        ([b"DEEPBLEND/1x"], "does not begin"),
        ([b"DEEPBLEND/1\n"], "does not begin"),
        ([b"DEEPBLEND/" + b"9" * 30], "does not begin"),
        ([TAG], "has no header"),
        ([TAG, b" " * (2**20 + 1)], "more than 1048576"),
        ([TAG, b"\xff{}"], "not JSON in UTF-8"),
        (header(""), "not JSON"),
        (header("{"), "not JSON"),
        (header("{} {}"), "not JSON"),
        (header("[]"), "not a JSON object"),
        (header('"x"'), "not a JSON object"),
        (header('{"a":NaN}'), "holds NaN"),
        (header('{"a":-Infinity}'), "holds -Infinity"),
        (header('{"a":1e400}'), "beyond any number"),
        (header('{"a":1,"a":1}'), "a name twice"),
        (header('{"b":{"a":1,"a":1}}'), "a name twice"),
        (header('{"a":' + "9" * 20 + "}"), "more than 19 digits"),
        (header('{"a":"\\ud800"}'), "half a character"),
        (header("[" * 200_000), "nested too deep"),
        (header('{"buffers":3}'), "not a list of lengths"),
        (header('{"buffers":[-1]}'), "not a list of lengths"),
        (header('{"buffers":[0]}'), "not a list of lengths"),
        (header('{"buffers":[1.0]}'), "not a list of lengths"),
        (header('{"buffers":[true]}'), "not a list of lengths"),
        ([*header('{"buffers":[3]}'), b"ab"], "the frames end early"),
        ([*header('{"buffers":[3]}'), b"abcd"], "does not fit"),
        ([*header('{"buffers":[3]}'), b"", b"abc"], "does not fit"),
        ([*header('{"buffers":[3,2]}'), b"abcde"], "does not fit"),
        ([*header('{"buffers":[3]}'), b"abc", b"d"], "more frames"),
        ([*header("{}"), b"abc"], "more frames"),
    ],
)
def test_what_breaks_a_rule_is_named(frames: list[bytes], words: str) -> None:
    with pytest.raises(MessageMalformed) as caught:
        wire.decode(frames, 2**30)
    assert words in str(caught.value)


def test_nineteen_digits_and_whole_characters_are_fine() -> None:
    found = wire.decode(header('{"a":-9223372036854775808,"b":"\\ud83d\\ude00 \\u00e9"}'), 0).header
    assert found == {"a": -(2**63), "b": "😀 é"}


def test_too_much_is_refused_by_what_the_header_claims() -> None:
    with pytest.raises(MessageTooLarge) as caught:
        wire.decode(header('{"buffers":[600,600]}'), 1000)
    assert caught.value.params == {"bytes": 1200, "limit": 1000}


def test_a_header_that_would_be_too_long_is_not_sent() -> None:
    with pytest.raises(MessageTooLarge):
        wire.encode({"x": "y" * 2**20})
    with pytest.raises(ValueError, match="JSON"):
        wire.encode({"x": float("nan")})


@pytest.mark.parametrize(
    "text", ["[" * 2**20, '{"a":' * 170_000, '{"a":' + "9" * (2**20 - 7) + "}", '"' + "\\n" * 500_000]
)
def test_no_header_costs_much(text: str) -> None:
    began = time.process_time()  # which a busy machine does not lengthen
    with pytest.raises(DeepBlendError):
        wire.decode(header(text), 2**30)
    assert time.process_time() - began < 20  # quadratic reading of a million digits takes far longer


def test_the_sizes_are_the_documents() -> None:
    assert (wire.HEADER_BYTES, wire.CHUNK_BYTES, wire.FRAME_BYTES) == (2**20, 2**20, 2**24)
    assert json.dumps(wire.PROTOCOLS) == "[1]"
