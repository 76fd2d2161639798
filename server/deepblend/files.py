"""Picture files of 8 bits in and out: read with every fault named, written whole or not at all."""

from __future__ import annotations

import errno
import io
import json
import os
import secrets
import stat
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from deepblend_protocol.errors import DeepBlendError, FileUnreadable, SizeAbsurd, WriteFailed
from PIL import Image, ImageFile, ImageOps, TiffImagePlugin, UnidentifiedImageError

PIXEL_LIMIT = 2**28
"""The most pixels a picture may have: 16 384 x 16 384. A file that claims more is taken for a decompression bomb."""

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF", ".webp": "WEBP"}
"""By extension, what Pillow calls the formats that can be written."""
_NO_ALPHA = ("JPEG",)
_BITS = 258  # TIFF's BitsPerSample: of planes that lie apart, Pillow's decoder does not name the depth
_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True, "exact": True},  # exact: the colour under transparent pixels stays
}
_EIGHT_BIT = {
    "1": "L",
    "L": "L",
    "LA": "LA",
    "La": "LA",
    "P": "RGB",
    "PA": "RGBA",
    "RGB": "RGB",
    "RGBX": "RGB",
    "RGBA": "RGBA",
    "RGBa": "RGBA",
}
_REASONS = {
    errno.ENOENT: "there is no such file",
    errno.EISDIR: "it is a folder",
    errno.EACCES: "permission is denied",
    errno.EPERM: "permission is denied",
    errno.EROFS: "the disk is read-only",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT if hasattr(errno, "EDQUOT") else errno.ENOSPC: "the disk is full",
    errno.EFBIG: "the file would be larger than is allowed here",
    errno.ENAMETOOLONG: "its name is too long",
    errno.ENOTDIR: "a part of the path is not a folder",
}


def reason(error: OSError) -> str:
    """What an OSError says, in a user's words."""
    return _REASONS.get(error.errno or 0) or error.strerror or str(error) or type(error).__name__


def check_size(what: str, width: int, height: int) -> None:
    """Raise SizeAbsurd for a side below 1 or more than PIXEL_LIMIT pixels."""
    if width < 1 or height < 1 or width * height > PIXEL_LIMIT:
        raise SizeAbsurd(what=what, width=width, height=height, limit=PIXEL_LIMIT)


def open_picture(path: str | os.PathLike[str], role: str) -> Image.Image:
    """The picture in a file: loaded, upright, mode L, LA, RGB or RGBA.

    Palettes and colour keys are resolved; of several frames it is the first. ``info`` keeps
    the ICC profile and the EXIF data (without the orientation, which has been applied).

    Args:
        role: source, mask, target or style; named in the error.

    Raises FileUnreadable, SizeAbsurd.
    """

    with reading(path, role), open(path, "rb") as file:
        image = _identify(file)
        check_size(f"The {role}", *image.size)
        if (why := _too_deep(image)) is not None:
            raise FileUnreadable(role=role, path=str(path), reason=why)
        image.load()
        image = ImageOps.exif_transpose(image)
        keyed = "transparency" in image.info
        mode = {"L": "LA", "RGB": "RGBA"}.get(_EIGHT_BIT[image.mode]) if keyed else _EIGHT_BIT[image.mode]
        return image if image.mode == mode else image.convert(mode)


