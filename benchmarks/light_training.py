"""Trains engine/belonging/light.py's network: python -m benchmarks.light_training --folder FOLDER --output light.json

Photographs: those in Debian's package gcompris-qt-data (animals, buildings, tools; free licences), fetched with apt-get
into FOLDER and not installed. None of them is among those that benchmarks.light judges by. In each of them some regions
are cut out by GrabCut from rectangles, the whole scene is perhaps changed a little, and then each region alone, as a
camera would. The network sees what the engine shows it, and its answer is made to lower the logarithm of the mean
squared error to the region as it was. It takes some ten minutes on one core; needs opencv.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import struct
import subprocess
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from deepblend.engine.belonging.light import Change, changed, seen
from PIL import Image
from torch import Tensor

PACKAGE = "gcompris-qt-data"
PHOTOGRAPHS = (
    "categorization",
    "clickgame",
    "erase",
    "explore_farm_animals",
    "explore_monuments",
    "explore_world_animals",
)
"""Its resource files that hold photographs."""
LONGEST = 224
RECTANGLES = 3
"""Places in a picture that GrabCut looks for an object in."""
CHANGES = 16
"""Of each region; half of them in a scene that is changed itself."""
PIXELS = 192
"""Of a region, by which a change is judged."""
LIMITS = (1.2, 1.1, 0.4, 0.5)
"""Of exposure, balance, contrast and saturation that are answered."""
NETWORKS, HIDDEN, EPOCHS, BATCH, RATE, DECAY, DROPPED = 3, 16, 9, 256, 3e-3, 0.03, 0.05
UNSEEN = 400.0
"""Levels squared, added to errors before the logarithm: what is less wrong than 20 levels need not become better. With
20 levels squared nothing is risked, and little is gained: 0.3 dB in the median for 2.5."""


def camera(image: Tensor, exposure: float, balance: float, contrast: float, saturation: float) -> Tensor:
    """A camera's change of (3, H, W), levels, in linear light: gains, clipping, a power about grey, saturation."""
    clipped = Change(exposure, balance, 0.0, 0.0).made(image).clamp(0, 255)
    curved = Change(0.0, 0.0, contrast, 0.0).made(clipped)
    return Change(0.0, 0.0, 0.0, saturation).made(curved).clamp(0, 255).round()


def drawn(rng: np.random.Generator) -> list[float]:
    """All four of a change, alike likely within a stop, 1500 K, powers of 0.7 to 1.4 and factors of 0.6 to 1.5."""
    ends = ((-1, 1), (-1, 1), (math.log(0.7), math.log(1.4)), (math.log(0.6), math.log(1.5)))
    return [float(rng.uniform(*two)) for two in ends]


