"""Where the object lies in a rough selection: a cut along its edges, where it is likely.

GrabCut (Rother, Kolmogorov and Blake 2004), OpenCV's, on a reduction. What the layer shows around the selection is the
object's old ground. The cut begins by its colours; where that is not sure, by what a network says, which weighs how
each place differs from it, and the more trusted of both is taken. Where the layer
ends with the selection, what lies along the selection's border stands for the ground: if that is the object's own
already, hardly anything differs from it, and the layer is a cut-out.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from .. import masks
from . import object_network, outline

SIDE = 320
"""Pixels: the longer side of the selection's box on the reduction, at most."""
RIM = 5
"""Pixels along the selection's border that stand for the old ground where nothing else shows it."""
_ITERATIONS, _REFINED = 4, 2
"""Of GrabCut: where the ground is all that is known, and where the object is."""
_GROUND_SAMPLES = 800
_PIXELS = 1 << 12
"""Whose colours are compared with those at once."""
_ALIKE = 5.0
"""Levels: colours that differ by less are alike, however even the ground is."""
_REACH = 16.0
"""Pixels up to which distances to the selection's border are told apart."""
_INSIDE = (2.5, 12.0)
"""Pixels from a tight selection's border that are the object's."""
_CONTRAST = (8.0, 20.0)
"""Levels across the cut: none, and enough to be sure of it."""
_SUPPORT = (0.4, 0.7)
"""The part of the object's outline that is a cut and not the selection's border: too little, and enough."""
_LEAST = (0.04, 0.1)
"""The part of a selection that an object is: too little to be what was selected, and enough."""
_ALSO_GROUND = (0.2, 0.33)
"""The part of what was found that is coloured like the ground: a little of an object can be, and a third is none."""
_RARE = 0.01
"""The part of the ground whose colours do not count there: a herd behind an animal is coloured like it."""
_LOST = (0.12, 0.25)
"""What was left and is not coloured like the ground either, by what was found: then either may be the object."""
_MIXED = 3
"""Pixels beside a cut that are not asked: their colours are mixed."""
_SMALLEST = 32
"""Pixels: of what is smaller colours alone are asked."""
_SURE = (0.1, 0.9)
"""The likelihoods below which a place is ground and above which it is the object's, whatever its colour."""
_CERTAIN = (0.62, 0.76)
"""How certain the likelihoods are, away from the cut, times the part of what is likely that was found, and no more:
too little, and enough."""
_BESIDE = 2
"""Pixels beside the cut that are not asked: the likelihood is coarser than it is."""
_CRUMB = 0.03
"""Of the largest part found: what is smaller is no part of the object."""
_HOLE = 0.6
"""The part of a hole that is likely ground from which on it is one."""
_KEPT = (0.12, 0.2)
"""The part of a layer that differs from its rim: of a cut-out at most, and of a rough selection at least;"""
_DISTINCT = (4.0, 6.0)
"""and the contrast of the cut, by the unevenness of what it cuts away;"""
_LEGS = (0.1, 0.2)
"""and the roundness, since a rough selection has no legs."""
_SHAPED = 0.3
"""The roundness up to which a selection follows the object's own shape;"""
_MISSING = (0.15, 0.25)
"""and by how much an object may then end before it does: surely a whole one, and surely not."""
_ROUND = (0.35, 0.58)
"""The roundness of an object's own shape, and of what may be a patch that was cut out of something even:"""
_OTHER = (25.0, 60.0)
"""it is one where its rim differs from the new ground by few levels, and an object where it does by more."""


@dataclass(frozen=True)
class Segments:
    """What was found, on the reduction."""

    object_: Tensor
    """(h, w), bool."""
    trust: float
    """0..1: how sure it is that its outline is the object's."""
    whole: bool = False
    """Whether that is the selection's own: the layer is a cut-out."""


def find(image: Tensor, selected: Tensor, opaque: Tensor, background: Tensor) -> Segments:
    """Find the object.

    Shape:
        image, background: (3, h, w), levels. selected: (h, w), bool. opaque: (h, w), bool: where the layer is.
    """
    if not bool(selected.any()):  # too small for the reduction
        return Segments(selected, 0.0)
    ring = opaque & ~selected
    if not bool(ring.any()):
        return _without_surroundings(image, selected, background)
    inside, outside = (masks.distance_inside(side, _REACH) for side in (selected, ~selected))
    from_border = torch.where(selected, inside - 0.5, 0.5 - outside)
    marks = torch.where(selected, cv2.GC_PR_FGD, cv2.GC_BGD).to(torch.uint8)
    filled = torch.where(opaque | selected, image, _nearest(image, ring))
    if outline.follows_edges(image, from_border, opaque):
        marks[selected & (from_border > _INSIDE[0]) & (from_border < _INSIDE[1])] = cv2.GC_FGD
        return Segments(_cut(filled, marks) & selected, 1.0)
    alike = _alike(filled, ring)
    found = _by_colour(image, filled, marks, selected, alike, _alike(filled, ring, _RARE))
    if found.trust == 1 or min(selected.shape) < _SMALLEST:
        return found
    return max(_by_likelihood(image, filled, marks, selected, alike), found, key=lambda segments: segments.trust)


