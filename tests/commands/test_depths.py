"""Blends of more than 8 bits a channel, through the real command and the formats' own libraries."""

from __future__ import annotations

import builtins
import json

import deep
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image
from test_blend import placed_mask, samples

FORMATS = [("png", "u2"), ("tiff", "u2"), ("tiff", "f2"), ("tiff", "f4"), ("exr", "f2"), ("exr", "f4")]


def blended(deepblend, pictures, **options):
    done = deepblend(
        "blend",
        *pictures.arguments(**{"method": "poisson", "preset": "painting", "edges": "selected", **options}),
        "--json",
    )
    assert (done.status, done.err) == (0, "")
    return done.json


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(("extension", "kind"), FORMATS)
def test_a_ramp_keeps_its_depth_and_the_outside_its_bits(deepblend, pictures, extension, kind, channels):
    target, output = pictures.folder / f"deep.{extension}", pictures.folder / f"out.{extension}"
    deep.save(target, deep.ramp(kind, channels))
    blended(deepblend, pictures, target=target, output=output)
    before, after = deep.load(target), deep.load(output)
    assert (after.dtype, after.shape) == (before.dtype, before.shape)
    inside = placed_mask(pictures)
    np.testing.assert_array_equal(after[~inside], before[~inside])
    levels = np.unique(after[inside] if channels == 1 else after[inside][:, 0])
    assert len(levels) > 300 and (after[inside] != before[inside]).any()


def test_a_source_of_sixteen_bits_is_not_rounded_to_eight(deepblend, pictures):
    source, target = pictures.folder / "source16.png", pictures.folder / "deep.png"
    deep.save(source, np.ascontiguousarray(deep.ramp("u2")[20:60, 24:72]))
    deep.save(target, deep.ramp("u2"))
    blended(deepblend, pictures, source=source, target=target)  # the object is what lies below it
    error = np.abs(deep.load(pictures.output).astype(int) - deep.ramp("u2"))
    assert error.max() <= 2


@pytest.mark.parametrize(("kind", "extension"), [("u2", "png"), ("u2", "tiff"), ("f4", "tiff")])
def test_a_source_of_another_space_is_seen_as_the_same_colours(deepblend, pictures, kind, extension):
    """What lies below, in sRGB, blended into an Adobe RGB picture: nothing is to be seen, to some of 65535 levels."""
    from deepblend.pictures import Picture, into_colours_of, write_picture

    target = Picture(deep.ramp(kind), "RGB", "profile", deep.ADOBE)
    in_srgb = into_colours_of(target, Picture(deep.ramp(kind), "RGB"))
    source = in_srgb.with_samples(np.ascontiguousarray(in_srgb.samples[20:60, 24:72]))
    names = {name: pictures.folder / f"{name}.{extension}" for name in ("source", "target", "output")}
    write_picture(names["source"], source)
    write_picture(names["target"], target)
    blended(deepblend, pictures, **names)
    error = np.abs(deep.load(names["output"]).astype(float) - deep.ramp(kind)).max() / deep.WHITE[kind]
    assert error < 8 / 65535


def test_float_values_beyond_black_and_white_stay(deepblend, pictures):
    for extension in ("exr", "tiff"):
        source, target = pictures.folder / f"s.{extension}", pictures.folder / f"t.{extension}"
        ground = deep.ramp("f4") * 6 - 2
        deep.save(target, ground)
        deep.save(source, np.ascontiguousarray(ground[20:60, 24:72]))
        output = pictures.folder / f"o.{extension}"
        blended(deepblend, pictures, source=source, target=target, output=output)
        after = deep.load(output)
        assert after.min() < -0.1 and after.max() > 2
        np.testing.assert_allclose(after, ground, atol=2e-3)


