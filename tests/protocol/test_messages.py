"""The messages against docs/protocol.md, which is their authority."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from deepblend_protocol import errors, messages
from deepblend_protocol.errors import MessageMalformed, PlaneInvalid, SizeAbsurd
from deepblend_protocol.geometry import Rect
from deepblend_protocol.sample_types import SAMPLE_TYPES
from hypothesis import given, settings
from hypothesis import strategies as some

DOCUMENT = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
LIMITS = messages.Limits()


def section(number: int) -> str:
    return DOCUMENT.split(f"\n## {number}. ")[1].split("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")
    ]


NAME = some.text("abcXYZ019_-", min_size=1, max_size=64)
WORDS = some.text(some.characters(exclude_categories=("Cs",)), max_size=40)
COUNT = some.integers(0, 2**53 - 1)
ID = some.none() | COUNT
MAJORS = some.lists(some.integers(1, 999_999), max_size=5).map(tuple)


@some.composite
def planes(draw: Any) -> messages.Plane:
    size = draw(some.tuples(some.integers(1, 9), some.integers(1, 9)))
    kind, channels = draw(some.sampled_from(sorted(SAMPLE_TYPES))), draw(some.sampled_from(messages.CHANNELS))
    place = draw(some.tuples(some.integers(-(2**24), 2**24), some.integers(-(2**24), 2**24)))
    count = size[0] * size[1] * len(channels) * SAMPLE_TYPES[kind].size
    return messages.Plane(
        Rect(*place, *draw(some.tuples(some.integers(1, 2**24), some.integers(1, 2**24)))),
        size,
        kind,
        channels,
        draw(some.binary(min_size=count, max_size=count)),
        draw(some.sampled_from(messages.ENCODINGS)),
        draw(some.floats(0, 1, exclude_min=True)),
        draw(some.none() | some.binary(min_size=1, max_size=20)),
    )


PLAIN = some.recursive(
    some.none()
    | some.booleans()
    | some.integers(-(2**60), 2**60)
    | some.floats(allow_nan=False, allow_infinity=False)
    | WORDS,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
OBJECT = some.dictionaries(WORDS, PLAIN, max_size=4)
REQUEST = some.builds(
    messages.Request,
    layer=planes(),
    background=planes(),
    mask=some.none() | planes(),
    style=some.none() | planes(),
    settings=OBJECT,
    features=some.sampled_from(("shipped", "torchvision")),
    previews=some.none() | some.builds(messages.Previews, some.integers(1, 4096), some.integers(0, 60_000)),
)
ROLED = some.dictionaries(some.sampled_from(messages.ROLES), planes(), max_size=4)
FROM_CLIENT = some.one_of(
    some.builds(messages.Hello, WORDS, MAJORS, WORDS, ID),
    some.builds(messages.Ping, ID),
    some.builds(messages.InfoQuery, ID),
    some.builds(messages.Submit, NAME, REQUEST),
    some.builds(messages.Cancel, NAME),
    some.builds(messages.Leave, some.sampled_from(("idle", "now")), ID),
    some.builds(messages.Echo, ROLED, ID),
)
FRACTION = some.floats(0, 1, exclude_max=True)
FROM_SERVER = some.one_of(
    some.builds(messages.Welcome, WORDS, MAJORS, WORDS, some.dictionaries(WORDS, some.integers(0, 2**60)), ID),
    some.builds(messages.Pong, ID),
    some.builds(messages.Info, some.dictionaries(some.sampled_from(("version", "pid", "workers")), PLAIN), ID),
    some.builds(messages.Queued, NAME, some.integers(0, 2**31), WORDS),
    some.builds(messages.Running, NAME, WORDS, FRACTION, WORDS, some.none() | planes()),
    some.builds(messages.Result, NAME, planes(), OBJECT, some.none() | planes()),
    some.builds(messages.Cancelled, NAME),
    some.builds(messages.Failure, WORDS, OBJECT, WORDS, some.none() | NAME, ID),
    some.builds(messages.Pulse),
    some.builds(messages.Leaving, WORDS, ID),
    some.builds(messages.Echo, ROLED, some.none(), ID),
)


def comparable(value: Any) -> Any:
    """A message with the samples as bytes."""
    if isinstance(value, messages.Plane):
        samples = value.samples if isinstance(value.samples, bytes) else bytes(value.samples.joined())
        return replace(value, samples=samples)
    if isinstance(value, dict):
        return {name: comparable(one) for name, one in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return type(value), {one.name: comparable(getattr(value, one.name)) for one in fields(value)}
    return value


@given(FROM_CLIENT)
@settings(max_examples=400)
def test_every_message_of_a_client_comes_back_as_it_was(message: messages.FromClient) -> None:
    assert comparable(messages.from_client(messages.to_frames(message), LIMITS)) == comparable(message)


@given(FROM_SERVER)
@settings(max_examples=400)
def test_every_message_of_the_server_comes_back_as_it_was(message: messages.FromServer) -> None:
    assert comparable(messages.from_server(messages.to_frames(message))) == comparable(message)


PLANE = '{"rect":[0,0,2,2],"size":[2,2],"type":"u8","channels":"Y","buffer":0}'


def echo(plane: str, *buffers: bytes) -> list[bytes]:
    lengths = ",".join(str(len(one)) for one in buffers)
    text = '{"type":"echo","planes":{"mask":' + plane + '},"buffers":[' + lengths + "]}"
    return [b"DEEPBLEND/1", text.encode(), *buffers]


def test_the_plane_that_the_next_tests_spoil_is_whole() -> None:
    assert isinstance(messages.from_client(echo(PLANE, b"abcd"), LIMITS), messages.Echo)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[0,0,2,2]", "[0,0,2]", "'planes.mask.rect' is [0, 0, 2], not 4 integers"),
        ("[0,0,2,2]", "[0,0,2,2.5]", "'planes.mask.rect'"),
        ("[0,0,2,2]", "[0,0,2,true]", "'planes.mask.rect'"),
        ("[0,0,2,2]", "[0,99999999,2,2]", "from -16777216 to 16777216"),
        ("[0,0,2,2]", "[0,0,0,2]", "the mask's rectangle of 0 x 2 pixels is empty"),
        ("[0,0,2,2]", "[0,0,2,-2]", "is empty"),
        ('"size":[2,2]', '"size":[2,0]', "'planes.mask.size'"),
        ('"size":[2,2]', '"size":[3,2]', "samples are 4 bytes; its size, type and channels ask for 6"),
        ('"u8"', '"u16"', "ask for 8"),
        ('"u8"', '"u32"', "not one of u8, u16, f16, f32"),
        ('"u8"', "8", "'planes.mask.type' is 8"),
        ('"Y"', '"CMYK"', "not one of RGBA, BGRA, RGB, YA, Y"),
        ('"buffer":0', '"buffer":1', "'planes.mask.buffer' is 1, not an integer from 0 to 0"),
        ('"buffer":0', '"buffer":false', "'planes.mask.buffer'"),
        ('"buffer":0', '"buffer":null', "'planes.mask.buffer' is missing"),
        ('"buffer":0', '"buffer":0,"scale":0', "scale is 0.0, not above 0 and at most 1"),
        ('"buffer":0', '"buffer":0,"scale":1.5', "scale is 1.5"),
        ('"buffer":0', '"buffer":0,"scale":"1"', "'planes.mask.scale' is '1', not a number"),
        ('"buffer":0', '"buffer":0,"encoding":"log"', "'planes.mask.encoding'"),
        ('"buffer":0', '"buffer":0,"profile":0', "each buffer has to be one plane's samples, or a profile"),
    ],
)
def test_a_plane_that_contradicts_itself(old: str, new: str, words: str) -> None:
    with pytest.raises(MessageMalformed) as caught:
        messages.from_client(echo(PLANE.replace(old, new), b"abcd"), LIMITS)
    assert words in str(caught.value)


def test_buffers_that_nobody_names_or_two_do() -> None:
    with pytest.raises(MessageMalformed, match="each buffer has to be"):
        messages.from_client(echo(PLANE, b"abcd", b"e"), LIMITS)
    with pytest.raises(MessageMalformed, match="buffer 0 is the samples of two planes"):
        messages.from_client(echo(PLANE + ',"style":' + PLANE, b"abcd"), LIMITS)


def test_a_huge_claim_is_refused_before_anything_is_made_of_it() -> None:
    with pytest.raises(SizeAbsurd):
        messages.from_client(echo(PLANE.replace('"size":[2,2]', '"size":[16777216,16777216]'), b"abcd"), LIMITS)


def test_samples_that_do_not_fit_are_not_sent() -> None:
    plane = messages.Plane(Rect(0, 0, 2, 2), (2, 2), "u16", "Y", b"abcd")
    with pytest.raises(PlaneInvalid, match="4 bytes, not 8"):
        messages.to_frames(messages.Echo({"mask": plane}))


def test_a_profile_travels_once() -> None:
    plane = messages.Plane(Rect(0, 0, 1, 1), (1, 1), "u8", "Y", b"x", profile=b"a profile")
    frames = messages.to_frames(messages.Submit("a", messages.Request(plane, replace(plane, samples=b"y"))))
    assert [bytes(frame) for frame in frames[2:]] == [b"x", b"a profile", b"y"]


def test_samples_are_sent_as_they_lie() -> None:
    samples = bytearray(2**21)
    plane = messages.Plane(Rect(0, 0, 2048, 1024), (2048, 1024), "u8", "Y", samples)
    assert all(frame.obj is samples for frame in messages.to_frames(messages.Echo({"mask": plane}))[2:])


def test_unknown_fields_are_ignored_and_unknown_messages_are_not() -> None:
    found = messages.from_client([b"DEEPBLEND/1", b'{"type":"ping","id":3,"colour":"red","deep":{"x":[]}}'], LIMITS)
    assert found == messages.Ping(3)
    with pytest.raises(errors.MessageUnknown, match="'dance'"):
        messages.from_client([b"DEEPBLEND/1", b'{"type":"dance"}'], LIMITS)
    with pytest.raises(errors.MessageUnknown):  # each side has its own
        messages.from_client([b"DEEPBLEND/1", b'{"type":"pong"}'], LIMITS)


# The document


def test_the_documents_table_of_errors_is_the_code() -> None:
    told = {row[0].strip("`"): set(re.findall(r"`(\w+)`", row[1])) for row in rows(section(9))}
    known = {
        kind.code: {name for _, name, _, _ in Formatter().parse(kind.sentence) if name}
        for kind in errors._leaves(errors.DeepBlendError)
    }
    for code, names in told.items():
        assert known[code] <= names or code in ("message.malformed",), code
        assert names <= known[code], code
    sent = [kind.code for branch in (errors.MessageError, errors.ServerError) for kind in errors._leaves(branch)]
    # The first two are said where a server is started, the third by a batch.
    assert set(sent) - {"server.running", "keys.unusable", "cluster.lost"} <= set(told)


def test_the_documents_table_of_messages_is_the_code() -> None:
    told: dict[tuple[str, str], set[str]] = {}
    for name, direction, cell in rows(section(3)):
        told[name.strip("`"), direction] = set(re.findall(r"`(\w+)`", cell))
    for kind in (messages.Hello, messages.Ping, messages.Cancel, messages.Leave, messages.Echo):
        names = {one.name for one in fields(kind)} - {"to"}
        assert names <= told[kind.__name__.lower(), "to the server"], kind
    for kind in (
        messages.Welcome,
        messages.Pong,
        messages.Queued,
        messages.Running,
        messages.Result,
        messages.Cancelled,
    ):
        names = {one.name for one in fields(kind)}
        assert names <= told[kind.__name__.lower(), "to the client"], kind


def test_the_documents_limits_are_the_codes() -> None:
    told = {row[0].strip("`"): int(row[1]) for row in rows(section(7))}
    assert told["message_bytes"] == LIMITS.message_bytes and told["pixels"] == LIMITS.pixels


def test_the_documents_example_is_understood() -> None:
    lines = re.findall(r"^    (->|<-) (.+(?:\n         .+)*)", section(11), re.MULTILINE)
    assert len(lines) == 6
    for direction, text in lines:
        header = re.search(r"\[DEEPBLEND/1\] \[(\{.*\})\](.*)$", re.sub(r"\n\s+", "", text))
        assert header, text
        whole = header[1].replace("{…}", "{}").replace("…", "")
        buffers = [bytes(int(count)) for count in re.findall(r"\[(\d+) bytes\]", header[2])]
        frames = [b"DEEPBLEND/1", whole.encode(), *buffers]
        if direction == "->":
            messages.from_client(frames, LIMITS)
        else:
            messages.from_server(frames)
