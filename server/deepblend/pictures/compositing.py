"""Layers laid over each other, by the formulas of W3C's Compositing and Blending, which OpenRaster names its modes by.

Everything is float32, (H, W, 4): colours times alpha, and alpha, 0..1 from black to white. Values
are mixed as they are encoded, as the programs that write OpenRaster do.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_LUMA = np.array((0.3, 0.59, 0.11), np.float32)
_TINY = np.float32(1e-7)


def over(below: np.ndarray, above: np.ndarray, mode: str = "svg:src-over") -> np.ndarray:
    """A layer laid over what is below it.

    Args:
        mode: one of MODES.

    Shape:
        below, above: (H, W, 4), premultiplied; so is the result.
    """
    ab, as_ = below[:, :, 3:], above[:, :, 3:]
    if mode in _OPERATORS:
        of_above, of_below = _OPERATORS[mode](as_, ab)
        return np.minimum(above * of_above + below * of_below, np.maximum(1, np.maximum(above, below)))
    blend = _BLENDS[mode]
    mixed = blend(_straight(below), _straight(above))
    result = below * (1 - as_) + above * (1 - ab)
    result[:, :, :3] += as_ * ab * mixed
    result[:, :, 3:] = as_ + ab * (1 - as_)
    return result


def _straight(picture: np.ndarray) -> np.ndarray:
    return picture[:, :, :3] / np.maximum(picture[:, :, 3:], _TINY)


def _screen(b: np.ndarray, s: np.ndarray) -> np.ndarray:
    return b + s - b * s


def _hard_light(b: np.ndarray, s: np.ndarray) -> np.ndarray:
    return np.where(s <= 0.5, b * 2 * s, _screen(b, 2 * s - 1))


def _soft_light(b: np.ndarray, s: np.ndarray) -> np.ndarray:
    d = np.where(b <= 0.25, ((16 * b - 12) * b + 4) * b, np.sqrt(np.maximum(b, 0)))
    return np.where(s <= 0.5, b - (1 - 2 * s) * b * (1 - b), b + (2 * s - 1) * (d - b))


def _dodge(b: np.ndarray, s: np.ndarray) -> np.ndarray:
    lit = np.minimum(1, b / np.maximum(1 - s, _TINY))
    return np.where(b <= 0, 0, np.where(s >= 1, 1, lit))


def _burn(b: np.ndarray, s: np.ndarray) -> np.ndarray:
    burnt = 1 - np.minimum(1, (1 - b) / np.maximum(s, _TINY))
    return np.where(b >= 1, 1, np.where(s <= 0, 0, burnt))


def _luma(c: np.ndarray) -> np.ndarray:
    return (c @ _LUMA)[:, :, None]


def _with_luma(c: np.ndarray, luma: np.ndarray) -> np.ndarray:
    """A colour moved to a luma, and towards gray as far as it then left 0..1."""
    c = c + (luma - _luma(c))
    low, high = c.min(2, keepdims=True), c.max(2, keepdims=True)
    c = np.where(low < 0, luma + (c - luma) * luma / np.maximum(luma - low, _TINY), c)
    return np.where(high > 1, luma + (c - luma) * (1 - luma) / np.maximum(high - luma, _TINY), c)


def _saturation(c: np.ndarray) -> np.ndarray:
    return c.max(2, keepdims=True) - c.min(2, keepdims=True)


def _with_saturation(c: np.ndarray, saturation: np.ndarray) -> np.ndarray:
    return (c - c.min(2, keepdims=True)) * saturation / np.maximum(_saturation(c), _TINY)


_BLENDS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "svg:multiply": lambda b, s: b * s,
    "svg:screen": _screen,
    "svg:overlay": lambda b, s: _hard_light(s, b),
    "svg:darken": np.minimum,
    "svg:lighten": np.maximum,
    "svg:color-dodge": _dodge,
    "svg:color-burn": _burn,
    "svg:hard-light": _hard_light,
    "svg:soft-light": _soft_light,
    "svg:difference": lambda b, s: np.abs(b - s),
    "svg:exclusion": lambda b, s: b + s - 2 * b * s,
    "svg:hue": lambda b, s: _with_luma(_with_saturation(s, _saturation(b)), _luma(b)),
    "svg:saturation": lambda b, s: _with_luma(_with_saturation(b, _saturation(s)), _luma(b)),
    "svg:color": lambda b, s: _with_luma(s, _luma(b)),
    "svg:luminosity": lambda b, s: _with_luma(b, _luma(s)),
}
"""By mode, the colours of what is below and above mixed."""

_OPERATORS: dict[str, Callable[[np.ndarray, np.ndarray], tuple[np.ndarray | float, np.ndarray | float]]] = {
    "svg:src-over": lambda s, b: (1, 1 - s),
    "svg:plus": lambda s, b: (1, 1),
    "svg:dst-in": lambda s, b: (0, s),
    "svg:dst-out": lambda s, b: (0, 1 - s),
    "svg:src-atop": lambda s, b: (b, 1 - s),
    "svg:dst-atop": lambda s, b: (1 - b, s),
}
"""By mode, the shares of what is above and below, by the alphas of both."""

MODES = (*_OPERATORS, *_BLENDS)
"""The composite-op of OpenRaster that are known."""
