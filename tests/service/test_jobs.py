from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from deepblend.service.jobs import Job, Queue

serials = count()


def job(client: bytes, name: str = "") -> Job:
    request: Any = None  # the queue does not look at it
    return Job(client, name, request, [], 0.0, next(serials))


@pytest.fixture
def queue() -> Queue:
    return Queue()


def begun(queue: Queue) -> list[bytes]:
    found = []
    while (one := queue.next()) is not None:
        found.append(one.client)
    return found


def test_an_empty_queue(queue: Queue) -> None:
    assert queue.next() is None
    assert len(queue) == 0
    assert list(queue) == []


def test_one_client_is_served_in_order(queue: Queue) -> None:
    jobs = [job(b"a", str(number)) for number in range(4)]
    for one in jobs:
        queue.add(one)
    assert [queue.next() for _ in jobs] == jobs


def test_clients_take_turns(queue: Queue) -> None:
    for client in b"aaaabbc":
        queue.add(job(bytes([client])))
    assert begun(queue) == [b"a", b"b", b"c", b"a", b"b", b"a", b"a"]


def test_a_client_that_comes_later_does_not_wait_behind_another_ones_many(queue: Queue) -> None:
    for _ in range(10):
        queue.add(job(b"a"))
    for _ in range(3):
        queue.next()
    queue.add(job(b"b"))
    assert begun(queue)[0] == b"b"


def test_whoever_had_the_last_turn_waits(queue: Queue) -> None:
    queue.add(job(b"a"))
    assert queue.next() is not None
    queue.add(job(b"a"))
    queue.add(job(b"b"))
    assert begun(queue) == [b"b", b"a"]


def test_iterating_foretells_the_order_and_changes_nothing(queue: Queue) -> None:
    for client in b"abacabba":
        queue.add(job(bytes([client])))
    queue.next()
    foretold = list(queue)
    assert list(queue) == foretold
    assert len(queue) == len(foretold) == 7
    assert [queue.next() for _ in foretold] == foretold


def test_a_job_that_is_tried_again_goes_first(queue: Queue) -> None:
    first, second = job(b"a"), job(b"a")
    queue.add(second)
    queue.add(first, first=True)
    assert queue.next() is first


def test_removing(queue: Queue) -> None:
    jobs = [job(b"a"), job(b"a"), job(b"b")]
    for one in jobs:
        queue.add(one)
    queue.remove(jobs[0])
    assert list(queue) == [jobs[1], jobs[2]]
    queue.remove(jobs[2])
    assert list(queue) == [jobs[1]]


def test_a_client_that_has_gone_leaves_nothing_behind(queue: Queue) -> None:
    for number in range(1000):
        client = b"%d" % number
        queue.add(job(client))
        queue.next()
        queue.forget(client)
    assert not queue._waiting
    assert not queue._began
