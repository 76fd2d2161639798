"""EXIF data that go from one picture to one made from it."""

from __future__ import annotations

from PIL import Image

EXIF, GPS = 0x8769, 0x8825
ORIENTATION = 0x0112
_WIDTH, _HEIGHT = (0x0100, 0xA002), (0x0101, 0xA003)


def fresh(data: bytes | None, size: tuple[int, int]) -> bytes | None:
    """EXIF data with a picture's size wherever they had one, and without the thumbnail, which shows the old picture.

    Args:
        size: width and height in pixels.

    Returns None without data, and for damaged ones.
    """
    if not data:
        return None
    found = Image.Exif()
    try:
        found.load(data)
        parts = {tag: part for tag in (EXIF, GPS) if (part := dict(found.get_ifd(tag)))}
        for tags in (found, parts.get(EXIF, {})):
            for names, side in ((_WIDTH, size[0]), (_HEIGHT, size[1])):
                for name in names:
                    if name in tags:
                        tags[name] = side
        for tag in (EXIF, GPS):
            if tag in parts:
                found[tag] = parts[tag]
            elif tag in found:
                del found[tag]
        return found.tobytes() if len(found) else None  # which leaves the thumbnail's directory out
    except Exception:  # whatever damage does to the decoder: words beside the picture are not worth failing
        return None
