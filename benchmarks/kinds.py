"""Painting or photograph: fit the rule and say what it says: python -m benchmarks.kinds FOLDER --output TABLE.md

FOLDER holds the folders painting, photograph and graphic (drawings, screenshots, patterns: they must pass for
photographs) of pictures; of two pictures of one thing (a painting twice, a photograph and its reduction) the names
begin alike, up to "--". The rule is judged by leaving out: a tenth of the things at a time, with all variants of all
their pictures, is judged by a rule fitted on the others. --write puts the rule fitted on all into the package.

What is found in a picture is kept in --cache, and not found again.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from deepblend.engine import kind
from PIL import Image
from safetensors.torch import save_file

KINDS = {"painting": 1.0, "photograph": 0.8, "graphic": 0.2}
"""By folder, the weight of all its pictures together: paintings count as much as all others."""
FOLDS = 10
RIDGE = 0.03
"""Of the mean of the kernel's diagonal, times a hundredth of the examples."""
ALLOWED = 0.01
"""The part of the photographs' variants that may lie above the threshold, of those left out."""
LONGEST = 2400
"""Pixels: larger pictures are reduced first, to save time."""
Examples = list[tuple[str, str, str, np.ndarray]]
"""Kind, picture, variant, description."""


def variants(picture: Image.Image) -> Iterator[tuple[str, Image.Image]]:
    """A picture as it is and as users have it."""
    w, h = picture.size
    yield "full", picture
    yield "half", picture.crop((w // 4, h // 4, w // 4 + w // 2, h // 4 + h // 2))
    random = np.random.default_rng(w * h)
    x, y = (int(random.uniform(0, 2 * side / 3)) for side in (w, h))
    yield "third", picture.crop((x, y, x + w // 3, y + h // 3))
    medium = picture.copy()
    medium.thumbnail((900, 900), Image.Resampling.BILINEAR)
    encoded = io.BytesIO()
    medium.save(encoded, "JPEG", quality=50)
    yield "jpeg", Image.open(encoded)
    levels = np.asarray(medium, np.float32)
    grain = random.normal(0, 8, (*levels.shape[:2], 1)) + random.normal(0, 4, levels.shape)
    yield "grain", Image.fromarray(np.clip(levels + grain + 0.5, 0, 255).astype(np.uint8))


def described(path: Path) -> dict[str, np.ndarray]:
    """By variant, what the rule sees of a picture; none where it is too small or grey for it."""
    picture = Image.open(path).convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    picture = Image.alpha_composite(white, picture).convert("RGB")
    picture.thumbnail((LONGEST, LONGEST), Image.Resampling.BILINEAR)
    found = {}
    for name, variant in variants(picture):
        levels = torch.from_numpy(np.array(variant.convert("RGB"))).permute(2, 0, 1).float()
        with torch.no_grad():
            small = kind.reduced(levels, torch.ones(levels.shape[1:]))
            if small is not None:
                found[name] = kind.description(*small).numpy()
    return found


def examples(folder: Path, cache: Path) -> Examples:
    result: Examples = []
    cache.mkdir(parents=True, exist_ok=True)
    for of_kind in KINDS:
        for path in sorted((folder / of_kind).iterdir()):
            kept = cache / f"{of_kind}_{path.stem}.npz"
            if not kept.exists():
                np.savez(kept, **described(path))  # pyright: ignore[reportArgumentType]
            with np.load(kept) as found:
                result += [(of_kind, path.stem, name, found[name]) for name in found.files]
    return result


@dataclass(frozen=True)
class Rule:
    """A linear rule: above 0, a painting, but for the threshold."""

    weight: np.ndarray
    offset: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return x @ self.weight + self.offset


def fitted(x: np.ndarray, kinds: np.ndarray) -> Rule:
    """Weighted least squares on 1 and -1 with a ridge, each description's numbers divided by their deviation."""
    weight = np.zeros(len(x))
    for name, share in KINDS.items():
        weight[kinds == name] = share / max(1, (kinds == name).sum())
    weight *= len(x) / weight.sum()
    target = np.where(kinds == "painting", 1.0, -1.0)
    mean, scale, middle = np.average(x, 0, weight), x.std(0) + 1e-9, np.average(target, weights=weight)
    root = np.sqrt(weight)
    rows = (x - mean) / scale * root[:, None]
    ridge = RIDGE * x.shape[1] * len(x) / 100
    dual = np.linalg.solve(rows @ rows.T + ridge * np.eye(len(x)), root * (target - middle))
    slope = rows.T @ dual / scale
    return Rule(slope, float(middle - mean @ slope))


def left_out(x: np.ndarray, kinds: np.ndarray, things: np.ndarray) -> np.ndarray:
    """Each description's value by a rule that was fitted without its thing."""
    names, which = np.unique(things, return_inverse=True)
    fold = np.random.default_rng(0).permutation(len(names))[which] % FOLDS
    value = np.zeros(len(x))
    for k in range(FOLDS):
        value[fold == k] = fitted(x[fold != k], kinds[fold != k])(x[fold == k])
    return value


def threshold(value: np.ndarray, kinds: np.ndarray) -> float:
    return float(np.quantile(value[kinds == "photograph"], 1 - ALLOWED))


def table(found: Examples, margin: np.ndarray) -> str:
    """Markdown: what is said of each picture, a line each, the paintings first; and the counts."""
    pictures: dict[tuple[str, str], dict[str, float]] = {}
    for (of_kind, name, variant, _), value in zip(found, margin, strict=True):
        pictures.setdefault((of_kind, name), {})[variant] = float(value)
    counts, lines = [], []
    for of_kind in KINDS:
        own = {name: values for (its, name), values in pictures.items() if its == of_kind}
        every = [value for values in own.values() for value in values.values()]
        whole = [values["full"] for values in own.values() if "full" in values]
        said = sum(value > 0 for value in whole), sum(value > 0 for value in every)
        counts.append(f"| {of_kind} | {len(whole)} | {said[0]} | {len(every)} | {said[1]} |")
        for name, values in sorted(own.items(), key=lambda item: -item[1].get("full", -9)):
            full = values.get("full", float("nan"))
            paintings = sum(value > 0 for value in values.values())
            lines.append(
                f"| {name} | {of_kind} | {'painting' if full > 0 else 'photograph'} | {full:+.2f} | "
                f"{min(values.values()):+.2f} to {max(values.values()):+.2f} | {paintings} of {len(values)} |"
            )
    return "\n".join(
        [
            "| kind | pictures | called paintings | variants | called paintings |",
            "|---|---|---|---|---|",
            *counts,
            "",
            "| picture | is | said, left out | margin | of its variants | called paintings |",
            "|---|---|---|---|---|---|",
            *lines,
            "",
        ]
    )


def judge(found: Examples) -> tuple[str, Rule, float]:
    """The table, the rule fitted on all, and its threshold."""
    x = np.array([one[3] for one in found], np.float64)
    kinds = np.array([one[0] for one in found])
    things = np.array([one[1].split("--")[0] for one in found])
    value = left_out(x, kinds, things)
    limit = threshold(value, kinds)
    return table(found, value - limit), fitted(x, kinds), limit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("build/kinds"))
    parser.add_argument("--write", action="store_true", help="put the fitted rule into the package")
    asked = parser.parse_args()
    text, rule, limit = judge(examples(asked.folder, asked.cache))
    asked.output.write_text(text, encoding="utf-8")
    if asked.write:
        write(rule, limit, Path(kind.__file__).parents[1] / "weights" / kind.WEIGHTS)


def write(rule: Rule, limit: float, path: Path) -> None:
    save_file(
        {
            "weight": torch.from_numpy(rule.weight).to(torch.float32),
            "threshold": torch.tensor(limit - rule.offset, dtype=torch.float32),
        },
        path,
    )


if __name__ == "__main__":
    main()
