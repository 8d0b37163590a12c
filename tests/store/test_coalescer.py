"""Group commit: company, outcomes of one's own, and exceptions thrown into threads at any moment."""

from __future__ import annotations

import ctypes
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread, get_ident
from time import monotonic, sleep

import pytest

from eventflow.errors import Unavailable
from eventflow.store.coalescer import Coalescer, _Turn
from tests.waiting import until


class Interrupt(BaseException):
    """What a time limit throws into the thread of a worker."""


class Desk:
    """Where works are written. Keeps what was written and how it came together."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.open = Event()
        self.open.set()
        self.busy = Event()

    def write(self, works: Sequence[int]) -> list[int]:
        self.busy.set()
        assert self.open.wait(timeout=10)
        if any(work < 0 for work in works):
            raise ValueError(f"{[work for work in works if work < 0]} cannot be written")
        self.batches.append(list(works))
        return [work * 10 for work in works]


def throw(thread: int, error: type[BaseException]) -> None:
    """Raise ``error`` in a thread, the way the broker's middleware does."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_long(thread), ctypes.py_object(error))


def test_whoever_is_alone_writes_at_once() -> None:
    desk = Desk()
    coalescer = Coalescer(desk.write, limit=10)

    assert coalescer.submit(1, 1) == 10
    assert desk.batches == [[1]]


def test_those_who_come_meanwhile_share_the_next_commit() -> None:
    desk = Desk()
    coalescer = Coalescer(desk.write, limit=100)
    desk.open.clear()

    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(coalescer.submit, 0, 1)
        assert desk.busy.wait(timeout=10)
        others = [threads.submit(coalescer.submit, number, 1) for number in range(1, 9)]
        until(lambda: len(coalescer._queue) == 9)
        desk.open.set()

    assert first.result() == 0
    assert [other.result() for other in others] == [number * 10 for number in range(1, 9)]
    assert sorted(desk.batches[1]) == list(range(1, 9))


def test_a_batch_has_a_limit_and_the_first_always_fits() -> None:
    desk = Desk()
    coalescer = Coalescer(desk.write, limit=3)
    desk.open.clear()

    with ThreadPoolExecutor(6) as threads:
        done = [threads.submit(coalescer.submit, 0, 50)]
        assert desk.busy.wait(timeout=10)
        done += [threads.submit(coalescer.submit, number, 2) for number in range(1, 5)]
        until(lambda: len(coalescer._queue) == 5)
        desk.open.set()

    assert [one.result() for one in done] == [0, 10, 20, 30, 40]
    assert all(len(batch) == 1 for batch in desk.batches)


def test_who_cannot_be_written_hurts_nobody_else() -> None:
    desk = Desk()
    coalescer = Coalescer(desk.write, limit=100)
    desk.open.clear()

    with ThreadPoolExecutor(6) as threads:
        first = threads.submit(coalescer.submit, 0, 1)
        assert desk.busy.wait(timeout=10)
        good = [threads.submit(coalescer.submit, number, 1) for number in (1, 2, 3)]
        bad = threads.submit(coalescer.submit, -7, 1)
        until(lambda: len(coalescer._queue) == 5)
        desk.open.set()

    assert (first.result(), [one.result() for one in good]) == (0, [10, 20, 30])
    with pytest.raises(ValueError, match="-7"):
        bad.result()


def test_what_is_out_of_reach_is_out_of_reach_for_all_and_not_tried_one_by_one() -> None:
    attempts = []
    hold = Event()

    def write(works: Sequence[int]) -> list[int]:
        attempts.append(len(works))
        assert hold.wait(timeout=10)
        raise Unavailable("the database", "gone")

    coalescer = Coalescer(write, limit=100)
    with ThreadPoolExecutor(4) as threads:
        done = [threads.submit(coalescer.submit, 0, 1)]
        until(lambda: bool(attempts))
        done += [threads.submit(coalescer.submit, number, 1) for number in (1, 2, 3)]
        until(lambda: len(coalescer._queue) == 4)
        hold.set()

    errors = [one.exception() for one in done]
    assert all(isinstance(error, Unavailable) for error in errors)
    assert len({id(error) for error in errors}) == 4
    assert attempts == [1, 3]


