"""Pages, ids for work on many, failures by kind."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventflow.errors import BadFilter
from eventflow.store.database import Database
from eventflow.store.statements import Statements
from eventflow_projections import History, Items, Page, Projections, standard
from eventflow_projections.projection import fill
from eventflow_projections.where import clause, parse
from tests.projections.conftest import empty
from tests.projections.headers import BEGINNING, HeaderLog, stream


def kept(database: Database, log: HeaderLog) -> Projections:
    projections = Projections(database, log, standard())
    projections.create()
    projections.catch_up()
    return projections


def test_pages_are_newest_first_and_the_last_one_has_no_cursor(database: Database) -> None:
    log = HeaderLog()
    log.many(5)
    kept(database, log)
    items = Items(database)

    first = items.page(limit=3)
    second = items.page(after=first.after, limit=3)

    assert [one.created_position for one in (*first.rows, *second.rows)] == [5, 4, 3, 2, 1]
    assert first.after is not None
    assert second.after is None


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amount=st.integers(0, 30), limit=st.integers(1, 7), seed=st.integers(0, 2**16))
def test_paging_meets_each_item_once_while_items_change(database: Database, amount: int, limit: int, seed: int) -> None:
    log, chance = HeaderLog(), random.Random(seed)
    log.many(amount)
    projections = kept(database, log)
    page = Items(database).page(limit=limit)
    seen = [*page.rows]

    while page.after is not None:
        for _ in range(3):
            log.say(chance.randrange(amount + 2), chance.choice(["complete", "error", None]))
        projections.catch_up()
        page = Items(database).page(after=page.after, limit=limit)
        seen += page.rows

    empty(database)
    assert [one.id for one in seen] == [stream(number) for number in reversed(range(amount))]


def test_ids_are_met_once_while_the_work_on_them_changes_them(database: Database) -> None:
    log = HeaderLog()
    log.many(1_203, "error", error="Timeout")
    projections = kept(database, log)
    worked_on = []

    for number, one in enumerate(Items(database).ids("status:error")):
        worked_on.append(one)
        log.say(number, "queued")
        if number % 400 == 0:
            projections.catch_up()

    assert worked_on == [stream(number) for number in range(1_203)]


def test_ids_stop_at_the_limit(database: Database) -> None:
    log = HeaderLog()
    log.many(7)
    kept(database, log)

    assert list(Items(database).ids(limit=3)) == [stream(number) for number in range(3)]


def test_an_age_counts_from_when_the_question_is_asked(database: Database) -> None:
    log = HeaderLog()
    log.many(3)
    kept(database, log)
    items = Items(database, clock=lambda: BEGINNING + timedelta(hours=2, minutes=2))

    assert [one.position for one in items.page("age>=2h").rows] == [2, 1]
    assert items.count("age<2h") == 1


def test_counting_stops_where_it_is_told_to(database: Database) -> None:
    log = HeaderLog()
    log.many(12)
    kept(database, log)

    assert Items(database).count() == 12
    assert Items(database).count(at_most=5) == 5


def test_failures_are_grouped_by_the_kind_of_error(database: Database) -> None:
    log = HeaderLog()
    log.many(3)
    log.say(0, "error", error="Order 17 was late")
    log.say(1, "error", error="Order 4 was late")
    log.say(2, "error", error="No paper")
    log.say(3, "error", error="Order 5 was late", category="invoice")
    kept(database, log)

    groups = Items(database).failures()

    assert [(one.category, one.status, one.text, one.count) for one in groups] == [
        ("document", "error", "Order <n> was late", 2),
        ("invoice", "error", "Order <n> was late", 1),
        ("document", "error", "No paper", 1),
    ]
    assert (groups[0].example, groups[0].error) == (stream(1), "Order 4 was late")
    assert groups[0].last == BEGINNING + timedelta(minutes=5)
    assert Items(database).failures("category:document", limit=1) == groups[:1]
    assert Items(database).count(f"category:document fingerprint:{groups[0].fingerprint}") == 2


def test_history_is_read_in_pages_from_the_beginning(database: Database) -> None:
    log = HeaderLog()
    for status in ("queued", "processing", "error", "queued", "complete"):
        log.say(1, status)
    kept(database, log)

    first = History(database).of(stream(1), limit=3)
    second = History(database).of(stream(1), after=first.after, limit=3)

    assert [one.version for one in (*first.rows, *second.rows)] == [1, 2, 3, 4, 5]
    assert second.after is None
    assert History(database).of(stream(2)) == Page(())


@pytest.mark.parametrize("cursor", ["", "x", "!!!", "WzFd" * 9, "WyJhIl0", "Wy0xXQ", "W3RydWVd", "WzEsMl0", "ü"])
def test_a_cursor_from_elsewhere_is_refused(database: Database, cursor: str) -> None:
    kept(database, HeaderLog())
    asked: list[Callable[[], object]] = [
        lambda: Items(database).page(after=cursor),
        lambda: History(database).of(stream(1), after=cursor),
    ]

    for ask in asked:
        with pytest.raises(BadFilter, match="a cursor from the page before"):
            ask()


def test_an_answer_is_never_larger_than_a_thousand_rows(database: Database) -> None:
    log = HeaderLog()
    log.many(1_005)
    kept(database, log)

    assert len(Items(database).page(limit=10_000).rows) == 1_000
    assert len(Items(database).page(limit=0).rows) == 1


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("items_newest", ""),
        ("items_newest", "category:document"),
        ("items_newest", "category:document status:error"),
        ("items_count", "category:document"),
        ("items_ids", "category:document status:error"),
        ("items_one", ""),
        ("items_failures", "category:document"),
        ("history_of", ""),
        ("stories_streams", ""),
    ],
)
def test_no_question_reads_a_whole_table(database: Database, statement: str, where: str) -> None:
    plan = planned(database, statement, where)

    tables = [line for line in plan if "items__" in line or "history__" in line or "stories__" in line]
    assert tables
    assert not [line for line in tables if "Seq Scan" in line or ("SCAN" in line and "INDEX" not in line)]


@pytest.mark.parametrize("statement", ["items_newest", "items_ids"])
@pytest.mark.parametrize("where", ["", "category:document", "category:document status:error"])
def test_no_page_of_a_list_is_sorted(database: Database, statement: str, where: str) -> None:
    plan = planned(database, statement, where)

    assert not [line for line in plan if "Sort" in line or "B-TREE" in line]


def planned(database: Database, statement: str, where: str) -> list[str]:
    """How the database goes about a question."""
    log = HeaderLog()
    log.many(50, "error", error="Timeout")
    kept(database, log)
    condition = clause(parse(where), database.dialect, BEGINNING)
    asked = fill(
        Statements("eventflow_projections", database.dialect, "queries.sql")[statement], {"where": condition.sql}
    )
    given = {"stream": stream(1), "correlation": stream(1), "after": 10**6, "limit": 5, **condition.params}

    with database.transaction() as transaction:
        if database.dialect == "postgresql":
            # Fifty rows are not worth an index; that one could be used is what is asked here.
            transaction.execute("SET LOCAL enable_seqscan = off")
            transaction.execute("SET LOCAL enable_bitmapscan = off")
        explain = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}[database.dialect]
        return [str(line[-1]) for line in transaction.execute(f"{explain} {asked}", given)]