def _by_colour(
    image: Tensor, filled: Tensor, marks: Tensor, selected: Tensor, alike: Tensor, common: Tensor
) -> Segments:
    """What is coloured unlike the ground, in a rough selection.

    Args:
        alike: what is coloured like the ground.
        common: what is coloured like more of it than a little.

    Shape:
        image, filled: (3, h, w), levels, the second without what is transparent. marks: (h, w), GrabCut's.
    """
    marks = torch.where(selected & alike, cv2.GC_PR_BGD, marks).to(torch.uint8)
    found = _tidied(_cut(filled, marks) & selected, alike)
    sure = 1 - _ramp(_part(found & common, found), _ALSO_GROUND)
    return Segments(found, _trust(image, selected, found, alike, sure))


def _by_likelihood(image: Tensor, filled: Tensor, marks: Tensor, selected: Tensor, alike: Tensor) -> Segments:
    """What the network takes for the object, as :func:`_by_colour` is asked."""
    likely = object_network.likelihood(filled, selected) * selected
    marks = torch.where(selected & (likely < 0.5), cv2.GC_PR_BGD, marks)
    marks = torch.where(selected & (likely < _SURE[0]), cv2.GC_BGD, marks)
    marks = torch.where(likely > _SURE[1], cv2.GC_FGD, marks).to(torch.uint8)
    found = _tidied(_cut(filled, marks, _REFINED) & selected, likely < 0.5)
    away = selected & ~(outline.grown(found, _BESIDE) & outline.grown(~found, _BESIDE))
    certain = float((2 * likely - 1).abs()[away].mean()) if bool(away.any()) else 1.0
    agreed = _part(found & (likely > 0.5), found | (likely > 0.5))
    return Segments(found, _trust(image, selected, found, alike, _ramp(certain * agreed, _CERTAIN)))


def _trust(image: Tensor, selected: Tensor, found: Tensor, alike: Tensor, sure: float) -> float:
    """How sure it is that what was found is the object, and all of it: 0..1.

    Args:
        alike: what is coloured like the ground.
        sure: how sure it is by what it was found by, 0..1.
    """
    cut = outline.Cut.between(image, found, selected & ~found)
    lost = selected & ~alike & ~outline.grown(found, _MIXED) & ~outline.grown(~selected, _MIXED)
    sure *= (
        (1 - _ramp(_part(lost, found), _LOST))
        * _ramp(_part(found, selected), _LEAST)
        * _ramp(cut.contrast, _CONTRAST)
        * _ramp(cut.length / max(outline.length(found), 1), _SUPPORT)
        * (1 - _ramp(_missing(found, selected), _MISSING))
    )
    return sure * sure * (3 - 2 * sure)


def _tidied(found: Tensor, ground: Tensor) -> Tensor:
    """What was found without its crumbs, and with the holes in it that are not likely ground, (h, w), bool."""
    inside = found.cpu().numpy()
    count, labels, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8), connectivity=8)
    if count < 2:
        return found
    areas = stats[1:, cv2.CC_STAT_AREA]
    inside = np.isin(labels, 1 + np.flatnonzero(areas >= _CRUMB * areas.max()))
    holes, labels = cv2.connectedComponents((~inside).astype(np.uint8), connectivity=4)
    labels = np.asarray(labels)
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    of_ground = np.bincount(labels.ravel(), ground.cpu().numpy().ravel(), holes) / np.bincount(
        labels.ravel(), None, holes
    )
    filled = np.setdiff1d(np.flatnonzero(of_ground < _HOLE), border)
    return torch.from_numpy(inside | np.isin(labels, filled[filled > 0])).to(found.device)


def _missing(found: Tensor, selected: Tensor) -> float:
    """How far an object ends before the selection does, on one of its four sides, where that has an object's shape.

    Of the selection's own length in that direction, 0..1.
    """
    if outline.roundness(selected) >= _SHAPED or not bool(found.any()):
        return 0.0
    gaps = []
    for axis in (0, 1):
        whole, part = (inside.any(axis).nonzero() for inside in (selected, found))
        length = float(whole[-1] - whole[0]) + 1
        gaps += [float(part[0] - whole[0]) / length, float(whole[-1] - part[-1]) / length]
    return max(gaps)


