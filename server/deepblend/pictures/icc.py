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


def straightened(profile: bytes) -> bytes | None:
    """The profile of the same primaries with straight curves; None for one that is more than primaries and curves."""
    try:
        (count,) = struct.unpack_from(">I", profile, 128)
        tags = [struct.unpack_from(">4sII", profile, 132 + 12 * index) for index in range(min(count, 200))]
    except struct.error:
        return None
    names = {name for name, _, _ in tags}
    curves = _CURVES.get(profile[16:20], ())
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
