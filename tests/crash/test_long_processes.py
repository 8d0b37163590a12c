"""Killed with -9 in the middle of items and of taking back: nothing is lost, nothing that was recorded is repeated."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields
from typing import Any
from uuid import UUID

import pytest

from eventflow.app import Eventflow
from eventflow.model.process.run import Run
from eventflow.model.process.status import RunStatus
from eventflow.model.recorded import Header
from tests.crash.conftest import Start
from tests.crash.program import Order
from tests.crash.travels import PARCELS, Travel, Travels
from tests.peer import Answer, Asked, Peer
from tests.waiting import until

LEASE = 0.6
REQUESTS = 2 + PARCELS
"""What a run asks at least, if nobody is killed."""

BACK = ["undo:send_parcel", "undo:take_room", "undo:go_to_town"]


@pytest.fixture
def order(order: Order) -> Order:
    """The same engines, and a process to work on."""
    return Travels(**{one.name: getattr(order, one.name) for one in fields(order)})


@pytest.fixture
def app(order: Order) -> Iterator[Eventflow]:
    """The log as the test sees it, with no worker."""
    with closing(order.application()) as app:
        yield app


@pytest.mark.parametrize(("engines", "kills"), [("sqlite", 5), ("rabbitmq", 4)])
def test_items_and_undoing_survive_kills_and_are_recorded_once(
    kills: int, app: Eventflow, start: Start, peer: Peer
) -> None:
    chance = random.Random(kills)
    peer.answer = town = Town()
    runs = []

    for _ in range(kills):
        town.holds(chance.randint(1, 2 * REQUESTS - 1))
        worker = start(lease=LEASE).begun()
        for stays in (True, False):
            runs.append((app.processes.start(Travel(peer=peer.url)).id, stays))
            app.processes.signal(runs[-1][0], "decided", stays)
        town.is_held()
        worker.kill()
        town.goes_on()
    start(lease=LEASE)
    until(lambda: ended(app, runs) == len(runs), "every run has ended")

    for run, stays in runs:
        check(app, run, stays=stays)
    assert interruptions(app) >= kills / 2, "Most of the kills struck in the middle of a step."


class Town:
    """Answers, but for the one request at which a worker is to be killed. Changes with every request."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._left: int | None = None
        self._held = False

    def holds(self, number: int) -> None:
        """Of the requests from now on this one is not answered before it ``goes_on``."""
        with self._changed:
            self._left = number

    def is_held(self) -> None:
        """Wait until it is."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._held, timeout=30), "Nobody asks any more."

    def goes_on(self) -> None:
        """Answer all requests."""
        with self._changed:
            self._held, self._left = False, None
            self._changed.notify_all()

    def __call__(self, asked: Asked) -> Answer:
        with self._changed:
            if self._left is not None:
                self._left -= 1
                if self._left <= 0:
                    self._held = True
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: not self._held, timeout=30)
        last = asked.path.rpartition("/")[2]
        return Answer(body={"fee": int(last) if last.isdigit() else 0})


def check(app: Eventflow, id: UUID, *, stays: bool) -> None:
    """A run has ended as it was decided, and everything in it is there once."""
    run, known = app.processes.get(id), app.processes.known(id)
    history = app.processes.history(id)
    done = [one.step for one in history if one.name == "step_succeeded"]
    forward = ["go_to_town", "take_room", "send_parcel"]
    assert run.status is (RunStatus.SUCCESS if stays else RunStatus.ABORTED)
    assert done == ([*forward, "decide"] if stays else [*forward, *BACK])
    assert known.fees == (tuple(range(PARCELS)) if stays else ())  # type: ignore[attr-defined]
    assert len([one for one in history if one.name == "run_ended"]) == PARCELS
    begun = [at for one in history if one.name == "begun" for at, _ in one.body["runs"]]
    assert sorted(begun) == list(range(PARCELS))
    for item in items(app, id):
        assert names(app, item.stream).count("step_succeeded") == 1
        assert app.log.head(item.stream).status == "success"  # type: ignore[union-attr]


def items(app: Eventflow, parent: UUID) -> list[Header]:
    """The first headers of the runs that a run has begun."""
    first = [one for one in everything(app) if one.category == Run.category and one.version == 1]
    return [one for one in first if app.processes.get(one.stream).parent == parent]


def everything(app: Eventflow) -> list[Header]:
    """All headers."""
    return app.log.tail(0, 100_000)


def names(app: Eventflow, stream: UUID) -> list[str]:
    """What happened in a stream."""
    return [one.name.rpartition(":")[2] for one in app.log.headers(stream)]


def ended(app: Eventflow, runs: list[tuple[UUID, Any]]) -> int:
    """How many runs are over."""
    heads = app.log.heads([id for id, _ in runs])
    return sum(one is not None and RunStatus(one.status).is_over for one in heads)


def interruptions(app: Eventflow) -> int:
    """How often work was taken from a worker that was gone."""
    return sum(one.name.endswith(":interrupted") for one in everything(app))
