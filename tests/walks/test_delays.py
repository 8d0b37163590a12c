"""Delays are events: what is due later says so in its header, and begins then and not before."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eventflow.errors import Misconfigured, Refused
from eventflow.model.reaction import task
from eventflow.model.recorded import Phase
from eventflow.testing import Clock, in_memory
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Status, Written, write


def test_a_status_that_is_due_later_starts_its_reaction_then(make_app: MakeApp, clock: Clock) -> None:
    app = make_app(aggregates=[Document], reactions=[write])
    document = Document.create(title="Whales", status=Status.COMPLETE)
    document.change_status(Status.QUEUED, after=timedelta(days=400))
    app.save(document)

    app.drain()
    assert app.get(Document, document.id).status is Status.QUEUED
    clock.forward(days=400, milliseconds=-1)
    app.drain()
    assert app.get(Document, document.id).status is Status.QUEUED
    clock.forward(milliseconds=1)
    app.drain()

    assert app.get(Document, document.id).status is Status.WRITTEN


def test_the_header_says_when_it_is_due(make_app: MakeApp, clock: Clock) -> None:
    app = make_app(aggregates=[Document], reactions=[write])
    document = Document.create(title="Whales", status=Status.COMPLETE)
    document.change_status(Status.QUEUED, after=timedelta(milliseconds=250))
    app.save(document)

    last = app.history(document.id)[-1].header
    assert (last.phase, last.due) == (Phase.ANNOUNCED, clock() + timedelta(milliseconds=250))
    assert app.get(Document, document.id).standing.due == last.due == document.standing.due
    assert app.get(Document, document.id) == document


def test_a_status_may_be_due_at_a_time(make_app: MakeApp, clock: Clock) -> None:
    app = make_app(aggregates=[Document], reactions=[write])
    document = Document.create(title="Whales", status=Status.COMPLETE)
    document.touch(due=clock() + timedelta(hours=1))
    document.change_status(Status.QUEUED, due=clock() + timedelta(hours=2))
    app.save(document)

    clock.forward(hours=1, minutes=59)
    app.drain()
    assert app.get(Document, document.id).status is Status.QUEUED
    clock.forward(minutes=1)
    app.drain()

    assert app.get(Document, document.id).status is Status.WRITTEN


def test_a_task_may_begin_some_time_after_its_status_was_entered(make_app: MakeApp, clock: Clock) -> None:
    @task(
        Document,
        on=Status.QUEUED,
        processing=Status.WRITING,
        complete=Status.WRITTEN,
        failed=Status.ERROR,
        after=timedelta(minutes=10),
    )
    def later(document: Document) -> Written:
        return Written(text="later")

    app = make_app(aggregates=[Document], reactions=[later])
    app.save(document := Document.create(title="Whales"))

    app.drain()
    assert app.get(Document, document.id).status is Status.QUEUED
    [backlog] = app.engine.work.backlog(clock())
    assert (backlog.later, backlog.next_due) == (1, clock() + timedelta(minutes=10))
    clock.forward(minutes=10)
    app.drain()

    assert app.get(Document, document.id).status is Status.WRITTEN


def test_another_status_in_the_meantime_takes_the_delay_away(make_app: MakeApp, clock: Clock) -> None:
    app = make_app(aggregates=[Document], reactions=[write])
    document = Document.create(title="Whales", status=Status.COMPLETE)
    document.change_status(Status.QUEUED, after=timedelta(hours=1))
    app.save(document)
    document.change_status(Status.COMPLETE)
    app.save(document)

    clock.forward(hours=2)
    app.drain()

    assert app.get(Document, document.id).status is Status.COMPLETE
    assert app.engine.work.backlog(clock()) == []


def test_what_is_due_later_survives_the_program(make_app: MakeApp, clock: Clock) -> None:
    first = make_app(aggregates=[Document], reactions=[write])
    document = Document.create(title="Whales", status=Status.COMPLETE)
    document.change_status(Status.QUEUED, after=timedelta(days=1))
    first.save(document)
    first.drain()
    first.close()

    clock.forward(days=1)
    second = make_app(aggregates=[Document], reactions=[write])
    second.drain()

    assert second.get(Document, document.id).status is Status.WRITTEN


def test_a_running_worker_begins_what_becomes_due_by_itself() -> None:
    with in_memory(aggregates=[Document], reactions=[write]) as app:
        document = Document.create(title="Whales", status=Status.COMPLETE)
        document.change_status(Status.QUEUED, after=timedelta(milliseconds=300))
        worker = app.worker()
        worker.start()
        try:
            app.save(document)
            deadline = time.monotonic() + 30
            while app.get(Document, document.id).status is not Status.WRITTEN:
                assert time.monotonic() < deadline
                time.sleep(0.01)
        finally:
            worker.stop()

        announced, claimed = [one.header.recorded_at for one in app.history(document.id) if one.header.phase][1:3]
        assert claimed - announced >= timedelta(milliseconds=300)


def test_a_delay_that_is_none_is_refused() -> None:
    document = Document.create(title="Whales")

    for delay in (timedelta(seconds=-1), timedelta(days=400_000)):
        with pytest.raises(Refused, match="no delay"):
            document.change_status(Status.QUEUED, after=delay)
    with pytest.raises(Refused, match="say one of them"):
        document.change_status(Status.QUEUED, after=timedelta(1), due=datetime(2030, 1, 1, tzinfo=UTC))


def test_a_reaction_with_a_delay_that_is_none_is_told_at_composition() -> None:
    wrong: Any = {"after": timedelta(seconds=-1), "priority": "high"}
    late = task(Document, on=Status.QUEUED, processing=None, complete=Status.WRITTEN, failed=Status.ERROR, **wrong)

    with pytest.raises(Misconfigured) as found:
        in_memory(aggregates=[Document], reactions=[late(write.function)])

    assert [one.partition("=")[0] for one in found.value.problems] == ["write: priority", "write: after"]


def test_the_same_status_with_a_delay_is_announced_again(make_app: MakeApp, clock: Clock) -> None:
    app = make_app(aggregates=[Document], reactions=[write])
    document = Document.create(title="Whales")
    document.change_status(Status.QUEUED, body={"why": "not yet"}, after=timedelta(hours=1))
    app.save(document)

    app.drain()
    assert app.get(Document, document.id).status is Status.QUEUED
    clock.forward(hours=1)
    app.drain()

    assert app.get(Document, document.id).status is Status.WRITTEN
