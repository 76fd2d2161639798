"""What an ICC profile says of itself: its name, and whether its curves are straight. Standard library only."""

from __future__ import annotations

import struct

CURVES = {b"GRAY": (b"kTRC",), b"RGB ": (b"rTRC", b"gTRC", b"bTRC")}
"""The tags of the curves, by the colour space that a profile is for."""
_MOST_TAGS = 256


def tag(profile: bytes, wanted: bytes) -> bytes | None:
    """A tag's content, None where there is none. Raises struct.error for what is no profile."""
    (count,) = struct.unpack_from(">I", profile, 128)
    for index in range(min(count, _MOST_TAGS)):
        name, start, length = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        if name == wanted:
            return profile[start : start + length]
    return None


def is_linear(profile: bytes) -> bool | None:
    """Whether every curve of a matrix or gray profile is straight: twice the value is twice the light.

    None where the profile has no such curves, or is damaged.
    """
    try:
        curves = [tag(profile, name) for name in CURVES.get(profile[16:20], ())]
        if not curves or None in curves:
            return None
        return all(_straight(curve) for curve in curves if curve is not None)
    except struct.error:
        return None


def description(profile: bytes) -> str:
    """The name that a profile has for its users, empty where it has none. Raises struct.error, ValueError."""
    found = tag(profile, b"desc") or b""
    if found.startswith(b"desc"):
        (length,) = struct.unpack_from(">I", found, 8)
        return found[12 : 12 + length].split(b"\0")[0].decode("latin-1")
    if found.startswith(b"mluc"):
        length, offset = struct.unpack_from(">II", found, 20)
        return found[offset : offset + length].decode("utf-16-be").rstrip("\0")
    return ""


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
