"""Writes what pyright knows of GIMP's and Krita's bindings: python3 make_stubs.py TYPINGS GIMPS-PLUG-IN KRITAS-PLUG-IN

Runs in a root that make_root.sh has made (tests/hosts/test_stubs.py calls it there) and asks the bindings themselves:
GObject introspection, and the signatures that Krita's classes bring along. Only what a plug-in names is written, so
that a name that the bindings do not have is an error.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

HEAD = "# Made by tests/hosts/make_stubs.py of the bindings themselves; not to be edited.\n"


class Used:
    """What a plug-in's sources name."""

    def __init__(self, folder: Path) -> None:
        self.attributes: set[str] = set()
        self.keywords: set[str] = set()
        self.imported: dict[str, set[str]] = {}
        """By module, what is imported from it."""
        self.of: dict[str, set[str]] = {}
        """By name, the attributes of it."""
        for path in sorted(folder.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute) and not node.attr.startswith("__"):
                    self.attributes.add(node.attr)
                    if isinstance(node.value, ast.Name):
                        self.of.setdefault(node.value.id, set()).add(node.attr)
                elif isinstance(node, ast.keyword) and node.arg:
                    self.keywords.add(node.arg)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    self.imported.setdefault(node.module, set()).update(one.name for one in node.names)


def main() -> None:
    typings, gimp, krita = map(Path, sys.argv[1:])
    sys.path += map(str, Path("/usr/lib").glob("*/krita-python-libs"))
    typings.mkdir(parents=True, exist_ok=True)
    from introspected import Introspected
    from signed import Signed

    Introspected(Used(gimp)).write(typings)
    Signed(Used(krita)).write(typings)


if __name__ == "__main__":
    main()
