"""The places on the event loop, and who gets the next one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from eventflow.runtime.asynchronous import Asynchronous
from tests.waiting import until


class Still:
    """The thread of a loop that nobody turns."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop = asyncio.new_event_loop()

    def stop(self) -> None:
        """Nothing turns."""


@pytest.fixture
def narrow() -> Iterator[Asynchronous]:
    """A loop with one place."""
    thread = Still()
    yield Asynchronous(thread, places=1)
    thread.loop.close()


def test_the_most_urgent_of_those_that_wait_gets_the_next_place(narrow: Asynchronous) -> None:
    order = list[str]()
    assert narrow.enter(0)

    def enter(name: str, priority: int) -> None:
        assert narrow.enter(priority)
        order.append(name)
        narrow.leave()

    with ThreadPoolExecutor(2) as threads:
        for number, (name, priority) in enumerate([("later", 5), ("urgent", 0)], 1):
            threads.submit(enter, name, priority)
            until(lambda number=number: len(narrow._seats._waiting) == number, "one more waits")  # type: ignore[misc]
        narrow.leave()

    assert order == ["urgent", "later"]


def test_nobody_is_let_in_when_the_worker_ends(narrow: Asynchronous) -> None:
    narrow.close()

    assert not narrow.enter(0)
    assert narrow._seats.take(0, narrow._closing), "the place is still there"