def holds_eight_bits(path: str | os.PathLike[str]) -> bool:
    """Whether open_picture reads a picture file, as far as its header says."""
    try:
        with open(path, "rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _too_deep(_identify(file)) is None
    except Exception:  # what is wrong is said by whoever reads it
        return False


@contextmanager
def reading(path: str | os.PathLike[str], role: str) -> Iterator[None]:
    """Turn whatever a decoder raises within into FileUnreadable; deepblend's own errors pass."""

    def fail(why: str, error: Exception) -> NoReturn:
        raise FileUnreadable(role=role, path=str(path), reason=why) from error

    try:
        with warnings.catch_warnings():
            # Decoders warn of oddities in metadata; what matters of them is an error below.
            warnings.simplefilter("ignore")
            yield
    except DeepBlendError:
        raise
    except UnidentifiedImageError as error:
        empty = os.path.getsize(path) == 0
        fail("the file is empty" if empty else "it is not a picture of a known kind", error)
    except MemoryError as error:
        fail("there is not enough memory for it", error)
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error and more for damage
        if isinstance(error, OSError) and error.errno:
            fail(reason(error), error)
        fail(f"the file is damaged or cut off ({error})", error)


def _identify(file: Any) -> ImageFile.ImageFile:
    """Image.open without Pillow's own guard, which names no size; only the header is read here."""
    guard, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        return Image.open(file)
    finally:
        Image.MAX_IMAGE_PIXELS = guard


def _too_deep(image: ImageFile.ImageFile) -> str | None:
    """Why a picture is not one of 8-bit gray or RGB, or None."""
    bits = image.tag_v2.get(_BITS, ()) if isinstance(image, TiffImagePlugin.TiffImageFile) else ()
    raw = image.tile[0][3] if image.tile else None  # what the decoder is to unpack, before Pillow makes it 8 bits
    packing = raw if isinstance(raw, str) else raw[0] if isinstance(raw, tuple) and raw else ""
    if image.mode.startswith(("I", "F")) or ";16" in str(packing) or max(bits, default=8) > 8:
        return "it has more than 8 bits a channel, which only 'deepblend blend' takes; save an 8-bit copy"
    if image.mode not in _EIGHT_BIT:
        return f"its colours are {image.mode}; convert it to RGB"
    return None


def check_output(path: str | os.PathLike[str], alpha: bool = False) -> None:
    """Raise WriteFailed now for what would make write_picture fail after minutes of work.

    Args:
        alpha: whether the picture will have transparency.
    """
    kind = _format(path)
    if alpha and kind in _NO_ALPHA:
        raise WriteFailed(path=str(path), reason=f"{kind} holds no transparency; name it .png, .tiff or .webp")
    check_place(path)


def check_place(path: str | os.PathLike[str]) -> None:
    """Raise WriteFailed unless a file can be made, or replaced, at a path."""
    final = Path(os.path.realpath(path))
    with failing(path):
        if final.exists() and not stat.S_ISREG(final.stat().st_mode):
            # Also a device: a rename would put a file in its place.
            why = "it is a folder" if final.is_dir() else "it is not a file"
            raise WriteFailed(path=str(path), reason=why)
        if not final.parent.is_dir():
            raise WriteFailed(path=str(path), reason=f"there is no folder {final.parent}")
        if not os.access(final.parent, os.W_OK | os.X_OK):
            raise WriteFailed(path=str(path), reason="its folder may not be written to")


def make_folder(path: str | os.PathLike[str]) -> Path:
    """A folder, made with its parents where missing. Raises WriteFailed."""
    with failing(path):
        os.makedirs(path, exist_ok=True)
    return Path(path)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A new file beside ``path``, with its extension, that takes its place when the block ends well.

    Whatever ends the block otherwise, the new file is removed and ``path`` is as it was.
    Raises WriteFailed for every OSError within.
    """
    check_place(path)
    final = Path(os.path.realpath(path))  # a link stays a link
    beside = final.with_name(f".{final.stem[:64]}.{secrets.token_hex(4)}{final.suffix}")
    with failing(path):
        try:
            os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            yield beside
            os.replace(beside, final)
        except BaseException:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            raise


def write_picture(
    path: str | os.PathLike[str], image: Image.Image, *, offset: tuple[int, int] | None = None, **options: Any
) -> None:
    """Write a picture, by its extension PNG, JPEG, TIFF or WebP; whole or not at all.

    JPEG is written at quality 95 with full colour resolution, WebP without loss; the ICC profile
    in ``image.info`` goes along.

    Args:
        offset: column and row of the document for the first pixel; kept by PNG alone, which GIMP heeds.
        options: Pillow's, for the format; they override these.

    Raises WriteFailed.
    """
    check_output(path, alpha="A" in image.mode)
    kind = _format(path)
    encoded = io.BytesIO()  # Pillow's encoders, given a file, do not say why writing to it failed
    try:
        profile = {"icc_profile": image.info["icc_profile"]} if "icc_profile" in image.info else {}
        image.save(encoded, format=kind, **{**_OPTIONS.get(kind, {}), **profile, **options})
    except (OSError, ValueError) as error:
        raise WriteFailed(path=str(path), reason=f"{kind} cannot hold this picture ({error})") from error
    content = encoded.getvalue()
    if offset is not None and kind == "PNG":
        # In pixels; Pillow writes no such chunk (PNG extensions 1.2).
        content = with_chunks(content, [(b"oFFs", struct.pack(">iiB", *offset, 0))])
    with replacing(path) as beside:
        beside.write_bytes(content)


def with_chunks(png: bytes, chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG with more chunks, each a name and its content, after its header."""
    header_end = 8 + 4 + 4 + 13 + 4  # signature; length, name, content and checksum of IHDR
    more = b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )
    return png[:header_end] + more + png[header_end:]


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write a JSON file, whole or not at all. Raises WriteFailed."""
    with replacing(path) as beside:
        beside.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _format(path: str | os.PathLike[str]) -> str:
    extension = Path(path).suffix.lower()
    if extension not in FORMATS:
        named = f"'{extension}' is no picture format that can be written" if extension else "its name has no extension"
        raise WriteFailed(path=str(path), reason=f"{named}; use {', '.join(FORMATS)}")
    return FORMATS[extension]


@contextmanager
def failing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn every OSError within into WriteFailed."""
    try:
        yield
    except OSError as error:
        raise WriteFailed(path=str(path), reason=reason(error)) from error
