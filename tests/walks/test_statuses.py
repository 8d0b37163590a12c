"""What a status promises on every engine: its history, its body and its kind, and what it starts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from eventflow.errors import Misconfigured, TransitionRefused, VersionConflict
from eventflow.model.aggregate import Aggregate
from eventflow.model.library import Created, StatusChanged
from eventflow.model.reaction import task
from eventflow.model.recorded import Kind
from eventflow.testing import Clock
from tests.peer import Answer, Peer
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Noted, Status, Written, sending, write


def test_every_item_has_its_history_without_asking_for_one(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document])
    document = Document.create(title="Whales")
    document.change_status(Status.WRITTEN, body={"by": "Ann"})

    app.save(document)

    history = app.history(document.id)
    assert [(one.header.version, one.header.status) for one in history] == [(1, "queued"), (2, "written")]
    assert [one.header.previous for one in history] == [None, "queued"]


def test_of_an_item_that_cannot_begin_nothing_is_recorded(make_app: MakeApp) -> None:
    class Aimless(Aggregate[Status], category="aimless"):
        pass

    app = make_app(aggregates=[Document])
    with pytest.raises(ValidationError):
        app.save(Document.create())
    with pytest.raises(Misconfigured, match="no initial status"):
        make_app(aggregates=[Aimless])

    assert app.log.last_position() == 0


def test_what_is_said_at_creation_and_with_every_status_is_kept(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document])
    document = Document.create(title="Whales", body={"from": "the shop"}, kind=Kind.CALLBACK)
    document.change_status(Status.WRITTEN, body={"by": "Ann"}, kind=Kind.RESPONSE)
    document.change_status(Status.WRITTEN, body={"by": "Bo"}, kind=Kind.PROBE)

    app.save(document)

    bodies = [one.event.body for one in app.history(document.id) if isinstance(one.event, (Created, StatusChanged))]
    assert bodies == [{"from": "the shop"}, {"by": "Ann"}, {"by": "Bo"}]
    assert [one.header.kind for one in app.history(document.id)] == ["callback", "response", "probe"]


def test_every_record_says_what_kind_it_is_of(make_app: MakeApp, peer: Peer) -> None:
    app = make_app(aggregates=[Document], reactions=[write, sending(peer.url)])
    peer.answer = lambda asked: Answer(status=422)
    document = Document.create(title="Whales", kind=Kind.CALLBACK)
    document.change_status(document.status, kind=Kind.PROBE)
    app.save(document)

    app.drain()

    kinds = [one.header.kind for one in app.history(document.id) if one.header.kind]
    assert kinds[:4] == ["callback", "probe", "request", "response"]
    assert kinds[-1] == "exception"
    assert set(kinds) == set(Kind)


def test_the_history_is_ordered_by_version_whatever_the_clock_says(make_app: MakeApp, clock: Clock) -> None:
    app = make_app(aggregates=[Document])
    app.save(document := Document.create(title="Whales"))
    clock.forward(hours=-1)
    for note in ("first", "second"):
        document.record(Noted(note=note))
        app.save(document)

    history = app.history(document.id)
    assert [one.header.version for one in history] == [1, 2, 3]
    assert [one.event.note for one in history if isinstance(one.event, Noted)] == ["first", "second"]


def test_a_fact_about_an_item_does_not_overrule_its_attempt(make_app: MakeApp) -> None:
    @task(Document, on=Status.QUEUED, processing=Status.WRITING, complete=Status.WRITTEN, failed=Status.ERROR)
    def slowly(document: Document) -> Written:
        beside = app.get(Document, document.id)
        beside.change_status(Status.WRITING, body={"note": "still at it"})
        app.save(beside)
        return Written(text="done")

    app = make_app(aggregates=[Document], reactions=[slowly])
    app.save(document := Document.create(title="Whales"))
    app.drain()

    assert app.get(Document, document.id).text == "done"
    assert [one.header.phase for one in app.history(document.id)] == ["announced", "claimed", None, "announced"]


def test_what_was_not_committed_starts_nothing(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], reactions=[write])
    app.save(document := Document.create(title="Whales", status=Status.COMPLETE))
    mine, yours = app.get(Document, document.id), app.get(Document, document.id)
    yours.record(Noted(note="first"))
    app.save(yours)
    mine.change_status(Status.QUEUED)

    with pytest.raises(VersionConflict):
        app.save(mine, Document.create(title="with it"))
    app.drain()

    assert [one.header.name for one in app.history(document.id)] == ["document:created", "document:noted"]
    assert app.log.last_position() == 2


def test_a_touch_starts_the_reaction_again_every_time(make_app: MakeApp) -> None:
    seen: list[str] = []

    @task(Document, on=Status.COMPLETE, processing=None, complete=Status.WRITTEN, failed=Status.ERROR)
    def look(document: Document) -> None:
        seen.append(document.title)

    app = make_app(aggregates=[Document], reactions=[look])
    app.save(document := Document.create(title="Whales", status=Status.COMPLETE))
    app.drain()
    for _ in range(2):
        again = app.get(Document, document.id)
        again.change_status(Status.COMPLETE)
        again.touch()
        app.save(again)
        app.drain()

    assert seen == ["Whales"] * 3


def test_what_can_be_defibrillated_is_told_before_and_refused_by_name(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document])
    app.save(failed := Document.create(title="Whales", status=Status.ERROR), well := Document.create(title="Gulls"))

    assert app.get(Document, failed.id).can_be_defibrillated
    assert not app.get(Document, well.id).can_be_defibrillated
    app.defibrillate(failed.id)
    with pytest.raises(TransitionRefused, match='the status is "queued"'):
        app.defibrillate(well.id)
    assert not app.get(Document, failed.id).can_be_defibrillated


def test_who_defibrillates_at_the_same_moment_does_it_once(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document])
    app.save(failed := Document.create(title="Whales", status=Status.ERROR))
    mine, yours = app.get(Document, failed.id), app.get(Document, failed.id)
    mine.defibrillate()
    yours.defibrillate()

    app.save(mine)
    with pytest.raises(VersionConflict):
        app.save(yours)

    assert [one.header.name for one in app.history(failed.id)] == ["document:created", "document:defibrillated"]


def test_half_made_changes_of_a_failed_attempt_are_discarded(make_app: MakeApp) -> None:
    @task(Document, on=Status.QUEUED, processing=Status.WRITING, complete=Status.WRITTEN, failed=Status.ERROR)
    def half(document: Document) -> Written:
        document.record(Noted(note="half"))
        raise ValueError("out of ink")

    app = make_app(aggregates=[Document], reactions=[half])
    app.save(document := Document.create(title="Whales"))
    app.drain()

    found = app.get(Document, document.id)
    assert (found.status, found.note) == (Status.ERROR, "")
    assert app.history(document.id)[-1].header.kind == Kind.EXCEPTION
    assert (app.history(document.id)[-1].header.error or "").startswith("ValueError: out of ink")


def test_work_is_not_done_by_who_saves(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], reactions=[write])

    app.save(document := Document.create(title="Whales"))

    assert app.get(Document, document.id).status is Status.QUEUED
    app.drain(timeout=timedelta(minutes=1))
    assert app.get(Document, document.id).status is Status.WRITTEN
