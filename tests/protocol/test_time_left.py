"""How long a blend still takes: said before it runs, by what was, and ever more by its own pace."""

from __future__ import annotations

import pytest
from deepblend_protocol.time_left import TimeLeft
from deepblend_protocol.words import time_left


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_learns_of_earlier_blends_and_follows_its_own_pace():
    clock, known = Clock(), {}
    first = TimeLeft(2_000_000, True, known, clock)
    assert first.seconds > 0, "said from the first moment on"
    first.told(0.0)
    clock.now += 4
    first.told(0.5)
    assert first.seconds == pytest.approx(4)
    clock.now += 3
    assert first.seconds == pytest.approx(1), "it goes on while nothing is told"
    clock.now += 9
    assert first.seconds == 0, "never less than none"
    first.told(0.4)
    assert first.seconds == 0, "nor back"
    first.ended()
    second = TimeLeft(1_000_000, True, known, clock)
    assert second.seconds == pytest.approx(0.5 + 15.5 / 2)
    assert TimeLeft(1_000_000, False, known, clock).seconds < second.seconds


def test_it_is_said_in_few_words():
    assert [time_left(seconds) for seconds in (0.2, 12.4, 59, 95, 3600)] == [
        "1 s left",
        "12 s left",
        "59 s left",
        "2 min left",
        "60 min left",
    ]
