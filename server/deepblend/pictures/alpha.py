"""Between straight alpha and colours multiplied by it."""

from __future__ import annotations

import numpy as np

from .picture import rounded, white_of


def divided(samples: np.ndarray) -> np.ndarray:
    """Premultiplied samples with straight alpha; colours stay as they are where alpha is 0.

    What lies beyond a type's range is cut off, as light without cover is in whole numbers.

    Shape:
        samples: (H, W, colours and alpha), any sample type; so is the result.
    """
    white = np.float32(white_of(samples.dtype))
    result = samples.copy()
    for part in _strips(samples):
        values = samples[part].astype(np.float32)
        alpha = values[:, :, -1:]
        with np.errstate(over="ignore", invalid="ignore"):
            values[:, :, :-1] = np.where(
                alpha > 0, values[:, :, :-1] / np.where(alpha > 0, alpha / white, 1), values[:, :, :-1]
            )
        limit = np.finfo(np.float32).max
        values[:, :, :-1] = np.where(
            np.isinf(values[:, :, :-1]), np.copysign(limit, values[:, :, :-1]), values[:, :, :-1]
        )
        result[part] = rounded(values, samples.dtype)
    return result


def multiplied(samples: np.ndarray) -> np.ndarray:
    """Straight samples with colours multiplied by alpha.

    Shape:
        samples: (H, W, colours and alpha), any sample type; so is the result.
    """
    white = np.float32(white_of(samples.dtype))
    result = samples.copy()
    for part in _strips(samples):
        values = samples[part].astype(np.float32)
        values[:, :, :-1] *= values[:, :, -1:] / white
        result[part] = rounded(values, samples.dtype)
    return result


def _strips(samples: np.ndarray) -> list[slice]:
    """Rows of about a million pixels at a time: bounds the float copies."""
    rows = max(1, 2**20 // samples.shape[1])
    return [slice(top, top + rows) for top in range(0, len(samples), rows)]
