"""Pictures of 8 bits, in and out."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from deepblend.pictures import eight_bit
from deepblend_protocol.errors import FileUnreadable, NameUnsuitable, SizeAbsurd, WriteFailed
from PIL import Image, ImageCms, JpegImagePlugin

SAMPLES = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
NOT_ROOT = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind the superuser"
)


def unreadable(path: Path) -> FileUnreadable:
    with pytest.raises(FileUnreadable) as caught:
        eight_bit.open_picture(path, "target")
    assert str(path) in str(caught.value)
    assert caught.value.params["role"] == "target"
    return caught.value


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "there is no such file" in str(unreadable(tmp_path / "none.png"))


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    assert "it is a folder" in str(unreadable(tmp_path))


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "the file is empty"), (b"a letter, not a picture", "not a picture of a known kind")]
)
def test_what_is_no_picture_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "letter.png"
    path.write_bytes(content)
    assert reason in str(unreadable(path))


@pytest.mark.parametrize("extension", ["png", "jpg", "webp", "tiff"])
def test_a_truncated_file_is_refused(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"cut.{extension}"
    Image.fromarray(SAMPLES).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    unreadable(path)


def test_a_file_with_a_damaged_byte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "damaged.png"
    Image.fromarray(SAMPLES).save(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert "damaged or cut off" in str(unreadable(path))


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    Image.fromarray(SAMPLES).save(path)
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 200_000, 200_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)
    with pytest.raises(SizeAbsurd, match="200000 x 200000"):
        eight_bit.open_picture(path, "source")


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3)])
def test_sixteen_bits_are_refused_rather_than_halved_in_silence(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), np.full(shape, 40_000, np.uint16))
    assert "more than 8 bits" in str(unreadable(path))


def test_cmyk_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "print.jpg"
    Image.fromarray(SAMPLES).convert("CMYK").save(path)
    assert "CMYK" in str(unreadable(path))


@NOT_ROOT
def test_a_forbidden_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "secret.png"
    Image.fromarray(SAMPLES).save(path)
    path.chmod(0)
    assert "permission is denied" in str(unreadable(path))


def test_a_picture_on_its_side_is_set_upright(tmp_path: Path) -> None:
    path = tmp_path / "side.png"
    picture = Image.fromarray(SAMPLES)
    exif = picture.getexif()
    exif[0x0112] = 6  # to be shown turned clockwise
    exif[0x010F] = "A maker"
    picture.save(path, exif=exif)
    upright = eight_bit.open_picture(path, "source")
    np.testing.assert_array_equal(np.asarray(upright), np.rot90(SAMPLES, -1))
    assert dict(upright.getexif()) == {0x010F: "A maker"}


def test_palettes_colour_keys_and_bits_are_resolved(tmp_path: Path) -> None:
    flat = Image.new("RGB", (4, 2), (10, 200, 30))
    flat.putpixel((0, 0), (255, 0, 0))
    flat.quantize(2).save(tmp_path / "palette.png")
    flat.save(tmp_path / "keyed.png", transparency=(255, 0, 0))
    flat.quantize(2).save(tmp_path / "keyed.gif", transparency=flat.quantize(2).getpixel((0, 0)))
    flat.convert("1").save(tmp_path / "bits.png")
    assert eight_bit.open_picture(tmp_path / "palette.png", "source").getpixel((1, 1)) == (10, 200, 30)
    keyed = eight_bit.open_picture(tmp_path / "keyed.png", "source")
    assert (keyed.getpixel((0, 0)), keyed.getpixel((1, 0))) == ((255, 0, 0, 0), (10, 200, 30, 255))
    keyed = eight_bit.open_picture(tmp_path / "keyed.gif", "source")
    assert keyed.mode == "RGBA" and keyed.getchannel("A").getextrema() == (0, 255)
    assert eight_bit.open_picture(tmp_path / "bits.png", "mask").mode == "L"


def test_the_profile_is_kept_through_reading_and_writing(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(SAMPLES).save(tmp_path / "in.png", icc_profile=profile)
    for name in ("out.png", "out.jpg", "out.tiff", "out.webp"):
        eight_bit.write_picture(tmp_path / name, eight_bit.open_picture(tmp_path / "in.png", "target"))
        assert eight_bit.open_picture(tmp_path / name, "target").info["icc_profile"] == profile


@pytest.mark.parametrize("extension", ["png", "tif", "tiff", "webp", "PNG"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_what_is_written_comes_back_to_the_bit(tmp_path: Path, extension: str, channels: int) -> None:
    samples = np.random.default_rng(1).integers(0, 256, (21, 17, channels), dtype=np.uint8).squeeze()
    path = tmp_path / f"picture.{extension}"
    eight_bit.write_picture(path, Image.fromarray(samples))
    again = eight_bit.open_picture(path, "target").convert("L" if channels == 1 else "RGB" if channels == 3 else "RGBA")
    np.testing.assert_array_equal(np.asarray(again), samples)
    assert [path.name] == os.listdir(tmp_path)


def test_jpeg_keeps_full_colour_resolution(tmp_path: Path) -> None:
    eight_bit.write_picture(tmp_path / "a.jpg", Image.fromarray(SAMPLES))
    with Image.open(tmp_path / "a.jpg") as picture:
        assert JpegImagePlugin.get_sampling(picture) == 0  # 4:4:4
    eight_bit.write_picture(tmp_path / "b.jpg", Image.fromarray(SAMPLES), quality=30)
    assert (tmp_path / "b.jpg").stat().st_size < (tmp_path / "a.jpg").stat().st_size


@pytest.mark.parametrize(
    ("name", "mode", "reason"),
    [
        ("a.xyz", "RGB", "'.xyz' is no picture format that can be written; use .png"),
        ("a.gif", "RGB", "'.gif' is no picture format"),
        ("picture", "RGB", "its name has no extension"),
        ("a.jpg", "RGBA", "JPEG holds no transparency"),
        ("none/a.png", "RGB", "there is no folder"),
    ],
)
def test_what_cannot_be_written_is_said(tmp_path: Path, name: str, mode: str, reason: str) -> None:
    with pytest.raises((NameUnsuitable, WriteFailed), match=reason):
        eight_bit.write_picture(tmp_path / name, Image.new(mode, (3, 3)))
    assert not os.listdir(tmp_path)


def test_a_picture_too_large_for_its_format_is_said(tmp_path: Path) -> None:
    with pytest.raises(WriteFailed, match="WEBP cannot hold this picture"):
        eight_bit.write_picture(tmp_path / "long.webp", Image.new("L", (20_000, 1)))
    assert not os.listdir(tmp_path)
