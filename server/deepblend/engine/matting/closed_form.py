"""The alpha of an edge whose two sides are known: closed-form matting (Levin, Lischinski and Weiss 2008).

In each window of 3 x 3 pixels the object's colours lie on a line, and so do the ground's: then alpha is an affine
function of the colour there, up to eps. What every window loses of that is a quadratic form, the matting Laplacian
(section 2.1, equation 12), whose product is computed window by window: no matrix is made, and nothing has to be
compiled. So it runs where the blend does.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .outline import grown

_EPS = 1e-4
"""How much noise a window's line may have: a variance, of colours 0..1."""
_KNOWN, _BELIEVED = 100.0, 1e-4
"""Weights of what is known, and of the first guess where nothing is."""
_EVALUATIONS = 60
_TOLERANCE = 1e-2
"""Of the first guess's residual. (What is known makes the right side large, and says nothing of what is not.)"""


class MattingLaplacian:
    """The matting Laplacian of an image, over the windows around some pixels."""

    def __init__(self, image: Tensor, centres: Tensor) -> None:
        """
        Shape:
            image: (C, h, w), levels. centres: (h, w), bool: windows that do not fit into the image are left out.
        """
        height, width = centres.shape
        fitting = torch.zeros_like(centres)
        fitting[1:-1, 1:-1] = centres[1:-1, 1:-1]
        steps = [dy * width + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        self._at = fitting.flatten().nonzero() + torch.tensor(steps, device=image.device)  # (n, 9)
        colours = image.flatten(1)[:, self._at].permute(1, 2, 0) / 255  # (n, 9, C)
        colours = colours - colours.mean(1, keepdim=True)
        channels = colours.shape[2]
        spread = colours.mT @ colours / 9 + _EPS / 9 * torch.eye(channels, device=image.device)
        white = torch.linalg.solve_triangular(torch.linalg.cholesky(spread), colours.mT, upper=False).mT
        ones = torch.ones_like(white[..., :1])
        self._affine = torch.cat([ones, white], 2) / 3  # its product with itself is equation 12's second part
        self._pixels = height * width

    def __call__(self, alpha: Tensor) -> Tensor:
        """The product with an alpha, (h * w)."""
        own = alpha[self._at]
        return self._sum(own - (self._affine @ (self._affine.mT @ own[..., None]))[..., 0])

    def diagonal(self) -> Tensor:
        """(h * w)."""
        return self._sum(1 - self._affine.square().sum(2))

    def _sum(self, windows: Tensor) -> Tensor:
        return windows.new_zeros(self._pixels).index_add_(0, self._at.flatten(), windows.flatten())


def alpha(image: Tensor, object_: Tensor, ground: Tensor, guess: Tensor) -> Tensor:
    """The alpha that the windows' lines give between what is the object's and what is the ground's.

    Args:
        guess: of alpha where neither is; it decides where an image says nothing.

    Shape:
        image: (C, h, w), levels. object_, ground: (h, w), bool. guess, result: (h, w), 0..1.
    """
    between = ~object_ & ~ground
    if not bool(between.any()):
        return object_.to(image)
    known = torch.where(object_, 1.0, torch.where(ground, 0.0, guess))
    laplacian = MattingLaplacian(image, grown(between, 1))
    weight = torch.where(between, _BELIEVED, _KNOWN).flatten()
    found = _solved(laplacian, weight, weight * known.flatten(), known.flatten())
    return torch.where(between, found.view_as(guess).clamp(0, 1), known)


def _solved(laplacian: MattingLaplacian, weight: Tensor, right: Tensor, start: Tensor) -> Tensor:
    """(Laplacian + weight) x = right, by conjugate gradients with the diagonal as preconditioner."""
    scale = laplacian.diagonal() + weight
    x = start.clone()
    residual = right - laplacian(x) - weight * x
    step = direction = residual / scale
    energy = (residual * step).sum()
    enough = _TOLERANCE * float(residual.norm())
    for _ in range(_EVALUATIONS):
        if float(residual.norm()) <= enough:
            break
        product = laplacian(direction) + weight * direction
        length = energy / (direction * product).sum()
        x = x + length * direction
        residual = residual - length * product
        step = residual / scale
        before, energy = energy, (residual * step).sum()
        direction = step + energy / before * direction
    return x
