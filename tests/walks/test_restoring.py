"""Archived documents are read, restored and purged through an application, on every engine."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from eventflow import Eventflow
from eventflow.model.archive import Deed, Operation
from eventflow.testing import Clock
from tests.store.archived import archive
from tests.walks.conftest import MakeApp
from tests.walks.library import Document


def an_archived_document(app: Eventflow) -> UUID:
    """A document whose bodies have left the database."""
    document = Document.create(title="Whales")
    app.save(document)
    app.log.snapshots.put(document.snapshot())
    archive(app.database, app.objects, [document.id])
    return document.id


def copies(app: Eventflow) -> int:
    return app.restorer.amount().events


def test_a_history_shows_archived_bodies(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document])
    id = an_archived_document(app)

    for history in (app.history(id), app.history(id, bodies=True)):
        assert [one.event.event_body()["fields"]["title"] for one in history] == ["Whales"]
    assert app.get(Document, id).title == "Whales"


def test_a_document_is_restored_for_a_while_and_purged_by_the_scheduler(make_app: MakeApp, clock: Clock) -> None:
    app = make_app(aggregates=[Document])
    id = an_archived_document(app)

    brought = app.restore(stream=id, lasts=timedelta(hours=1), reason="an audit", actor="ada")
    assert (brought.amount.events, brought.left, copies(app)) == (1, [], 1)

    clock.forward(hours=1)
    app.ticks.run("purge")
    assert copies(app) == 0
    assert app.history(id)[0].event.event_body()["fields"]["title"] == "Whales"

    ends = [one for one in app.log.tail(0) if one.category == Operation.category]
    assert [(one.status, one.actor) for one in ends] == [(Deed.RESTORED, "ada"), (Deed.PURGED, "scheduler")]


def test_restored_documents_can_be_let_go_of_at_once(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document])
    one, other = an_archived_document(app), an_archived_document(app)
    app.restore()

    assert app.purge(stream=one, actor="ada") == 1
    assert app.purge(stream=one) == 0
    assert copies(app) == 1
    assert app.history(other)[0].event.event_body()["fields"]["title"] == "Whales"
