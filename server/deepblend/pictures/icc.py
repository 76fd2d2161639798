"""ICC profiles of pictures: for which channels one is, what its curves are called, and one with straight curves."""

from __future__ import annotations

import struct

from deepblend_protocol import icc

_SPACES = {"Y": b"GRAY", "R": b"RGB "}


def fits(profile: bytes | None, channels: str) -> bool:
    """Whether a profile describes pictures of these channels: Y, YA, RGB or RGBA."""
    return profile is not None and profile[36:40] == b"acsp" and profile[16:20] == _SPACES[channels[0]]


def encoding(profile: bytes | None, channels: str) -> str:
    """What a plane's encoding is called: "perceptual" without a profile that fits, "linear", or "profile"."""
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
