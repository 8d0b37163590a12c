"""Idempotency keys: a command from outside that comes again has happened already."""

from __future__ import annotations

from datetime import timedelta

from eventflow.errors import VersionConflict
from eventflow.testing import Clock
from tests.walks.conftest import MakeApp
from tests.walks.library import Document, Noted, Status, write


def test_a_command_that_comes_again_under_its_key_appends_nothing(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], reactions=[write])
    document = Document.create(title="Whales")

    first = app.save(document, key="order-17")
    again = app.save(Document.create(title="Whales"), key="order-17")

    assert again == first
    assert app.log.last_position() == first
    taken = app.taken("order-17")
    assert taken is not None
    assert taken.stream == document.id


def test_the_same_key_with_other_content_is_the_same_command(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], reactions=[write])
    document = Document.create(title="Whales")
    first = app.save(document, key="order-17")

    assert app.save(Document.create(title="Squid"), key="order-17") == first

    assert app.get(Document, document.id).title == "Whales"


def test_a_key_comes_before_a_conflict(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document])
    app.save(document := Document.create(title="Whales"))
    mine, stale = app.get(Document, document.id), app.get(Document, document.id)
    mine.record(Noted(note="mine"))
    stale.record(Noted(note="mine"))

    first = app.save(mine, key="note-1")

    assert app.save(stale, key="note-1") == first


def test_nothing_to_save_takes_no_key_and_is_told_where_the_first_is(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document])
    app.save(document := Document.create(title="Whales"))

    app.save(document, key="note-1")
    assert app.taken("note-1") is None
    document.record(Noted(note="first"))
    first = app.save(document, key="note-1")
    app.save(Document.create(title="Squid"))

    assert app.save(document, key="note-1") == first


def test_a_key_is_not_spent_on_a_conflict(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document])
    app.save(document := Document.create(title="Whales"))
    stale = app.get(Document, document.id)
    stale.record(Noted(note="stale"))
    app.repository.change(Document, document.id, lambda one: one.record(Noted(note="faster")))

    try:
        app.save(stale, key="note-1")
    except VersionConflict:
        fresh = app.get(Document, document.id)
        fresh.record(Noted(note="again"))
        app.save(fresh, key="note-1")

    assert app.get(Document, document.id).note == "again"


def test_an_expired_key_is_free_without_having_been_pruned(make_app: MakeApp, clock: Clock) -> None:
    app = make_app(aggregates=[Document])
    first = app.save(Document.create(title="Whales"), key="order-17", key_expires=timedelta(hours=1))

    clock.forward(hours=1)

    assert app.taken("order-17") is None
    assert app.save(Document.create(title="Squid"), key="order-17") > first


def test_a_key_counts_for_the_lifetime_of_the_settings(make_app: MakeApp, clock: Clock) -> None:
    app = make_app(aggregates=[Document])
    first = app.save(Document.create(title="Whales"), key="order-17")

    clock.forward(days=6)
    assert app.save(Document.create(title="Whales"), key="order-17") == first
    clock.forward(days=1)

    assert app.save(Document.create(title="Whales"), key="order-17") > first


def test_a_tick_forgets_keys_that_no_longer_count(make_app: MakeApp, clock: Clock) -> None:
    app = make_app(aggregates=[Document])
    app.save(Document.create(title="Whales"), key="short", key_expires=timedelta(hours=1))
    app.save(Document.create(title="Squid"), key="long")
    clock.forward(hours=2)

    run = app.ticks.run("keys")

    assert run.done == 1
    assert app.database.query("SELECT count(*) FROM keys") == [(1,)]
    assert app.taken("long") is not None


def test_a_key_lets_the_work_begin_like_any_other_save(make_app: MakeApp) -> None:
    app = make_app(aggregates=[Document], reactions=[write])
    document = Document.create(title="Whales")

    app.save(document, key="order-17")
    app.drain()

    assert app.get(Document, document.id).status is Status.WRITTEN
