from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from deepblend_protocol import messages
from deepblend_protocol.errors import MessageMalformed
from deepblend_protocol.fields import ID_MOST, Fields


def refused(read: Callable[[], Any]) -> str:
    with pytest.raises(MessageMalformed) as caught:
        read()
    return caught.value.params["reason"]


def of(value: Any) -> Fields:
    return Fields({"a": value})


def test_what_fits_is_read() -> None:
    assert of("word").text("a") == "word"
    assert of("x" * 200).text("a") == "x" * 200
    assert of("b").choice("a", ("a", "b")) == "b"
    assert [of(value).integer("a", -1, 2) for value in (-1, 2)] == [-1, 2]
    assert [of(value).number("a") for value in (3, -0.5, 10**18)] == [3.0, -0.5, 1e18]
    assert type(of(3).number("a")) is float
    assert of([1, 2]).integers("a", 2, 0, 9) == (1, 2)
    assert of([1] * 100).integers("a", None, 0, 9) == (1,) * 100
    assert of([]).integers("a", None, 0, 9) == ()
    assert of({"b": 1}).plain("a") == {"b": 1}
    assert of({"b": 1}).object("a").integer("b", 0, 1) == 1
    assert Fields({"job": "aZ09_-"}).job() == "aZ09_-"
    assert [Fields({"id": value}).id() for value in (0, ID_MOST, None)] == [0, ID_MOST, None]
    assert Fields({"to": 4}).id("to") == 4


READERS: dict[str, Callable[..., Any]] = {
    "text": lambda given, **default: given.text("a", **default),
    "choice": lambda given, **default: given.choice("a", ("b", "c"), **default),
    "integer": lambda given, **default: given.integer("a", 0, 9, **default),
    "number": lambda given, **default: given.number("a", **default),
    "plain": lambda given, **default: given.plain("a", **default),
}


@pytest.mark.parametrize("given", [{}, {"a": None}], ids=["missing", "null"])
@pytest.mark.parametrize("kind", READERS)
def test_what_is_missing_is_its_default_or_refused(kind: str, given: dict[str, Any]) -> None:
    default = {"number": 0.5, "plain": {}}.get(kind, "else")
    assert READERS[kind](Fields(given), default=default) == default
    assert refused(lambda: READERS[kind](Fields(given))) == "'a' is missing"
    assert "a" not in Fields(given)


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        ("text", (3, True, [], {}, "x" * 201), "not a string of at most 200 characters"),
        ("choice", ("d", "", 0, True, [], {}, ["b"]), "not one of b, c"),
        ("integer", (-1, 10, 1.0, True, False, "1", [1], {}), "not an integer from 0 to 9"),
        ("number", ("1", True, [1], {}), "not a number"),
        ("plain", ([], "x", 1, True), "not an object"),
    ],
)
def test_what_does_not_fit_is_refused(kind: str, values: tuple[Any, ...], words: str) -> None:
    for value in values:
        reason = refused(lambda value=value: READERS[kind](of(value)))
        assert reason.startswith("'a' is ") and reason.endswith(words)


def test_lists_of_integers_hold_integers() -> None:
    for value in ([1], [1, 2, 3], [1, 10], [1, -1], [1, 2.0], [1, True], [1, "2"], [1, [2]], "12", 12, {"1": 2}):
        assert refused(lambda value=value: of(value).integers("a", 2, 0, 9)).endswith("not 2 integers from 0 to 9")
    assert refused(lambda: of([1] * 101).integers("a", None, 0, 9)).endswith("not integers from 0 to 9")


def test_jobs_and_numbers_of_messages() -> None:
    for job in ("", "a" * 65, "a b", "ä", "a\n", 3, True, ["a"]):
        assert refused(lambda job=job: Fields({"job": job}).job()).endswith("not 1 to 64 of A-Z a-z 0-9 _ -")
    for number in (-1, 2**53, 1.0, True, "1"):
        assert "an integer from 0 to 9007199254740991" in refused(lambda number=number: Fields({"id": number}).id())


def test_a_path_leads_to_the_field_and_a_long_value_is_cut() -> None:
    given = Fields({"planes": {"mask": {"size": ["x" * 1_000_000]}}})
    reason = refused(lambda: given.object("planes").object("mask").integers("size", 2, 1, 9))
    assert reason.startswith("'planes.mask.size' is ['xxx") and "xxx..., not 2 integers" in reason
    assert len(reason) < 130


# What each message asks of its fields: one that breaks it, and the words

