"""A page of before-and-after sliders: static HTML and JPEGs beside it, which needs nothing else and no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from PIL import Image

from .files import failing
from .pictures import eight_bit

LONGEST = 1400
"""Pixels: the longer side of a picture on the page, at most."""

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }}
body {{ max-width: 80rem; margin: 2rem auto; padding: 0 1rem; }}
.grid {{ display: grid; gap: 1rem; }}
figure {{ margin: 0; }}
figcaption {{ padding: .3rem 0; }}
.pair {{ position: relative; display: block; overflow: hidden; }}
.pair img {{ display: block; width: 100%; height: auto; }}
.pair img + img {{ position: absolute; inset: 0; height: 100%; clip-path: inset(0 0 0 var(--at)); }}
.pair i {{ position: absolute; top: 0; bottom: 0; left: var(--at); width: 2px; margin-left: -1px; background: #fff;
  box-shadow: 0 0 3px #000; pointer-events: none; }}
.pair input {{ position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: ew-resize; }}
.pair:focus-within {{ outline: 3px solid Highlight; }}
@media (max-width: 45rem) {{ .grid {{ grid-template-columns: 1fr !important; }} }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{lead}</p>
{sections}
<script>
for (const slider of document.querySelectorAll(".pair input"))
  slider.addEventListener("input", () => slider.parentElement.style.setProperty("--at", slider.value + "%"));
</script>
</body>
</html>
"""
_SECTION = """\
{heading}<div class="grid" style="grid-template-columns: repeat({columns}, minmax(0, 1fr))">
{figures}
</div>"""
_FIGURE = """\
<figure>
<label class="pair" style="--at: {line}%"><img src="{before}" width="{width}" height="{height}"
 alt="Before: pasted"><img src="{after}" width="{width}" height="{height}"
 alt="After: {caption}"><i></i><input type="range" min="0" max="100" value="{line}"
 aria-label="Before or after: {caption}"></label>
<figcaption>{caption}</figcaption>
</figure>"""


@dataclass(frozen=True)
class Section:
    """One pasted object, and what became of it at several settings."""

    before: Image.Image
    after: Sequence[tuple[str, Image.Image]]
    """Caption and picture, of the size of ``before``, in reading order."""
    heading: str = ""
    """A line above it; empty for none."""
    line: int = 50
    """Where the line between before and after is at first, in per cent of the width."""
    columns: int = 3
    """How many pictures stand beside each other where the window is wide."""


def write(folder: Path, title: str, lead: str, sections: Sequence[Section]) -> Path:
    """Write a page and its pictures into a folder that is there, and return the page's path.

    Args:
        title: the page's heading.
        lead: a sentence or two below it.

    Raises WriteFailed.
    """
    parts = []
    for number, section in enumerate(sections, 1):
        size = _picture(folder / f"before_{number}.jpg", section.before)
        figures = []
        for index, (caption, after) in enumerate(section.after, 1):
            name = f"after_{number}_{index:02}.jpg"
            _picture(folder / name, after)
            figures.append(
                _FIGURE.format(
                    before=f"before_{number}.jpg",
                    after=name,
                    caption=escape(caption),
                    width=size[0],
                    height=size[1],
                    line=section.line,
                )
            )
        heading = f"<h2>{escape(section.heading)}</h2>\n" if section.heading else ""
        parts.append(_SECTION.format(heading=heading, columns=section.columns, figures="\n".join(figures)))
    path = folder / "index.html"
    with failing(path):
        path.write_text(
            _PAGE.format(title=escape(title), lead=escape(lead), sections="\n".join(parts)), encoding="utf-8"
        )
    return path


def _picture(path: Path, image: Image.Image) -> tuple[int, int]:
    """Write a picture of the page, reduced where it is large, and return its width and height in pixels."""
    shown = image.convert("RGB")
    shown.thumbnail((LONGEST, LONGEST))
    eight_bit.write_picture(path, shown, quality=88)
    return shown.size
