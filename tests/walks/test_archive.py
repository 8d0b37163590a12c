"""Old bodies leave the database, and nobody notices but the disk."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from eventflow.app import Eventflow
from eventflow.errors import BodyMissing
from eventflow.model.archive import Deed, Operation
from eventflow.runtime.archiving.archives import Archives
from eventflow.testing import Clock
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Status, write


def a_library(make_app: MakeApp) -> Eventflow:
    return make_app(aggregates=[Document], reactions=[write])


def some_written(app: Eventflow, count: int = 3) -> list[UUID]:
    documents = [Document.create(title=f"whales {number}") for number in range(count)]
    app.save(*documents)
    app.drain()
    return [one.id for one in documents]


def told(app: Eventflow, ids: list[UUID]) -> list[object]:
    return [one.event for id in ids for one in app.history(id)]


def test_what_left_is_read_worked_on_and_listed_as_before(make_app: MakeApp, clock: Clock) -> None:
    app = a_library(make_app)
    ids = some_written(app)
    before = told(app, ids)
    clock.forward(days=3)

    [done] = app.archive(reason="it is old", actor="ann")

    assert done.events == len(before)
    assert app.archives.standing().hot == 1  # what tells of it
    assert told(app, ids) == before
    assert list(app.archives.verify()) == []
    assert app.get(Document, ids[0]).status is Status.WRITTEN
    app.projections.catch_up()
    assert len(app.items.page("category:document", limit=10).rows) == 3


def test_work_goes_on_with_what_left_and_opens_no_archive(make_app: MakeApp, clock: Clock) -> None:
    app = a_library(make_app)
    [id] = some_written(app, 1)
    clock.forward(days=3)
    [done] = app.archive()
    app.objects.delete(done.key)

    document = app.get(Document, id)
    document.change_status(Status.QUEUED)
    app.save(document)
    app.drain()

    assert app.get(Document, id).status is Status.WRITTEN
    assert [one.header.name for one in app.history(id)][-1] == "document:written"
    assert isinstance(_failure(app, id), BodyMissing)


def test_lists_pages_counters_and_rebuilds_open_no_archive(make_app: MakeApp, clock: Clock) -> None:
    app = a_library(make_app)
    ids = some_written(app)
    app.projections.catch_up()
    clock.forward(days=3)
    for done in app.archive():
        app.objects.delete(done.key)
    page = app.items.page("category:document", limit=10).rows
    headers = [one.header for one in app.history(ids[0])]

    for name in app.projections.runners:
        app.projections.rebuild(name)

    assert app.items.page("category:document", limit=10).rows == page
    assert [one.header for one in app.history(ids[0])] == headers
    assert isinstance(_failure(app, ids[0]), BodyMissing)


def test_it_is_known_who_moved_what_and_why(make_app: MakeApp, clock: Clock) -> None:
    app = a_library(make_app)
    [id, *_] = some_written(app)
    clock.forward(days=3)

    [done] = app.archive(stream=id, reason="they asked for it", actor="ann")

    operation = app.find(done.id)
    assert (operation.status, operation.reason) == (Deed.COMPRESSED, "they asked for it")  # type: ignore[attr-defined]
    assert app.history(done.id)[0].header.actor == "ann"


def test_what_is_young_stays_unless_it_is_asked_for(make_app: MakeApp, clock: Clock) -> None:
    app = a_library(make_app)
    some_written(app)
    clock.forward(hours=1)

    assert app.archive() == []
    assert len(app.archive(older_than=timedelta(minutes=30))) == 1


def test_workers_do_it_by_themselves_once_it_is_worth_an_object(make_app: MakeApp, clock: Clock) -> None:
    app = a_library(make_app)
    some_written(app)
    tick = app.engine.archiving

    tick.start()
    assert [(run.name, run.error) for run in tick.run_due()] == [("archive", None), ("room", None)]
    clock.forward(days=4)
    assert tick.run("archive").done > 0
    assert tick.run("archive").done == 0
    assert tick.run("room").error is None
    assert list(app.archives.verify()) == []
    [told] = [one for one in app.log.tail(0) if one.category == Operation.category]
    assert (told.actor, app.get(Operation, told.stream).reason) == ("scheduler", "they are old enough")


def test_room_is_given_back_only_after_something_left(make_app: MakeApp, clock: Clock) -> None:
    app = a_library(make_app)
    some_written(app)
    archives: Archives = app.archives
    archives.tidy()

    assert archives.tidy() == 0


def _failure(app: Eventflow, id: UUID) -> Exception | None:
    try:
        _ = app.history(id)[0].event
    except BodyMissing as error:
        return error
    return None
