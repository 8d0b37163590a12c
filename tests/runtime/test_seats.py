"""Who may run a handler, and who has to wait."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventflow.runtime import seats as rules
from eventflow.runtime.seats import Seats
from tests.waiting import until

OPEN = threading.Event()


def test_no_more_sit_at_a_time_than_there_are_seats() -> None:
    seats, mutex = Seats(3), threading.Lock()
    sitting, most = 0, 0

    def sit(_: int) -> None:
        nonlocal sitting, most
        assert seats.take(0, OPEN)
        with mutex:
            sitting += 1
            most = max(most, sitting)
        time.sleep(0)
        with mutex:
            sitting -= 1
        seats.leave()

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(sit, range(600)))

    assert most <= 3


def test_of_those_that_wait_the_lowest_priority_number_is_next_and_then_who_came_first() -> None:
    seats, order = Seats(1), list[str]()
    assert seats.take(0, OPEN)

    def sit(name: str, priority: int) -> None:
        assert seats.take(priority, OPEN)
        order.append(name)
        seats.leave()

    with ThreadPoolExecutor(4) as threads:
        for number, (name, priority) in enumerate([("c", 5), ("a", 0), ("d", 5), ("b", 0)], 1):
            threads.submit(sit, name, priority)
            until(lambda number=number: len(seats._waiting) == number, "one more waits")  # type: ignore[misc]
        seats.leave()

    assert order == ["a", "b", "c", "d"]


def test_who_has_claimed_nothing_waits_until_the_worker_closes() -> None:
    seats, closing = Seats(1), threading.Event()
    assert seats.take(0, closing)

    with ThreadPoolExecutor(1) as threads:
        waits: Future[bool] = threads.submit(seats.take, 0, closing)
        until(lambda: seats._waiting, "it waits")
        closing.set()
        assert not waits.result(30)

    seats.leave()
    assert seats.take(0, OPEN)


def test_who_has_claimed_waits_a_moment_only_and_nobody_claims_ahead_after_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rules, "SOON", 0.05)
    seats = Seats(1)
    assert seats.take_soon(0)
    seats.leave(0.001)
    assert seats.pays_ahead

    assert seats.take(0, OPEN)
    monkeypatch.setattr(rules, "QUICK", 0.04)
    assert not seats.take_soon(0)

    assert not seats.pays_ahead


@given(st.lists(st.floats(0, 60), min_size=1))
def test_it_pays_to_claim_ahead_while_handlers_are_quick(seconds: list[float]) -> None:
    seats = Seats(1)
    assert not seats.pays_ahead

    for one in seconds:
        seats.take(0, OPEN)
        seats.leave(one)

    if max(seconds) < rules.QUICK / 2:
        assert seats.pays_ahead
    if min(seconds) >= rules.QUICK:
        assert not seats.pays_ahead
