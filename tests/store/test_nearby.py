"""What was fetched last is near, within its bounds, and is fetched once for all who want it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import UUID, uuid4

import pytest

from eventflow.errors import Unavailable
from eventflow.store.archive.flights import Flights
from eventflow.store.archive.nearby import BESIDE, Nearby

A, B, C = uuid4(), uuid4(), uuid4()


def a_run(first: int, *sizes: int) -> dict[int, bytes]:
    return {first + at: b"x" * size for at, size in enumerate(sizes)}


class TestNearby:
    """Bodies that are near."""

    def test_a_run_is_found_by_any_of_its_versions(self) -> None:
        near = Nearby(10_000)

        near.put(A, 5, {5: b"five", 6: b"six"})

        assert (near.get(A, 5), near.get(A, 6)) == (b"five", b"six")
        assert (near.get(A, 4), near.get(A, 7), near.get(B, 5)) == (None, None, None)
        assert near.run(A, 5) == {5: b"five", 6: b"six"}

    def test_what_was_not_asked_for_the_longest_goes_first(self) -> None:
        near = Nearby(2 * (1000 + BESIDE))
        near.put(A, 1, a_run(1, 1000))
        near.put(B, 1, a_run(1, 1000))
        near.get(A, 1)

        near.put(C, 1, a_run(1, 1000))

        assert near.get(A, 1) is not None
        assert near.get(B, 1) is None
        assert near.get(C, 1) is not None

    def test_it_never_holds_more_than_its_bytes(self) -> None:
        near = Nearby(5_000)

        for number in range(200):
            near.put(UUID(int=number % 17), number, a_run(number, 400, number * 10))
            assert 0 <= near.size <= 5_000

    def test_a_run_that_is_larger_than_all_of_it_is_not_kept(self) -> None:
        near = Nearby(1000)
        near.put(A, 1, a_run(1, 100))

        near.put(B, 1, a_run(1, 2000))

        assert near.get(B, 1) is None
        assert near.get(A, 1) is not None

    def test_a_run_that_comes_again_is_counted_once(self) -> None:
        near = Nearby(10_000)

        near.put(A, 1, a_run(1, 1000))
        near.put(A, 1, a_run(1, 500))

        assert near.size == 500 + BESIDE

    def test_nothing_is_left_when_it_is_cleared(self) -> None:
        near = Nearby(10_000)
        near.put(A, 1, a_run(1, 1000))

        near.clear()

        assert (near.size, near.get(A, 1)) == (0, None)


class Watched:
    """A key that notices when so many have asked for it. Counts."""

    def __init__(self, wanted: int) -> None:
        self._left, self.all_came = wanted, Event()

    def __hash__(self) -> int:
        self._left -= 1
        if not self._left:
            self.all_came.set()
        return 7


class TestFlights:
    """Fetches that are under way."""

    def test_one_fetch_serves_all_who_come_meanwhile(self) -> None:
        flights: Flights[Watched, int] = Flights()
        key, fetches = Watched(9), []

        def fetch() -> int:
            fetches.append(1)
            key.all_came.wait(30)
            return 42

        with ThreadPoolExecutor(9) as threads:
            results = [one.result(30) for one in [threads.submit(flights.fly, key, fetch) for _ in range(9)]]

        assert results == [42] * 9
        assert len(fetches) == 1

    def test_a_failure_is_everybodys_and_the_next_one_tries_again(self) -> None:
        flights: Flights[str, int] = Flights()

        def fail() -> int:
            raise Unavailable("the bucket", "cut")

        with pytest.raises(Unavailable):
            flights.fly("a", fail)

        assert flights.fly("a", lambda: 7) == 7

    def test_whoever_waits_for_one_that_is_interrupted_flies_itself(self) -> None:
        flights: Flights[str, int] = Flights()
        started, going_on = Event(), Event()

        class Interrupt(BaseException):
            """Something that stops a thread."""

        def interrupted() -> int:
            started.set()
            going_on.wait(30)
            raise Interrupt

        with ThreadPoolExecutor(2) as threads:
            leader = threads.submit(flights.fly, "a", interrupted)
            started.wait(30)
            other = threads.submit(flights.fly, "a", lambda: 7)
            going_on.set()

            assert other.result(30) == 7
            with pytest.raises(Interrupt):
                leader.result(30)
