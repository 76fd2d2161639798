"""Pictures brought from one colour space into another, at 8 bits and beyond."""

from __future__ import annotations

import io

import deep
import imagecodecs
import numpy as np
import pytest
from deepblend import pictures
from deepblend.pictures import Picture, colours, icc
from deepblend.pictures.picture import scaled, to_linear, to_perceptual
from PIL import Image, ImageCms

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GRAY = bytes(imagecodecs.cms_profile("gray", whitepoint=(0.3127, 0.3290, 1.0), gamma=2.2))
LINEAR = colours.linear_profile("RGB")
ANY = np.random.default_rng(3).random((40, 50, 3))
# From a colour science handbook's definition: linear sRGB to linear Adobe RGB (1998), both at D65.
TO_ADOBE = np.array([[0.71512, 0.28488, 0.0], [0.0, 1.0, 0.0], [0.0, 0.04116, 0.95884]])


def of(kind: str, values: np.ndarray = ANY, profile: bytes | None = None, encoding: str | None = None) -> Picture:
    samples = values * deep.WHITE[kind]
    samples = (np.rint(samples) if kind[0] == "u" else samples).astype(kind)
    channels = {1: "Y", 2: "YA", 3: "RGB", 4: "RGBA"}[1 if values.ndim == 2 else values.shape[2]]
    return Picture(samples, channels, encoding or icc.encoding(profile, channels), profile)


@pytest.mark.parametrize("kind", ["u2", "f2", "f4"])
@pytest.mark.parametrize("profile", [deep.ADOBE, LINEAR, GRAY])
@pytest.mark.parametrize("back", [False, True])
def test_deep_pictures_agree_with_pillow_at_eight_bits(kind: str, profile: bytes, back: bool) -> None:
    gray = profile == GRAY
    mode = "L" if gray else "RGB"
    eight = (ANY[:, :, 0] if gray and back else ANY) * 255
    eight = np.rint(eight).astype(np.uint8)
    own, wanted = (profile, SRGB) if back else (SRGB, profile)
    opened = [ImageCms.ImageCmsProfile(io.BytesIO(one)) for one in (own, wanted)]
    expected = ImageCms.profileToProfile(Image.fromarray(eight), *opened, outputMode="RGB" if back else mode)
    source = of(kind, eight / 255, own)
    target = of(kind, ANY[:, :, 0] if gray and not back else ANY, wanted)
    made = pictures.into_colours_of(source, target)
    assert made.channels == target.channels and made.profile == wanted
    rounded = np.rint(scaled(made.samples, np.float32) * 255).clip(0, 255)
    assert np.abs(rounded - np.asarray(expected).astype(float)).max() <= 1


@pytest.mark.parametrize(("kind", "error"), [("u2", 2e-4), ("f4", 2e-4)])
def test_adobe_rgb_by_its_definition(kind: str, error: float) -> None:
    made = pictures.into_colours_of(of(kind, profile=SRGB), of(kind, profile=deep.ADOBE))
    linear = ((ANY + 0.055) / 1.055) ** 2.4
    linear = np.where(ANY <= 0.04045, ANY / 12.92, linear)
    expected = (linear @ TO_ADOBE.T) ** (256 / 563)
    # Near black a root is steep, and a profile's numbers have 16 bits.
    bright = expected > 0.1
    assert np.abs(scaled(made.samples, np.float32) - expected)[bright].max() < error
    again = pictures.into_colours_of(made, of(kind, profile=SRGB))
    assert np.abs(scaled(again.samples, np.float32) - ANY).max() < error
    assert len(np.unique(made.samples)) > 3000


def test_depths_are_not_rounded_to_the_coarser() -> None:
    for source, target, expected in (
        ("u1", "u2", "uint16"),
        ("u2", "u1", "uint16"),
        ("f4", "u2", "float32"),
        ("u2", "f2", "uint16"),
    ):
        made = pictures.into_colours_of(of(source, profile=SRGB), of(target, profile=deep.ADOBE))
        assert made.samples.dtype == expected
    same = of("u2")
    assert pictures.into_colours_of(same, of("f4")) is same  # one space: nothing to compute


