from __future__ import annotations

import io

import numpy as np
import pytest
from deepblend import pictures
from deepblend.engine.request import Plane, Rect
from deepblend_protocol.errors import ArgumentInvalid, MaskEmpty, MaskOutside, SizeMismatch
from deepblend_protocol.settings import resolve
from PIL import Image, ImageCms

SETTINGS = resolve({})


def picture(height: int, width: int, channels: int = 3, seed: int = 0) -> Image.Image:
    samples = np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Image.fromarray(samples if channels > 1 else samples[:, :, 0])


def full(width: int, height: int, level: int = 255) -> Image.Image:
    return Image.new("L", (width, height), level)


def request(placed: pictures.Placed, **settings: object) -> pictures.Request:
    return pictures.to_request(placed, resolve(settings), "cpu", "shipped")


def test_a_source_as_large_as_the_target_is_aligned_and_another_centred() -> None:
    same = pictures.place(picture(81, 97), full(97, 81), picture(81, 97))
    assert (same.left, same.top) == (0, 0)
    smaller = pictures.place(picture(41, 30), full(30, 41), picture(81, 97))
    assert (smaller.left, smaller.top) == (97 // 2 - 15, 81 // 2 - 20)


@pytest.mark.parametrize("side", [(40, 30), (41, 31)])
def test_the_centre_is_where_the_published_script_has_it(side: tuple[int, int]) -> None:
    width, height = side
    column, row = 50, 37
    placed = pictures.place(picture(height, width), full(width, height), picture(80, 96), (column, row))
    # Its canvas: canvas[x - h // 2 : x + h - h // 2, y - w // 2 : y + w - w // 2] with x the row and y the column.
    canvas = np.zeros((80, 96))
    canvas[row - height // 2 : row + height - height // 2, column - width // 2 : column + width - width // 2] = 1
    rows, columns = np.nonzero(canvas)
    assert (placed.left, placed.top) == (columns.min(), rows.min())
    assert request(placed).layer.rect == Rect(columns.min(), rows.min(), width, height)


def test_sizes_are_changed_with_pillows_default_filter() -> None:
    source, mask, target = picture(50, 50), full(50, 50, 128), picture(90, 80, seed=3)
    mask.paste(0, (0, 0, 20, 50))
    placed = pictures.place(source, mask, target, None, (30, 30), (64, 48))
    assert placed.mask is not None
    np.testing.assert_array_equal(np.asarray(placed.source), np.asarray(source.resize((30, 30))))
    np.testing.assert_array_equal(np.asarray(placed.mask), np.asarray(mask.resize((30, 30))))
    np.testing.assert_array_equal(np.asarray(placed.target), np.asarray(target.resize((64, 48))))


def test_the_mask_is_of_the_sources_size() -> None:
    with pytest.raises(SizeMismatch, match="The mask is 30 x 20 pixels, but the source is 31 x 20"):
        pictures.place(picture(20, 31), full(30, 20), picture(60, 60))


def test_without_a_mask_the_alpha_cuts_out() -> None:
    source = picture(20, 30, 4)
    placed = pictures.place(source, None, picture(60, 60))
    assert request(placed).mask is None
    assert request(placed).layer.channels == "RGBA"
    with pytest.raises(ArgumentInvalid, match="give --mask"):
        pictures.place(picture(20, 30), None, picture(60, 60))


def test_a_mask_with_alpha_is_its_luma_times_its_alpha() -> None:
    mask = Image.new("RGBA", (30, 20), (255, 255, 255, 0))
    mask.paste((255, 255, 255, 128), (10, 5, 20, 15))
    placed = pictures.place(picture(20, 30), mask, picture(60, 60))
    assert placed.mask is not None and np.unique(placed.mask).tolist() == [0, 128]


def test_the_background_is_the_box_and_its_margin_within_the_target() -> None:
    mask = full(200, 200, 0)
    mask.paste(255, (20, 30, 180, 110))  # 160 x 80 at (420, 330) of the target: a margin of 64
    placed = pictures.place(picture(200, 200), mask, picture(800, 1000), (500, 400))
    background = request(placed).background
    assert background.rect == Rect(420 - 64, 330 - 64, 160 + 128, 80 + 128)
    x, y, w, h = background.rect
    np.testing.assert_array_equal(background.samples, np.asarray(placed.target)[y : y + h, x : x + w])
    grown = request(placed, grow_px=9.5).background
    assert grown.rect == Rect(410 - 64, 320 - 64, 180 + 128, 100 + 128)
    far_grown = request(placed, grow_px=300).background  # no farther than the layer
    assert far_grown.rect == Rect(400 - 64, 300 - 64, 200 + 128, 200 + 128)


def test_the_margin_is_a_quarter_and_512_at_most() -> None:
    def margin(side: int) -> int:
        target = Image.new("RGB", (4000, 3000))
        placed = pictures.place(Image.new("RGB", (side, side)), full(side, side), target)
        return (request(placed).background.rect.w - side) // 2

    assert [margin(side) for side in (100, 400, 1000, 1600)] == [64, 100, 250, 512 - 112]


def test_the_published_method_gets_the_whole_target() -> None:
    placed = pictures.place(picture(20, 20), full(20, 20), picture(200, 300))
    assert request(placed, method="paper").background.rect == Rect(0, 0, 300, 200)


def test_the_style_picture_is_the_target_reduced() -> None:
    small = request(pictures.place(picture(20, 20), full(20, 20), picture(200, 300)))
    assert small.style is not None
    assert (small.style.rect, small.style.scale, small.style.samples.shape) == (Rect(0, 0, 300, 200), 1, (200, 300, 3))
    large = request(pictures.place(picture(20, 20), full(20, 20), Image.new("RGB", (2048, 1000))))
    assert large.style is not None
    assert (large.style.rect, large.style.scale) == (Rect(0, 0, 2048, 1000), 0.5)
    assert large.style.samples.shape == (500, 1024, 3)


def test_an_empty_mask_and_one_outside_are_refused() -> None:
    with pytest.raises(MaskEmpty):
        request(pictures.place(picture(20, 20), full(20, 20, 0), picture(60, 60)))
    unseen = picture(20, 20, 4)
    unseen.putalpha(full(20, 20, 0))
    with pytest.raises(MaskEmpty):
        request(pictures.place(unseen, full(20, 20), picture(60, 60)))
    with pytest.raises(MaskOutside, match="columns 90 to 109, rows 20 to 39, on a background of 60 x 60"):
        request(pictures.place(picture(20, 20), full(20, 20), picture(60, 60), (100, 30)))


def test_everything_is_gray_for_a_gray_target() -> None:
    placed = pictures.place(picture(20, 20), full(20, 20), picture(60, 60, 1))
    made = request(placed)
    assert (made.layer.channels, made.background.channels) == ("Y", "Y")
    with_alpha = request(pictures.place(picture(20, 20, 4), None, picture(60, 60, 1)))
    assert with_alpha.layer.channels == "YA"
    coloured = request(pictures.place(picture(20, 20, 1), full(20, 20), picture(60, 60)))
    assert coloured.layer.channels == "RGB"


def test_a_source_in_another_colour_space_comes_into_the_targets() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    colour = Image.new("RGB", (8, 8), (200, 40, 90))
    swapped = _swapped_red_and_green(srgb.tobytes())
    tagged = colour.copy()
    tagged.info["icc_profile"] = swapped
    plain = pictures.into_colours_of(tagged, colour)  # into sRGB, which no profile stands for
    expected = ImageCms.profileToProfile(colour, _profile(swapped), srgb)
    assert expected is not None
    assert first(plain) == expected.getpixel((0, 0)) != colour.getpixel((0, 0))
    assert first(pictures.into_colours_of(tagged, tagged)) == (200, 40, 90)
    tagged.info["icc_profile"] = lab.tobytes()  # does not fit an RGB picture: not believed
    assert first(pictures.into_colours_of(tagged, colour)) == (200, 40, 90)
    cut_out = tagged.convert("RGBA")
    cut_out.putalpha(70)
    cut_out.info["icc_profile"] = swapped
    assert first(pictures.into_colours_of(cut_out, colour)) == (*expected.getpixel((0, 0)), 70)  # type: ignore[misc]


def first(of: pictures.Picture) -> tuple[int, ...]:
    """The first pixel's samples."""
    return tuple(of.samples[0, 0].tolist())


def _profile(data: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(data))


def _swapped_red_and_green(profile: bytes) -> bytes:
    """An RGB profile whose red and green primaries are exchanged."""
    return profile.replace(b"rXYZ", b"?XYZ").replace(b"gXYZ", b"rXYZ").replace(b"?XYZ", b"gXYZ")


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_flattening_follows_the_formula_and_leaves_the_rest(channels: int) -> None:
    random = np.random.default_rng(4)
    below = random.integers(0, 256, (40, 50, channels), dtype=np.uint8)
    target = Image.fromarray(below if channels > 1 else below[:, :, 0])
    colours = channels - (channels % 2 == 0)
    above = random.integers(0, 256, (12, 20, colours + 1), dtype=np.uint8)
    above[:, :8, -1] = 0
    above[:, 8:12, -1] = 255
    flat = np.asarray(pictures.flatten(target, Plane(above, Rect(7, 9, 20, 12), "YA" if colours == 1 else "RGBA")))
    flat = flat.reshape(40, 50, channels)
    inside = np.zeros((40, 50), bool)
    inside[9:21, 15:27] = above[:, 8:, -1] > 0
    np.testing.assert_array_equal(flat[~inside], below[~inside])
    np.testing.assert_array_equal(flat[9:21, 15:19, :colours], above[:, 8:12, :colours])
    a = above[:, 12:, -1:].astype(float) / 255
    b = below[9:21, 19:27].astype(float)
    b_alpha = b[:, :, colours:] / 255 if channels > colours else 1.0
    out_alpha = a + b_alpha * (1 - a)
    mixed = (a * above[:, 12:, :colours] + (1 - a) * b_alpha * b[:, :, :colours]) / np.maximum(out_alpha, 1e-9)
    seen = np.broadcast_to(out_alpha > 0, mixed.shape)
    np.testing.assert_allclose(flat[9:21, 19:27, :colours][seen], mixed[seen], atol=0.501)
    if channels > colours:
        np.testing.assert_allclose(flat[9:21, 19:27, colours:], out_alpha * 255, atol=0.501)


def test_copy_paste_is_the_source_inside_and_the_target_outside() -> None:
    source, target, mask = picture(30, 30, seed=5), picture(60, 60, seed=6), full(30, 30, 0)
    mask.paste(255, (5, 5, 30, 25))
    placed = pictures.place(source, mask, target, (50, 10))  # columns 35 to 64, rows -5 to 24: cut at the top and right
    pasted = np.asarray(pictures.copy_paste(placed))
    expected = np.asarray(target).copy()
    expected[0:20, 40:60] = np.asarray(source)[5:25, 5:25]
    np.testing.assert_array_equal(pasted, expected)
