"""ICC profiles of pictures: for which channels one is, its curves' names, and one made of primaries and a curve."""

from __future__ import annotations

import struct

import numpy as np
from deepblend_protocol import icc

_SPACES = {"Y": b"GRAY", "R": b"RGB "}
_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def fits(profile: bytes | None, channels: str) -> bool:
    """Whether a profile describes pictures of these channels: Y, YA, RGB or RGBA."""
    return profile is not None and profile[36:40] == b"acsp" and profile[16:20] == _SPACES[channels[0]]


def encoding(profile: bytes | None, channels: str) -> str:
    """The encoding of a plane of these channels: "perceptual" without a profile that fits, "linear", or "profile"."""
    if not fits(profile, channels):
        return "perceptual"
    assert profile is not None
    return "linear" if icc.is_linear(profile) else "profile"


def straightened(profile: bytes) -> bytes | None:
    """The profile of the same primaries with straight curves; None for one that is more than primaries and curves."""
    try:
        (count,) = struct.unpack_from(">I", profile, 128)
        tags = [struct.unpack_from(">4sII", profile, 132 + 12 * index) for index in range(min(count, 200))]
    except struct.error:
        return None
    names = {name for name, _, _ in tags}
    curves = icc.CURVES.get(profile[16:20], ())
    if (
        not curves
        or not names.issuperset(curves)
        or any(name[:3] in (b"A2B", b"B2A", b"D2B", b"B2D") for name in names)
    ):
        return None
    body = bytearray(profile + bytes(-len(profile) % 4))
    for index, (name, _, _) in enumerate(tags):
        if name in curves:
            struct.pack_into(">4sII", body, 132 + 12 * index, name, len(body), 12)
    body += b"curv" + bytes(8)  # without points: the identity
    struct.pack_into(">I", body, 0, len(body))
    body[84:100] = bytes(16)  # the checksum that it may bear
    return bytes(body)


def made(curve: tuple[float, ...], primaries: tuple[float, ...] = (), white: tuple[float, float] = (0.0, 0.0)) -> bytes:
    """A profile (ICC.1:2022) of primaries and one curve.

    Args:
        curve: from values to light, both 0..1: g for v^g, or g, a, b, c, d for (a v + b)^g from d on and c v below.
        primaries: x and y of red, green and blue; none makes a profile for gray.
        white: x and y.
    """
    kind = {1: 0, 5: 3}[len(curve)]
    trc = b"para" + bytes(4) + struct.pack(">H2x", kind) + _fixed(*curve)
    tags = {b"desc": _text("Made by deepblend"), b"cprt": _text("CC0"), b"wtpt": b"XYZ " + bytes(4) + _fixed(*_D50)}
    if primaries:
        adapted = _adaptation(white)
        columns = adapted @ _to_xyz(primaries, white)
        tags |= {
            name: b"XYZ " + bytes(4) + _fixed(*columns[:, at]) for at, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))
        }
        tags |= {b"chad": b"sf32" + bytes(4) + _fixed(*adapted.ravel())}
    space = b"RGB " if primaries else b"GRAY"
    tags |= dict.fromkeys(icc.CURVES[space], trc)
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}
    for name, content in tags.items():
        if content not in places:
            places[content] = at + len(body)
            body += content + bytes(-len(content) % 4)
        table += struct.pack(">4sII", name, places[content], len(content))
    header = struct.pack(">I4xI4s4s4s", at + len(body), 0x04300000, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(*_D50)
    return header.ljust(128, b"\0") + table + body


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(float(value) * 65536) for value in values))


def _text(words: str) -> bytes:
    coded = words.encode("utf-16-be")
    return b"mluc" + bytes(4) + struct.pack(">II4sII", 1, 12, b"enUS", len(coded), 28) + coded


def _xyz(x: float, y: float) -> np.ndarray:
    return np.array([x / y, 1, (1 - x - y) / y])


def _to_xyz(primaries: tuple[float, ...], white: tuple[float, float]) -> np.ndarray:
    """(3, 3): from linear red, green and blue to CIE XYZ whose white has Y = 1."""
    columns = np.stack([_xyz(*primaries[at : at + 2]) for at in (0, 2, 4)], 1)
    return columns * np.linalg.solve(columns, _xyz(*white))


def _adaptation(white: tuple[float, float]) -> np.ndarray:
    """(3, 3): from CIE XYZ under a white to those under D50, by Bradford's cone responses."""
    own, wanted = _BRADFORD @ _xyz(*white), _BRADFORD @ np.array(_D50)
    return np.linalg.inv(_BRADFORD) @ np.diag(wanted / own) @ _BRADFORD
