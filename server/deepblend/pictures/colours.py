"""Converts pictures between colour spaces, without rounding to 8 bits on the way."""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from . import extra, icc
from .picture import Picture, rounded, scaled, to_linear, to_perceptual

_STRIP = 2**20  # pixels that are converted at a time: bounds the float copies
_D65 = (0.3127, 0.3290)
_REC_709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)


def into_colours_of(picture: Picture | Image.Image, target: Picture | Image.Image) -> Picture:
    """A picture in the colour space of a target, by both ICC profiles (none is sRGB); gray for a gray target.

    8 bits into 8 bits stay 8 bits; whole numbers become 16 bits otherwise, and float32 where
    either is float, so that nothing is rounded to the coarser of two.
    Raises ExtraMissing where profiles have to be applied to more than 8 bits.
    """
    picture, target = Picture.of(picture), Picture.of(target)
    if picture.samples.dtype == target.samples.dtype == np.uint8:
        return _eight_bit(picture, target)
    encoding, profile = target.space
    try:
        return converted(picture, encoding, profile, target.is_gray)
    except RuntimeError:  # a damaged profile says nothing of anybody's colours
        plain = converted(replace(picture, encoding="perceptual", profile=None), "perceptual", None, target.is_gray)
        return plain.with_colours(plain.colours(), encoding, profile)


def converted(
    picture: Picture, encoding: str, profile: bytes | None, gray: bool | None = None, dtype: Any = None
) -> Picture:
    """A picture in another space; in its own type where nothing has to be computed.

    Args:
        encoding, profile: the space; the profile is one for gray or for RGB, or None.
        gray: whether the result is; None leaves it as it is.
        dtype: the sample type of what is computed; None is uint16 for whole numbers, else float32.

    Raises ExtraMissing, and CmsError (a RuntimeError) where a profile is damaged.
    """
    own, wanted = picture.space, (encoding, profile)
    gray = picture.is_gray if gray is None else gray
    if own == wanted and picture.is_gray == gray and dtype in (None, picture.samples.dtype):
        return picture
    dtype = np.dtype(dtype or (np.float32 if picture.is_float else np.uint16))
    if own == wanted and not picture.is_gray and gray and dtype == picture.samples.dtype:
        return picture.with_colours(picture.gray(), *wanted)
    colours = picture.colours()
    result = np.empty((*colours.shape[:2], *(() if gray else (3,))), dtype)
    rows = max(1, _STRIP // picture.width)
    change = _change(picture, wanted)
    for top in range(0, picture.height, rows):
        strip = change(scaled(colours[top : top + rows], np.float32))
        strip = _channels(strip, gray, encoding)
        result[top : top + rows] = scaled(strip, dtype) if dtype.kind == "u" else rounded(strip, dtype)
    return picture.with_colours(result, encoding, profile)


def linear_profile(channels: str, primaries: tuple[float, ...] = _REC_709, white: tuple[float, float] = _D65) -> bytes:
    """An ICC profile with straight curves.

    Args:
        channels: those of the picture; gray needs no primaries.
        primaries: x and y of red, green and blue.
        white: x and y.
    """
    return icc.made((1.0,)) if channels[0] == "Y" else icc.made((1.0,), primaries, white)


def srgb() -> bytes:
    """sRGB's ICC profile, with its curve as a formula: it has no end at 0 or 1."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _change(picture: Picture, wanted: tuple[str, bytes | None]) -> Any:
    """A function that converts a picture's float32 colours, (h, w) or (h, w, 3), to a colour space, in either shape."""
    own = picture.space
    if own == wanted:
        return lambda colours: colours
    if own[1] is None and wanted[1] is None:
        return to_perceptual if wanted[0] == "perceptual" else to_linear
    extra.need("imagecodecs", "Bringing pictures of more than 8 bits into another colour space")
    source, result = _Curve(*own), _Curve(*wanted)
    if not picture.is_float or not source.is_known or not result.is_known:
        return lambda colours: _transformed(colours, source.profile, result.profile)
    return lambda colours: result.encoded(_transformed(source.light(colours), source.straight, result.straight))


class _Curve:
    """A space's own curve apart from its primaries: continued odd-symmetrically below 0, where a formula for
    0..1 ends, or runs off at its steepest."""

    def __init__(self, encoding: str, profile: bytes | None) -> None:
        linear = encoding == "linear"
        self._encoding = encoding
        self._own = profile is not None and not linear
        self.profile = profile or (linear_profile("RGB") if linear else srgb())
        straight = profile if profile is None or linear else icc.straightened(profile)
        self.is_known = profile is None or straight is not None
        """Whether the profile is curves and primaries, and no table of colours."""
        self.straight = straight or linear_profile("RGB")

    def light(self, colours: np.ndarray) -> np.ndarray:
        if self._own:
            return np.copysign(_transformed(np.abs(colours), self.profile, self.straight), colours)
        return to_linear(colours) if self._encoding == "perceptual" else colours

    def encoded(self, light: np.ndarray) -> np.ndarray:
        if self._own:
            return np.copysign(_transformed(np.abs(light), self.straight, self.profile), light)
        return to_perceptual(light) if self._encoding == "perceptual" else light


def _transformed(colours: np.ndarray, source: bytes, result: bytes) -> np.ndarray:
    """Little CMS's work on float32 colours, (h, w) or (h, w, 3); the result is what the profile is for."""
    if source == result:
        return colours
    gray_in, gray_out = (profile[16:20] == b"GRAY" for profile in (source, result))
    if colours.ndim == 2 and not gray_in:
        colours = np.dstack([colours] * 3)
    # In float32: it takes a table of 33 steps for whole numbers of 16 bits, which is off by hundreds.
    return extra.need("imagecodecs", "").cms_transform(
        np.ascontiguousarray(colours),
        source,
        result,
        colorspace="gray" if gray_in else "rgb",
        outcolorspace="gray" if gray_out else "rgb",
        outdtype="float32",
    )


def _channels(colours: np.ndarray, gray: bool, encoding: str) -> np.ndarray:
    if gray:
        return colours if colours.ndim == 2 else Picture(colours, "RGB", encoding).gray()
    return colours if colours.ndim == 3 else np.dstack([colours] * 3)


def _eight_bit(picture: Picture, target: Picture) -> Picture:
    own, wanted = picture.profile, target.profile
    plain = picture.with_samples(picture.colours(), "Y" if picture.is_gray else "RGB").image()
    plain = plain.convert("L" if picture.is_gray and (own or not wanted) else "RGB")
    if own != wanted:
        mode = "L" if wanted is not None and wanted[16:20] == b"GRAY" else "RGB"
        with suppress(ImageCms.PyCMSError):  # a profile that does not fit its own picture says nothing of its colours
            plain = ImageCms.profileToProfile(plain, _profile(own), _profile(wanted), outputMode=mode) or plain
    plain = plain.convert("L" if target.is_gray else "RGB")
    return picture.with_colours(np.asarray(plain), target.encoding, wanted)


def _profile(data: bytes | None) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(data)) if data else ImageCms.createProfile("sRGB")
