"""What an ICC profile says of itself: for which channels it is, and whether its curves are straight."""

from __future__ import annotations

import struct

_SPACES = {"Y": b"GRAY", "R": b"RGB "}
_CURVES = {b"GRAY": (b"kTRC",), b"RGB ": (b"rTRC", b"gTRC", b"bTRC")}


def fits(profile: bytes | None, channels: str) -> bool:
    """Whether a profile describes pictures of these channels: Y, YA, RGB or RGBA."""
    return profile is not None and profile[36:40] == b"acsp" and profile[16:20] == _SPACES[channels[0]]


def encoding(profile: bytes | None, channels: str) -> str:
    """What a plane's encoding is called: "perceptual" without a profile that fits, "linear", or "profile"."""
    if not fits(profile, channels):
        return "perceptual"
    assert profile is not None
    return "linear" if is_linear(profile) else "profile"


def is_linear(profile: bytes) -> bool:
    """Whether every curve of a matrix or gray profile is straight: twice the value is twice the light."""
    try:
        curves = [_tag(profile, name) for name in _CURVES.get(profile[16:20], ())]
        return bool(curves) and all(curve is not None and _straight(curve) for curve in curves)
    except struct.error:
        return False


def _tag(profile: bytes, wanted: bytes) -> bytes | None:
    (count,) = struct.unpack_from(">I", profile, 128)
    for index in range(min(count, 200)):
        name, start, length = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        if name == wanted:
            return profile[start : start + length]
    return None


def _straight(curve: bytes) -> bool:
    if curve[:4] == b"para":
        kind, gamma = struct.unpack_from(">H2xi", curve, 8)
        return kind == 0 and abs(gamma / 65536 - 1) < 1e-4
    if curve[:4] != b"curv":
        return False
    (count,) = struct.unpack_from(">I", curve, 8)
    if count <= 1:  # none: the identity; one: a power, with 8 bits of fraction
        return count == 0 or struct.unpack_from(">H", curve, 12)[0] == 256
    if count > (len(curve) - 12) // 2:
        return False
    table = struct.unpack_from(f">{count}H", curve, 12)
    return all(abs(value - 65535 * index / (count - 1)) <= 1 for index, value in enumerate(table))
