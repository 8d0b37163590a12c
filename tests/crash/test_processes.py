"""Workers of runs: killed with -9 between and inside steps, and paused for longer than their lease."""

from __future__ import annotations

import random
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from eventflow.app import Eventflow
from eventflow.model.process.run import Run
from eventflow.model.process.status import RunStatus
from tests.crash.program import Order, Program
from tests.crash.runs import ASIDE, STEPS, Orders, Parcel
from tests.peer import Answer, Asked, Peer
from tests.waiting import until

RUNS, KILLS, WORKERS = 500, 200, 4

LEASE = 3.0
"""Seconds; long enough for a worker on a busy machine to say that it lives."""


class World:
    """What steps do something to. It numbers what is asked, and sees who is at the same run at the same moment."""

    def __init__(self, slowness: float = 0.02) -> None:
        self.numbers: dict[tuple[UUID, str], list[int]] = defaultdict(list)
        self.together = 0
        self.workers: set[int] = set()
        self.held = threading.Event()
        self.waits_at = ""
        self._slowness, self._next, self._chance = slowness, count(1), random.Random(7)
        self._at: Counter[UUID] = Counter()
        self._mutex = threading.Lock()
        self._go = threading.Event()

    def __call__(self, asked: Asked) -> Answer:
        run, step = UUID(asked.path.split("/")[1]), asked.path.split("/")[2]
        with self._mutex:
            number = next(self._next)
            self.numbers[run, step].append(number)
            self._at[run] += 1
            self.workers.add(int(asked.headers["worker"]))
            self.together = max(self.together, self._at[run])
            first = len(self.numbers[run, step]) == 1
        if step == self.waits_at and first:
            self.held.set()
            self._go.wait(30)
        else:
            threading.Event().wait(self._chance.uniform(0, self._slowness))
        with self._mutex:
            self._at[run] -= 1
        return Answer(body={"number": number})

    def go(self) -> None:
        """Answer what was held."""
        self._go.set()


@pytest.fixture
def orders(order: Order) -> Orders:
    """What the workers of this test are told."""
    return Orders(**{**order.__dict__, "lease": LEASE})


@pytest.fixture
def app(orders: Orders) -> Iterator[Eventflow]:
    """The application as the test sees it, without a worker."""
    with closing(orders.application()) as app:
        yield app


@pytest.fixture
def crew(orders: Orders) -> Iterator[Any]:
    """Starts workers; what still runs in the end is killed."""
    with ExitStack() as started:

        def start(**changes: Any) -> Program:
            program = Program(Orders(**{**orders.__dict__, **changes}))
            started.callback(program.close)
            return program

        yield start


class Watch:
    """Follows the log: how many runs have ended well, and how often a worker left one behind. Changes with a look."""

    def __init__(self, app: Eventflow) -> None:
        self._app, self._position = app, 0
        self.over = self.interrupted = 0

    def look(self) -> int:
        """How many runs have ended well until now."""
        while headers := self._app.log.tail(self._position, 1000):
            self.over += sum(one.status == RunStatus.SUCCESS for one in headers)
            self.interrupted += sum(one.name.endswith(":interrupted") for one in headers)
            self._position = headers[-1].position
        return self.over


def test_workers_killed_200_times_over_500_runs_lose_nothing_and_repeat_nothing_that_was_recorded(
    app: Eventflow, crew: Any, peer: Peer
) -> None:
    chance = random.Random(KILLS)
    peer.answer = world = World()
    runs = [app.processes.prepare(Parcel(peer=peer.url)) for _ in range(RUNS)]
    leader, workers = crew(queues=(ASIDE,)).begun(), [crew() for _ in range(WORKERS)]

    for kill in range(KILLS):
        app.save(*runs[kill * RUNS // KILLS : (kill + 1) * RUNS // KILLS])
        if kill % 40 == 39:  # whoever feeds and rescues is killed as well, now and then
            leader.kill()
            leader = crew(queues=(ASIDE,))
            continue
        victim = one_at_work(workers, world)
        threading.Event().wait(chance.uniform(0.0, 0.02))
        victim.kill()
        workers[workers.index(victim)] = crew()
    watch = Watch(app)
    until(lambda: watch.look() == RUNS, "every run is over")

    check(app, runs, world)
    repeated = sum(len(numbers) - 1 for numbers in world.numbers.values())
    assert watch.interrupted >= KILLS / 2, "Many of the kills struck while a run was under way."
    assert repeated > 0, "Some struck inside a step."


def one_at_work(workers: list[Program], world: World) -> Program:
    """One of the workers that has begun a step, as soon as there is one."""
    until(lambda: any(one.pid in world.workers for one in workers), "somebody works")
    return next(one for one in workers if one.pid in world.workers)


def check(app: Eventflow, runs: list[Run], world: World) -> None:
    """Every run has ended well, and nothing was asked again once its answer was recorded."""
    assert world.together == 1, "Two workers were at the same run at the same moment."
    for run in runs:
        found = app.processes.get(run.id)
        assert (found.status, found.done) == (RunStatus.SUCCESS, STEPS)
        for step in STEPS:
            numbers = world.numbers[run.id, step]
            assert found.state[f"{step}_"] == numbers[-1], f"{step} was done again after it was recorded: {numbers}"


def test_what_a_paused_worker_of_a_run_brings_home_late_is_refused(
    app: Eventflow, crew: Any, peer: Peer, orders: Orders
) -> None:
    peer.answer = world = World()
    world.waits_at = "print"
    paused = crew().begun()
    run = app.processes.start(Parcel(peer=peer.url))
    assert world.held.wait(30)

    paused.pause()
    crew().begun()
    watch = Watch(app)
    until(lambda: watch.look() == 1, "another worker brings the run to its end")
    world.go()
    paused.resume()
    until(lambda: "was taken over or overruled" in orders.diary.read_text(), "the late success is refused")

    found = app.processes.get(run.id)
    first, second = world.numbers[run.id, "print"]
    assert (found.status, found.state["print_"]) == (RunStatus.SUCCESS, second)
    assert [len(world.numbers[run.id, step]) for step in STEPS] == [1, 1, 2, 1, 1]
    assert first != second
    assert paused.runs
