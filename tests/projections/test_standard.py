"""The three standard projections: what their rows say of a log."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings

from eventflow.errors import StreamNotFound
from eventflow.store.database import Database
from eventflow_projections import Count, History, Items, Metrics, Projections, standard
from eventflow_projections.current import fingerprint, normalised
from tests.projections.conftest import empty
from tests.projections.headers import BEGINNING, HeaderLog, logs, stream


def shown(database: Database, log: HeaderLog) -> None:
    projections = Projections(database, log, standard())
    projections.create()
    projections.catch_up()


def test_an_item_says_where_its_stream_stands(database: Database) -> None:
    log = HeaderLog()
    log.say(1, "queued", tenant="acme")
    log.say(1, "processing", phase="claimed", reaction="write", attempt=1)
    log.say(1, name="request_sent")

    shown(database, log)

    item = Items(database).get(stream(1))
    assert (item.category, item.status, item.previous, item.tenant) == ("document", "processing", "queued", "acme")
    assert (item.phase, item.reaction, item.attempt) == ("claimed", "write", 1)
    assert (item.version, item.position, item.created_position) == (3, 3, 1)
    assert item.created_at == BEGINNING + timedelta(minutes=1)
    assert item.updated_at == BEGINNING + timedelta(minutes=3)


def test_an_item_that_is_not_there_is_not_found(database: Database) -> None:
    shown(database, HeaderLog())

    with pytest.raises(StreamNotFound):
        Items(database).get(stream(1))


def test_an_error_stays_until_the_next_event_with_a_phase_says_otherwise(database: Database) -> None:
    log = HeaderLog()
    log.say(1, "queued")
    log.say(1, "error", error="Timeout")
    log.say(1, name="request_sent")
    projections = Projections(database, log, standard())
    projections.create()
    projections.catch_up()
    assert Items(database).get(stream(1)).error == "Timeout"

    log.say(1, "queued", name="defibrillated")
    projections.catch_up()

    item = Items(database).get(stream(1))
    assert (item.error, item.fingerprint, item.previous) == (None, None, "error")


def test_a_waiting_retry_keeps_its_error_and_says_when_it_is_due(database: Database) -> None:
    log = HeaderLog()
    due = BEGINNING + timedelta(hours=3)
    log.say(1, "queued")
    log.say(1, phase="deferred", error="503", reaction="press", attempt=2, due=due)

    shown(database, log)

    item = Items(database).get(stream(1))
    assert (item.status, item.phase, item.error, item.attempt, item.due) == ("queued", "deferred", "503", 2, due)
    assert Items(database).failures() == []


def test_the_tenant_of_an_item_is_the_first_that_was_named(database: Database) -> None:
    log = HeaderLog()
    log.say(1, "queued")
    log.say(1, "complete", tenant="acme")
    log.say(1, "queued", tenant="globex")

    shown(database, log)

    assert Items(database).get(stream(1)).tenant == "acme"


def test_history_has_the_events_with_a_phase_and_leaves_out_mere_facts(database: Database) -> None:
    log = HeaderLog()
    log.say(1, "queued", actor="anna")
    log.say(1, "processing", phase="claimed", reaction="write", attempt=1, owner=stream(9))
    log.say(1, name="request_sent", kind="request")
    log.say(2, "queued")
    log.say(1, "complete", name="written", causation=2)

    shown(database, log)

    entries = History(database).of(stream(1)).rows
    assert [(one.version, one.name, one.phase, one.status, one.previous) for one in entries] == [
        (1, "document:said", "announced", "queued", None),
        (2, "document:said", "claimed", "processing", "queued"),
        (4, "document:written", "announced", "complete", "processing"),
    ]
    assert (entries[0].actor, entries[1].owner, entries[2].causation) == ("anna", stream(9), 2)
    assert entries[0].recorded_at == BEGINNING + timedelta(minutes=1)


def test_metrics_count_changes_of_status_and_nothing_else(database: Database) -> None:
    log = HeaderLog()
    log.say(1, "queued")
    log.say(1, "queued", name="touched")
    log.say(1, name="request_sent")
    log.say(1, "complete")
    log.say(2, "queued")

    shown(database, log)

    assert Metrics(database).counts() == [
        Count("document", "complete", None, entered=1, left=0),
        Count("document", "queued", None, entered=2, left=1),
    ]
    assert Metrics(database).population("document") == {"complete": 1, "queued": 1}


def test_metrics_count_by_the_day_in_utc(database: Database) -> None:
    log = HeaderLog()
    log.say(1, "queued")
    log.say(1, "complete", gap=2 * 60)

    shown(database, log)

    assert Metrics(database).per_day(date(2026, 11, 1)) == [
        Count("document", "complete", date(2026, 11, 20), entered=1, left=0),
        Count("document", "queued", date(2026, 11, 20), entered=0, left=1),
        Count("document", "queued", date(2026, 11, 19), entered=1, left=0),
    ]
    assert {one.day for one in Metrics(database).per_day(date(2026, 11, 20))} == {date(2026, 11, 20)}


def test_errors_that_differ_in_numbers_and_ids_are_of_one_kind() -> None:
    ids = "0b0c9a52-1d7e-4d0a-9c1f-7f1f4f4c8a11", "c56a4180-65aa-42ec-a945-5fd21dec0538"
    one, other = (f"Order {n} of {which} at 0x{n}f took {n}.5 s" for n, which in zip((7, 12), ids, strict=True))

    assert normalised(one) == normalised(other) == "Order <n> of <id> at <hex> took <n>.<n> s"
    assert fingerprint(one) == fingerprint(other) != fingerprint("Order 7")
    assert normalised("a deadbeef effaced facade") == "a deadbeef effaced facade"


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(logs())
def test_rows_are_what_one_gets_by_reading_the_log(database: Database, log: HeaderLog) -> None:
    shown(database, log)

    rows = {one.id: one for one in Items(database).page(limit=1000).rows}
    populations = {(one.category, one.status): one.population for one in Metrics(database).counts()}
    days = Metrics(database).per_day(date(2026, 1, 1))

    empty(database)
    assert {(one.id, one.status, one.version, one.position) for one in rows.values()} == {
        (head.stream, head.status, head.version, head.position) for head in log.heads.values()
    }
    for header in log.headers:
        if header.phase is not None:
            last = max(
                (one for one in log.headers if one.stream == header.stream and one.phase), key=lambda h: h.version
            )
            item = rows[header.stream]
            assert (item.phase, item.error, item.attempt, item.due) == (last.phase, last.error, last.attempt, last.due)
    standing = Counter((head.category, head.status) for head in log.heads.values())
    assert all(number >= 0 for number in populations.values())
    assert {cell: number for cell, number in populations.items() if number} == dict(standing)
    assert all(one.entered >= 0 and one.left >= 0 for one in days)
    assert sum(one.entered for one in days) == sum(
        header.version == 1 or header.previous != header.status for header in log.headers
    )
    assert {one.day for one in days} <= {header.recorded_at.astimezone(UTC).date() for header in log.headers}
