"""The driver of stages, with small ones: progress, stopping anywhere, what is handed over, times and reports."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Generator
from itertools import pairwise

import pytest
import torch
from deepblend.engine.stages import LAST_PROGRESS, Driver, Plan, Stage, Update, within
from torch import Tensor


class Adding(Stage[Tensor]):
    """Adds 1 to what it is given so many times, one at a time."""

    def __init__(self, given: dict[str, Tensor], name: str, steps: int, log: list[str]) -> None:
        self.name, self._given, self._steps, self._log = name, given, steps, log
        self._sum = given["sum"]
        self._done = 0
        self.scratch: weakref.ref[Tensor] | None = None
        log.append(f"{name} made")

    def __iter__(self) -> Generator[Update[Tensor], None, None]:
        scratch = torch.zeros(7)  # held by the iteration alone
        self.scratch = weakref.ref(scratch)
        try:
            for k in range(self._steps):
                self._sum = self._sum + 1 + scratch.sum()
                self._done = k + 1
                yield Update((k + 1) / self._steps, lambda: self._sum, {"left": torch.tensor(self._steps - k - 1.0)})
        finally:
            self._log.append(f"{self.name} ended")

    def result(self) -> Tensor:
        return self._sum

    def hand_over(self) -> None:
        self._given["sum"] = self._sum
        self._log.append(f"{self.name} handed over")

    def report(self) -> dict[str, int]:
        return {f"{self.name} steps": self._done}


STEPS_AND_SHARES = {"first": (3, 0.3), "second": (0, 0.0), "third": (4, 0.7)}


class Run:
    """Three stages of 3, 0 and 4 steps, with shares that differ."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.log: list[str] = []
        self.told: list[tuple[float, str, float, float]] = []
        self.made: list[Adding] = []
        given = {"sum": torch.tensor(0.0)}

        def maker(name: str, steps: int) -> Callable[[], Adding]:
            def make() -> Adding:
                self.made.append(Adding(given, name, steps, self.log))
                return self.made[-1]

            return make

        plan: Plan[Tensor] = [(share, maker(name, steps)) for name, (steps, share) in STEPS_AND_SHARES.items()]

        def tell(progress: float, stage: str, update: Update[Tensor]) -> bool:
            self.told.append((progress, stage, float(update.picture()), float(update.losses["left"])))
            return len(self.told) == stop_at

        self.driver = Driver[Tensor]("cpu", tell)
        self.result = float(self.driver.run(plan))


@pytest.fixture(scope="module")
def run() -> Run:
    return Run()


def test_the_last_stages_result_is_the_result(run):
    assert run.result == 7
    assert not run.driver.stopped


def test_progress_is_that_of_all_stages_by_their_shares(run):
    progress = [told[0] for told in run.told]
    assert progress == pytest.approx([0.1, 0.2, 0.3, *(0.3 + 0.7 * k / 4 for k in (1, 2, 3)), LAST_PROGRESS])
    assert max(progress) == LAST_PROGRESS < 1  # 1 is the finished layer's
    assert all(a <= b for a, b in pairwise(progress))


def test_each_update_comes_with_its_stages_name_picture_and_losses(run):
    assert [told[1] for told in run.told] == ["first"] * 3 + ["third"] * 4
    assert [told[2] for told in run.told] == [1, 2, 3, 4, 5, 6, 7]
    assert [told[3] for told in run.told] == [2, 1, 0, 3, 2, 1, 0]


def test_a_stage_is_made_once_those_before_have_handed_over(run):
    assert run.log == [
        "first made",
        "first ended",
        "first handed over",
        "second made",
        "second ended",
        "second handed over",
        "third made",
        "third ended",  # and there is nobody to hand over to
    ]


def test_reports_and_seconds_of_all_stages_are_put_together(run):
    assert run.driver.report == {"first steps": 3, "second steps": 0, "third steps": 4}
    assert set(run.driver.seconds) == {"first", "second", "third"}
    assert all(seconds >= 0 for seconds in run.driver.seconds.values())


@pytest.mark.parametrize("at", [1, 2, 3, 4, 6, 7])
def test_stopped_at_any_update_of_any_stage_its_result_is_the_result(at):
    run = Run(stop_at=at)
    assert run.driver.stopped
    assert run.result == at
    assert len(run.told) == at
    begun = ["first"] if at <= 3 else ["first", "second", "third"]
    assert [stage.name for stage in run.made] == begun
    assert run.log[-1] == f"{begun[-1]} ended"  # it hands nothing over
    assert list(run.driver.report.values())[-1] == (at if at <= 3 else at - 3)
    assert list(run.driver.seconds) == begun


