"""What the fixtures of GIMP's and of Krita's tests are made of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness import Served


def shots_of(application: str) -> Path:
    """Where an application's screenshots are kept."""
    build = Path(__file__).parents[2] / "build" / "screenshots" / application
    folder = Path(os.environ.get("DEEPBLEND_SHOTS") or build)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def server_of(application: str, temporary: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of an application's own."""
    served = Served(temporary.mktemp(f"{application}-server") / "connection.json", (), {})
    served.connection  # noqa: B018  waits until it is there
    yield served
    served.end()


@contextmanager
def table_of_errors(shots: Path, of: str) -> Iterator[dict[str, float]]:
    """The largest error of a colour, by what is named in ``of``; kept as a table beside the screenshots."""
    found: dict[str, float] = {}
    yield found
    rows = "".join(f"| {name} | {error:.2g} |\n" for name, error in found.items())
    (shots / "round_trip.md").write_text(f"| {of} | largest error |\n|---|---|\n{rows}", encoding="utf-8")
