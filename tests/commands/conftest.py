"""Small pictures, and the command line run in this process."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deepblend.commands.cli import main
from deepblend.hosts import running
from gimp_profiles import make_profile
from PIL import Image


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def noise(height: int, width: int, channels: int, seed: int) -> np.ndarray:
    """A smooth ground with grain, (height, width[, channels]) uint8."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    rows, columns = rows[..., None], columns[..., None]
    ground = 110 + 60 * np.sin(rows / 17 + seed) + 40 * np.cos(columns / 11 + np.arange(channels))
    samples = (ground + random.normal(0, 8, (height, width, 1))).clip(0, 255).astype(np.uint8)
    return samples if channels > 1 else samples[:, :, 0]


@dataclass(frozen=True)
class Pictures:
    """A 96 x 80 target, a 48 x 40 source and its mask: an ellipse that leaves the source's edges free."""

    folder: Path
    source: Path
    mask: Path
    target: Path
    output: Path

    def arguments(self, **other: str | Path) -> list[str]:
        chosen = {"source": self.source, "mask": self.mask, "target": self.target, "output": self.output, **other}
        return [word for name, value in chosen.items() for word in (f"--{name.replace('_', '-')}", str(value))]

    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


@pytest.fixture
def pictures(tmp_path: Path) -> Pictures:
    made = Pictures(tmp_path, *(tmp_path / f"{name}.png" for name in ("source", "mask", "target", "output")))
    rows, columns = np.mgrid[:40, :48]
    ellipse = ((rows - 19.5) / 16) ** 2 + ((columns - 23.5) / 20) ** 2 < 1
    Image.fromarray(noise(40, 48, 3, seed=1)).save(made.source)
    Image.fromarray((ellipse * 255).astype(np.uint8)).save(made.mask)
    Image.fromarray(noise(80, 96, 3, seed=2)).save(made.target)
    return made


@pytest.fixture
def deepblend(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    def run(*arguments: str | Path) -> Outcome:
        capfd.readouterr()
        status = main([str(argument) for argument in arguments])
        return Outcome(status, *capfd.readouterr())

    return run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own; neither GIMP nor Krita on the PATH, and pip finds nothing."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "GIMP3_DIRECTORY", "DEEPBLEND_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    for name in ("APPDATA", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return home


@pytest.fixture
def profile(home: Path) -> Path:
    """A profile of GIMP 3.0 in that home, where Linux has it."""
    return make_profile(home / ".config" / "GIMP")


@pytest.fixture
def nothing_runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Linux, neither GIMP nor Krita, whatever else runs on this machine."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(running, "runs", lambda name: False)