@pytest.mark.parametrize("kind", ["u1", "u2", "f2", "f4"])
@pytest.mark.parametrize("ground", [0.0, 1.0])
@pytest.mark.parametrize("how", ["straight", "premultiplied", "exr"])
def test_a_soft_disc_has_no_fringe(deepblend, pictures, kind, ground, how):
    """A disc of the ground's own colour cannot be seen, whatever lies under its transparency."""
    if how == "exr" and kind[0] == "u":
        pytest.skip("OpenEXR holds float")
    white = deep.WHITE[kind]
    rows, columns = np.mgrid[:40, :48]
    alpha = np.clip(15 - np.hypot(rows - 19.5, columns - 23.5), 0, 4) / 4
    colour = np.full((40, 48, 3), ground)
    colour[alpha == 0] = 1 - ground  # hidden, and of the worst colour
    if how != "straight":
        colour = np.full((40, 48, 3), ground) * alpha[..., None]
    disc = np.dstack([colour, alpha]) * white
    disc = (np.rint(disc) if kind[0] == "u" else disc).astype(kind)
    extension = "exr" if how == "exr" else "tiff"
    source, target = pictures.folder / f"disc.{extension}", pictures.folder / f"ground.{extension}"
    output = pictures.folder / f"out.{extension}"
    extra = {"extrasamples": ["assocalpha"]} if how == "premultiplied" else {}
    deep.save(source, disc, **extra)
    deep.save(target, np.full((80, 96, 3), ground * white).astype(kind))
    arguments = pictures.arguments(source=source, target=target, output=output, method="poisson", preset="painting")
    at = arguments.index("--mask")
    assert deepblend("blend", *arguments[:at], *arguments[at + 2 :]).status == 0
    after = (samples(output) if kind == "u1" else deep.load(output)).astype(float) / white
    np.testing.assert_allclose(after, np.full((80, 96, 3), ground), atol=1 / 255 if kind == "u1" else 2e-3)


@pytest.mark.parametrize("extension", ["tiff", "exr"])
@pytest.mark.parametrize("kind", ["u2", "f2", "f4"])
def test_premultiplied_pixels_outside_keep_their_bits(deepblend, pictures, extension, kind):
    if extension == "exr" and kind == "u2":
        pytest.skip("OpenEXR holds float")
    target, output = pictures.folder / f"soft.{extension}", pictures.folder / f"out.{extension}"
    alpha = np.tile(np.linspace(0, 1, 96), (80, 1))
    soft = deep.ramp(kind, 4) * np.dstack([alpha] * 4)
    soft[0, :, :3] = deep.WHITE[kind] * 0.5  # light without cover, above some alphas
    extra = {"extrasamples": ["assocalpha"]} if extension == "tiff" else {}
    deep.save(target, soft.astype(kind), **extra)
    blended(deepblend, pictures, target=target, output=output)
    before, after, inside = deep.load(target), deep.load(output), placed_mask(pictures)
    np.testing.assert_array_equal(after[~inside], before[~inside])
    np.testing.assert_allclose(after[inside][:, 3].astype(float), deep.WHITE[kind], rtol=1e-6)
    if extension == "tiff":
        with tifffile.TiffFile(output) as file:
            assert file.pages.first.extrasamples == (1,)


def test_words_and_resolution_go_along(deepblend, pictures):
    exif = Image.Exif()
    exif[0x8298] = "whose it is"
    exif[0x8769] = {0x829A: 0.01, 0x9003: "2020:01:02 03:04:05"}
    with Image.open(pictures.target) as picture:
        picture.save(pictures.folder / "eight.tiff", exif=exif.tobytes(), dpi=(240, 240))
    eight = pictures.folder / "eight.tiff"
    with_words = pictures.folder / "sixteen.tiff"
    from deepblend.pictures import Picture, open_picture, write_picture

    found = open_picture(eight, "target")
    write_picture(with_words, Picture(deep.ramp("u2"), "RGB", "profile", deep.ADOBE, found.exif, found.dpi))
    for target in (eight, with_words):
        for extension in ("png", "tiff"):
            output = pictures.folder / f"out.{extension}"
            blended(deepblend, pictures, target=target, output=output)
            if extension == "tiff" and target == with_words:
                with tifffile.TiffFile(output) as file:
                    page = file.pages.first
                    assert page.iccprofile == deep.ADOBE and page.tags[33432].value == "whose it is"
                    assert page.tags[282].value == (240, 1) and page.tags[34665].value["ExposureTime"] == 0.01
            again = open_picture(output, "target")
            words = Image.Exif()
            words.load(again.exif)
            assert words[0x8298] == "whose it is" and float(words.get_ifd(0x8769)[0x829A]) == 0.01
            assert again.dpi == pytest.approx((240, 240), abs=0.1)
            assert again.profile == (deep.ADOBE if target == with_words else None)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_deep_tiff_is_set_upright(tmp_path, orientation):
    from deepblend.pictures import open_picture

    stored = np.arange(6 * 4 * 3, dtype=np.uint16).reshape(6, 4, 3)
    tags = [(274, 3, 1, orientation, True)]
    tifffile.imwrite(tmp_path / "side.tif", stored, photometric="rgb", extratags=tags)
    Image.fromarray((stored % 256).astype(np.uint8)).save(tmp_path / "same.png", exif=_turned(orientation))
    expected = np.asarray(open_picture(tmp_path / "same.png", "target"))
    np.testing.assert_array_equal(open_picture(tmp_path / "side.tif", "target").samples, expected)


