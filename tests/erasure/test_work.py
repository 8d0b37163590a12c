"""What was to be done with somebody who was erased is dropped, wherever it stands, and nobody stumbles over it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from eventflow import Eventflow, Exchange, Request, endpoint, task
from eventflow.errors import Erased
from eventflow.model import outcome
from eventflow.model.recorded import Phase
from eventflow.runtime.attempt import cancelled
from eventflow.runtime.rescue import Rescue
from eventflow.store.work import Work
from eventflow.testing import Clock
from tests.erasure.conftest import Make
from tests.erasure.words import NAME, Moved, Person, Standing, everything, is_mentioned
from tests.peer import Answer, Peer
from tests.walks.test_cancelling import until


def a_task(function: Callable[[Person], Any], **options: Any) -> Any:
    """What gets to know people."""
    bound: Any = task(
        Person, on=Standing.NEW, processing=None, complete=Standing.KNOWN, failed=Standing.LOST, name="meet", **options
    )
    return bound(function)


def meets(met: list[UUID]) -> Any:
    def meet(person: Person) -> Moved:
        met.append(person.id)
        return Moved(street="here")

    return a_task(meet)


def begun(app: Eventflow, **said: Any) -> UUID:
    """Somebody to meet."""
    person = Person.create(name=NAME)
    if said:
        person.touch(**said)
    app.save(person)
    return person.id


def is_over(app: Eventflow, id: UUID) -> bool:
    """Whether the erasure is the last thing, and nothing is to be done."""
    left = app.database.query(f"SELECT stream FROM work WHERE stream = '{id}'")
    return app.log.headers(id)[-1].phase == Phase.ERASED and left == []


def test_what_is_due_later_is_dropped_and_said_so(make: Make, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    met: list[UUID] = []
    app = make(reactions=[meets(met)])
    one, other = begun(app, after=timedelta(hours=1)), begun(app, after=timedelta(hours=1))
    app.drain()

    app.erase(one)
    clock.forward(hours=2)
    with caplog.at_level(logging.INFO, "eventflow.relay"):
        app.drain()

    assert met == [other]
    assert is_over(app, one)
    assert f"{one} was erased" in caplog.text


def test_what_the_broker_holds_is_dropped(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    met: list[UUID] = []
    app = make(reactions=[meets(met)])
    one, other = begun(app), begun(app)
    app.relay()

    app.erase(one)
    app.drain()

    assert met == [other]
    assert is_over(app, one)
    assert f"What stream {one} held was erased" in caplog.text
    assert app.get(Person, other).status is Standing.KNOWN


@pytest.mark.parametrize("heeds", [True, False])
def test_whoever_works_on_it_is_told_and_brings_nothing_home(make: Make, heeds: bool) -> None:
    started, leave, ended = threading.Event(), threading.Event(), threading.Event()

    def meet(person: Person) -> Moved:
        started.set()
        if heeds:
            until(cancelled)
        else:
            leave.wait(30)
        ended.set()
        return Moved(street=f"{NAME}'s new street")

    app = make(reactions=[a_task(meet)])
    id, worker = begun(app), app.worker(threads=1)
    worker.start()
    try:
        assert started.wait(30)
        app.erase(id)
        leave.set()
        assert ended.wait(30)
    finally:
        worker.stop()
    app.drain()

    assert is_over(app, id)
    assert [one.name for one in app.log.headers(id)] == ["person:created", "person:claimed", "person:erased"]


def test_a_claim_whose_worker_is_gone_is_not_rescued(make: Make) -> None:
    meet = meets([])
    app = make(reactions=[meet])
    id = begun(app)
    person = app.get(Person, id)
    outcome.claim(person, app.routes.reactions["meet"], 1, uuid4())
    app.save(person)
    app.relay()
    rescue = Rescue(
        Work(app.database), app.repository, app.routes, clock=app.clock, masker=app.masker, own=uuid4(), alone=True,
        patience=timedelta(0),
    )  # fmt: skip

    app.erase(id)

    assert rescue.step() == 0
    app.drain()
    assert is_over(app, id)


def test_conversations_and_errors_are_as_secret_as_the_rest_and_erased_with_it(make: Make) -> None:
    def ask(person: Person) -> Exchange[Moved]:
        yield Request("POST", peer.url, json={"name": person.name})
        raise ValueError(f"{person.name} did not answer")

    bound: Any = endpoint(
        Person, on=Standing.NEW, processing=None, complete=Standing.KNOWN, failed=Standing.LOST, name="ask"
    )
    with closing(Peer(lambda asked: Answer(body={"hello": NAME}))) as peer:
        app = make(reactions=[bound(ask)])
        id = begun(app)
        app.drain()
        app.projections.catch_up()

    headers = app.log.headers(id)
    assert {"request", "response", "exception"} <= {one.kind for one in headers}
    assert {one.codec[-1] for one in headers} == {"k"}
    assert not is_mentioned(NAME, everything(app))
    assert headers[-1].error == "ValueError"
    assert NAME in str([one.event.event_body() for one in app.history(id)])

    app.erase(id)
    for one in app.history(id)[:-1]:
        with pytest.raises(Erased):
            _ = one.event


def test_what_failed_is_not_brought_back(make: Make, clock: Clock) -> None:
    def fails(person: Person) -> Moved:
        raise ValueError

    app = make(reactions=[a_task(fails)])
    one, other = begun(app), begun(app)
    app.drain()
    app.erase(one)

    with pytest.raises(Erased):
        app.defibrillate(one)
    batch = app.defibrillate_where("category:person")
    while not app.batches.get(batch.id).is_over:
        clock.forward(seconds=2)
        app.drain()

    assert is_over(app, one)
    assert [one.name for one in app.log.headers(other)].count("person:defibrillated") == 1
