"""Colours by code points (ITU-T H.273), as PNG's cICP and the nclx of HEIF and AVIF have them."""

from __future__ import annotations

from . import icc

_D65 = (0.3127, 0.3290)
_PRIMARIES: dict[int, tuple[tuple[float, ...], tuple[float, float]]] = {
    1: ((0.640, 0.330, 0.300, 0.600, 0.150, 0.060), _D65),
    4: ((0.67, 0.33, 0.21, 0.71, 0.14, 0.08), (0.310, 0.316)),
    5: ((0.64, 0.33, 0.29, 0.60, 0.15, 0.06), _D65),
    6: ((0.630, 0.340, 0.310, 0.595, 0.155, 0.070), _D65),
    7: ((0.630, 0.340, 0.310, 0.595, 0.155, 0.070), _D65),
    8: ((0.681, 0.319, 0.243, 0.692, 0.145, 0.049), (0.310, 0.316)),
    9: ((0.708, 0.292, 0.170, 0.797, 0.131, 0.046), _D65),
    11: ((0.680, 0.320, 0.265, 0.690, 0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320, 0.265, 0.690, 0.150, 0.060), _D65),
    22: ((0.630, 0.340, 0.295, 0.605, 0.155, 0.077), _D65),
}
"""By code: x and y of red, green and blue; and of white."""
SRGB = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""Its curve as ``icc.made`` takes it."""
_BT709 = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
_CURVES: dict[int, tuple[float, ...]] = {
    1: _BT709, 4: (2.2,), 5: (2.8,), 6: _BT709, 8: (1.0,), 13: SRGB, 14: _BT709, 15: _BT709,
}  # fmt: skip
_HDR = {16: "PQ", 18: "HLG"}
_UNSAID = 2


class Refused(ValueError):
    """Colours that cannot be blended; the text is the reason, in a user's words."""


def profile(primaries: int, transfer: int, gray: bool) -> tuple[str, bytes | None] | None:
    """Encoding and ICC profile of code points: None and the sRGB curve for sRGB's own.

    Returns None for codes that say nothing, or are not known. Raises Refused for HDR's curves.
    """
    if transfer in _HDR:
        raise Refused(
            f"its brightness is coded for HDR displays ({_HDR[transfer]}); "
            "save it in linear light as OpenEXR, or as sRGB or Display P3"
        )
    primaries = 1 if primaries == _UNSAID else primaries
    if primaries not in _PRIMARIES or transfer not in _CURVES:
        return None
    is_own = primaries == 1 or gray
    if is_own and transfer in (8, 13):
        return ("linear" if transfer == 8 else "perceptual"), None
    made = icc.made(_CURVES[transfer]) if gray else icc.made(_CURVES[transfer], *_PRIMARIES[primaries])
    return ("linear" if transfer == 8 else "profile"), made
