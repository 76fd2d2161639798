"""Simple plots, drawn with Pillow: lines of points over axes that begin at 0."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 560, 380
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 50
COLOURS = ("#1f5fa8", "#c0562b", "#3b7d3b", "#7a4a94")


@dataclass(frozen=True)
class Panel:
    title: str
    across: str
    """What the horizontal axis shows, with its unit."""
    lines: dict[str, list[tuple[float, float]]]
    """Points by the line's name."""


def ticks(most: float) -> list[float]:
    """Four to eight round numbers from 0 to at least ``most``."""
    raw = max(most, 1e-9) / 5
    unit = 10 ** math.floor(math.log10(raw))
    step = next(unit * k for k in (1, 2, 2.5, 5, 10) if unit * k >= raw)
    return [step * k for k in range(math.ceil(most / step - 1e-9) + 1)]


def draw(path: Path, panels: list[Panel]) -> None:
    """Write panels side by side, two a row."""
    columns = min(2, len(panels))
    picture = Image.new("RGB", (columns * WIDTH, -(-len(panels) // columns) * HEIGHT), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(14)
    for k, panel in enumerate(panels):
        _panel(pen, font, panel, k % columns * WIDTH, k // columns * HEIGHT)
    picture.save(path)


def _panel(pen: ImageDraw.ImageDraw, font: ImageFont.ImageFont, panel: Panel, left: int, top: int) -> None:
    points = [point for line in panel.lines.values() for point in line]
    across, up = ticks(max(x for x, _ in points)), ticks(max(y for _, y in points))

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            left + LEFT + x / across[-1] * (WIDTH - LEFT - RIGHT),
            top + HEIGHT - BOTTOM - y / up[-1] * (HEIGHT - TOP - BOTTOM),
        )

    pen.text((left + WIDTH // 2, top + 16), panel.title, "black", font, "mm")
    for x in across:
        pen.line([at(x, 0), at(x, up[-1])], "#e4e4e4")
        pen.text((at(x, 0)[0], at(x, 0)[1] + 14), f"{x:g}", "black", font, "mm")
    for y in up:
        pen.line([at(0, y), at(across[-1], y)], "#e4e4e4")
        pen.text((at(0, y)[0] - 8, at(0, y)[1]), f"{y:g}", "black", font, "rm")
    pen.line([at(0, up[-1]), at(0, 0), at(across[-1], 0)], "black")
    pen.text((left + (LEFT + WIDTH - RIGHT) // 2, top + HEIGHT - 16), panel.across, "black", font, "mm")
    for number, (name, line) in enumerate(panel.lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        places = [at(*point) for point in sorted(line)]
        pen.line(places, colour, 2)
        for x, y in places:
            pen.ellipse((x - 4, y - 4, x + 4, y + 4), colour)
        if len(panel.lines) > 1:
            pen.text((left + LEFT + 12, top + TOP + 12 + 18 * number), name, colour, font, "lm")
