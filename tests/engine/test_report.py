"""Devices, networks, and the report of a blend."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from deepblend.engine import blend as door
from deepblend.engine import device
from deepblend.engine.request import Rect
from deepblend_protocol.errors import DeviceMemory, DeviceUnknown, FeaturesUnavailable
from deepblend_protocol.settings import as_given
from small_requests import FEW, blended, both_methods, every_method, same


@both_methods
def test_an_unknown_device_is_refused(small, method):
    with pytest.raises(DeviceUnknown, match=r"no device 'abacus' here. Available: auto, .*cpu"):
        blended(small(method=method, device="abacus"))


def test_a_network_that_cannot_be_had_is_refused_with_the_way_out(small, no_download):
    """Poisson needs none and works."""
    with pytest.raises(FeaturesUnavailable, match="--features shipped"):
        blended(replace(small(), features="torchvision"))
    assert blended(replace(small(method="poisson"), features="torchvision")).report["method"] == "poisson"


@pytest.mark.parametrize("words", ["CUDA out of memory. Tried to allocate 2.00 GiB", None])
def test_too_little_memory_on_a_gpu_falls_back_to_the_cpu_and_says_so(small, monkeypatch, words):
    """A GPU that has no memory: what it raises is CUDA's own error, or the engine's."""
    asked = []

    def reset_peak_memory_stats(name: str) -> None:  # the first thing that is asked of it
        asked.append(name)
        raise torch.cuda.OutOfMemoryError(words) if words else DeviceMemory(device=name)

    monkeypatch.setattr(device, "choose", lambda name: "cuda:0")
    monkeypatch.setattr(torch.cuda, "init", lambda: None)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", reset_peak_memory_stats)
    fallen = blended(small(device="auto"))
    assert asked == ["cuda:0"]
    assert fallen.report["device"] == "cpu"
    assert fallen.report["notes"] == [
        "The device cuda:0 has too little free memory for this blend. Close other programs or select less. "
        "The CPU was used instead."
    ]
    monkeypatch.undo()
    assert same(fallen, blended(small(device="cpu")))


def test_too_little_memory_on_the_cpu_is_one_sentence(small, monkeypatch):
    def prepare(request, device) -> None:
        raise MemoryError

    monkeypatch.setattr(door, "prepare", prepare)
    with pytest.raises(DeviceMemory, match="The device cpu has too little free memory"):
        blended(small())


@every_method
def test_the_report_is_json_and_complete(small, settings):
    request = small(**settings)
    layer = blended(request)
    report = json.loads(json.dumps(layer.report, allow_nan=False))
    assert report == layer.report
    assert report["method"] == settings["method"]
    assert report["device"] == "cpu"
    assert report["threads"] == torch.get_num_threads()
    assert report["features"] == "shipped"
    assert report["settings"] == as_given(request.settings)
    assert report["looks_like"] is None
    box = layer.plane.rect
    assert report["sizes"]["box"] == box._asdict()
    assert report["sizes"]["omega"] == int((layer.plane.samples[..., 3] > 0).sum())
    crop = Rect(**report["sizes"]["crop"])
    assert crop.x <= box.x
    assert crop.y <= box.y
    assert crop.x + crop.w >= box.x + box.w
    assert crop.y + crop.h >= box.y + box.h
    assert report["sample_type"] == "uint8"
    assert report["peak_memory_bytes"] is None or report["peak_memory_bytes"] > 1e6
    assert report["notes"] == []
    deep = {"palette", "poisson", "network", "optimise"}
    stages = {"poisson": {"poisson"}, "deep": deep, "paper": {"network", "first pass"}}
    seconds = report["seconds"]
    assert set(seconds) == {"prepare", "encode", "total"} | stages[settings["method"]]
    assert sum(seconds.values()) - seconds["total"] <= seconds["total"] + 1e-3
    if settings["method"] == "deep":
        assert [set(level) for level in report["levels"]] == [{"size", "evaluations", "tiles", "seconds", "losses"}] * 3
    else:
        assert report["levels"] == []
    if settings["method"] == "paper":
        assert report["first pass"] == {"evaluations": 20}
    else:
        assert report["poisson"]["residual"] <= FEW.poisson_error
