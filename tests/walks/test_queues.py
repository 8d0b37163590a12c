"""Queues: what is paused is neither fed nor claimed, and what goes first."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any
from uuid import uuid4

from eventflow.app import Eventflow
from eventflow.model.reaction import task
from eventflow.runtime.job import Job
from eventflow.testing import Clock
from tests.waiting import until
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Status, TaskReaction, Written, write


def printing(**options: Any) -> TaskReaction[Document, Written]:
    """A second task, on what is written."""

    @task(
        Document, on=Status.WRITTEN, processing=Status.SENDING, complete=Status.COMPLETE, failed=Status.ERROR,
        name="printing", **options,
    )  # fmt: skip
    def printing(document: Document) -> Written:
        return Written(text=f"{document.text}, printed")

    return printing


def status_of(app: Eventflow, document: Document) -> Status:
    return app.get(Document, document.id).status


def test_a_paused_queue_is_not_worked_on_and_the_others_are(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], reactions=[write, printing(queue="press")])
    app.switches.pause("queue", "press", reason="no paper", actor="ann")
    app.save(document := Document.create(title="Whales"))

    app.drain()
    assert status_of(app, document) is Status.WRITTEN
    app.switches.resume("queue", "press")
    app.drain()

    assert status_of(app, document) is Status.COMPLETE


def test_resting_is_no_attempt_and_no_event(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], reactions=[write])
    app.switches.pause("queue", "default")
    app.save(document := Document.create(title="Whales"))

    app.drain()

    assert [one.header.phase for one in app.history(document.id)] == ["announced"]
    [backlog] = app.engine.work.backlog(app.clock())
    assert (backlog.reaction, backlog.waiting, backlog.sent, backlog.running) == ("write", 1, 0, 0)


def test_a_pause_with_an_end_is_over_by_itself(make_app: MakeApp, clock: Clock) -> None:
    app = make_app(aggregates=[Document], reactions=[write])
    app.switches.pause("queue", "default", until=clock() + timedelta(minutes=5))
    app.save(document := Document.create(title="Whales"))

    app.drain()
    assert status_of(app, document) is Status.QUEUED
    clock.forward(minutes=5)
    app.drain()

    assert status_of(app, document) is Status.WRITTEN


def test_a_message_that_was_sent_before_the_pause_is_given_back_unclaimed(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], reactions=[write])
    app.save(document := Document.create(title="Whales"))
    app.relay()
    app.switches.pause("queue", "default")
    worker, runner = app.worker(), app.engine._runner(uuid4(), threading.Event())

    worker._gate.before(runner.run)(Job("write", document.id, 1, 1, app.log.last_position() - 2))

    assert status_of(app, document) is Status.QUEUED
    assert [one.sent for one in app.engine.work.backlog(app.clock())] == [0]
    app.switches.resume("queue", "default")
    app.drain()
    assert status_of(app, document) is Status.WRITTEN


def test_a_running_worker_stops_and_goes_on_as_it_is_told(make_app: MakeApp) -> None:
    app, operator = (make_app(aggregates=[Document], reactions=[write]) for _ in range(2))
    worker = app.worker()
    worker.start()
    try:
        operator.switches.pause("queue", "default")
        until(lambda: app.switches.is_paused("queue", "default"))
        documents = [Document.create(title=f"{number}") for number in range(20)]
        app.save(*documents)
        position = app.log.last_position()
        until(lambda: app.engine.work.position("relay") >= position)
        assert {status_of(app, one) for one in documents} == {Status.QUEUED}
        operator.switches.resume("queue", "default")
        until(lambda: {status_of(app, one) for one in documents} == {Status.WRITTEN})
    finally:
        worker.stop()

    claims = [[one.header.phase for one in app.history(document.id)].count("claimed") for document in documents]
    assert set(claims) == {1}


def test_the_pause_of_a_queue_survives_the_program(make_app: MakeApp) -> None:
    make_app(aggregates=[Document], reactions=[write]).switches.pause("queue", "default")
    app = make_app(aggregates=[Document], reactions=[write])
    app.save(document := Document.create(title="Whales"))

    app.drain()

    assert status_of(app, document) is Status.QUEUED


def test_of_what_is_due_the_lower_priority_goes_first(make_app: MakeApp) -> None:
    order: list[str] = []

    def noting(name: str, on: Status, priority: int) -> TaskReaction[Document, None]:
        @task(
            Document,
            on=on,
            processing=None,
            complete=Status.COMPLETE,
            failed=Status.ERROR,
            name=name,
            priority=priority,
        )
        def note(document: Document) -> None:
            order.append(name)

        return note

    app = make_app(
        aggregates=[Document], reactions=[noting("slow", Status.QUEUED, 5), noting("quick", Status.WRITTEN, -5)]
    )
    app.switches.pause("queue", "default")
    app.save(*(Document.create(title="Whales") for _ in range(3)))
    app.save(*(Document.create(title="Whales", status=Status.WRITTEN) for _ in range(3)))
    app.drain()
    app.switches.resume("queue", "default")
    app.relay()
    worker = app.worker(threads=1)
    worker.start()
    try:
        until(lambda: len(order) == 6)
    finally:
        worker.stop()

    assert order == ["quick"] * 3 + ["slow"] * 3
