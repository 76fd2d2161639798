"""Whether an ICC profile says anything of colours; it needs no torch."""

from __future__ import annotations

import io
import math

from PIL import Image, ImageCms

_SPACES = {b"GRAY": "L", b"RGB ": "RGB", b"CMYK": "CMYK"}


def opened(profile: bytes | None) -> ImageCms.ImageCmsProfile | None:
    """A profile as Little CMS has it; None without one, and for a damaged one: its space is none of pictures', it
    cannot be opened, or colours cannot be brought out of it."""
    if profile is None or profile[36:40] != b"acsp" or profile[16:20] not in _SPACES:
        return None
    try:
        found = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _SPACES[profile[16:20]]
        few = Image.new(mode, (1, 1), 128 if mode == "L" else (128,) * len(mode))
        ImageCms.profileToProfile(few, found, ImageCms.createProfile("sRGB"), outputMode="RGB")
        if any(not math.isfinite(value) for one in colorants(found) for value in one):
            return None
    except (OSError, ValueError, TypeError, ImageCms.PyCMSError):
        return None
    return found


def is_damaged(profile: bytes | None) -> bool:
    """Whether there is a profile that says nothing."""
    return profile is not None and opened(profile) is None


def colorants(profile: ImageCms.ImageCmsProfile) -> list[tuple[float, ...]]:
    """CIE XYZ under D50 of full red, green and blue; empty where the profile has no such numbers."""
    found = [getattr(profile.profile, f"{name}_colorant") for name in ("red", "green", "blue")]
    return [] if any(one is None for one in found) else [tuple(one[0]) for one in found]
