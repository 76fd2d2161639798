"""What ICC profiles say of themselves; the same for pictures in files and for Krita's."""

from __future__ import annotations

import struct

import pytest
from deepblend_protocol import icc


def profile(space: bytes, **tags: bytes) -> bytes:
    """A profile of tags alone."""
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name.encode(), 132 + 12 * len(tags) + len(body), len(content))
        body += content
    return bytes(16) + space + bytes(16) + b"acsp" + bytes(88) + table + body


def curv(*points: int) -> bytes:
    return b"curv" + bytes(4) + struct.pack(f">I{len(points)}H", len(points), *points)


def para(kind: int, *values: float) -> bytes:
    return b"para" + bytes(4) + struct.pack(f">H2x{len(values)}i", kind, *(round(65536 * one) for one in values))


STRAIGHT = [curv(), curv(256), curv(0, 65535), curv(*range(0, 65536, 257)), para(0, 1.0)]
BENT = [curv(563), curv(0, 20000, 65535), curv(65535, 0), para(0, 2.2), para(3, 2.4, 0.95, 0.05, 0.08, 0.04), b"odd!"]


@pytest.mark.parametrize("curve", STRAIGHT)
def test_straight_curves(curve: bytes) -> None:
    assert icc.is_linear(profile(b"GRAY", kTRC=curve)) is True
    assert icc.is_linear(profile(b"RGB ", rTRC=curve, gTRC=curve, bTRC=curve)) is True


@pytest.mark.parametrize("curve", BENT)
def test_bent_curves(curve: bytes) -> None:
    assert icc.is_linear(profile(b"GRAY", kTRC=curve)) is False
    assert icc.is_linear(profile(b"RGB ", rTRC=curv(), gTRC=curv(), bTRC=curve)) is False


@pytest.mark.parametrize(
    "what",
    [
        b"",
        b"rubbish" * 40,
        profile(b"CMYK", kTRC=curv()),
        profile(b"RGB ", gTRC=curv()),
        profile(b"GRAY", kTRC=b"para"),
    ],
    ids=["nothing", "rubbish", "other channels", "a curve is missing", "cut off"],
)
def test_what_says_nothing(what: bytes) -> None:
    assert icc.is_linear(what) is None


def test_names() -> None:
    words = "Kanälè".encode("utf-16-be")
    mluc = b"mluc" + bytes(4) + struct.pack(">II4sII", 1, 12, b"enUS", len(words), 28) + words
    assert icc.description(profile(b"GRAY", desc=mluc)) == "Kanälè"
    assert icc.description(profile(b"GRAY", desc=b"desc" + bytes(4) + struct.pack(">I", 5) + b"Grey\0")) == "Grey"
    assert icc.description(profile(b"GRAY", kTRC=curv())) == ""
