"""The table of methods: what each consists of, and for which settings."""

from __future__ import annotations

from dataclasses import fields
from itertools import product
from typing import Any

import pytest
from deepblend.engine.budget import DEFAULT
from deepblend.engine.methods import METHODS, Part, plan
from deepblend.engine.region import prepare
from deepblend.engine.repainting import Recolouring, Repainting
from deepblend.engine.seamless import Relighting, Seam
from deepblend.engine.stages import Driver
from deepblend.engine.work import Picture, Work
from deepblend_protocol.settings import Settings, resolve
from small_requests import PAPER, blended

ALL_SETTINGS = [
    {"method": method, "style": style, "keep_colours": keep, "gradients": gradients, "paper": {"second_pass": second}}
    for method, style, keep, gradients, second in product(
        METHODS, (0, 0.01, 1), (0, 0.01, 1), ("source", "mixed"), (True, False)
    )
]
"""Every combination of what decides on the stages, and of some that do not."""


def parts(**settings: Any) -> list[Part]:
    chosen = resolve({"preset": "painting", "edges": "selected", **settings})
    return [part for part in METHODS[chosen.method] if part.applies(chosen)]


def test_the_methods_are_those_that_can_be_asked_for():
    (choices,) = (one.metadata["choices"] for one in fields(Settings) if one.name == "method")
    assert set(METHODS) == set(choices)


@pytest.mark.parametrize("keep", [0, 0.01, 0.5, 1])
def test_deep_is_poisson_of_an_object_recoloured_and_then_repainted_and_at_no_style_poisson(keep):
    poisson = parts(method="poisson", keep_colours=keep)
    assert parts(method="deep", style=0, keep_colours=keep) == poisson
    styled = parts(method="deep", style=0.01, keep_colours=keep)
    recoloured = [part for part in styled if part.make is Recolouring]
    assert len(recoloured) == (keep < 1)
    others = [part for part in styled if part not in recoloured]
    assert others[: len(poisson)] == poisson
    assert len(others) == len(poisson) + 2  # the network, and what it is for
    assert others[-1].make is Repainting
    for part in recoloured:
        assert styled.index(part) < styled.index(poisson[-1])  # before the seam, which makes the border exact


@pytest.mark.parametrize("method", ["poisson", "deep"])
def test_keeping_no_colours_leaves_relighting_out(method):
    assert [part.make for part in parts(method=method, style=0, keep_colours=0.01)] == [Relighting, Seam]
    assert [part.make for part in parts(method=method, style=0, keep_colours=0)] == [Seam]


def test_the_second_pass_can_be_left_out():
    both, first = (parts(method="paper", paper={"second_pass": second}) for second in (True, False))
    assert both[:-1] == first


def test_shares_are_1_together_whatever_the_settings(small):
    seen = set()
    for settings in ALL_SETTINGS:
        request = small(**settings)
        stages = plan(Work(request, "cpu", DEFAULT, prepare(request, "cpu")))
        shares = [share for share, _ in stages]
        assert sum(shares) == pytest.approx(1)
        assert all(share >= 0 for share in shares)
        assert shares[-1] > 0
        seen.add(tuple(shares))
    # Poisson, which deep without style is: with and without relighting. Deep also without recolouring; it cannot be
    # without both. Paper: with one pass or two.
    assert len(seen) == 2 + 3 + 2


def test_each_stage_of_a_plan_is_made_from_what_those_before_have_given(small):
    request = small(**PAPER)
    work = Work(request, "cpu", DEFAULT, prepare(request, "cpu"))
    names: list[str] = []
    Driver[Picture]("cpu", lambda progress, stage, update: names.append(stage)).run(plan(work))
    assert names == ["first pass"] * 20
    assert work.network is not None


def test_where_no_stage_needs_the_network_it_is_not_loaded(small):
    for settings in ({"method": "poisson"}, {"method": "deep", "style": 0}):
        request = small(**settings)
        work = Work(request, "cpu", DEFAULT, prepare(request, "cpu"))
        Driver[Picture]("cpu").run(plan(work))
        assert work.network is None


@pytest.mark.parametrize(
    ("settings", "stages"),
    [
        ({"method": "poisson"}, {"poisson"}),
        ({"method": "deep", "style": 0}, {"poisson"}),
        ({"method": "deep"}, {"palette", "poisson", "network", "optimise"}),
        ({"method": "deep", "keep_colours": 1}, {"poisson", "network", "optimise"}),
        ({**PAPER, "paper": {"num_steps": 3}}, {"network", "first pass", "second pass"}),
    ],
    ids=["poisson", "deep without style", "deep", "deep in its own colours", "paper"],
)
def test_a_blends_seconds_name_the_stages_of_its_method(small, settings, stages):
    assert set(blended(small(**settings)).report["seconds"]) == stages | {"prepare", "encode", "total"}