PLANES = (
    '"planes":{"layer":{"rect":[0,0,1,1],"size":[1,1],"type":"u8","channels":"Y","buffer":0},'
    '"background":{"rect":[0,0,1,1],"size":[1,1],"type":"u8","channels":"Y","buffer":1}},"buffers":[1,1]'
)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("{}", "'type' is missing"),
        ('{"type":7}', "'type' is 7, not a string"),
        ('{"type":"hello","protocols":[1],"client":"x"}', "'version' is missing"),
        ('{"type":"hello","version":"1","client":"x"}', "'protocols' is missing"),
        ('{"type":"hello","version":"1","protocols":[0],"client":"x"}', "'protocols' is [0], not integers from 1"),
        ('{"type":"hello","version":"1","protocols":1,"client":"x"}', "'protocols' is 1"),
        ('{"type":"hello","version":"1","protocols":[1]}', "'client' is missing"),
        ('{"type":"hello","version":"1","protocols":[1],"client":"%s"}' % ("x" * 201), "at most 200 characters"),
        ('{"type":"ping","id":9007199254740992}', "'id' is 9007199254740992"),
        ('{"type":"info","id":"1"}', "'id' is '1'"),
        ('{"type":"cancel"}', "'job' is missing"),
        ('{"type":"cancel","job":"a b"}', "'job' is 'a b', not 1 to 64 of"),
        ('{"type":"leave"}', "'when' is missing"),
        ('{"type":"leave","when":"later"}', "'when' is 'later', not one of idle, now"),
        ('{"type":"echo"}', "'planes' is missing"),
        ('{"type":"echo","planes":[]}', "'planes' is [], not an object"),
        ('{"type":"echo","planes":{"mask":0}}', "'planes.mask' is 0, not an object"),
        ('{"type":"submit",PLANES}'.replace("PLANES", PLANES), "'job' is missing"),
        ('{"type":"submit","job":"a"}', "'planes' is missing"),
        ('{"type":"submit","job":"a","planes":{}}', "'planes.layer' is missing"),
        (
            '{"type":"submit","job":"a",PLANES}'.replace("PLANES", PLANES.replace("background", "style")),
            "'planes.background' is missing",
        ),
        (
            '{"type":"submit","job":"a","settings":[],PLANES}'.replace("PLANES", PLANES),
            "'settings' is [], not an object",
        ),
        (
            '{"type":"submit","job":"a","features":"best",PLANES}'.replace("PLANES", PLANES),
            "'features' is 'best', not one of shipped, tor",
        ),
        (
            '{"type":"submit","job":"a","previews":true,PLANES}'.replace("PLANES", PLANES),
            "'previews' is True, not an object",
        ),
        (
            '{"type":"submit","job":"a","previews":{},PLANES}'.replace("PLANES", PLANES),
            "'previews.longer_side' is missing",
        ),
        (
            '{"type":"submit","job":"a","previews":{"longer_side":4097},PLANES}'.replace("PLANES", PLANES),
            "an integer from 1 to 4096",
        ),
        (
            '{"type":"submit","job":"a","previews":{"longer_side":9,"interval_ms":60001},PLANES}'.replace(
                "PLANES", PLANES
            ),
            "'previews.interval_ms' is 60001, not an integer from 0 to 60000",
        ),
    ],
)
def test_a_client_that_breaks_a_rule_hears_which(header: str, words: str) -> None:
    frames = [b"DEEPBLEND/1", header.encode(), *([b"x", b"y"] if "buffers" in header else [])]
    assert words in refused(lambda: messages.from_client(frames, messages.Limits()))


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ('{"type":"welcome","version":"1","protocols":[1]}', "'limits' is missing"),
        ('{"type":"queued","job":"a","why":"turn"}', "'ahead' is missing"),
        ('{"type":"queued","job":"a","ahead":-1,"why":"turn"}', "'ahead' is -1"),
        ('{"type":"running","job":"a","device":"cpu","fraction":1,"stage":"x"}', "'fraction' is 1.0, not from 0 to"),
        ('{"type":"running","job":"a","device":"cpu","fraction":-0.1,"stage":"x"}', "'fraction' is -0.1"),
        ('{"type":"running","job":"a","device":"cpu","stage":"x"}', "'fraction' is missing"),
        ('{"type":"result","job":"a","report":{}}', "'layer' is missing"),
        ('{"type":"cancelled"}', "'job' is missing"),
        ('{"type":"error","text":"x"}', "'code' is missing"),
        ('{"type":"error","code":"x","text":"x","params":[]}', "'params' is [], not an object"),
        ('{"type":"leaving"}', "'reason' is missing"),
        ('{"type":"pong","to":-1}', "'to' is -1"),
    ],
)
def test_a_server_that_breaks_a_rule_is_not_believed(header: str, words: str) -> None:
    assert words in refused(lambda: messages.from_server([b"DEEPBLEND/1", header.encode()]))


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (b'{"type":"dance","job":"a","id":3}', ("a", 3)),
        (b'{"type":7,"job":"a b","id":3}', (None, 3)),
        (b'{"job":"a","id":-1}', ("a", None)),
        (b'{"job":"a","id":3,"buffers":[-1]}', ("a", 3)),
        (b'{"job":"a","id":3', (None, None)),
        (b"[]", (None, None)),
    ],
)
def test_an_answer_finds_its_way_where_the_header_has_one(header: bytes, found: tuple[Any, Any]) -> None:
    assert messages.address([b"DEEPBLEND/1", header]) == found
    assert messages.address([b"DEEPBLEND/7", header, b"x"]) == found
    assert messages.address([b"DEEPBLEND/1"]) == messages.address([]) == (None, None)
