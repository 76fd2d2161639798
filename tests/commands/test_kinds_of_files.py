"""Files as cameras, telephones and other programs write them: bits and words are kept, or a sentence says why not."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zipfile

import deep
import imagecodecs
import numpy as np
import OpenEXR
import pytest
import tifffile
from deepblend.pictures import open_picture, png, write_picture
from deepblend_protocol.errors import ExtraMissing, FileUnreadable, NameUnsuitable
from PIL import Image, ImageCms
from test_blend import placed_mask

RAMP = deep.ramp("u2")


def damaged_profile():
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[17] = 0xD0
    return bytes(profile)


def blended(deepblend, pictures, **options):
    return deepblend("blend", *pictures.arguments(method="poisson", **options))


@pytest.mark.parametrize("profile", [damaged_profile(), b"junk" * 50])
@pytest.mark.parametrize("role", ["source", "target"])
def test_a_damaged_profile_is_left_out_and_told(deepblend, pictures, role, profile):
    with Image.open(getattr(pictures, role)) as picture:
        picture.load()
    picture.save(getattr(pictures, role), icc_profile=profile)
    done = blended(deepblend, pictures)
    assert done.status == 0 and "is damaged and was left out" in done.err
    with Image.open(pictures.output) as result:
        assert "icc_profile" not in result.info


def test_jpeg_2000_pgm_and_ppm_keep_all_bits(tmp_path):
    for samples in (RAMP, RAMP[..., 0]):
        gray = samples.ndim == 2
        (tmp_path / "a.jp2").write_bytes(imagecodecs.jpeg2k_encode(samples, level=0, reversible=True))
        head = f"P{5 if gray else 6} # words\n96 80\n65535\n".encode()
        (tmp_path / "a.ppm").write_bytes(head + samples.astype(">u2").tobytes())
        words = " ".join(map(str, samples.ravel() >> 4))
        (tmp_path / "b.ppm").write_text(f"P{2 if gray else 3}\n96 80 4095\n{words}\n")
        for name in ("a.jp2", "a.ppm"):
            np.testing.assert_array_equal(open_picture(tmp_path / name, "target").samples, samples)
        expected = np.rint((samples >> 4) * (65535 / 4095))
        np.testing.assert_allclose(open_picture(tmp_path / "b.ppm", "target").samples, expected, atol=1)


def test_avif_of_ten_bits_keeps_them(tmp_path):
    (tmp_path / "a.avif").write_bytes(imagecodecs.avif_encode(RAMP >> 6, bitspersample=10, level=100))
    found = open_picture(tmp_path / "a.avif", "target").samples
    assert found.dtype == np.uint16
    assert np.abs(found.astype(int) - RAMP).max() < 300 and len(np.unique(found)) > 256


@pytest.mark.parametrize("extra", [["assocalpha"], ["unspecified"]])
def test_an_eight_bit_tiff_keeps_what_is_said_to_be_kept(deepblend, pictures, extra):
    target, output = pictures.folder / "four.tiff", pictures.folder / "out.tiff"
    four = np.dstack([np.asarray(Image.open(pictures.target)) // 2, np.full((80, 96), 128, np.uint8)])
    deep.save(target, four, extrasamples=extra)
    done = blended(deepblend, pictures, target=target, output=output)
    after, inside = tifffile.imread(output), placed_mask(pictures)
    if extra == ["assocalpha"]:
        np.testing.assert_array_equal(after[~inside], four[~inside])
    else:
        assert "A further channel" in done.err and after.shape == (80, 96, 3)
    source = pictures.folder / "source.tiff"
    deep.save(source, four[:40, :48], extrasamples=["unspecified"])
    assert open_picture(source, "source", spare_alpha=True).channels == "RGBA"


@pytest.mark.parametrize("bits", [8, 16])
def test_a_pngs_own_words_for_its_colours_are_honoured_and_kept(deepblend, pictures, bits):
    target = pictures.folder / "p3.png"
    samples = RAMP if bits == 16 else (RAMP >> 8).astype(np.uint8)
    for chunks in ([(b"cICP", bytes((12, 13, 0, 1)))], [(b"gAMA", struct.pack(">I", 55_556))]):
        target.write_bytes(png.with_chunks(bytes(imagecodecs.png_encode(samples)), chunks))
        assert open_picture(target, "target").encoding == "profile"
        assert blended(deepblend, pictures, target=target).status == 0
        kept = png.chunks_of(pictures.output.read_bytes())
        assert kept[chunks[0][0]] == chunks[0][1] and b"iCCP" not in kept
    target.write_bytes(png.with_chunks(bytes(imagecodecs.png_encode(samples)), [(b"cICP", bytes((9, 16, 0, 1)))]))
    with pytest.raises(FileUnreadable, match="HDR"):
        open_picture(target, "target")


def test_a_display_window_stays_where_it_is(deepblend, pictures):
    target, output = pictures.folder / "off.exr", pictures.folder / "out.exr"
    window = ((1000, 500), (1095, 579))
    deep.save_exr(target, deep.ramp("f4"), displayWindow=window, dataWindow=window)
    assert blended(deepblend, pictures, target=target, output=output).status == 0
    found = OpenEXR.File(str(output), separate_channels=True).parts[0].header["displayWindow"]
    assert tuple(found[0]) == window[0] and tuple(found[1]) == window[1]


def test_exif_data_lose_the_old_thumbnail_and_size_and_may_be_too_long(tmp_path):
    exif = Image.Exif()
    exif[0x8769] = {0xA002: 4000, 0xA003: 3000}
    picture = open_picture_of(tmp_path, exif.tobytes())
    assert not write_picture(tmp_path / "b.jpg", picture)
    with Image.open(tmp_path / "b.jpg") as again:
        assert again.getexif().get_ifd(0x8769)[0xA002] == 96
    exif[0x8769] = {0x9286: b"x" * 80_000}
    (note,) = write_picture(tmp_path / "b.jpg", open_picture_of(tmp_path, exif.tobytes()))
    assert "EXIF" in note


def open_picture_of(folder, exif):
    Image.new("RGB", (96, 80)).save(folder / "a.png", exif=exif)
    return open_picture(folder / "a.png", "target")


def test_what_a_format_cannot_hold_is_said_at_once(tmp_path):
    with pytest.raises(NameUnsuitable, match="16383 pixels along a side"):
        write_picture(tmp_path / "a.webp", Image.new("RGB", (16384, 2)))


def test_an_input_is_not_overwritten_unasked(deepblend, pictures):
    link = pictures.folder / "link.png"
    link.symlink_to(pictures.target)
    before = pictures.target.read_bytes()
    done = blended(deepblend, pictures, output=link)
    assert done.status == 2 and "are one file" in done.err and pictures.target.read_bytes() == before
    assert deepblend("blend", *pictures.arguments(output=link, method="poisson"), "--overwrite").status == 0
    assert pictures.target.read_bytes() != before


def test_names_and_places_that_begin_with_a_dash_and_american_spelling(deepblend, pictures, monkeypatch):
    monkeypatch.chdir(pictures.folder)
    pictures.source.rename(pictures.folder / "-s.png")
    words = ["--target", "target.png", "--mask", "mask.png", "--output", "o.png", "--method", "poisson"]
    done = deepblend("blend", "--source", "-s.png", "--center", "-2,40", "--keep-colors", "0.3", *words)
    assert (done.status, done.err) == (0, "")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_with_a_name_is_refused(deepblend, pictures):
    fifo = pictures.folder / "fifo"
    os.mkfifo(fifo)
    done = blended(deepblend, pictures, source=fifo)
    assert done.status == 2 and "it is a pipe" in done.err


def test_a_picture_from_standard_input_and_output_that_nobody_reads(pictures):
    command = [sys.executable, "-m", "deepblend.commands.cli"]
    with open(pictures.source, "rb") as source:
        words = pictures.arguments(source="-", method="poisson")
        done = subprocess.run([*command, "blend", *words], stdin=source, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"") and pictures.output.exists()
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*command, "--help"], stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert b"fault" not in done.stderr and b"Traceback" not in done.stderr


def test_a_psd_is_read_flattened_and_by_its_layers(deepblend, pictures):
    psd_tools = pytest.importorskip("psd_tools")
    path = pictures.folder / "a.psd"
    document = psd_tools.PSDImage.new("RGB", (96, 80))
    layers = [("ground", Image.open(pictures.target).convert("RGBA"), 0, 0)]
    boat = Image.open(pictures.source).convert("RGB")
    boat.putalpha(Image.open(pictures.mask))
    layers.append(("boat", boat, 12, 24))
    for name, picture, top, left in [(n, p, t, x) for n, p, x, t in layers]:
        document.create_pixel_layer(picture, name=name, top=top, left=left)
    document.save(path)
    assert open_picture(path, "target").size == (96, 80)
    words = ["--document", path, "--layer-name", "boat", "--method", "poisson", "--output", pictures.output]
    done = deepblend("blend", *words)
    assert done.status == 0, done.err
    ground, after = np.asarray(Image.open(pictures.target)), np.asarray(Image.open(pictures.output))
    np.testing.assert_array_equal(after[:, :10], ground[:, :10])
    assert (after != ground).any()


def test_a_document_that_unpacks_to_too_much_is_refused(deepblend, pictures):
    path = pictures.folder / "bomb.ora"
    dot = io.BytesIO()
    Image.new("RGBA", (2, 2), (9, 9, 9, 255)).save(dot, "PNG")

    def made(members, layers=2, size=96):
        inner = "".join(f'<layer name="{at}" src="a.png"/>' for at in range(layers))
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("stack.xml", f'<image w="{size}" h="{size}"><stack>{inner}</stack></image>')
            archive.writestr("a.png", dot.getvalue())
            for name, content in members.items():
                archive.writestr(name, content)
        return deepblend("blend", "--document", path, "--layer-name", "0", "--output", pictures.output)

    for done, words in (
        (made({"more.bin": bytes(2**27)}), "as no picture does"),
        (made({}, layers=5000), "5000 layers"),
        (made({}, size=16384), "pixels in all can be blended"),
    ):
        assert done.status == 2 and words in done.err, done.err


def test_heic_is_read_by_its_extra_and_named_without_it(pictures, monkeypatch):
    heif = pytest.importorskip("pillow_heif")
    path = pictures.folder / "a.heic"
    heif.from_pillow(Image.open(pictures.target)).save(path, quality=95)
    error = open_picture(path, "target").samples.astype(int) - np.asarray(Image.open(pictures.target))
    assert np.abs(error).mean() < 4
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ExtraMissing, match=r"deepblend\[heif\]"):
        open_picture(path, "target")
