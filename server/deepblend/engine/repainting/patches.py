"""Patches of paint: what has been painted, laid anew with the painting's own brushwork where that has the like.

An optimised picture has the painting's statistics, not its paint: strokes end within a pixel, and fine lines are torn.
So it is covered with patches, each takes the detail of the painting's patch that is most like it, and keeps its own
mean colour (image quilting, Efros and Freeman 2001, asked by the picture itself). What the painting has nothing like,
an eye, a word, stays as it is.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..colour import luma
from .nearest import Keys, some_of
from .octaves import gauss

_SIZES = ((16, 12), (12, 8), (8, 6))
"""Side of the patches, and from one to the next, pixels of the base: large ones first, which are whole strokes."""
_KEYS = 16000
"""Of the painting's patches, those that are looked through."""
_COMPONENTS = 24
"""Principal components of the painting's patches that are compared."""
_CHROMA, _MEAN = 0.6, 0.2
"""What a patch's chroma and its mean lightness count beside the detail of its lightness."""
_CHROMA_BLUR = 1.5
"""Pixels, a standard deviation: chroma is compared at four places of a patch."""
_ALIKE = (0.75, 0.96)
"""Correlation of the lightness of two patches from which on the painting's comes in, and is taken as it is."""
_FLAT = 4.0
"""Levels of detail that are nothing: two patches with less are alike."""
_STRENGTHS = (0.85, 1.2)
"""By what the painting's detail is multiplied to be as strong as what it replaces."""


def laid(painted: Tensor, painting: Tensor, weight: Tensor, omega: Tensor) -> Tensor:
    """A picture laid anew with patches of its painting, on the base.

    Shape:
        painted, result: (1, C, H, W), levels; omega: (1, 1, H, W), 0 or 1: outside nothing is changed; painting:
        (1, C, h, w), with its weight (1, 1, h, w): only patches that are all painting are taken.
    """
    if bool(omega.any()):
        for side, step in _SIZES:
            painted = _with_patches(painted, painting, weight, omega, side, step)
    return painted


def _with_patches(painted: Tensor, painting: Tensor, weight: Tensor, omega: Tensor, side: int, step: int) -> Tensor:
    corners = _corners(weight, side)
    if not len(corners):
        return painted
    described = _described(painting, corners, side)
    components = _principal(described)
    height, width = painted.shape[-2:]
    margin = (0, side + step, 0, side + step)
    padded, inside = F.pad(painted, margin, mode="replicate"), F.pad(omega, margin)
    covers = F.max_pool2d(inside, side, step)[0, 0] > 0
    rows, columns = covers.nonzero().unbind(1)
    asked = step * (rows * padded.shape[-1] + columns)
    found = Keys(components.T @ described).nearest(components.T @ _described(padded, asked, side))
    own, theirs = _pixels(padded, asked, side), _pixels(painting, corners[found], side)
    mean = own.mean(2, keepdim=True)
    own, theirs = own - mean, theirs - theirs.mean(2, keepdim=True)
    ours_light, their_light = luma(own)[0], luma(theirs)[0]
    stronger = (ours_light.square().mean(1).sqrt() + 2) / (their_light.square().mean(1).sqrt() + 2)
    alike = _alike(ours_light, their_light)[:, None]
    new = mean + torch.lerp(own, theirs * stronger.clamp(*_STRENGTHS)[:, None], alike)
    window = torch.hann_window(side + 2, periodic=False, device=painted.device)[1:-1]
    window = (window[:, None] * window).flatten() + 0.01

    def fold(patches: Tensor) -> Tensor:
        """Patches, (channels, n, side²), added up where they lie, as far as the picture goes."""
        laid = patches.new_zeros(len(patches), side**2, covers.numel())
        laid[:, :, covers.flatten()] = patches.transpose(1, 2)
        return F.fold(laid.flatten(0, 1)[None], padded.shape[-2:], side, stride=step)[..., :height, :width]

    total = fold(window.expand(1, len(rows), -1)).clamp(min=1e-6)
    return torch.lerp(painted, fold(new * window) / total, omega)


def _pixels(picture: Tensor, corners: Tensor, side: int) -> Tensor:
    """Square parts of a picture, (1, C, H, W), by their upper left corners, (n,), flat indices: (C, n, side²)."""
    step = torch.arange(side, device=picture.device)
    offsets = (step[:, None] * picture.shape[-1] + step).flatten()
    return picture[0].flatten(1)[:, corners[:, None] + offsets]


def _described(picture: Tensor, corners: Tensor, side: int) -> Tensor:
    """What of patches is compared, by the Euclidean distance: as :func:`_pixels` takes them, to (D, n)."""
    bright = luma(picture)
    light = _pixels(bright, corners, side)[0].T.contiguous()
    mean = light.mean(0, keepdim=True)
    chroma = gauss(picture - bright, _CHROMA_BLUR)[0].flatten(1)
    places = torch.tensor([side // 4, side // 4 + side // 2], device=picture.device)
    places = (places[:, None] * picture.shape[-1] + places).flatten()
    coloured = chroma[:, places[:, None] + corners].flatten(0, 1)
    # Each place stands for a quarter of the patch's pixels, each channel for a third of its chroma.
    return torch.cat([light - mean, _CHROMA * side / 12**0.5 * coloured, _MEAN * side * mean])


def _corners(weight: Tensor, side: int) -> Tensor:
    """Of at most ``_KEYS`` patches that are all painting, spread over it: flat indices, (n,)."""
    height, width = weight.shape[-2:]
    if min(height, width) < side:
        return torch.empty(0, dtype=torch.long, device=weight.device)
    gaps = F.max_pool2d(F.max_pool2d(-weight, (side, 1), 1), (1, side), 1)
    whole = gaps[0, 0] < -0.99
    rows, columns = whole.nonzero().unbind(1)
    return some_of(rows * width + columns, _KEYS)


def _principal(described: Tensor) -> Tensor:
    """(D, n) to the directions, (D, components), in which they differ most."""
    apart = described - described.mean(1, keepdim=True)
    return torch.linalg.eigh(apart @ apart.T).eigenvectors[:, -_COMPONENTS:]


def _alike(ours: Tensor, theirs: Tensor) -> Tensor:
    """How alike the details of patches are, by their correlation: (n, side²) each to (n,), 0..1."""
    flat = _FLAT**2 * ours.shape[1]
    both = (ours * theirs).sum(1) + flat
    alike = both / ((ours.square().sum(1) + flat) * (theirs.square().sum(1) + flat)).sqrt()
    part = ((alike - _ALIKE[0]) / (_ALIKE[1] - _ALIKE[0])).clamp(0, 1)
    return part**2 * (3 - 2 * part)
