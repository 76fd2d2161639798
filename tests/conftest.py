"""Which tests stay together where several processes run them: pytest -n 2."""

from __future__ import annotations

from pathlib import Path

import pytest

WHOLE = ("gimp", "krita")
"""Folders whose tests share a running application and go to one process; other tests stay together by file."""


def pytest_configure(config: pytest.Config) -> None:
    """Make ``-n 2`` alone mean ``--dist loadgroup``; the processes that run the tests do not inherit it."""
    if hasattr(config, "workerinput"):
        config.option.loadgroup = True
    elif getattr(config.option, "dist", "no") == "load":
        config.option.dist = "loadgroup"


@pytest.hookimpl(tryfirst=True)  # before the plugin looks for the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.pluginmanager.hasplugin("xdist"):
        return
    here = Path(__file__).parent
    for item in items:
        place = item.path.relative_to(here)
        group = place.parts[0] if place.parts[0] in WHOLE else str(place)
        item.add_marker(pytest.mark.xdist_group(group))
    # The applications' tests take longest, and wait more than they compute: they begin.
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in WHOLE)
