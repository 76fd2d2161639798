"""Deep files that cannot be blended, or are unusual: each a sentence, or the right pixels."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import deep
import imagecodecs
import numpy as np
import OpenEXR
import pytest
import tifffile
from deepblend.pictures import open_picture
from deepblend_protocol.errors import DeepBlendError, NotFinite, SizeAbsurd

RAMP = deep.ramp("u2")
FOUR = np.dstack([RAMP, RAMP[..., :1]])


def refusal(path: Path, capfd: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(DeepBlendError) as caught:
        open_picture(path, "target")
    assert capfd.readouterr() == ("", "")  # no library's own words
    return str(caught.value)


@pytest.mark.parametrize("extension", ["png", "tiff", "exr"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.97])
def test_a_cut_off_file(tmp_path, capfd, extension, share):
    path = tmp_path / f"cut.{extension}"
    deep.save(path, deep.ramp("f4" if extension == "exr" else "u2"))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert "damaged or cut off" in refusal(path, capfd)


@pytest.mark.parametrize("extension", ["png", "tiff", "exr"])
def test_a_damaged_file(tmp_path, capfd, extension):
    path = tmp_path / f"damaged.{extension}"
    more = {"compression": "zlib"} if extension == "tiff" else {}
    deep.save(path, deep.ramp("f4" if extension == "exr" else "u2"), **more)
    content = bytearray(path.read_bytes())
    content[len(content) * 3 // 4] ^= 0xFF
    path.write_bytes(content)
    assert "damaged or cut off" in refusal(path, capfd)


def test_absurd_sizes_are_refused_before_they_are_unpacked(tmp_path):
    deep.save(tmp_path / "a.png", RAMP)
    content = bytearray((tmp_path / "a.png").read_bytes())
    content[16:24] = struct.pack(">II", 200_000, 200_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    (tmp_path / "a.png").write_bytes(content)
    deep.save(tmp_path / "a.tif", RAMP)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as file:
        for tag in (256, 257):
            file.pages.first.tags[tag].overwrite(60_000)
    window = (np.array([0, 0], np.int32), np.array([199_999, 199_999], np.int32))
    deep.save(tmp_path / "a.exr", deep.ramp("f4"), displayWindow=window)
    for path, side in (("a.png", 200_000), ("a.tif", 60_000), ("a.exr", 200_000)):
        with pytest.raises(SizeAbsurd, match=f"{side} x {side}"):
            open_picture(tmp_path / path, "target")


@pytest.mark.parametrize(
    ("samples", "more", "words"),
    [
        (FOUR, {"photometric": "separated", "extrasamples": []}, "its colours are CMYK"),
        (RAMP, {"photometric": "cielab"}, "its colours are Lab"),
        (RAMP.astype(np.uint32), {}, "its samples are whole-number, 32 bits"),
        (RAMP[..., 0].astype(np.int16), {}, "its samples are signed, 16 bits"),
        (RAMP.astype(np.float64), {}, "its samples are float, 64 bits"),
        (RAMP.astype(np.complex64), {}, "its samples are"),
        (deep.ramp("f4", 1), {"photometric": "miniswhite"}, "from white to black"),
    ],
)
def test_a_tiff_of_another_kind(tmp_path, capfd, samples, more, words):
    deep.save(tmp_path / "odd.tiff", samples, **more)
    assert words in refusal(tmp_path / "odd.tiff", capfd)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("extension", ["tiff", "exr"])
def test_values_that_are_no_numbers(tmp_path, extension, value):
    samples = deep.ramp("f4")
    samples[3, 4, 1] = value
    deep.save(tmp_path / f"nan.{extension}", samples)
    with pytest.raises(NotFinite, match="The target holds 1 values"):
        open_picture(tmp_path / f"nan.{extension}", "target")


@pytest.mark.parametrize(
    "more",
    [
        {"planarconfig": "separate"},
        {"planarconfig": "separate", "tile": (16, 32), "compression": "zlib", "predictor": True},
        {"tile": (32, 16)},
        {"bigtiff": True},
        {"byteorder": ">"},
        {"compression": "lzw", "predictor": True, "bigtiff": True, "byteorder": ">", "tile": (16, 16)},
        {"compression": "zstd"},
    ],
)
@pytest.mark.parametrize("kind", ["u1", "u2", "f2", "f4"])
def test_a_tiff_however_it_is_laid_out(tmp_path, more, kind):
    if kind[0] == "f":
        more = {**more, "predictor": False}
    samples = deep.ramp(kind)
    planar = np.ascontiguousarray(np.moveaxis(samples, 2, 0)) if more.get("planarconfig") == "separate" else samples
    deep.save(tmp_path / "odd.tiff", planar, **more)
    found = open_picture(tmp_path / "odd.tiff", "target")
    assert found.channels == "RGB" and found.samples.dtype == np.dtype(kind)
    np.testing.assert_array_equal(found.samples, samples)


def test_white_is_nought_and_other_channels_and_pages(tmp_path):
    deep.save(tmp_path / "white.tiff", RAMP[..., 0], photometric="miniswhite")
    np.testing.assert_array_equal(open_picture(tmp_path / "white.tiff", "mask").samples, 65535 - RAMP[..., 0])
    deep.save(tmp_path / "more.tiff", FOUR, extrasamples=["unspecified"])
    found = open_picture(tmp_path / "more.tiff", "target")
    assert found.channels == "RGB" and "A further channel" in found.notes[0]
    with tifffile.TiffWriter(tmp_path / "pages.tiff") as file:
        for page in (RAMP, RAMP // 2):
            file.write(page, photometric="rgb")
    found = open_picture(tmp_path / "pages.tiff", "target")
    np.testing.assert_array_equal(found.samples, RAMP)
    assert "has 2 pages; the first was read" in found.notes[0]


def test_a_colour_key_of_sixteen_bits_is_transparency(tmp_path):
    samples = RAMP.copy()
    samples[0, 0] = (5, 6, 7)
    content = imagecodecs.png_encode(samples)
    chunk = b"tRNS" + struct.pack(">HHH", 5, 6, 7)
    key = struct.pack(">I", 6) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "keyed.png").write_bytes(content[:33] + key + content[33:])
    found = open_picture(tmp_path / "keyed.png", "source")
    assert found.channels == "RGBA" and found.samples[0, 0, 3] == 0 and (found.samples[1:, :, 3] == 65535).all()


def test_an_exr_of_layers_windows_and_parts(tmp_path):
    ramp = deep.ramp("f2", 4)
    names = ["beauty.R", "beauty.G", "beauty.B", "beauty.A", "Z"]
    deep.save_exr(tmp_path / "layer.exr", np.dstack([ramp, ramp[..., 0]]), names)
    found = open_picture(tmp_path / "layer.exr", "target")
    np.testing.assert_array_equal(found.samples, ramp)
    assert found.channels == "RGBA" and "Z" in found.notes[0]

    shown = (np.array([10, 20], np.int32), np.array([109, 119], np.int32))
    data = (np.array([0, 30], np.int32), np.array([95, 109], np.int32))
    deep.save(tmp_path / "window.exr", ramp, displayWindow=shown, dataWindow=data)
    found = open_picture(tmp_path / "window.exr", "target")
    assert found.size == (100, 100) and "outside its display window" in found.notes[0]
    np.testing.assert_array_equal(found.samples[10:90, :86], ramp[:, 10:])
    assert not found.samples[:10].any() and not found.samples[90:].any() and not found.samples[:, 86:].any()

    parts = [({"name": "depth"}, {"Z": ramp[..., 0].copy()}), ({"name": "rgb"}, {"RGB": ramp[..., :3].copy()})]
    OpenEXR.File([OpenEXR.Part(header, channels, header["name"]) for header, channels in parts]).write(
        str(tmp_path / "parts.exr")
    )
    np.testing.assert_array_equal(open_picture(tmp_path / "parts.exr", "target").samples, ramp[..., :3])


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a.R", "a.G", "a.B", "b.R", "b.G", "b.B"], "no channels R, G, B or Y of one layer, but a.B"),
        (["R", "G"], "no channels R, G, B"),
        (["Y", "RY", "BY"], "no channels R, G, B"),
    ],
)
def test_an_exr_without_one_picture(tmp_path, capfd, names, words):
    deep.save_exr(tmp_path / "odd.exr", np.zeros((8, 9, len(names)), np.float32), names)
    assert words in refusal(tmp_path / "odd.exr", capfd)


def test_an_exr_of_whole_numbers(tmp_path, capfd):
    deep.save_exr(tmp_path / "ids.exr", np.zeros((8, 9, 3), np.uint32), ["R", "G", "B"])
    assert "whole numbers of 32 bits" in refusal(tmp_path / "ids.exr", capfd)


def test_an_exrs_header_is_kept(tmp_path):
    from deepblend.pictures import write_picture

    primaries = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767)
    header = {"chromaticities": primaries, "comment": "of the sea", "compression": OpenEXR.PIZ_COMPRESSION}
    deep.save(tmp_path / "in.exr", deep.ramp("f2"), **header)
    found = open_picture(tmp_path / "in.exr", "target")
    assert found.encoding == "linear" and found.profile is not None
    assert write_picture(tmp_path / "out.exr", found) == []
    again = OpenEXR.File(str(tmp_path / "out.exr")).header()
    assert again["comment"] == "of the sea" and again["compression"] == OpenEXR.PIZ_COMPRESSION
    np.testing.assert_allclose(again["chromaticities"], primaries, atol=1e-6)
    np.testing.assert_array_equal(deep.load(tmp_path / "out.exr"), deep.ramp("f2"))
