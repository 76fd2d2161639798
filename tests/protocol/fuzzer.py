"""Messages that nobody should send: python tests/protocol/fuzzer.py 1000000 [SEED]"""

from __future__ import annotations

import json
import random
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from deepblend_protocol import messages
from deepblend_protocol.errors import DeepBlendError, MessageError, PlaneInvalid, SizeAbsurd

LIMITS = messages.Limits(message_bytes=2**24, pixels=2**22)
_PLANE = {"rect": [0, 0, 2, 2], "size": [2, 2], "type": "u8", "channels": "RGBA", "buffer": 0}
_HEADERS: list[dict[str, Any]] = [
    {"type": "hello", "version": "0.1.0", "protocols": [1], "client": "fuzzer", "id": 1},
    {"type": "ping", "id": 2},
    {"type": "info", "id": 3},
    {"type": "cancel", "job": "a"},
    {"type": "echo", "planes": {"layer": _PLANE}, "id": 4, "buffers": [16]},
    {
        "type": "submit",
        "job": "a",
        "settings": {"method": "poisson", "style": 0.5},
        "features": "shipped",
        "previews": {"longer_side": 64, "interval_ms": 100},
        "planes": {
            "layer": {**_PLANE, "profile": 2},
            "background": {"rect": [0, 0, 4, 4], "size": [4, 4], "type": "u8", "channels": "Y", "buffer": 1},
        },
        "buffers": [16, 16, 5],
    },
    {"type": "welcome", "version": "0.1.0", "protocols": [1], "instance": "i", "limits": {}, "to": 1},
    {"type": "running", "job": "a", "device": "cpu", "fraction": 0.5, "stage": "x", "preview": _PLANE, "buffers": [16]},
    {"type": "result", "job": "a", "layer": _PLANE, "report": {}, "buffers": [16]},
    {"type": "error", "code": "fault", "params": {}, "text": "x", "job": "a"},
    {"type": "queued", "job": "a", "ahead": 0, "why": "turn"},
    {"type": "leaving", "reason": "idle"},
]
_ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    1,
    2**24,
    2**31,
    2**53,
    -(2**63),
    10**18,
    0.5,
    -0.0,
    1e308,
    "",
    "a" * 70,
    "\ud800",
    "\x00",
    "😀",
    "NaN",
    [],
    [[]],
    {},
    {"a": {"b": {}}},
    [0, 0, 2, 2],
    [1e9, 2],
    [2**24, 2**24],
    ["2", "2"],
    "RGBA",
    "u8",
]
_RAW = [
    b"",
    b"\xff\xfe",
    b"{",
    b"[]",
    b"null",
    b'{"type":NaN}',
    b'{"type":"ping","id":1e400}',
    b'{"type":"ping","type":"ping"}',
    b'{"type":"ping"} x',
    b'{"type":"ping","id":' + b"9" * 5000 + b"}",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"type":"ping","x":"\xed\xa0\x80"}',
    b'\xef\xbb\xbf{"type":"ping"}',
]


def cases(seed: int) -> Iterator[list[bytes]]:
    """Frames of one message after the other, without end; the same for the same seed."""
    chance = random.Random(seed)
    while True:
        header = json.loads(json.dumps(chance.choice(_HEADERS)))
        buffers = [chance.randbytes(length) for length in header.get("buffers", [])]
        for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
            _spoil(header, chance)
        text = json.dumps(header, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
        frames = [b"DEEPBLEND/1", text, *buffers]
        if chance.random() < 0.4:
            _spoil_frames(frames, chance)
        yield frames


def _spoil(header: Any, chance: random.Random) -> None:
    """Change something somewhere in an object."""
    place = header
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
    if action < 0.2 and isinstance(place, dict):
        del place[key]
    elif action < 0.3 and isinstance(place, dict):
        place[chance.choice(["x", "planes", "mask", "style", "buffers", "job", "id", "\ud800"])] = deepcopy(
            chance.choice(_ODD)
        )
    elif action < 0.4:
        place[key] = struct.unpack("<d", chance.randbytes(8))[0]
    else:
        place[key] = deepcopy(chance.choice(_ODD))


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
        frames[0] = chance.choice([b"DEEPBLEND/0", b"DEEPBLEND/2", b"DEEPBLEND/", b"deepblend/1", b"DEEPBLEND/1\n"])
    elif action == 7 and len(frames) > 1:
        frames[1] = chance.choice(_RAW[:10]) if chance.random() < 0.98 else chance.choice(_RAW)
    else:
        part = chance.randrange(len(frames[where]) + 1)
        frames[where : where + 1] = [frames[where][:part], frames[where][part:]]


def outcome(frames: list[bytes], read: Any) -> str:
    """What reading one message comes to: ok, or an error's code; anything else is raised."""
    try:
        read(frames)
    except DeepBlendError as error:
        assert isinstance(error, (MessageError, SizeAbsurd, PlaneInvalid)), error
        assert 10 < len(str(error)) < 700, str(error)
        # Whoever sent it is to be answered, in what JSON and UTF-8 can hold.
        answer = messages.failure(error, *messages.address(frames))
        assert messages.from_server(messages.to_frames(answer)) == answer
        return error.code
    return "ok"


def readers() -> dict[str, Any]:
    return {"client": lambda frames: messages.from_client(frames, LIMITS), "server": messages.from_server}


def run(count: int, seed: int) -> Counter[str]:
    """Read so many messages on both sides; how often what came out."""
    found: Counter[str] = Counter()
    source = cases(seed)
    for _ in range(count):
        frames = next(source)
        for side, read in readers().items():
            found[f"{side}: {outcome(frames, read)}"] += 1
    return found


if __name__ == "__main__":
    total = int(sys.argv[1])
    began = time.monotonic()
    outcomes = run(total, int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    seconds = time.monotonic() - began
    print(f"{total} messages, each read by both sides, in {seconds:.0f} s ({total / seconds:.0f} a second)")
    for name, times in outcomes.most_common():
        print(f"{times:10d}  {name}")
