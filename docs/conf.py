"""The documentation as a site: python -m sphinx -W --keep-going -b html docs site

Sphinx with furo, as kornia has it (scikit-image: Sphinx as well). The pages are the Markdown files that are read on a
forge, too; so the README, which lies above this folder, is made the first page here.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
ABOVE = {"index": "README.md", "contributing": "CONTRIBUTING.md", "changes": "CHANGELOG.md"}
"""By page, the file above this folder that it begins with."""

project = "Deep Image Blending"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = project
myst_heading_anchors = 4
exclude_patterns = ["_build"]
suppress_warnings = ["misc.highlighting_failure"]


def from_above(app: object, page: str, source: list[str]) -> None:
    """Put the text from above into its page, and have links lead to pages."""
    text = source[0]
    if page in ABOVE:
        text = re.sub(r"\]\((LICENSE|NOTICE)\)", r"](../\1)", (ROOT / ABOVE[page]).read_text(encoding="utf-8")) + text
        text = text.replace("](docs/", "](")
    for name, file in ABOVE.items():
        text = re.sub(rf"\]\((?:\.\./)?{re.escape(file)}", f"]({name}.md", text)
    source[0] = text


def setup(app: object) -> None:
    app.connect("source-read", from_above)  # type: ignore[attr-defined]
