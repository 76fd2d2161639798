"""Trains engine/matting/object_network.py's network: python -m benchmarks.object_training CUT-OUTS PHOTOGRAPHS

CUT-OUTS is a folder of PNG pictures with alpha (--names: a file that names those to use, a line each, without .png),
PHOTOGRAPHS one of pictures, each in whatever folders below. A cut-out is laid on a photograph, perhaps with colours
like its, a soft edge, noise, and is selected roughly: too wide, with a shaky lasso, by a circle or an ellipse. The
network sees what the engine shows it, and its answers are to be the cut-out's alpha: cross-entropy and half of the soft
intersection over union, of each of its answers. A third of the cut-outs and of the photographs, whose names --held-out
writes, are not used: benchmarks.edges can judge by them. Some 40 minutes on two cores for 2700 composites.
"""

from __future__ import annotations

import argparse
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from deepblend.engine.matting import object_network
from deepblend.engine.matting.object_network import Seen
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from .edges import SUFFIXES, cut_outs_in, photograph, pictures, selected_around

CHANNELS = (12, 24, 32, 32)
"""Of the network's levels, fine to coarse."""
SHOWN = 12
"""Numbers for each place that it takes."""
LONGEST = 500
"""Pixels of a cut-out's longer side, at most, before it is enlarged or reduced by up to 1.4 and 0.6."""
SURROUNDINGS = 0.12
"""Of the selection's longer side: how much of the photograph around it the engine looks at."""
RATE, DECAY, TOGETHER = 4e-3, 1e-3, 8
"""The greatest step of AdamW, its decay, and composites for a step."""


@dataclass(frozen=True)
class Example:
    """What the network is shown of a composite, and what is right."""

    seen: Seen
    alpha: Tensor
    """(h, w), 0..1, on the network's grid."""