def _turned(orientation):
    exif = Image.Exif()
    exif[274] = orientation
    return exif.tobytes()


@pytest.mark.parametrize(("extension", "kind"), [("jpg", "u2"), ("webp", "f4"), ("png", "f4"), ("exr", "u2")])
def test_a_format_that_holds_less_gets_what_it_holds_and_a_note(deepblend, pictures, extension, kind):
    target, output = pictures.folder / "deep.tiff", pictures.folder / f"out.{extension}"
    deep.save(target, deep.ramp(kind))
    told = blended(deepblend, pictures, target=target, output=output)
    assert [note for note in told["notes"] if str(output) in note]
    expected = deep.ramp("f4")
    if extension == "exr":
        expected = ((expected + 0.055) / 1.055) ** 2.4
        after = deep.load(output)
    else:
        after = deep.load(output) / 65535 if extension == "png" else samples(output) / 255
    inside = placed_mask(pictures)
    difference = np.abs(after[~inside] - expected[~inside])
    assert difference.mean() < 0.01 if extension == "jpg" else difference.max() < 0.003


def test_linear_light_becomes_perceptual_where_it_has_to(deepblend, pictures):
    target = pictures.folder / "deep.exr"
    deep.save(target, deep.ramp("f4"))
    told = blended(deepblend, pictures, target=target)
    after = imagecodecs.png_decode(pictures.output.read_bytes())
    assert after.dtype == np.uint16 and any("cut off" in note for note in told["notes"])
    inside = placed_mask(pictures)
    expected = 1.055 * deep.ramp("f4") ** (1 / 2.4) - 0.055
    np.testing.assert_allclose(after[~inside] / 65535, expected[~inside], atol=2e-5)
    blended(deepblend, pictures, target=target, output=pictures.folder / "out.tiff")
    from deepblend.pictures import open_picture

    again = open_picture(pictures.folder / "out.tiff", "target")
    assert again.encoding == "linear" and again.samples.dtype == np.float32
    np.testing.assert_array_equal(again.samples[~inside], deep.ramp("f4")[~inside])


@pytest.mark.parametrize(("extension", "kind"), FORMATS)
def test_the_layer_is_as_deep_as_the_target(deepblend, pictures, extension, kind):
    target, layer = pictures.folder / f"deep.{extension}", pictures.folder / f"layer.{extension}"
    deep.save(target, deep.ramp(kind))
    report = blended(deepblend, pictures, target=target, output=pictures.folder / f"o.{extension}", layer=layer)
    alone = deep.load(layer)
    assert alone.dtype == np.dtype(kind) and alone.shape == (report["layer"]["h"], report["layer"]["w"], 4)
    assert json.dumps(report)


@pytest.mark.parametrize(("extension", "kind"), [("png", "u2"), ("tiff", "f4"), ("exr", "f2")])
def test_without_the_extra_its_name_is_said(deepblend, pictures, monkeypatch, extension, kind):
    target = pictures.folder / f"deep.{extension}"
    deep.save(target, deep.ramp(kind))
    real = __import__

    def missing(name, *args, **more):
        if name.partition(".")[0] in ("tifffile", "imagecodecs", "OpenEXR"):
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    monkeypatch.setattr("importlib.import_module", lambda name, package=None: missing(name))
    done = deepblend("blend", *pictures.arguments(target=target, method="poisson"))
    assert done.status == 1 and "pip install 'deepblend[files]'" in done.err and done.err.count("\n") == 1
    done = deepblend("blend", *pictures.arguments(output=pictures.folder / "a.exr", method="poisson"))
    assert done.status == 1 and "deepblend[files]" in done.err
    assert deepblend("blend", *pictures.arguments(method="poisson")).status == 0  # 8 bits need none of it
