"""Masks as people have them: what each selects, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path

import deep
import numpy as np
import pytest
from deepblend.pictures import Picture, open_mask, place
from deepblend_protocol.errors import ArgumentInvalid
from PIL import Image, ImageDraw, ImageFilter
from test_bad_input import refused
from test_blend import placed_mask, samples

SIZE = (120, 100)
RANDOM = np.random.default_rng(5)


def disc(blur: float = 0) -> np.ndarray:
    """A white disc on black, with an edge of a pixel, or softer: (100, 120) uint8."""
    large = Image.new("L", (SIZE[0] * 4, SIZE[1] * 4))
    ImageDraw.Draw(large).ellipse((120, 90, 360, 330), fill=255)
    return np.asarray(large.resize(SIZE, Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(blur)))


HARD = disc() > 127
SOFT = disc(3) / 255
NONE = np.zeros_like(disc())


@pytest.fixture
def read(tmp_path):
    """Opens samples or a picture as a mask, written to a PNG: the coverage, and its notes."""

    def opened(mask: np.ndarray | Image.Image, **options) -> tuple[np.ndarray, tuple[str, ...]]:
        image = mask if isinstance(mask, Image.Image) else Image.fromarray(np.asarray(mask, np.uint8))
        image.save(tmp_path / "mask.png", **options)
        found = open_mask(tmp_path / "mask.png")
        assert found.channels == "Y"
        return found.samples, found.notes

    return opened


def label_palette() -> list[int]:
    """PASCAL VOC's way of numbering colours: an index's bits, in turn to red, green and blue, the low ones first."""
    colours = np.zeros((256, 3), int)
    for bit in range(8):
        colours[:, bit % 3] |= (np.arange(256) >> bit & 1) << 7 - bit // 3
    return colours.ravel().tolist()


@pytest.mark.parametrize("black", [(1, 1), (2, 2), (1, 2), (0, 2), (4, 6)])
def test_a_black_that_is_not_0_selects_nothing(read, black):
    ground = RANDOM.integers(black[0], black[1] + 1, NONE.shape)
    found, notes = read(np.maximum(disc(), ground))
    assert not found[disc() == 0].any()
    np.testing.assert_array_equal(found[disc() > 20], disc()[disc() > 20])
    (note,) = notes
    assert "nearly black, and was taken as black" in note


@pytest.mark.parametrize("extension", ["jpg", "png"])
def test_the_noise_of_jpeg_is_black_and_white(tmp_path, extension):
    path = tmp_path / f"mask.{extension}"
    Image.fromarray(disc()).save(tmp_path / "mask.jpg", quality=90)
    noisy = Image.open(tmp_path / "mask.jpg")
    if extension == "png":
        noisy.save(path)
    raw, found = np.asarray(noisy), open_mask(path).samples
    outside, inside = disc() == 0, disc() == 255
    assert (raw[outside] > 0).sum() > 100 and (raw[inside] < 255).sum() > 100
    assert (found[outside] > 0).sum() < 0.2 * (raw[outside] > 0).sum()
    assert (found[inside] < 255).sum() < 0.2 * (raw[inside] < 255).sum()


def test_specks_are_no_selection(read):
    specks = (RANDOM.random(NONE.shape) < 0.02) & (disc(3) == 0)
    found, notes = read(np.where(specks, 9, disc(3)))
    assert specks.any() and not found[specks].any()
    np.testing.assert_array_equal(found, read(disc(3))[0])
    assert notes == ()


@pytest.mark.parametrize("blur", [0, 1, 4, 12])
def test_soft_edges_stay_soft(read, blur):
    mask = disc(blur)
    found, notes = read(mask)
    assert notes == ()
    assert np.abs(found.astype(int) - mask).max() <= 2  # of 255: what cannot be seen
    between = (mask > 3) & (mask < 252)
    np.testing.assert_array_equal(found[between], mask[between])
    ramp = np.tile(np.repeat(np.arange(256), 2), (20, 1))
    found, notes = read(ramp)
    assert notes == () and set(np.diff(found.astype(int)).ravel()) <= {0, 1, 2}  # nothing jumps


@pytest.mark.parametrize("level", [6, 8, 20])
def test_a_faint_selection_is_kept_and_told(read, level):
    for mask in (HARD * level, np.full_like(NONE, level), np.where(HARD, 255, np.arange(120) // 60 * level)):
        found, (note,) = read(mask)
        np.testing.assert_array_equal(found, mask)
        assert "selected by less than a tenth" in note and "labels" in note


def test_a_black_too_bright_to_be_one_is_told(read):
    mask = np.rint(16 + disc(3) / 255 * 219)  # as video has it
    found, (note,) = read(mask)
    assert (found[disc(3) == 0] == 16).all() and "meant to be black" in note


@pytest.mark.parametrize(
    ("labels", "ground", "says"),
    [
        ((0, 1), 0, "white is 1 of 255: all that is 1 was"),
        ((0, 3), 0, "white is 3 of 255: all that is 3 was"),
        ((1, 2), 1, "white is 2 of 255: all that is 2 was"),
        ((0, 1, 2, 5), 0, "all that is 1, 2 and 5 was taken as selected. To select some"),
        ((1,), 0, "all that is 1 was"),
    ],
)
def test_small_numbers_are_labels(read, labels, ground, says):
    mask = np.array(labels)[np.arange(120) * len(labels) // 120] * np.ones((100, 1), int)
    found, (note,) = read(mask)
    np.testing.assert_array_equal(found, (mask > ground) * 255)
    assert says in note


def test_a_label_palette_selects_all_but_black(read):
    labels = np.where(HARD, 15, 0)
    labels[:20, :20], labels[40:43] = 2, 255  # another object, and VOC's border
    image = Image.fromarray(labels.astype(np.uint8), "P")
    image.putpalette(label_palette())
    assert image.convert("RGB").getpixel((60, 60)) == (192, 128, 128)
    for one in (image, image.convert("RGB"), image.convert("RGBA")):
        found, (note,) = read(one)
        np.testing.assert_array_equal(found, (labels > 0) * 255)
        assert "taken as labels" in note


@pytest.mark.parametrize("white", [0, 1])
def test_a_palette_of_black_and_white_goes_by_its_colours(read, white):
    image = Image.fromarray(np.where(HARD, white, 1 - white).astype(np.uint8), "P")
    image.putpalette([0, 0, 0, 255, 255, 255] if white else [255, 255, 255, 0, 0, 0])
    found, notes = read(image)
    np.testing.assert_array_equal(found, HARD * 255)
    assert notes == ()


def test_a_soft_colour_is_as_bright_as_its_brightest_channel(read):
    found, (note,) = read(np.dstack([disc(6), NONE, NONE]))
    np.testing.assert_array_equal(found, read(disc(6))[0])
    assert "the brightest of red, green and blue" in note


def test_colours_without_black_are_refused(deepblend, pictures, read, tmp_path):
    with pytest.raises(ArgumentInvalid):
        read(np.where(HARD[..., None], (200, 30, 30), (20, 40, 180)))
    before = pictures.names()
    done = deepblend("blend", *pictures.arguments(mask=pictures.source))
    refused(done, 2, "has colours and no black", "white where the object is, and black elsewhere")
    assert pictures.names() == before


@pytest.mark.parametrize("colour", [(0,), (128,), (0, 0, 0), (255, 0, 0), "photograph"])
def test_the_transparency_of_a_cut_out_is_the_mask(read, colour):
    alpha = disc(3)
    planes = RANDOM.integers(0, 256, (*alpha.shape, 3)) if colour == "photograph" else np.full((1, 1, 1), 0) + colour
    found, (note,) = read(np.dstack([np.broadcast_to(planes, (*alpha.shape, planes.shape[2])), alpha]))
    np.testing.assert_array_equal(found, read(alpha)[0])
    assert "transparency was taken as the mask" in note


def test_white_and_gray_count_as_far_as_they_are_opaque(read):
    found, notes = read(np.dstack([NONE + 255, disc(3)]))
    np.testing.assert_array_equal(found, read(disc(3))[0])
    assert notes == ()
    halves = np.broadcast_to(np.where(np.arange(120) < 60, 255, 0), NONE.shape)
    found, notes = read(np.dstack([halves, halves, halves, disc(3)]))
    np.testing.assert_array_equal(found[:, :60], read(disc(3))[0][:, :60])
    assert not found[:, 60:].any() and notes == ()
    found, notes = read(np.dstack([disc()] * 3 + [NONE + 255]))
    np.testing.assert_array_equal(found, disc())


def test_black_without_transparency_is_empty(deepblend, pictures):
    Image.new("RGBA", (48, 40), (0, 0, 0, 255)).save(pictures.mask)
    refused(deepblend("blend", *pictures.arguments()), 2, "The mask is empty")


@pytest.mark.parametrize(
    ("kind", "values", "selected", "says"),
    [
        ("u2", SOFT * 255, SOFT, "end at 255: they were taken as those of 8 bits"),
        ("f4", SOFT * 255, SOFT, "end at 255: they were taken as those of 8 bits"),
        ("f4", SOFT * 229.5, SOFT * 0.9, "end at 229.5: they were taken as those of 8 bits"),
        ("f4", SOFT * 65535, SOFT, "end at 65535: they were taken as those of 16 bits"),
        ("u2", HARD, HARD, "white is 1 of 255"),
        ("f4", HARD * 2, HARD, "white is 2 of 255"),
        ("u2", np.maximum(SOFT * 65535, 100), SOFT, "nearly black"),
        ("f4", HARD * 0.03, HARD * 0.03, "less than a tenth"),
        ("u2", SOFT * 65535, SOFT, ""),
        ("f4", SOFT, SOFT, ""),
        ("f2", SOFT, SOFT, ""),
        ("f4", SOFT * 1.3, (SOFT * 1.3).clip(0, 1), ""),  # beyond white, as a filter's ring
    ],
)
def test_numbers_of_another_depth(tmp_path: Path, kind, values, selected, says):
    path = tmp_path / "mask.tif"
    deep.save(path, values.astype(kind))
    found = open_mask(path)
    assert np.abs((found.samples / found.white).clip(0, 1) - selected).max() < 3.1 / 255
    assert any(says in note for note in found.notes) if says else found.notes == ()


def test_one_bit(read):
    found, notes = read(Image.fromarray(HARD))
    np.testing.assert_array_equal(found, HARD * 255)
    assert notes == ()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (3, 4)])
def test_masks_of_a_few_pixels(read, shape):
    mask = np.full(shape, 255)
    np.testing.assert_array_equal(read(mask)[0], mask)


def test_the_command_line_and_batch_tell(deepblend, pictures):
    inside = placed_mask(pictures)
    deepblend("blend", *pictures.arguments(method="poisson"))
    wanted = samples(pictures.output)
    Image.fromarray((samples(pictures.mask) > 0).astype(np.uint8)).save(pictures.mask)
    done = deepblend("blend", *pictures.arguments(method="poisson"))
    assert (done.status, done.err) == (
        0,
        "deepblend: The mask's white is 1 of 255: all that is 1 was taken as selected.\n",
    )
    np.testing.assert_array_equal(samples(pictures.output), wanted)
    assert (wanted != samples(pictures.target)).any(axis=2)[inside].mean() > 0.8
    jobs = pictures.folder / "jobs.jsonl"
    job = {role: f"{role}.png" for role in ("source", "mask", "target")} | {"name": "one", "method": "poisson"}
    jobs.write_text(json.dumps(job))
    done = deepblend("batch", jobs, "--output", pictures.folder / "out")
    assert done.status == 0 and "one: The mask's white is 1 of 255" in done.err
    np.testing.assert_array_equal(samples(pictures.folder / "out" / "one.png"), wanted)


def test_a_mask_that_is_no_file_stays_exact():
    mask = np.where(HARD, 1, 2).astype(np.uint8)
    picture = Picture(np.zeros((100, 120, 3), np.uint8), "RGB")
    placed = place(picture, Picture(mask, "Y"), picture)
    assert placed.mask is not None and placed.notes == []
    np.testing.assert_array_equal(placed.mask.samples, mask)
