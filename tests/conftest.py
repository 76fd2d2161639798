"""How several processes share the tests: pytest -n 2."""

from __future__ import annotations

from pathlib import Path

import pytest

FIRST = ("gimp", "krita")
"""Folders whose tests take longest, and wait more than they compute."""


def pytest_configure(config: pytest.Config) -> None:
    """Hand out one test at a time, in order: 'loadgroup' does that where there are no groups; 'load' takes batches."""
    if getattr(config.option, "dist", "no") == "load":  # what -n alone means
        config.option.dist = "loadgroup"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in FIRST)
