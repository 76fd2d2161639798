"""Planes to work arrays and back, and what a plane may not be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from deepblend.engine import colour
from deepblend.engine.request import Plane, Rect
from deepblend_protocol.errors import NotFinite, PlaneInvalid

ENCODINGS = ("perceptual", "linear")


def plane_of(samples: np.ndarray, channels: str = "RGBA", encoding: str = "perceptual") -> Plane:
    return Plane(samples, Rect(3, -2, samples.shape[1], samples.shape[0]), channels, encoding)


def there_and_back(plane: Plane) -> Plane:
    colour.check(plane, "layer")
    return colour.encode(*colour.decode(plane, colour.colours(plane), "cpu"), plane, plane.rect)


def curve(linear: np.ndarray) -> np.ndarray:
    """The sRGB curve from its standard, in float64, odd about 0."""
    size = np.abs(linear)
    return np.sign(linear) * np.where(size <= 0.0031308, 12.92 * size, 1.055 * size ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("encoding", [*ENCODINGS, "profile"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_whole_number_comes_back_exactly(dtype, encoding):
    every = np.arange(np.iinfo(dtype).max + 1).astype(dtype).reshape(-1, 16)
    samples = np.stack([every, every[::-1], every[:, ::-1], every], axis=2)
    plane = plane_of(samples, encoding=encoding)
    back = there_and_back(plane)
    assert back.samples.dtype == dtype
    np.testing.assert_array_equal(back.samples, samples)
    assert (back.rect, back.channels, back.encoding) == (plane.rect, "RGBA", encoding)


def float_samples(dtype: type) -> np.ndarray:
    """Colours from far below black to far above white, alpha 0..1."""
    colours = np.concatenate([np.linspace(-2, 3, 480), [0, 1, 1e-4, -1e-4, 0.0031308, 0.04045, 8, -8, 64, 0.5, 1, 0]])
    rng = np.random.default_rng(1)
    samples = np.dstack([rng.permutation(colours).reshape(12, -1) for _ in range(4)])
    samples[:, :, 3] = np.linspace(0, 1, samples[:, :, 3].size).reshape(12, -1)
    return samples.astype(dtype)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_float_samples_come_back_also_from_below_black_and_above_white(encoding):
    samples = float_samples(np.float32)
    back = there_and_back(plane_of(samples, encoding=encoding)).samples
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, samples, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_half_float_samples_come_back_exactly(encoding):
    """The way through float32 has far more digits than a half."""
    samples = float_samples(np.float16)
    back = there_and_back(plane_of(samples, encoding=encoding)).samples
    assert back.dtype == np.float16
    np.testing.assert_array_equal(back, samples)


def test_whole_number_planes_are_rounded_and_cut_off_at_their_ends():
    like = plane_of(np.zeros((1, 5, 4), np.uint8))
    image = torch.tensor([-300.0, 0.4, 0.6, 254.6, 700.0]).expand(3, 1, 5)
    samples = colour.encode(image, torch.ones(1, 5), like, like.rect).samples
    np.testing.assert_array_equal(samples[0, :, 0], [0, 0, 1, 255, 255])


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535), (np.float16, 1), (np.float32, 1)])
def test_white_is_255_levels_and_full_alpha_1(dtype, white):
    image, alpha = colour.decode(plane_of(np.full((2, 3, 4), white, dtype)), 3, "cpu")
    assert image.dtype == alpha.dtype == torch.float32
    assert image.shape == (3, 2, 3)
    assert alpha.shape == (2, 3)
    assert (image == 255).all()
    assert (alpha == 1).all()


def test_linear_light_is_decoded_by_the_srgb_curve():
    linear = np.linspace(-1.5, 2.5, 401, dtype=np.float32).reshape(1, -1)
    image, _ = colour.decode(plane_of(linear, "Y", "linear"), 1, "cpu")
    np.testing.assert_allclose(image[0].numpy(), 255 * curve(linear.astype(np.float64)), rtol=1e-5, atol=1e-4)


def test_alpha_has_no_curve_and_is_kept_within_0_to_1():
    samples = np.zeros((1, 5, 2), np.float32)
    samples[0, :, 1] = [-0.5, 0, 0.25, 1, 1.5]
    _, alpha = colour.decode(plane_of(samples, "YA", "linear"), 1, "cpu")
    assert alpha[0].tolist() == [0, 0, 0.25, 1, 1]


@pytest.mark.parametrize(
    ("channels", "pixel", "rgb", "alpha"),
    [
        ("RGBA", [10, 20, 30, 51], [10, 20, 30], 0.2),
        ("BGRA", [10, 20, 30, 51], [30, 20, 10], 0.2),
        ("RGB", [10, 20, 30], [10, 20, 30], 1),
        ("YA", [10, 51], [10, 10, 10], 0.2),
        ("Y", [10], [10, 10, 10], 1),
    ],
)
def test_each_channel_order(channels, pixel, rgb, alpha):
    samples = np.tile(np.array(pixel, np.uint8), (2, 3, 1))
    image, opacity = colour.decode(plane_of(samples, channels), 3, "cpu")
    np.testing.assert_allclose(image[:, 1, 2], rgb, rtol=1e-6)
    np.testing.assert_allclose(opacity, alpha, rtol=1e-6)


@pytest.mark.parametrize(
    ("channels", "result"), [("RGBA", "RGBA"), ("BGRA", "RGBA"), ("RGB", "RGBA"), ("YA", "YA"), ("Y", "YA")]
)
def test_results_have_alpha_last_and_red_first(channels, result):
    samples = np.random.default_rng(2).integers(0, 256, (4, 5, len(channels)), dtype=np.uint8)
    back = there_and_back(plane_of(samples, channels))
    assert back.channels == result
    assert back.samples.shape == (4, 5, len(result))
    colour.check(back, "result")
    ours = samples[:, :, [2, 1, 0, 3]] if channels == "BGRA" else samples
    np.testing.assert_array_equal(back.samples[:, :, : ours.shape[2]], ours)
    if "A" not in channels:
        assert (back.samples[:, :, -1] == 255).all()


def test_one_channel_may_leave_out_its_axis():
    samples = np.arange(12, dtype=np.uint8).reshape(3, 4)
    flat, deep = plane_of(samples, "Y"), plane_of(samples[:, :, None], "Y")
    colour.check(flat, "mask")
    assert torch.equal(colour.decode(flat, 1, "cpu")[0], colour.decode(deep, 1, "cpu")[0])


def test_gray_to_colour_and_back():
    gray = np.random.default_rng(3).integers(0, 65536, (6, 7, 2), dtype=np.uint16)
    image, alpha = colour.decode(plane_of(gray, "YA"), 3, "cpu")
    assert torch.equal(image[0], image[1])
    assert torch.equal(image[0], image[2])
    like = plane_of(np.zeros((1, 1, 4), np.uint16))
    coloured = colour.encode(image, alpha, like, Rect(0, 0, 7, 6))
    image, alpha = colour.decode(coloured, 1, "cpu")
    back = colour.encode(image, alpha, plane_of(gray, "YA"), Rect(0, 0, 7, 6))
    np.testing.assert_array_equal(back.samples, gray)


def test_colour_to_gray_is_luma_and_gray_has_its_own():
    rgb = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    image, _ = colour.decode(plane_of(rgb, "RGB"), 1, "cpu")
    np.testing.assert_allclose(image[0, 0], [0.299 * 255, 0.587 * 255, 0.114 * 255, 255], rtol=1e-6)
    assert torch.equal(colour.luma(image), image)


def test_samples_of_any_memory_layout_mean_the_same():
    """Views that are mirrored, turned or big-endian are read by what they hold; none of them is written to."""
    samples = np.random.default_rng(4).integers(0, 65536, (6, 7, 4), dtype=np.uint16)
    expected, alpha = colour.decode(plane_of(samples), 3, "cpu")
    for same in (
        samples[::-1, ::-1].copy()[::-1, ::-1],
        np.asfortranarray(samples),
        samples.astype(samples.dtype.newbyteorder()),
    ):
        same.flags.writeable = False
        plane = plane_of(same)
        colour.check(plane, "layer")
        image, opacity = colour.decode(plane, 3, "cpu")
        assert torch.equal(image, expected)
        assert torch.equal(opacity, alpha)


def test_the_profile_travels_with_the_result():
    plane = replace(plane_of(np.zeros((2, 2, 4), np.uint8), encoding="profile"), profile=b"a profile")
    assert there_and_back(plane).profile == b"a profile"


GOOD = plane_of(np.zeros((4, 6, 4), np.float32))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"channels": "CMYK"}, "its channels are 'CMYK', not one of RGBA, BGRA, RGB, YA, Y"),
        ({"channels": "RGB"}, r"shape \(4, 6, 4\), its rectangle, scale and channels ask for \(4, 6, 3\)"),
        ({"encoding": "gamma"}, "its encoding is 'gamma', not one of perceptual, linear, profile"),
        ({"samples": np.zeros((4, 6, 4))}, "its samples are float64, not one of uint8, uint16, float16, float32"),
        ({"samples": np.zeros((4, 6, 4), bool)}, "its samples are bool"),
        ({"samples": np.zeros((4, 6, 4), np.int16)}, "its samples are int16"),
        ({"samples": np.zeros((6, 4, 4), np.float32)}, r"shape \(6, 4, 4\)"),
        ({"samples": np.zeros((4, 6), np.float32)}, r"shape \(4, 6\)"),
        ({"samples": np.zeros((1, 4, 6, 4), np.float32)}, r"shape \(1, 4, 6, 4\)"),
        ({"samples": np.zeros((0, 6, 4), np.float32), "rect": Rect(0, 0, 6, 0)}, "6 x 0 pixels is empty"),
        ({"rect": Rect(0, 0, 0, 4)}, "its rectangle of 0 x 4 pixels is empty"),
        ({"rect": Rect(0, 0, -6, 4)}, "-6 x 4 pixels is empty"),
        ({"rect": Rect(0, 0, 12, 8)}, r"ask for \(8, 12, 4\)"),
        ({"scale": 0.0}, "its scale is 0.0, not a number above 0"),
        ({"scale": -1.0}, "its scale is -1.0"),
        ({"scale": float("nan")}, "its scale is nan"),
        ({"scale": float("inf")}, "its scale is inf"),
        ({"scale": 2.0}, r"ask for \(8, 12, 4\)"),
    ],
)
def test_a_plane_that_contradicts_itself_is_refused_in_one_sentence(wrong, words):
    with pytest.raises(PlaneInvalid, match=words) as caught:
        colour.check(replace(GOOD, **wrong), "layer")
    sentence = str(caught.value)
    assert sentence.startswith("The layer cannot be used: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert caught.value.params["role"] == "layer"


@pytest.mark.parametrize("role", ["layer", "mask", "background", "style picture"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_what_is_no_number_is_refused_with_its_count(dtype, bad, role):
    samples = np.zeros((4, 6, 4), dtype)
    samples[1:3, 2, 0] = bad
    with pytest.raises(NotFinite) as caught:
        colour.check(replace(GOOD, samples=samples), role)
    assert str(caught.value).startswith(f"The {role} holds 2 values that are not finite numbers")
    assert caught.value.params == {"role": role, "count": 2}


def test_a_reduced_plane_is_as_large_as_its_scale_says():
    colour.check(Plane(np.zeros((25, 100, 3), np.uint8), Rect(-7, 9, 400, 100), "RGB", scale=0.25), "style picture")
    colour.check(Plane(np.zeros((1, 100, 3), np.uint8), Rect(0, 0, 400, 1), "RGB", scale=0.25), "style picture")
    with pytest.raises(PlaneInvalid, match="shape"):
        colour.check(Plane(np.zeros((26, 100, 3), np.uint8), Rect(0, 0, 400, 100), "RGB", scale=0.25), "style picture")