def test_a_leader_that_is_interrupted_hands_over() -> None:
    desk = Desk()
    coalescer = Coalescer(desk.write, limit=100)
    desk.open.clear()
    leader: list[int] = []

    def lead() -> None:
        leader.append(get_ident())
        coalescer.submit(0, 1)

    with ThreadPoolExecutor(4) as threads:
        interrupted = threads.submit(lead)
        assert desk.busy.wait(timeout=10)
        others = [threads.submit(coalescer.submit, number, 1) for number in (1, 2, 3)]
        until(lambda: len(coalescer._queue) == 4)
        throw(leader[0], Interrupt)
        desk.open.set()

        assert isinstance(interrupted.exception(timeout=10), Interrupt)
        assert [one.result(timeout=10) for one in others] == [10, 20, 30]

    assert coalescer.submit(5, 1) == 50


def test_a_follower_that_is_interrupted_is_not_waited_for() -> None:
    desk = Desk()
    coalescer = Coalescer(desk.write, limit=100)
    desk.open.clear()
    follower: list[int] = []

    def follow() -> None:
        follower.append(get_ident())
        coalescer.submit(1, 1)

    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(coalescer.submit, 0, 1)
        assert desk.busy.wait(timeout=10)
        interrupted = threads.submit(follow)
        until(lambda: len(coalescer._queue) == 2)
        throw(follower[0], Interrupt)

        assert isinstance(interrupted.exception(timeout=10), Interrupt)
        other = threads.submit(coalescer.submit, 2, 1)
        desk.open.set()
        assert (first.result(timeout=10), other.result(timeout=10)) == (0, 20)


def test_a_leader_that_vanished_without_a_word_is_replaced() -> None:
    desk = Desk()
    coalescer = Coalescer(desk.write, limit=100)

    # As if it had been interrupted once more while it was handing over.
    vanished: list[int] = []
    thread = Thread(target=lambda: vanished.append(get_ident()))
    thread.start()
    thread.join()
    turn: _Turn[int, int] = _Turn(9, 1)
    turn.thread, turn.abandoned = vanished[0], True
    coalescer._queue.append(turn)
    coalescer._leader = turn

    assert coalescer.submit(1, 1) == 10
    assert desk.batches == [[1]]


class Crowd:
    """Threads that submit again and again, whatever is thrown into them. Counts what they did."""

    def __init__(self, coalescer: Coalescer[int, int], size: int) -> None:
        self._coalescer = coalescer
        self.counts, self.interrupts, self.idents = [0] * size, [0] * size, [0] * size
        self.stop = Event()
        self.threads = [Thread(target=self._run, args=(index,), daemon=True) for index in range(size)]

    def _run(self, index: int) -> None:
        self.idents[index] = get_ident()
        # An exception may be thrown in the middle of catching another one; hence two of these.
        self._guarded(index, lambda: self._guarded(index, lambda: self._submit(index)))

    def _guarded(self, index: int, act: Callable[[], None]) -> None:
        while not self.stop.is_set():
            try:
                act()
            except Interrupt:
                self.interrupts[index] += 1

    def _submit(self, index: int) -> None:
        work = index * 1_000_000 + self.counts[index]
        assert self._coalescer.submit(work, 1) == work
        self.counts[index] += 1


def test_nobody_is_stuck_whatever_is_thrown_whenever() -> None:
    chance = random.Random(7)

    def write(works: Sequence[int]) -> list[int]:
        sleep(random.random() * 0.0005)
        return list(works)

    crowd = Crowd(Coalescer(write, limit=5), 6)
    for thread in crowd.threads:
        thread.start()
    until(lambda: all(crowd.counts))

    deadline = monotonic() + 3
    while monotonic() < deadline:
        throw(chance.choice(crowd.idents), Interrupt)
        sleep(chance.random() * 0.002)

    before = list(crowd.counts)
    until(lambda: all(now > then for now, then in zip(crowd.counts, before, strict=True)))
    crowd.stop.set()
    for thread in crowd.threads:
        thread.join(timeout=10)
        assert not thread.is_alive()
    assert sum(crowd.interrupts) > 100