def rough(alpha: np.ndarray, draw: random.Random) -> np.ndarray:
    """A selection around an object, (h, w), uint8: 0 or 255."""
    inside = (alpha > 0.5).astype(np.uint8)
    rows, columns = np.nonzero(inside)
    spans = [(int(places.min()), int(places.max())) for places in (rows, columns)]
    kind = draw.choice(["wide", "wide", "lasso", "lasso", "circle", "ellipse"])
    if kind == "circle":
        return selected_around(alpha, "circle")
    if kind == "ellipse":
        larger = draw.uniform(1.1, 1.4)
        middle = [(first + last) // 2 for first, last in spans][::-1]
        axes = [int((last - first) / 2 * larger) + 4 for first, last in spans][::-1]
        return np.maximum(cv2.ellipse(np.zeros_like(inside), middle, axes, 0, 0, 360, 255, -1), 255 * inside)
    px = int(max(last - first + 1 for first, last in spans) * draw.uniform(0.015, 0.2)) + 2
    wide = grown(inside, px)
    if kind == "lasso":
        noise = np.random.default_rng(draw.getrandbits(30)).normal(0, 1, alpha.shape).astype(np.float32)
        noise = cv2.GaussianBlur(noise, (0, 0), px * draw.uniform(0.5, 1.5) + 1)
        shaky = cv2.GaussianBlur(wide.astype(np.float32), (0, 0), 0.6 * px + 1) + 0.12 * noise / noise.std()
        wide = np.maximum((shaky > 0.4) * grown(inside, 2 * px), grown(inside, max(1, px // 4)))
    return (255 * wide).astype(np.uint8)


def grown(inside: np.ndarray, px: int) -> np.ndarray:
    return cv2.dilate(inside, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * px + 1, 2 * px + 1)))


def composite(number: int, cut_outs: Sequence[Path], photographs: Sequence[Path]) -> Example | None:
    """One of a composite's number, the same for the same folders; None of one that shows hardly any object."""
    draw, noise = random.Random(number), np.random.default_rng(number)
    object_ = Image.open(cut_outs[number % len(cut_outs)]).convert("RGBA")
    size = draw.uniform(0.6, 1.4) * min(1, LONGEST / max(object_.size))
    object_ = object_.resize([max(2, round(side * size)) for side in object_.size], Image.Resampling.LANCZOS)
    if draw.random() < 0.5:
        object_ = object_.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    margin = int(0.35 * max(object_.size)) + 12
    levels = np.pad(np.asarray(object_, np.float32), ((margin, margin), (margin, margin), (0, 0)))
    own, alpha = levels[..., :3], levels[..., 3] / 255
    ground = photograph(draw.choice(list(photographs)), draw, *alpha.shape)
    whole = alpha > 0.9
    if whole.any() and draw.random() < 0.7:
        own = likened(own, own[whole], ground.reshape(-1, 3), draw.uniform(0, 0.8))
    if draw.random() < 0.6:
        alpha = cv2.GaussianBlur(alpha, (0, 0), draw.uniform(0.3, 1.0))
    layer = ground + alpha[..., None] * (own - ground)
    if draw.random() < 0.5:
        layer = cv2.GaussianBlur(layer, (0, 0), draw.uniform(0.3, 0.8))
    layer = np.clip(layer + noise.normal(0, draw.uniform(0.3, 4), layer.shape), 0, 255).astype(np.float32)
    return example(layer, alpha, rough(alpha, draw))


def likened(own: np.ndarray, some: np.ndarray, ground: np.ndarray, part: float) -> np.ndarray:
    """Colours moved a part of the way to the mean and the deviation of the ground's."""
    contrast = np.clip((ground.std(0) + 1) / (some.std(0) + 1), 0.5, 2)
    moved = (own - some.mean(0)) * (1 + part * (contrast - 1)) + some.mean(0) + part * (ground.mean(0) - some.mean(0))
    return np.clip(moved, 0, 255)


def example(layer: np.ndarray, alpha: np.ndarray, selected: np.ndarray) -> Example | None:
    spans = [np.flatnonzero((selected > 127).any(axis))[[0, -1]] for axis in (1, 0)]
    longer = max(int(last - first) + 1 for first, last in spans)
    more = max(6, round(SURROUNDINGS * longer))
    window = tuple(slice(max(0, int(first) - more), int(last) + 1 + more) for first, last in spans)
    arrays = np.dstack([layer[window], alpha[window], selected[window] / 255])
    pictures = torch.from_numpy(arrays).permute(2, 0, 1).float()[None]
    reduction = max(1.0, longer / object_network.SIDE)
    small = [max(1, round(side / reduction)) for side in pictures.shape[-2:]]
    image, right, inside = F.interpolate(pictures, small, mode="area")[0].split([3, 1, 1])
    seen = Seen.of(image, inside[0] > 0.5)
    more_px = [object_network.STRIDE * n - side for n, side in zip(seen.known.shape[-2:], small, strict=True)]
    right = F.avg_pool2d(F.pad(right[None], (0, more_px[1], 0, more_px[0])), object_network.STRIDE)[0, 0]
    return Example(seen, right) if float(((right > 0.5) & (seen.known[4] > 0.5)).sum()) >= 30 else None


def begun() -> dict[str, Tensor]:
    """Weights to begin with, by name, as ``object_network.answered`` takes them."""
    shapes = {"in": (CHANNELS[0], SHOWN), "out": (1, CHANNELS[0])}
    for k, (fine, coarse) in enumerate(itertools.pairwise(CHANNELS)):
        shapes |= {f"down{k}a": (coarse, fine), f"down{k}b": (coarse, coarse), f"up{k}": (fine, coarse + fine)}
    weights = {}
    for name, (n, of) in shapes.items():
        weights[f"{name}.weight"] = (torch.randn(n, of, 3, 3) * (2 / (9 * of)) ** 0.5).requires_grad_()
        weights[f"{name}.bias"] = torch.zeros(n, requires_grad=True)
    return weights


def loss(weights: dict[str, Tensor], one: Example) -> Tensor:
    within = (one.seen.known[4] > 0.5).float()
    weight = within / within.sum()
    likely, total = 0.5 * one.seen.known[4], torch.zeros(())
    for _ in range(object_network.TIMES):
        answer = object_network.answered(weights, one.seen.asked(likely))[0, 0]
        p = torch.sigmoid(answer)
        both = (p * one.alpha * weight).sum()
        either = ((p + one.alpha - p * one.alpha) * weight).sum().clamp(min=1e-6)
        entropy = F.binary_cross_entropy_with_logits(answer, one.alpha, reduction="none")
        total = total + (entropy * weight).sum() + 0.5 * (1 - both / either)
        likely = p.detach() * within
    return total


def disguised(one: Example) -> Example:
    """Colours in another order and perhaps inverted; one time in five without one of the descriptions."""
    known = one.seen.known.clone()
    known[5:] = known[5:][torch.randperm(3)] * random.choice([-1, 1])
    if random.random() < 0.2:
        known[random.randrange(4)] = 0
    return Example(Seen(known, one.seen.likeness), one.alpha)


def trained(examples: list[Example], epochs: int) -> Iterator[tuple[float, dict[str, Tensor]]]:
    """After each epoch the mean loss, and the weights."""
    weights = begun()
    optimiser = torch.optim.AdamW(weights.values(), lr=RATE, weight_decay=DECAY)
    steps = max(2, epochs * len(examples) // TOGETHER + 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.1)
    for _ in range(epochs):
        random.shuffle(examples)
        total = 0.0
        for first in range(0, len(examples) - TOGETHER + 1, TOGETHER):
            for one in examples[first : first + TOGETHER]:
                wrong = loss(weights, disguised(one)) / TOGETHER
                wrong.backward()
                total += float(wrong.detach())
            torch.nn.utils.clip_grad_norm_(weights.values(), 2.0)
            optimiser.step()
            optimiser.zero_grad()
            schedule.step()
        yield total * TOGETHER / len(examples), weights


def used(paths: list[Path], seed: int) -> tuple[list[Path], list[Path]]:
    """Two thirds to train with, and those that are held out."""
    random.Random(seed).shuffle(paths)
    return paths[: 2 * len(paths) // 3], paths[2 * len(paths) // 3 :]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cut_outs", type=Path, metavar="CUT-OUTS")
    parser.add_argument("photographs", type=Path, metavar="PHOTOGRAPHS")
    parser.add_argument("--names", type=Path, metavar="FILE.txt", help="the cut-outs to use, a line each")
    parser.add_argument("--count", type=int, default=2700, help="composites")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--held-out", type=Path, metavar="FILE.txt", help="where to write what was not used")
    parser.add_argument("--output", type=Path, required=True, metavar="object.safetensors")
    asked = parser.parse_args()
    torch.manual_seed(0)
    random.seed(0)
    cut_outs = cut_outs_in(asked.cut_outs, asked.names)
    (cut_outs, others), (photographs, more) = used(cut_outs, 0), used(pictures(asked.photographs, SUFFIXES), 1)
    if not cut_outs or not photographs:
        parser.error("too few cut-outs or photographs were found: some of each are needed, and as many are held out")
    if asked.held_out is not None:
        asked.held_out.write_text("\n".join(str(path) for path in [*others, *more]), encoding="utf-8")
    every = (composite(k, cut_outs, photographs) for k in range(asked.count))
    examples = [one for one in every if one is not None]
    print(f"{len(examples)} composites of {len(cut_outs)} cut-outs on {len(photographs)} photographs", flush=True)
    for wrong, weights in trained(examples, asked.epochs):
        print(f"loss {wrong:.3f}", flush=True)
        save_file({name: tensor.detach().half() for name, tensor in weights.items()}, asked.output)


if __name__ == "__main__":
    main()