def test_linear_light_has_no_ends() -> None:
    wide = ANY * 6 - 2
    linear = pictures.into_colours_of(of("f4", wide), of("f4", encoding="linear"))
    np.testing.assert_allclose(pictures.into_colours_of(linear, of("f4")).samples, wide, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(to_linear(to_perceptual(wide.astype(np.float32))), wide, rtol=1e-4, atol=1e-6)
    rec2020 = colours.linear_profile("RGB", (0.708, 0.292, 0.170, 0.797, 0.131, 0.046))
    there = pictures.into_colours_of(of("f4", wide, encoding="linear"), of("f4", profile=rec2020))
    assert there.encoding == "linear" and there.samples.min() < -1 and there.samples.max() > 3
    back = pictures.into_colours_of(there, of("f4", encoding="linear"))
    np.testing.assert_allclose(back.samples, wide, atol=2e-4)
    white = pictures.into_colours_of(of("f4", np.ones((2, 2, 3)), encoding="linear"), of("f4", profile=rec2020))
    np.testing.assert_allclose(white.samples, 1, atol=2e-4)


def test_what_lies_beyond_a_gamut_is_kept_in_measure() -> None:
    """The green of a wide space has less red than none in sRGB: a little less, not a formula run off."""
    green = np.zeros((2, 2, 3))
    green[..., 1] = 1
    linear = np.linalg.inv(TO_ADOBE) @ (0, 1, 0)
    expected = np.sign(linear) * np.where(
        np.abs(linear) < 0.0031308, 12.92 * np.abs(linear), 1.055 * np.abs(linear) ** (1 / 2.4) - 0.055
    )
    for wanted in (None, SRGB):
        made = pictures.into_colours_of(of("f4", green, deep.ADOBE), of("f4", profile=wanted))
        np.testing.assert_allclose(made.samples[0, 0], expected, atol=1e-3)
        back = pictures.into_colours_of(made, of("f4", profile=deep.ADOBE))
        np.testing.assert_allclose(back.samples, green, atol=2e-3)


def test_gray_is_the_luma_and_alpha_stays() -> None:
    alpha = np.random.default_rng(5).random((40, 50))
    made = pictures.into_colours_of(of("u2", np.dstack([ANY, alpha])), of("u2", alpha))
    assert made.channels == "YA" and made.samples.dtype == np.uint16
    np.testing.assert_allclose(made.samples[..., 0] / 65535, ANY @ (0.299, 0.587, 0.114), atol=2e-5)
    np.testing.assert_array_equal(made.samples[..., 1], np.rint(alpha * 65535))
    coloured = pictures.into_colours_of(of("u2", alpha), of("u2"))
    np.testing.assert_array_equal(coloured.samples, np.dstack([np.rint(alpha * 65535).astype(np.uint16)] * 3))


def test_what_a_profile_says_of_itself() -> None:
    assert icc.encoding(LINEAR, "RGB") == "linear" and icc.encoding(deep.ADOBE, "RGBA") == "profile"
    assert icc.encoding(deep.ADOBE, "Y") == icc.encoding(None, "RGB") == "perceptual"


def test_a_damaged_profile_says_nothing() -> None:
    damaged = deep.ADOBE[:130] + bytes(len(deep.ADOBE) - 130)
    made = pictures.into_colours_of(of("u2", profile=damaged), of("u2"))
    np.testing.assert_array_equal(made.samples, of("u2").samples)


def test_an_engines_planes_carry_the_targets_space() -> None:
    from deepblend_protocol.settings import resolve

    mask = Image.new("L", (20, 20), 255)
    for target, encoding in ((of("u2", profile=deep.ADOBE), "profile"), (of("f4", encoding="linear"), "linear")):
        placed = pictures.place(of("u2", ANY[:20, :20], SRGB), mask, target)
        made = pictures.to_request(placed, resolve({}), "cpu", "shipped", style=of("u1", profile=LINEAR))
        for plane in (made.layer, made.background, made.style):
            assert plane is not None and (plane.encoding, plane.profile) == (encoding, target.profile)
