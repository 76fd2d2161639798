"""Opens a mask's file, as people have them: black that is not quite 0, labels, transparency, numbers of another depth.

Only files are put right, whose values can mean this or that. A selection that GIMP or Krita hands over is coverage,
and stays exact.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import reduce

import numpy as np
from deepblend_protocol.errors import ArgumentInvalid
from PIL import Image

from .picture import Picture, rounded, scaled
from .placing import as_mask
from .reading import open_picture

# In levels of 255:
_BLACK = 2
"""Levels up to this one show nothing of an object, so they count as black in any mask."""
_LABEL = 5
"""An 8-bit mask with no higher level holds labels; in one that has, this is black if nothing is darker."""
_NOISE = 10
"""JPEG's noise beside most edges is weaker than this."""
_FAINT = 26
"""The level below which a pixel is selected by less than a tenth."""
_COLOURED = 32
"""Levels by which the channels of a gray pixel may differ."""
_FLAT_COLOURS = 32
"""Different levels in a picture of labels, at most; soft edges have more."""
_BLOCK = 5
"""Pixels; a nearly black area with room for a square of this side is no noise."""
_NOTABLE = 0.25
"""The share of the selected pixels from which on something is reported to the user."""


def open_mask(path: str | os.PathLike[str]) -> Picture:
    """The coverage in a mask's file: one channel (H, W), 0 where nothing is selected; its notes say what was changed.

    Soft edges stay: of brightness only what is nearly black or white is moved, and that without a jump.

    Raises FileUnreadable, SizeAbsurd, NotFinite, ExtraMissing, and ArgumentInvalid for colours that can mean anything.
    """
    return mask_from(open_picture(path, "mask"), f"The mask {path}")


def mask_from(picture: Picture, name: str) -> Picture:
    """The coverage in a picture that was made to be a mask, as ``open_mask`` has it.

    Args:
        name: the mask's name, as a sentence about it begins.

    Raises ArgumentInvalid for colours that can mean anything.
    """
    notes = list(picture.notes)
    mask = _coverage(picture, name, notes.append)
    samples = _in_depth(mask.samples, notes.append)
    shares = _histogram(samples)
    peak = int(shares.nonzero()[0].max())
    if samples.dtype == np.uint8 and 0 < peak <= _LABEL:
        samples = _labels(samples, shares, notes.append)
    elif peak >= _FAINT:
        samples = _clean(samples, shares, notes.append)
    _tell_faint(samples, notes.append)
    return replace(mask, samples=samples, notes=tuple(notes))


def _coverage(picture: Picture, name: str, tell: Callable[[str], None]) -> Picture:
    """What a picture selects by its transparency, its colours or its brightness: one channel, of its type or 8 bits.

    Raises ArgumentInvalid for colours without black.
    """
    colours, alpha = scaled(picture.colours(), np.uint8), picture.alpha()
    cut_out = alpha.max() > max(alpha.min(), 0)
    seen = colours[alpha > alpha.max() / 2] if cut_out else colours  # (..., 3), or without the 3 where it is gray
    coloured = not picture.is_gray and _has_colours(seen)
    if cut_out and (coloured or np.all(np.ptp(seen, axis=0) < _NOISE)):
        if coloured or seen.min() <= 255 - _NOISE:
            tell(
                "The mask's transparency was taken as the mask, and its colours were not looked at, "
                f"for they are {'not black and white' if coloured else 'everywhere the same'}."
            )
        return Picture(alpha, "Y")
    if coloured:
        one = _of_colours(picture.colours(), colours, name, tell)
        picture = picture.with_colours(one, picture.encoding, None)
    return as_mask(picture)


def _has_colours(colours: np.ndarray) -> bool:
    """Whether more than a hundredth of what is not black is neither gray nor nearly so, as JPEG leaves it."""
    brightest = _over_channels(np.maximum, colours)
    bright = brightest >= _NOISE
    apart = brightest - _over_channels(np.minimum, colours) > _COLOURED
    return bool(np.count_nonzero(apart & bright) > 0.01 * np.count_nonzero(bright))


def _of_colours(samples: np.ndarray, colours: np.ndarray, name: str, tell: Callable[[str], None]) -> np.ndarray:
    """What colours on black select, (H, W): labels everything, others as much as they are bright.

    Args:
        samples, colours: (H, W, 3), as the file has them, and in 8 bits.
    """
    brightest = _over_channels(np.maximum, colours)
    if brightest.min() >= _NOISE:
        raise ArgumentInvalid(
            reason=f"{name} has colours and no black, so that what it selects cannot be known. "
            "Save it with white where the object is, and black elsewhere."
        )
    if Image.fromarray(np.ascontiguousarray(colours)).getcolors(_FLAT_COLOURS) is not None:
        tell(
            "The mask's colours were taken as labels: all but black is selected. "
            "To select some of them only, save these as white and the others as black."
        )
        return np.where(brightest < _NOISE, np.uint8(0), np.uint8(255))
    tell(
        "The mask has colours: the brightest of red, green and blue was taken as what it selects. "
        "If they are labels, save white where the object is, and black elsewhere."
    )
    return _over_channels(np.maximum, samples)


def _over_channels(combine: np.ufunc, colours: np.ndarray) -> np.ndarray:
    """(..., 3) combined into (...); many times faster than NumPy along its last axis."""
    return reduce(combine, (colours[..., channel] for channel in range(3)))


