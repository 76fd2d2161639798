from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from deepblend import __version__
from deepblend.commands.info import advice


def test_everything_is_told(deepblend):
    known = deepblend("info", "--json").json
    assert known["version"] == __version__
    assert known["torch"] == torch.__version__
    assert [device["name"] for device in known["devices"]][-1] == "cpu"
    assert all(device["memory"] > 2**28 for device in known["devices"])
    assert Path(known["weights"]["file"]).stat().st_size == known["weights"]["bytes"]
    assert "CC BY 4.0" in known["weights"]["licence"]
    assert known["extras"]["files"] == (find_spec("tifffile") is not None)
    assert all(Path(known["places"][name]).exists() for name in ("package", "example", "python"))


def test_the_words_say_the_same(deepblend):
    known = deepblend("info", "--json").json
    done = deepblend("info")
    assert (done.status, done.err) == (0, "")
    for word in (__version__, torch.__version__, known["weights"]["file"], "<- auto", "cpu: "):
        assert word in done.out


@pytest.mark.parametrize(
    ("cuda_build", "cuda_available", "nvidia", "words"),
    [
        (False, False, True, "NVIDIA GPU present, torch is CPU-only"),
        (True, False, True, "Update the NVIDIA driver"),
        (True, True, True, None),
        (True, False, False, None),
        (False, False, False, None),
    ],
)
def test_a_gpu_that_lies_idle_is_told(cuda_build, cuda_available, nvidia, words):
    told = advice(cuda_build, cuda_available, nvidia)
    assert [words in sentence for sentence in told] == ([True] if words else [])
