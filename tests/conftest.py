"""How several processes share the tests: pytest -n 2."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Two processes share the processor: threads that wait sleep, as in the server's workers. Read when torch is imported.
# (Not by the package's own function: the protocol is tested where there is no engine.)
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

FIRST = ("gimp", "krita")
"""Folders whose tests take longest, and wait more than they compute."""


def pytest_configure(config: pytest.Config) -> None:
    """Hand out one test at a time, in order: 'loadgroup' does that where there are no groups; 'load' takes batches."""
    if getattr(config.option, "dist", "no") == "load":  # what -n alone means
        config.option.dist = "loadgroup"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in FIRST)
