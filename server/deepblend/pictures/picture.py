"""A picture in memory, of any depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from deepblend_protocol.sample_types import BY_NUMPY_NAME
from PIL import Image

from . import icc

_CHANNELS = {"L": "Y", "LA": "YA", "RGB": "RGB", "RGBA": "RGBA"}
MODES = {channels: mode for mode, channels in _CHANNELS.items()}
"""Pillow's modes by channels."""
_LUMA = {"perceptual": (0.299, 0.587, 0.114), "linear": (0.2126, 0.7152, 0.0722)}
"""Rec. 601 on encoded values, as Pillow has it; Rec. 709 in linear light."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture's samples, their colour space, and the metadata of its file.

    Shape:
        samples: (H, W) for one channel, else (H, W, channels); uint8 and uint16 span their whole
        range, float16 and float32 have 0..1 as black..white. Alpha is straight.
    """

    samples: np.ndarray
    channels: str
    """Y, YA, RGB or RGBA."""
    encoding: str = "perceptual"
    """perceptual (the sRGB curve), linear, or profile (the profile's own curve)."""
    profile: bytes | None = None
    """The ICC profile, as it is in the file; None is sRGB."""
    exif: bytes | None = None
    """EXIF data without the orientation, which has been applied; as Pillow gives and takes it."""
    dpi: tuple[float, float] | None = None
    premultiplied: np.ndarray | None = None
    """The samples as a file with premultiplied alpha holds them, of the same shape: dividing by
    alpha and multiplying again would change bits of pixels that nobody touched."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """An EXR's header, for the EXR that is made from it."""
    png_chunks: tuple[tuple[bytes, bytes], ...] = ()
    """A PNG's own words for encoding and profile, names and contents of chunks, for the PNG that is made from it."""
    notes: tuple[str, ...] = ()
    """Sentences for the user about what was changed when the file was read."""

    @classmethod
    def of(cls, picture: Picture | Image.Image) -> Picture:
        """A Pillow picture (L, LA, RGB or RGBA) with its profile, EXIF and resolution; a Picture is itself."""
        if isinstance(picture, Picture):
            return picture
        channels, info = _CHANNELS[picture.mode], picture.info
        profile = info.get("icc_profile")
        encoding = icc.encoding(profile, channels)
        return cls(np.asarray(picture), channels, encoding, profile, info.get("exif"), info.get("dpi"))

    @property
    def width(self) -> int:
        return self.samples.shape[1]

    @property
    def height(self) -> int:
        return self.samples.shape[0]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.width, self.height

    @property
    def is_gray(self) -> bool:
        return self.channels[0] == "Y"

    @property
    def has_alpha(self) -> bool:
        return self.channels[-1] == "A"

    @property
    def is_float(self) -> bool:
        return self.samples.dtype.kind == "f"

    @property
    def white(self) -> int:
        return white_of(self.samples.dtype)

    @property
    def space(self) -> tuple[str, bytes | None]:
        """Encoding and profile that the colours are to be read by; a profile for other channels says nothing."""
        return self.encoding, self.profile if icc.fits(self.profile, self.channels) else None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.samples, dtype=dtype, copy=bool(copy)) if copy or dtype is not None else self.samples

    def colours(self) -> np.ndarray:
        """The samples without alpha: (H, W) for gray, else (H, W, 3)."""
        if not self.has_alpha:
            return self.samples
        return self.samples[:, :, 0] if self.is_gray else self.samples[:, :, :3]

    def alpha(self) -> np.ndarray:
        """(H, W), in the samples' type; full where there is no transparency."""
        if self.has_alpha:
            return self.samples[:, :, -1]
        return np.full((self.height, self.width), self.white, self.samples.dtype)

    def with_colours(self, colours: np.ndarray, encoding: str, profile: bytes | None) -> Picture:
        """The same picture in other colours, with its alpha in their type.

        Shape:
            colours: (H, W) or (H, W, 3), any sample type
        """
        gray = colours.ndim == 2
        if self.has_alpha:
            alpha = scaled(self.alpha(), colours.dtype)
            colours = np.dstack([colours, alpha])
        channels = ("Y" if gray else "RGB") + ("A" if self.has_alpha else "")
        kept = self.png_chunks if (encoding, profile) == (self.encoding, self.profile) else ()
        return replace(
            self,
            samples=colours,
            channels=channels,
            encoding=encoding,
            profile=profile,
            premultiplied=None,
            png_chunks=kept,
        )

    def with_samples(self, samples: np.ndarray, channels: str | None = None) -> Picture:
        """The same picture with other samples: its colour space and metadata stay."""
        return replace(self, samples=samples, channels=channels or self.channels, premultiplied=None)

    def image(self) -> Image.Image:
        """The picture as Pillow's, with 8 bits and the sRGB curve, rounded and clipped to what a screen shows; of
        8-bit samples themselves. The profile is in ``info``."""
        samples = self.samples
        if samples.dtype != np.uint8:
            colours, alpha = scaled(self.colours(), np.float32), self.alpha()
            colours = to_perceptual(colours) if self.encoding == "linear" else colours
            samples = scaled(colours, np.uint8)
            if self.has_alpha:
                samples = np.dstack([samples, scaled(alpha, np.uint8)])
        image = Image.fromarray(np.ascontiguousarray(samples))
        assert image.mode == MODES[self.channels]
        if self.profile is not None:
            image.info["icc_profile"] = self.profile
        return image

    def gray(self) -> np.ndarray:
        """The luma, (H, W), in the samples' type, without alpha."""
        if self.is_gray:
            return self.colours()
        if self.samples.dtype == np.uint8:
            return np.asarray(Image.fromarray(np.ascontiguousarray(self.colours())).convert("L"))
        weights = np.array(_LUMA["linear" if self.encoding == "linear" else "perceptual"], np.float32)
        return rounded(self.colours().astype(np.float32) @ weights, self.samples.dtype)

    def resized(self, size: tuple[int, int], resample: Image.Resampling | None = None) -> Picture:
        """The picture in another size, (width, height); None takes Pillow's default filter, as published.

        Colours are weighted by their alpha, so that what is under full transparency does not bleed.
        """
        if self.samples.dtype == np.uint8:
            plain = Image.fromarray(self.samples)
            return self.with_samples(np.asarray(plain.resize(size, resample)))
        values = np.atleast_3d(self.samples).astype(np.float32) / np.float32(self.white)
        if self.has_alpha:
            values[:, :, :-1] *= values[:, :, -1:]
        chosen = Image.Resampling.BICUBIC if resample is None else resample
        planes = [Image.fromarray(np.ascontiguousarray(values[:, :, i])) for i in range(values.shape[2])]
        values = np.dstack([np.asarray(plane.resize(size, chosen)) for plane in planes])
        if self.has_alpha:
            alpha = values[:, :, -1:]
            alpha[:] = alpha.clip(0, 1)
            # A filter's rings where there is next to nothing would be blown up.
            values[:, :, :-1] /= np.maximum(alpha, 1e-4)
        samples = rounded(values * np.float32(self.white), self.samples.dtype)
        return self.with_samples(samples[:, :, 0] if self.samples.ndim == 2 else samples)