def photographs(folder: Path) -> Iterator[Image.Image]:
    """Those of the package: WebP in Qt's resource files, which hold them as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    if not list(folder.glob(f"{PACKAGE}_*.deb")):
        subprocess.run(["apt-get", "download", PACKAGE], cwd=folder, check=True)
    if not (folder / "usr").is_dir():
        subprocess.run(["dpkg", "-x", str(next(folder.glob(f"{PACKAGE}_*.deb"))), str(folder)], check=True)
    for name in PHOTOGRAPHS:
        data = (folder / "usr/share/gcompris-qt/rcc" / f"{name}.rcc").read_bytes()
        start = data.find(b"RIFF")
        while start >= 0:
            size = struct.unpack("<I", data[start + 4 : start + 8])[0] + 8
            if data[start + 8 : start + 12] == b"WEBP" and size > 15000:
                picture = Image.open(io.BytesIO(data[start : start + size]))
                if picture.mode == "RGB" and max(picture.size) > LONGEST:
                    picture.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
                    yield picture
            start = data.find(b"RIFF", start + 4)


def regions(picture: np.ndarray, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Objects in a picture (H, W, 3): (H, W), 0 or 1."""
    height, width = picture.shape[:2]
    for k in range(RECTANGLES):
        w, h = (0.76, 0.83) if k == 0 else rng.uniform(0.25, 0.65, 2)
        x, y = (0.12, 0.12) if k == 0 else (rng.uniform(0.02, 0.98 - side) for side in (w, h))
        mask = np.zeros((height, width), np.uint8)
        box = (int(x * width), int(y * height), int(w * width), int(h * height))
        cv2.setRNGSeed(1)
        try:
            cv2.grabCut(picture, mask, box, np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_RECT)
        except cv2.error:  # all of one colour
            continue
        inside = cv2.morphologyEx((mask & 1), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        _, labels, statistics, _ = cv2.connectedComponentsWithStats(inside)
        if len(statistics) < 2:
            continue
        inside = (labels == 1 + statistics[1:, cv2.CC_STAT_AREA].argmax()).astype(np.uint8)
        inside = cv2.morphologyEx(inside, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
        if 0.015 < inside.mean() < 0.45:
            yield inside


def around(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of a region and a quarter of its longer side around it: what the engine sees of a document."""
    spans = [np.flatnonzero(mask.any(axis))[[0, -1]] for axis in (1, 0)]
    more = max(int(last - first) // 4 for first, last in spans) + 1
    rows, columns = (slice(max(first - more, 0), last + 1 + more) for first, last in spans)
    return rows, columns


def samples(folder: Path, pictures: int) -> tuple[Tensor, Tensor, Tensor]:
    """Statistics (n, 66), colours of changed regions (n, 3, PIXELS) and what they were; of so many pictures at most."""
    rng = np.random.default_rng(5)
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    for k, picture in enumerate(islice(photographs(folder), pictures)):
        array = np.asarray(picture)
        for mask in regions(array, rng):
            rows, columns = around(mask)
            part, alpha = np.array(array[rows, columns]), torch.from_numpy(mask[rows, columns]).float()
            some = alpha.flatten().nonzero().flatten()
            some = some[torch.linspace(0, len(some) - 1, PIXELS).long()]
            for j in range(CHANGES):
                scene = torch.from_numpy(part).permute(2, 0, 1).float()
                if j % 2:
                    scene = camera(scene, *(0.6 * value for value in drawn(rng)))
                change = drawn(rng)
                if j % 4 == 3:  # a part of them alone, or all of them small
                    kept = rng.uniform(size=4) < 0.4
                    change = [value * (0.3 + 0.7 * keep) for value, keep in zip(change, kept, strict=True)]
                made = camera(scene, *change)
                told = seen(made * alpha, alpha, scene, torch.ones_like(alpha))
                if told is not None:
                    found.append((told, made.flatten(1)[:, some], scene.flatten(1)[:, some]))
        if k % 20 == 0:
            print(f"picture {k}: {len(found)} samples", flush=True)
    told, made, scene = (torch.stack(one) for one in zip(*found, strict=True))
    return told, made, scene


class Answer(torch.nn.Module):
    """The network of ``light.answer``, on statistics less their mean and by their deviation."""

    def __init__(self, statistics: int) -> None:
        super().__init__()
        self.first, self.second = torch.nn.Linear(statistics, HIDDEN), torch.nn.Linear(HIDDEN, len(LIMITS))
        with torch.no_grad():
            self.second.weight *= 0.1
            self.second.bias *= 0

    def forward(self, normal: Tensor) -> Tensor:
        hidden = F.silu(self.first(F.dropout(normal, DROPPED, self.training)))
        return torch.tanh(self.second(F.dropout(hidden, DROPPED, self.training))) * torch.tensor(LIMITS)


def errors(one: Tensor, two: Tensor) -> Tensor:
    """Mean squared, by sample; (3, n, PIXELS) each."""
    return (one - two).square().mean((0, 2))


def trained(told: Tensor, made: Tensor, scene: Tensor) -> dict[str, Tensor]:
    """The network's parts, by the names in light.json: several networks, whose answers are averaged, as one."""
    mean, deviation = told.mean(0), told.std(0) + 1e-3
    normal = ((told - mean) / deviation).clamp(-3, 3)
    networks = [network(normal, made, scene, seed) for seed in range(NETWORKS)]
    return {
        "mean": mean,
        "deviation": deviation,
        "first": torch.cat([one["first.weight"] for one in networks]),
        "first_bias": torch.cat([one["first.bias"] for one in networks]),
        "second": torch.cat([one["second.weight"] for one in networks], 1) / NETWORKS,
        "second_bias": torch.stack([one["second.bias"] for one in networks]).mean(0),
        "limits": torch.tensor(LIMITS),
    }


def network(normal: Tensor, made: Tensor, scene: Tensor, seed: int) -> dict[str, Tensor]:
    """One of them, trained."""
    torch.manual_seed(seed)
    answer = Answer(normal.shape[1])
    batches = len(normal) // BATCH
    steps = EPOCHS * batches
    optimiser = torch.optim.AdamW(answer.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps + 1)
    for epoch in range(EPOCHS):
        total = 0.0
        for some in torch.randperm(len(normal)).split(BATCH)[:batches]:
            pixels = torch.randperm(PIXELS)[: PIXELS // 3]
            ours, theirs = (colours[some][..., pixels].transpose(0, 1) for colours in (made, scene))
            new = changed(ours, answer(normal[some]).T[..., None]).clamp(0, 255)
            loss = ((errors(new, theirs) + UNSEEN).log() - (errors(ours, theirs) + UNSEEN).log()).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        print(f"epoch {epoch}: {total / batches:.4f}", flush=True)
    return answer.state_dict()


def written(parts: dict[str, Tensor]) -> str:
    """As JSON, a row a line, four digits."""
    lines = ['"about": "The network of light.py; benchmarks/light_training.py made it."']
    for name, array in parts.items():
        rows = [
            json.dumps([float(f"{value:.4g}") for value in row]) for row in array.reshape(-1, array.shape[-1]).tolist()
        ]
        lines.append(f'"{name}": ' + (rows[0] if array.dim() == 1 else "[\n" + ",\n".join(rows) + "\n]"))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="for the package")
    parser.add_argument("--output", type=Path, required=True, metavar="light.json")
    parser.add_argument("--pictures", type=int, default=1000, help="at most, for a try")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    args.output.write_text(written(trained(*samples(args.folder, args.pictures))), encoding="utf-8")


if __name__ == "__main__":
    main()
