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
.grid {{ display: grid; grid-template-columns: repeat({columns}, 1fr); gap: 1rem; }}
figure {{ margin: 0; }}
figcaption {{ padding: .3rem 0; }}
.pair {{ position: relative; display: block; overflow: hidden; --at: 50%; }}
.pair img {{ display: block; width: 100%; height: auto; }}
.pair img + img {{ position: absolute; inset: 0; height: 100%; clip-path: inset(0 0 0 var(--at)); }}
.pair i {{ position: absolute; top: 0; bottom: 0; left: var(--at); width: 2px; margin-left: -1px; background: #fff;
  box-shadow: 0 0 3px #000; pointer-events: none; }}
.pair input {{ position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: ew-resize; }}
.pair:focus-within {{ outline: 3px solid Highlight; }}
@media (max-width: 45rem) {{ .grid {{ grid-template-columns: 1fr; }} }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{lead}</p>
<div class="grid">
{figures}
</div>
<script>
for (const slider of document.querySelectorAll(".pair input"))
  slider.addEventListener("input", () => slider.parentElement.style.setProperty("--at", slider.value + "%"));
</script>
</body>
</html>
"""
_FIGURE = """\
<figure>
<label class="pair"><img src="{before}" width="{width}" height="{height}" alt="Before: pasted"><img src="{after}"
 width="{width}" height="{height}" alt="After: {caption}"><i></i><input type="range" min="0" max="100" value="50"
 aria-label="Before or after: {caption}"></label>
<figcaption>{caption}</figcaption>
</figure>"""


@dataclass(frozen=True)
class Page:
    """What a page of sliders says and shows."""

    title: str
    lead: str
    """A sentence or two below the title."""
    before: Image.Image
    after: Sequence[tuple[str, Image.Image]]
    """Caption and picture, of the size of ``before``, in reading order."""
    columns: int = 3


def write(folder: Path, page: Page) -> Path:
    """Write a page and its pictures into a folder that is there, and return the page's path. Raises WriteFailed."""
    named = [("before.jpg", page.before), *((f"after_{i:02}.jpg", one) for i, (_, one) in enumerate(page.after, 1))]
    size = page.before.size
    for name, image in named:
        shown = image.convert("RGB")
        shown.thumbnail((LONGEST, LONGEST))
        eight_bit.write_picture(folder / name, shown, quality=88)
        size = shown.size
    figures = [
        _FIGURE.format(before=named[0][0], after=name, caption=escape(caption), width=size[0], height=size[1])
        for (name, _), (caption, _) in zip(named[1:], page.after, strict=True)
    ]
    text = _PAGE.format(
        title=escape(page.title), lead=escape(page.lead), figures="\n".join(figures), columns=page.columns
    )
    path = folder / "index.html"
    with failing(path):
        path.write_text(text, encoding="utf-8")
    return path