def white_of(dtype: np.dtype[Any]) -> int:
    """The value of white and of full opacity in a sample type."""
    return BY_NUMPY_NAME[dtype.name].white


def scaled(values: np.ndarray, dtype: Any) -> np.ndarray:
    """Samples of one type in another: black stays black and white white; whole numbers are rounded and cut off."""
    dtype = np.dtype(dtype)
    if values.dtype == dtype:
        return values
    factor = white_of(dtype) / white_of(values.dtype)
    return rounded(values.astype(np.float32) * np.float32(factor), dtype)


def spread(samples: np.ndarray, bits: int) -> np.ndarray:
    """Whole numbers of so many bits, whose white is 2**bits - 1, in 8 bits where that suffices, else in 16."""
    dtype = np.dtype(np.uint8 if bits <= 8 else np.uint16)
    if bits in (8, 16):
        return samples.astype(dtype, copy=False)
    factor = white_of(dtype) / (2**bits - 1)
    return rounded(samples.astype(np.float32) * np.float32(factor), dtype)


def rounded(values: np.ndarray, dtype: Any) -> np.ndarray:
    """Float values in a sample type's own scale as that type; what leaves its range is cut off, NaN is black."""
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        limit = np.finfo(dtype).max
        return values.clip(-limit, limit).astype(dtype) if dtype.itemsize < values.dtype.itemsize else values
    values = np.rint(values)
    np.clip(values, 0, white_of(dtype), out=values)
    return values.astype(dtype)


def to_perceptual(values: np.ndarray) -> np.ndarray:
    """The sRGB curve (IEC 61966-2-1) on float32 values, odd-symmetric below 0 and as it stands above 1."""
    size = np.abs(values)
    with np.errstate(invalid="ignore"):
        curved = np.where(size <= 0.0031308, 12.92 * size, 1.055 * size ** np.float32(1 / 2.4) - np.float32(0.055))
    return np.copysign(curved, values).astype(np.float32)


def to_linear(values: np.ndarray) -> np.ndarray:
    """The inverse of :func:`to_perceptual`."""
    size = np.abs(values)
    curved = np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** np.float32(2.4))
    return np.copysign(curved, values).astype(np.float32)
