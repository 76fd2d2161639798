"""What an observer is told, its previews, and stopping."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from deepblend.engine import colour
from deepblend.engine.request import Plane, Rect
from deepblend_protocol.words import STAGES
from small_requests import FEW, PAPER, SMALL, blended, both_methods, every_method, same, texture_of

LEVELS = replace(FEW, painting_px=40, object_px=10)
"""Three levels that the network paints, and one beyond, for a box of some 24 pixels."""


class Watcher:
    """Notes what it is told; stops at a call, or in a stage's call."""

    def __init__(self, stop_at: int | None = None, previews: tuple[int, ...] = ()) -> None:
        self.stop_at, self.sizes = stop_at, previews
        self.progress: list[float] = []
        self.stages: list[str] = []
        self.losses: list[dict[str, float]] = []
        self.previews: list[tuple[int, Plane]] = []

    def __call__(self, step) -> bool:
        self.progress.append(step.progress)
        self.stages.append(step.stage)
        self.losses.append(step.losses())
        self.previews += [(size, step.preview(size)) for size in self.sizes]
        return len(self.progress) == self.stop_at


@every_method
def test_progress_rises_and_1_is_never_told(small, settings):
    watcher = Watcher()
    layer = blended(small(**settings), watcher)
    assert len(watcher.progress) > 3
    assert all(0 <= progress < 1 for progress in watcher.progress)
    assert watcher.progress == sorted(watcher.progress)
    assert watcher.progress[-1] > 0.4
    assert not layer.stopped


@every_method
def test_losses_are_told_by_name(small, settings):
    watcher = Watcher()
    blended(small(**settings), watcher)
    names = {"poisson": set(), "deep": {"style", "neighbours"}}
    last = watcher.losses[-1]
    assert set(last) == names.get(settings["method"], set(last))
    assert all(isinstance(value, float) and np.isfinite(value) for value in last.values())
    if settings["method"] == "paper":
        assert {"style"} < set(watcher.losses[0])


@every_method
def test_the_observer_does_not_change_the_result(small, settings):
    requests = small(np.float32, **settings), small(np.float32, **settings)
    assert same(blended(requests[0]), blended(requests[1], Watcher(previews=(16,))))


@pytest.mark.parametrize(
    ("method", "place"),
    [
        *(
            (method, place)
            for method in ("poisson", "deep")
            for place in (SMALL, Rect(5, 12, 7, 41), Rect(0, 22, 45, 6))
        ),
        ("paper", PAPER["object"]),
    ],
)
def test_previews_of_any_size_at_every_stage(small, scenes, method, place):
    sizes = (1, 10, 33, 4000)
    watcher = Watcher(previews=sizes)
    options = {**(PAPER if method == "paper" else {"method": method}), "object": place}
    layer = blended(small(np.float32, alpha=np.ones((place.h, place.w)), **options), watcher, LEVELS)
    assert len(watcher.previews) == len(sizes) * len(watcher.progress)
    assert set(watcher.stages) <= set(STAGES)  # all that is sent can be said in words
    longest = max(layer.plane.rect.w, layer.plane.rect.h)
    for size, preview in watcher.previews:
        colour.check(preview, "preview")  # its scale and samples agree
        assert preview.rect == layer.plane.rect
        assert (preview.channels, preview.samples.dtype, preview.encoding) == ("RGBA", np.float32, "perceptual")
        assert max(preview.samples.shape[:2]) <= min(size, longest)
        assert np.isfinite(preview.samples).all()
        assert scenes.alpha(preview).min() > 0.2  # half-covered pixels at the border
    full = [preview for size, preview in watcher.previews if size == 4000]
    assert full[-1].samples.shape == layer.plane.samples.shape
    assert full[-1].scale == 1


def test_previews_show_the_blend_coming(small, scenes):
    """The last ones are nearer to the result than the first; alpha is the mask's."""
    watcher = Watcher(previews=(4000,))
    layer = blended(small(np.float32), watcher)
    inside = scenes.alpha(layer) > 0
    final = scenes.colours(layer)[inside]
    previews = [preview for _, preview in watcher.previews]
    assert {preview.samples.shape for preview in previews} == {layer.plane.samples.shape}  # of coarse levels as well
    errors = [np.abs(scenes.colours(preview)[inside] - final).mean() for preview in previews]
    assert errors[-1] < 1e-5
    assert errors[0] > 10 * errors[-1]
    assert np.array_equal(scenes.alpha(previews[-1]), scenes.alpha(layer))


def test_previews_of_gray_documents_are_gray(small):
    watcher = Watcher(previews=(8,))
    blended(small(gray=True), watcher)
    assert {preview.channels for _, preview in watcher.previews} == {"YA"}


@both_methods
def test_stopped_at_the_first_call_it_is_nearer_to_the_solution_than_a_paste(small, scenes, passed, method):
    request = small(np.float32, method=method)
    watcher = Watcher(stop_at=1)
    layer = blended(request, watcher)
    assert layer.stopped
    assert watcher.stages == ["poisson"]
    assert passed() == 0
    solved = blended(small(np.float32, method="poisson"))
    inside = scenes.alpha(layer) > 0
    pasted = scenes.within(layer.plane.rect, scenes.colours(request.layer), SMALL)[inside]
    exact, found = scenes.colours(solved)[inside], scenes.colours(layer)[inside]
    assert np.isfinite(found).all()
    assert np.abs(found - exact).mean() < 0.5 * np.abs(pasted - exact).mean()
    np.testing.assert_array_equal(scenes.alpha(layer), scenes.alpha(solved))


@pytest.mark.parametrize("done", [3, 6], ids=["in the coarse level", "in the fine level"])
def test_stopped_midway_it_ends_at_once_and_is_nearer_to_the_style(small, scenes, passed, texture_distance, done):
    request = small()
    counts: list[int] = []

    class Stopper(Watcher):
        def __call__(self, step) -> bool:
            super().__call__(step)
            counts.append(passed())
            return self.stages.count("optimise") == done + 1  # the first comes before any evaluation

    watcher = Stopper()
    layer = blended(request, watcher, LEVELS)
    assert layer.stopped
    assert passed() == counts[-1] > 0
    levels = layer.report["levels"]
    assert [level["evaluations"] for level in levels] == ([3] if done == 3 else [4, 2])
    assert layer.plane.samples[..., 3].any()
    start = blended(small(method="poisson"), None, LEVELS)
    style = request.background
    reached, before = (texture_of(scenes, one, request, texture_distance, style) for one in (layer, start))
    assert reached < before


def test_stopped_before_the_first_evaluation_it_is_the_poisson_blend(small, passed):
    class Stopper(Watcher):
        def __call__(self, step) -> bool:
            super().__call__(step)
            return step.stage == "optimise"

    layer = blended(small(keep_colours=1), Stopper())  # in its own colours: there is no palette to change it
    assert layer.stopped
    assert passed() == 0
    assert same(layer, blended(small(method="poisson", keep_colours=1)))


def test_stopping_the_published_algorithm(small):
    watcher = Watcher(stop_at=2)
    layer = blended(small(**PAPER), watcher)
    assert layer.stopped
    assert len(watcher.progress) == 2
    assert layer.plane.samples[..., 3].any()
