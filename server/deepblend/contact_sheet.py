"""A contact sheet: labelled pictures in a grid, for comparing blends side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

_PAPER = (247, 247, 245)
_INK = (34, 34, 34)
_SHEET_ASPECT = 1.5  # the width over the height that the grid comes nearest to
_LINE = 1.25  # height of a line of text over the size of its letters

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def sheet(
    pictures: Sequence[tuple[str, Image.Image]], columns: int | None = None, longest_px: int = 640
) -> Image.Image:
    """Pictures under their labels, in reading order, as one RGB picture.

    Args:
        pictures: label and picture; any modes and sizes. Transparency shows the paper.
        columns: pictures in a row; None finds the grid whose shape is nearest to 3:2.
        longest_px: pictures whose longer side exceeds this are reduced to it; none is enlarged.

    Raises ValueError without any picture.
    """
    if not pictures:
        raise ValueError("a contact sheet needs at least one picture")
    images = [_reduced(image, longest_px) for _, image in pictures]
    width = max(image.width for image in images)
    height = max(image.height for image in images)
    margin = max(10, min(width, height) // 20)
    font = ImageFont.load_default(size=max(12, round(width / 22)))
    width = max([width, *(math.ceil(font.getlength(word)) for label, _ in pictures for word in label.split())])
    labels = [_wrapped(label, font, width) for label, _ in pictures]
    line_px = math.ceil(_letter_px(font) * _LINE)
    label_px = max(len(lines) for lines in labels) * line_px
    cell = (width + margin, label_px + margin // 3 + height + margin)
    columns = columns or _columns(len(images), cell)
    rows = math.ceil(len(images) / columns)

    page = Image.new("RGB", (columns * cell[0] + margin, rows * cell[1] + margin), _PAPER)
    draw = ImageDraw.Draw(page)
    for index, (image, lines) in enumerate(zip(images, labels, strict=True)):
        left = margin + index % columns * cell[0]
        top = margin + index // columns * cell[1]
        first_line = top + label_px - len(lines) * line_px  # labels of one line stand close to their picture too
        for number, line in enumerate(lines):
            draw.text((left, first_line + number * line_px), line, fill=_INK, font=font)
        corner = (left + (width - image.width) // 2, top + label_px + margin // 3)
        page.paste(image, corner, image if image.mode == "RGBA" else None)
    return page


def _reduced(image: Image.Image, longest_px: int) -> Image.Image:
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    scale = longest_px / max(image.size)
    if scale >= 1:
        return image
    width, height = (max(1, round(side * scale)) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def _letter_px(font: _Font) -> float:
    """Height from the top of the tallest to the bottom of the lowest letter."""
    return font.getbbox("Ågjp")[3]


def _wrapped(label: str, font: _Font, width_px: int) -> list[str]:
    """The label in lines no wider than this, broken at spaces."""
    lines: list[str] = []
    for word in label.split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= width_px:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]


def _columns(count: int, cell: tuple[int, int]) -> int:
    """The number of columns that wastes no row and brings the sheet nearest to its aspect."""

    def misfit(columns: int) -> tuple[float, int]:
        rows = math.ceil(count / columns)
        aspect = columns * cell[0] / (rows * cell[1])
        empty = rows * columns - count
        return abs(math.log(aspect / _SHEET_ASPECT)) + 0.25 * empty, columns

    return min(range(1, count + 1), key=misfit)