def _in_depth(samples: np.ndarray, tell: Callable[[str], None]) -> np.ndarray:
    """Samples that count to 255, or float ones to 65535, in a type whose white that is; others are as they were."""
    peak, whole = samples.max(), samples.dtype.kind == "u"
    if samples.dtype == np.uint8 or not (0 < peak <= 255 if whole else 1 < peak <= 65535):
        return samples
    counts = whole or bool((samples == np.rint(samples)).all())
    if not counts and peak < _FAINT:  # no more than light beyond white
        return samples
    bits = 8 if peak <= 255 else 16
    tell(f"The mask's values end at {peak:g}: they were taken as those of {bits} bits, whose white is {2**bits - 1}.")
    if counts:
        return rounded(samples, f"uint{bits}")
    return samples.astype(np.float32) / np.float32(2**bits - 1)


def _labels(samples: np.ndarray, shares: np.ndarray, tell: Callable[[str], None]) -> np.ndarray:
    """Labels from 0 or 1 on as a mask: white but for the lowest."""
    found = [int(value) for value in shares.nonzero()[0]]
    ground = found[0] if len(found) > 1 else 0
    others = [str(value) for value in found if value > ground]
    named = " and ".join(filter(None, (", ".join(others[:-1]), others[-1])))
    several = " To select some of them only, save these as 255 and the others as 0." if len(others) > 1 else ""
    tell(f"The mask's white is {found[-1]} of 255: all that is {named} was taken as selected.{several}")
    return np.where(samples > ground, np.uint8(255), np.uint8(0))


def _clean(samples: np.ndarray, shares: np.ndarray, tell: Callable[[str], None]) -> np.ndarray:
    """Samples with what is nearly black black, and what is nearly white white.

    Every pixel above 0 is blended: noise, or a black that is 1, would make the blended region as large as the picture.
    """
    white = samples.dtype.type(Picture(samples, "Y").white)
    unit, lowest = float(white) / 255, _lowest(shares)

    def darkened(values: np.ndarray, black: int) -> np.ndarray:
        values = _darkened(values, black * unit, values > 0)
        return _darkened(values, _NOISE * unit, _scattered(values, 2 * _NOISE * unit))

    result = darkened(samples, _BLACK + (lowest if lowest <= _LABEL else 0))
    result = white - darkened(white - result, _BLACK)
    before, after = (np.count_nonzero(one > 0) for one in (samples, result))
    if before - after > _NOTABLE * before:
        share = 1 - after / before
        tell(
            f"{share:.0%} of what the mask selects is nearly black, and was taken as black: make it white to select it."
        )
    return result


def _darkened(samples: np.ndarray, black: float, where: np.ndarray) -> np.ndarray:
    """Samples with a higher black: 0 up to it, as they are from twice of it on, and straight in between."""
    low = where & (samples < 2 * black)
    result = samples.copy()
    result[low] = rounded((2 * (samples[low].astype(np.float32) - np.float32(black))).clip(min=0), samples.dtype)
    return result


def _scattered(samples: np.ndarray, bright: float) -> np.ndarray:
    """(H, W), bool: where samples above 0 belong neither to an area of some size nor to a bright pixel's edge."""
    selected = samples > 0
    side = min(_BLOCK, *selected.shape)
    areas = _windows(np.pad(_windows(selected, side, np.logical_and), side - 1), side, np.logical_or)
    edges = _windows(np.pad(samples >= bright, 1), 3, np.logical_or)
    return selected & ~areas & ~edges


def _windows(inside: np.ndarray, side: int, combine: np.ufunc) -> np.ndarray:
    """Every square of pixels combined into one: (H, W) becomes (H - side + 1, W - side + 1)."""
    for axis in (0, 1):
        count = inside.shape[axis] - side + 1
        moved = np.moveaxis(inside, axis, 0)
        inside = np.moveaxis(reduce(combine, (moved[at : at + count] for at in range(side))), 0, axis)
    return inside


def _tell_faint(samples: np.ndarray, tell: Callable[[str], None]) -> None:
    """Say where much is selected by less than a tenth, and not by a soft edge: labels, or a black that is none."""
    shares = _histogram(samples)
    levels, selected = shares.nonzero()[0], shares[1:].sum()
    faint = shares[1:_FAINT].sum() / max(selected, 1e-9)
    if faint > _NOTABLE and (levels.max() < _FAINT or _lowest(shares) > 0 or len(levels) <= _FLAT_COLOURS):
        tell(
            f"{faint:.0%} of what the mask selects is selected by less than a tenth, as the file has it. "
            "If these values are labels, or meant to be black: save white where the object is, and black elsewhere."
        )


def _histogram(samples: np.ndarray) -> np.ndarray:
    """(256): the share of the pixels by level; what is above 0 is at least of level 1."""
    levels = samples
    if samples.dtype != np.uint8:
        levels = np.maximum(scaled(samples, np.uint8), samples > 0).astype(np.uint8)
    return np.array(Image.fromarray(np.ascontiguousarray(levels)).histogram()) / levels.size


def _lowest(shares: np.ndarray) -> int:
    """The level that a hundredth of the pixels do not exceed."""
    return int(np.searchsorted(shares.cumsum(), 0.01))