@pytest.mark.parametrize("at", [None, 1, 3, 5, 7])
def test_what_an_iteration_holds_is_free_once_it_has_ended(at):
    run = Run(stop_at=at)
    for stage in run.made:
        assert stage.scratch is not None
        assert stage.scratch() is None


def test_a_stage_is_free_before_the_next_one_is_made():
    given = {"sum": torch.tensor(0.0)}
    first: list[weakref.ref[Adding]] = []

    def one() -> Adding:
        made = Adding(given, "one", 2, [])
        first.append(weakref.ref(made))
        return made

    def two() -> Adding:
        assert first[0]() is None
        return Adding(given, "two", 2, [])

    assert float(Driver[Tensor]("cpu").run([(0.5, one), (0.5, two)])) == 4


def test_what_is_ended_is_ended_before_its_result_is_asked_for():
    """A stage may settle things where its iteration ends, early or not."""

    class Settling(Stage[Tensor]):
        name = "settling"
        settled = 0.0

        def __iter__(self) -> Generator[Update[Tensor], None, None]:
            try:
                for k in range(4):
                    yield Update(k / 4, self.result)
            finally:
                self.settled = 1.0

        def result(self) -> Tensor:
            return torch.tensor(self.settled)

        def report(self) -> dict[str, float]:
            return {"settled": self.settled}

    for stop in (False, True):
        driver = Driver[Tensor]("cpu", lambda *_, stop=stop: stop)
        assert float(driver.run([(1.0, Settling)])) == 1
        assert driver.report == {"settled": 1.0}


def test_without_an_observer_no_picture_is_made():
    class Dear(Stage[Tensor]):
        name = "dear"

        def __iter__(self) -> Generator[Update[Tensor], None, None]:
            def picture() -> Tensor:
                raise AssertionError("nobody asked for it")

            yield Update(0.5, picture)
            yield Update(1.0, picture)

        def result(self) -> Tensor:
            return torch.ones(2)

    driver = Driver[Tensor]("cpu")
    assert torch.equal(driver.run([(1.0, Dear)]), torch.ones(2))
    assert not driver.stopped


def test_a_stages_fault_passes_and_ends_the_run():
    class Faulty(Adding):
        def __iter__(self) -> Generator[Update[Tensor], None, None]:
            yield Update(0.5, self.result)
            raise ValueError("the paint is dry")

    log: list[str] = []
    given = {"sum": torch.tensor(0.0)}
    plan: Plan[Tensor] = [
        (0.5, lambda: Faulty(given, "faulty", 2, log)),
        (0.5, lambda: Adding(given, "next", 2, log)),
    ]
    with pytest.raises(ValueError, match="the paint is dry"):
        Driver[Tensor]("cpu").run(plan)
    assert log == ["faulty made"]


def test_stages_of_one_name_share_their_seconds():
    class Slow(Stage[Tensor]):
        name = "slow"

        def __iter__(self) -> Generator[Update[Tensor], None, None]:
            time.sleep(0.02)
            yield Update(1.0, self.result)

        def result(self) -> Tensor:
            return torch.zeros(1)

    driver = Driver[Tensor]("cpu")
    driver.run([(0.5, Slow), (0.5, Slow)])
    with driver.timed("besides"):
        time.sleep(0.01)
    assert set(driver.seconds) == {"slow", "besides"}
    assert driver.seconds["slow"] >= 0.04
    assert driver.seconds["besides"] >= 0.01


# Work within work


def counting(steps: int) -> Generator[float, None, str]:
    for k in range(steps):
        yield (k + 1) / steps
    return f"{steps} steps"


def test_parts_of_a_work_become_parts_of_the_longer_one_and_its_value_is_returned():
    values: list[str] = []

    def longer() -> Generator[float, None, None]:
        values.append((yield from within(counting(2), 0.0, 0.5)))
        values.append((yield from within(counting(5), 0.5, 1.0)))

    assert list(longer()) == pytest.approx([0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    assert values == ["2 steps", "5 steps"]


def test_work_that_takes_no_step_returns_its_value_all_the_same():
    def nothing() -> Generator[float, None, str]:
        return (yield from within(counting(0), 0.2, 0.4))

    with pytest.raises(StopIteration) as end:
        next(nothing())
    assert end.value.value == "0 steps"


def test_to_end_the_longer_work_ends_the_one_within():
    ended: list[bool] = []

    def inner() -> Generator[float, None, None]:
        try:
            yield from (0.1, 0.2, 0.3)
        finally:
            ended.append(True)

    work = within(inner(), 0.0, 1.0)
    assert next(work) == pytest.approx(0.1)
    work.close()
    assert ended == [True]
