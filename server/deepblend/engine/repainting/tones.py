"""Tones and colours: an object's own, given back to what has been painted of it, where strokes are blurred away.

A loss that holds them trades them for texture; giving them back keeps both, and takes no evaluations. What is wide is
given back everywhere, and what is finer where the object has a structure of its own: an outline, an eye, a letter, a
tiger's stripes; of colours, where they are vivid. What is still far from the object's own was no stroke but a thing
that the painting shows elsewhere; so is what is wide and less far.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..colour import luma
from .curves import quantiles
from .octaves import gauss

TONE_BLUR = 0.025
"""Standard deviation, of the root of the object's area: what of the object is wider is given back."""
_TONE_BLURS = (2.0, 6.0)
"""Between which that is, in pixels of the base."""
_AT_STRUCTURE = 0.35
"""Of that, where the object's structure is strong."""
STRUCTURE = 0.8
"""The part of the object whose own structure is weaker than what counts as strong."""
_STRONG = 18.0
"""Levels, a standard deviation: what counts as strong in any object, also in a zebra, which is striped all over."""
CHROMA_BLUR = 8.0
"""Standard deviation, in pixels of the base."""
VIVID_BLUR = 3.0
"""The same where colours are vivid: a red thing is red to its edges."""
_VIVID = 60.0
"""Levels of chroma that are half vivid: a skin has 40, a brick 80."""
FARTHEST = (80.0, 50.0)
"""Levels of luma and of chroma that what has been painted differs by from the object's own, at most."""
WIDE_BLUR = 2.0
"""Standard deviation, in pixels of the base: a difference wider than a stroke."""
FARTHEST_WIDE = (15.0, 12.0)
"""The same two of a wide difference."""
_LEAST = 0.05
"""Of Omega under a blur: by less nothing is divided."""


def vivid(image: Tensor) -> Tensor:
    """How vivid colours are, 0..1; a gray picture's are not.

    Shape:
        image: (1, C, H, W), levels; result: (1, 1, H, W).
    """
    strength = gauss((image - luma(image)).square().sum(1, keepdim=True), 1.0)
    return strength / (strength + _VIVID**2)


class Tones:
    """An object's own tones and colours."""

    def __init__(self, own: Tensor, omega: Tensor, part: float, known: float, pixel: float) -> None:
        """
        Args:
            part: of tones and colours that is given back, 0..1.
            known: the same of vivid colours, and of tones where the object's structure is strong.
            pixel: of the base, in pixels of these arrays.

        Shape:
            own: (1, C, H, W), levels; omega: (1, 1, H, W), 0 or 1: outside nothing is changed.
        """
        self._own, self._omega, self._part, self._known = own, omega, part, known
        area = float(omega.sum()) / pixel**2
        self._blur = pixel * min(max(TONE_BLUR * math.sqrt(area), _TONE_BLURS[0]), _TONE_BLURS[1])
        self._chroma_blur, self._vivid_blur = pixel * CHROMA_BLUR, pixel * VIVID_BLUR
        self._wide_blur = pixel * WIDE_BLUR
        self._share = {
            sigma: gauss(omega, sigma).clamp(min=_LEAST)
            for sigma in (self._blur, _AT_STRUCTURE * self._blur, self._chroma_blur, self._vivid_blur, self._wide_blur)
        }
        self._vivid = vivid(own)
        self._structure = self._strong_structure() if area else torch.zeros_like(omega)

    def _strong_structure(self) -> Tensor:
        """(1, 1, H, W), 0..1: where lightness has detail of about the blur's size, measured by the object's own."""
        light = luma(self._own)
        detail = gauss(light, _AT_STRUCTURE * self._blur) - gauss(light, self._blur)
        energy = gauss(detail.square(), 0.5 * self._blur)
        typical = quantiles(energy, self._omega > 0, energy.new_tensor([STRUCTURE])).clamp(1.0, _STRONG**2)
        return energy / (energy + typical)

    def given_back(self, painted: Tensor) -> Tensor:
        """A painted picture, (1, C, H, W), levels, lighter and more coloured by what it has lost of the object."""
        lost = (self._own - painted) * self._omega
        light = luma(lost)
        blurred = torch.lerp(
            self._within(light, self._blur), self._within(light, _AT_STRUCTURE * self._blur), self._structure
        )
        if lost.shape[1] > 1:
            chroma = lost - light
            wide, fine = (self._within(chroma, sigma) for sigma in (self._chroma_blur, self._vivid_blur))
            painted = painted + torch.lerp(self._part * wide, self._known * fine, self._vivid) * self._omega
        part = self._part + (self._known - self._part) * self._structure
        painted = painted + part * blurred * self._omega
        return painted + self._too_far((painted - self._own) * self._omega, FARTHEST)

    def wide_held(self, painted: Tensor) -> Tensor:
        """A painted picture in which what is wide and of another lightness or colour is made less; strokes stay.

        It is part of other things that the painting shows: blue pillows on a bear's legs, people on a bird.
        """
        wide = self._within((painted - self._own) * self._omega, self._wide_blur)
        return painted + self._too_far(wide, FARTHEST_WIDE) * self._omega

    def _too_far(self, far: Tensor, farthest: tuple[float, float]) -> Tensor:
        """What is added to a difference, (1, C, H, W), for each part x of it to be x / sqrt(1 + (x / farthest)^2)."""
        light = luma(far)
        chroma = far - light
        # The less is given back, the farther it may be.
        lightness, colour = (self._part / most for most in farthest)
        lighter = light / (1 + (lightness * light).square()).sqrt()
        more = chroma / (1 + colour**2 * chroma.square().sum(1, keepdim=True)).sqrt()
        return lighter + more - far

    def _within(self, array: Tensor, sigma: float) -> Tensor:
        """A mean under a Gaussian of what lies in Omega; sigma is one of those in ``_share``."""
        return gauss(array, sigma) / self._share[sigma]
