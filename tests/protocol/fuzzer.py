"""Messages that nobody should send.

By hand: python tests/protocol/fuzzer.py 1000000 --seed 7
"""

from __future__ import annotations

import argparse
import json
import random
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from deepblend_protocol import messages
from deepblend_protocol.errors import DeepBlendError, MessageError, SettingOutOfRange, SettingUnknown, SizeAbsurd
from deepblend_protocol.settings import resolve

LIMITS = messages.Limits(message_bytes=2**24, pixels=2**22)
SENTENCE = 600
"""Characters of what is said of a message that cannot be understood, at most."""
_PLANE = {"rect": [0, 0, 2, 2], "size": [2, 2], "type": "u8", "channels": "RGBA", "buffer": 0}
_GRAY = {"rect": [0, 0, 4, 4], "size": [4, 4], "type": "u8", "channels": "Y", "buffer": 1}
_HEADERS: list[dict[str, Any]] = [
    {"type": "hello", "version": "0.1.0", "protocols": [1], "client": "fuzzer", "id": 1},
    {"type": "ping", "id": 2},
    {"type": "info", "id": 3},
    {"type": "cancel", "job": "a"},
    {"type": "leave", "when": "idle", "id": 5},
    {"type": "echo", "planes": {"layer": _PLANE}, "id": 4, "buffers": [16]},
    {
        "type": "echo",
        "planes": {"mask": {**_GRAY, "buffer": 0, "scale": 0.5}, "style": {**_PLANE, "buffer": 1, "profile": 2}},
        "buffers": [16, 16, 9],
    },
    *[
        {
            "type": "submit",
            "job": "a",
            "settings": {"method": "poisson", "style": 0.5, "paper": {"num_steps": 3}},
            "features": "shipped",
            "previews": {"longer_side": 64, "interval_ms": 100},
            "planes": {"layer": {**_PLANE, "profile": 2}, "background": {**_GRAY, "profile": 2}},
            "buffers": [16, 16, 5],
        }
    ]
    * 4,
    {"type": "welcome", "version": "0.1.0", "protocols": [1], "instance": "i", "limits": {"queue": 3}, "to": 1},
    {"type": "pong", "to": 2},
    {"type": "queued", "job": "a", "ahead": 0, "why": "turn"},
    {"type": "running", "job": "a", "device": "cpu", "fraction": 0.5, "stage": "x", "preview": _PLANE, "buffers": [16]},
    {"type": "result", "job": "a", "layer": _PLANE, "report": {"seconds": 1.5}, "buffers": [16]},
    {"type": "cancelled", "job": "a"},
    {"type": "error", "code": "fault", "params": {"type": "x"}, "text": "x", "job": "a"},
    {"type": "pulse"},
    {"type": "leaving", "reason": "idle"},
]
_ODD: list[Any] = [
    *(None, True, False, -1, 0, 1, 2**24, 2**31, 2**53, -(2**63), 10**18, 0.5, -0.0, 1e308),
    *("", "a" * 70, "a" * 5000, "\ud800", "\x00", "😀", "NaN", "RGBA", "u8", "submit"),
    *([], [[]], {}, {"a": {"b": {}}}, [0, 0, 2, 2], [1e9, 2], [2**24, 2**24], ["2", "2"]),
]
_SIZES: list[Any] = [
    *([2**24, 2**24], [2**24, 1], [1, 2**24], [2**12, 2**12], [0, 2], [-2, -2], [2**24 + 1, 1], [10**18, 1]),
    *([2.0, 2], [2.5, 2], [True, 2], ["2", 2], [None, 2], [2], [2, 2, 2], [], {}, "2x2"),
]
_LENGTHS: list[Any] = [0, -1, 1, 15, 17, 2**23, 2**24, 2**25, 2**48, 10**18, 16.0, True, None, "16", [16]]
_LITERALS = [
    *(b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e400", b"1e-400", b"01", b"+1", b".5", b"0x10", b"'a'", b"nul"),
    *(b"9" * 10_000, b"-" + b"9" * 10_000, b"0." + b"3" * 10_000, b"9" * 19, b"9" * 20, b"1e999999999999"),
    *(b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xed\xa0\x80"', b'"\xff"', b'"\xc0\x80"', b'"\n"', b'"\\x"', b'"'),
    *(b'{"a":1,"a":1}', b'{"":1,"\\u0000":2}', b"[" * 31 + b"]" * 31, b"[" * 32 + b"]" * 32, b"[" * 900 + b"]" * 900),
    *(b'{"a":' * 40 + b"1" + b"}" * 40, b"[" * 40, b"]", b"}", b"1}{", b"[1,]", b"/**/1"),
]
_MONSTERS = [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 1_000_000, b'"' + b"x" * 300_000 + b'"', b"[" + b"1," * 200_000]
_TAGS = [b"DEEPBLEND/0", b"DEEPBLEND/2", b"DEEPBLEND/", b"deepblend/1", b"DEEPBLEND/1\n", b"DEEPBLEND/" + b"9" * 99]


def cases(seed: int) -> Iterator[list[bytes]]:
    """Frames of one message after the other, without end; the same for the same seed."""
    chance = random.Random(seed)
    while True:
        header = deepcopy(chance.choice(_HEADERS))
        buffers = [chance.randbytes(length) for length in header.get("buffers", [])]
        for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
            chance.choice((_spoil, _spoil, _spoil, _spoil_planes, _spoil_planes, _spoil_settings))(header, chance)
        text = json.dumps(header, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
        if chance.random() < 0.15:
            text = _spoiled_text(text, chance)
        frames = [b"DEEPBLEND/1", text, *buffers]
        if chance.random() < 0.3:
            _spoil_frames(frames, chance)
        yield frames


def _spoil(header: dict[str, Any], chance: random.Random) -> None:
    """Change something somewhere in an object."""
    place: Any = header
    while True:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        if not keys:
            return
        key = chance.choice(list(keys))
        if isinstance(place[key], (dict, list)) and place[key] and chance.random() < 0.7:
            place = place[key]
            continue
        break
    action = chance.random()
    if action < 0.2:
        del place[key]
    elif action < 0.3 and isinstance(place, dict):
        new = chance.choice(["x", "planes", "mask", "style", "buffers", "job", "id", "\ud800"])
        place[new] = deepcopy(chance.choice(_ODD))
    elif action < 0.4:
        place[key] = struct.unpack("<d", chance.randbytes(8))[0]  # once in a thousand NaN
    else:
        place[key] = deepcopy(chance.choice(_ODD))


def _spoil_planes(header: dict[str, Any], chance: random.Random) -> None:
    """Claim sizes, lengths and buffers that do not fit; another message is given a plane that it does not need."""
    found = [header.get(name) for name in ("layer", "preview")]
    planes = header.get("planes")
    found += planes.values() if isinstance(planes, dict) else []
    plane = chance.choice([one for one in found if isinstance(one, dict)] or [header])
    lengths = header.get("buffers")
    action = chance.randrange(7)
    if action == 0:
        plane["size"] = deepcopy(chance.choice(_SIZES))
    elif action == 1:
        plane["buffer"] = chance.choice([0, 1, 2, 3, -1, True, None, 2**60])
    elif action == 2:
        plane["profile"] = chance.choice([0, 1, 2, 3, -1, True, None, 2**60])
    elif action == 3 and isinstance(lengths, list) and lengths:
        lengths[chance.randrange(len(lengths))] = deepcopy(chance.choice(_LENGTHS))
    elif action == 4 and isinstance(lengths, list):
        lengths.insert(chance.randrange(len(lengths) + 1), deepcopy(chance.choice(_LENGTHS)))
    elif action == 5 and isinstance(planes, dict):
        planes[chance.choice(messages.ROLES)] = deepcopy(plane)
    else:
        place, size = chance.randrange(4), chance.choice([2**24, -(2**24), 2**24 + 1, 0, -1, 1.5, True, 10**18])
        plane["rect"] = [0, 0, 2, 2]
        plane["rect"][place] = size


def _spoil_settings(header: dict[str, Any], chance: random.Random) -> None:
    settings = header.get("settings")
    if isinstance(settings, dict):
        names = ["style", "preset", "method", "paper", "grow_px", "seed", "", "\ud800", "n" * 3000]
        where = settings["paper"] if chance.random() < 0.3 and isinstance(settings.get("paper"), dict) else settings
        long = chance.random() < 0.005
        where[chance.choice(names) * (100 if long else 1)] = "v" * 400_000 if long else deepcopy(chance.choice(_ODD))


def _spoiled_text(text: bytes, chance: random.Random) -> bytes:
    """A header whose JSON is no JSON, or more than there may be."""
    literal = chance.choice(_LITERALS if chance.random() < 0.99 else _MONSTERS)
    action = chance.randrange(5)
    if action == 0:
        return literal
    if action == 1:
        return text + chance.choice([b" ", b"\n\t", b"x", b"\x00", b"{}", literal])
    if action == 2:
        return chance.choice([b"\xef\xbb\xbf", b"\xff\xfe", b" ", b"\x00"]) + text
    if action == 3:
        return text.decode("utf-8", "replace").encode(chance.choice(["utf-16", "utf-16-le", "utf-32", "utf-8"]))
    return text.replace(b"{", b'{"z":' + literal + b",", 1)


def _spoil_frames(frames: list[bytes], chance: random.Random) -> None:
    where = chance.randrange(len(frames))
    action = chance.randrange(9)
    if action == 0:
        del frames[where]
    elif action == 1:
        frames.insert(where, chance.choice([b"", b"x", chance.randbytes(chance.randrange(40))]))
    elif action == 2:
        frames[where] = frames[where][: chance.randrange(len(frames[where]) + 1)]
    elif action == 3:
        other = chance.randrange(len(frames))
        frames[where], frames[other] = frames[other], frames[where]
    elif action == 4:
        frames.append(frames[where])
    elif action == 5 and frames[where]:
        flipped = bytearray(frames[where])
        flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
        frames[where] = bytes(flipped)
    elif action == 6:
        frames[0] = chance.choice(_TAGS)
    elif action == 7 and where + 1 < len(frames):  # a border in the wrong place
        part = chance.randrange(len(frames[where]) + 1)
        frames[where], frames[where + 1] = frames[where][:part], frames[where][part:] + frames[where + 1]
    else:  # two frames for one: right for a buffer, unless one is empty
        part = chance.randrange(len(frames[where]) + 1)
        frames[where : where + 1] = [frames[where][:part], frames[where][part:]]


def outcome(frames: list[bytes], read: Callable[[list[Any]], Any]) -> str:
    """What reading one message comes to: ok, or an error's code; anything else is raised."""
    address = messages.address(frames)
    try:
        message = read(frames)
        if isinstance(message, messages.Submit):
            resolve(message.request.settings)
    except (SettingUnknown, SettingOutOfRange) as error:  # these tell what was given, however long that is
        return _answered(error, address)
    except DeepBlendError as error:
        assert isinstance(error, (MessageError, SizeAbsurd)), error
        assert 20 < len(str(error)) <= SENTENCE, str(error)
        return _answered(error, address)
    return "ok"


def _answered(error: DeepBlendError, address: tuple[str | None, int | None]) -> str:
    """Whoever sent it is to be answered, in what JSON and UTF-8 can hold and the other side reads."""
    answer = messages.failure(error, *address)
    assert messages.from_server(messages.to_frames(answer)) == answer
    return error.code


def readers() -> dict[str, Callable[[list[Any]], Any]]:
    """Both sides: as the server reads, whose frames are views, and as a client does."""
    return {
        "client": lambda frames: messages.from_client([memoryview(frame) for frame in frames], LIMITS),
        "server": messages.from_server,
    }


def run(count: int, seed: int) -> tuple[Counter[str], float]:
    """Read so many messages on both sides: how often what came out, and the longest time that one took, in seconds."""
    found: Counter[str] = Counter()
    slowest = 0.0
    source = cases(seed)
    for _ in range(count):
        frames = next(source)
        for side, read in readers().items():
            began = time.perf_counter()
            found[f"{side}: {outcome(frames, read)}"] += 1
            slowest = max(slowest, time.perf_counter() - began)
    return found, slowest


def main() -> None:
    parser = argparse.ArgumentParser(description="Read messages that nobody should send, and count what comes of it.")
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    began = time.perf_counter()
    found, slowest = run(args.count, args.seed)
    seconds = time.perf_counter() - began
    print(f"{args.count} messages, each read by both sides, in {seconds:.0f} s ({args.count / seconds:.0f} a second)")
    print(f"the slowest took {slowest * 1000:.0f} ms")
    for name, times in found.most_common():
        print(f"{times:10d}  {name}")


if __name__ == "__main__":
    main()