def _without_surroundings(image: Tensor, selected: Tensor, background: Tensor) -> Segments:
    """Find the object in a layer that ends with the selection: along its border lies ground, or the object itself."""
    rim = selected & (masks.distance_inside(selected, RIM + 1.0) <= RIM)
    if not bool(rim.any()):  # it covers the whole document: nothing shows what it lies on
        return Segments(selected, 0.0, whole=True)
    filled = torch.where(selected, image, _nearest(image, rim))
    marks = torch.where(selected & ~rim, cv2.GC_PR_FGD, cv2.GC_BGD).to(torch.uint8)
    marks[(selected & ~rim) & _alike(filled, rim)] = cv2.GC_PR_BGD
    found = _cut(filled, marks) & selected
    cut = outline.Cut.between(image, found, selected & ~found)
    shape = outline.roundness(selected)
    distinct = _ramp(_part(found, selected), _KEPT) * _ramp(cut.contrast / (cut.unevenness + 3), _DISTINCT)
    rough = distinct * _ramp(shape, _LEGS)
    if rough > 0.5:
        return Segments(found, _ramp(rough, (0.5, 0.8)))
    apart = float((image - background).norm(dim=0)[rim].mean())
    object_ = max(1 - _ramp(shape, _ROUND), _ramp(apart, _OTHER))
    return Segments(selected, (1 - _ramp(rough, (0.3, 0.5))) * object_, whole=True)


def _alike(image: Tensor, ground: Tensor, rare: float = 0.0) -> Tensor:
    """(h, w), bool: what is coloured like some of the ground's pixels, about as much as they are like one another.

    Args:
        rare: the part of the ground's pixels that has to be as like, beyond the nearest.
    """
    smooth = outline.gauss(image[None], 0.7)[0]
    known = smooth[:, ground].T
    chosen = known[torch.linspace(0, len(known) - 1, min(len(known), _GROUND_SAMPLES), device=image.device).long()]

    def apart(colours: Tensor, some: Tensor) -> Tensor:
        distances = torch.cdist(colours, some)
        return _smallest(distances, int(rare * (len(some) - 1))) if rare else distances.amin(1)

    usual = apart(chosen[::2], chosen[-1:] if len(chosen) == 1 else chosen[1::2])
    usual = usual.quantile(0.9).clamp(min=_ALIKE)
    nearest = torch.cat([apart(part, chosen) for part in smooth.flatten(1).T.split(_PIXELS)])
    return (nearest <= usual).view_as(ground)


def _smallest(rows: Tensor, k: int) -> Tensor:
    """Of each row, (n, m), the smallest but k: (n,). The rows are put into another order."""
    if rows.device.type != "cpu":
        return rows.kthvalue(k + 1, 1).values
    rows.numpy().partition(k, axis=1)  # six times as fast
    return rows[:, k].clone()


def _cut(image: Tensor, marks: Tensor, iterations: int = _ITERATIONS) -> Tensor:
    """(h, w), bool: what GrabCut calls object. (It asks for some of both.)"""
    possible = (marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)
    if not bool(possible.any()) or bool(possible.all()):
        return possible
    pixels = image.clamp(0, 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()
    labels = marks.cpu().numpy().copy()
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)  # its models begin with k-means
    cv2.grabCut(pixels, labels, (0, 0, 0, 0), *models, iterations, cv2.GC_INIT_WITH_MASK)
    return torch.from_numpy((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).to(image.device)


def _nearest(image: Tensor, known: Tensor) -> Tensor:
    """The nearest known pixel's colours, everywhere."""
    unknown = (~known).to(torch.uint8).cpu().numpy()
    _, told = cv2.distanceTransformWithLabels(unknown, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    labels = np.asarray(told, np.int64)
    places = np.zeros(int(labels.max()) + 1, np.int64)
    places[labels[unknown == 0]] = np.flatnonzero(unknown == 0)
    return image.flatten(1)[:, torch.from_numpy(places[labels].ravel()).to(image.device)].view_as(image)


def _part(found: Tensor, selected: Tensor) -> float:
    return float(found.sum()) / max(float(selected.sum()), 1.0)


def _ramp(value: float, ends: tuple[float, float]) -> float:
    return min(max((value - ends[0]) / (ends[1] - ends[0]), 0.0), 1.0)
