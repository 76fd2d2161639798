"""Compiles the translations that the wheel carries: each .po becomes a .mo beside it, in the working copy as well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LOCALE = "protocol/deepblend_protocol/locale"


class Translations(BuildHookInterface):
    """Runs for the wheel, and for an editable installation, which is a wheel too."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        for path in Path(self.root, LOCALE).glob("*/LC_MESSAGES/*.po"):
            compile_po(path)
        build_data["artifacts"].append(f"/{LOCALE}/*/LC_MESSAGES/*.mo")  # git ignores them, hatch shall not


def compile_po(path: Path) -> None:
    """Write the .mo of a .po."""
    with path.open("rb") as file:
        catalogue = read_po(file)
    with path.with_suffix(".mo").open("wb") as file:
        write_mo(file, catalogue)
