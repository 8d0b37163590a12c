"""Batches that count once: crashes, several runners, projections that fail, waiting."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventflow.errors import Misconfigured, NotFound, Unavailable
from eventflow.model.recorded import Header
from eventflow.store.database import Database, Dialect, Transaction
from eventflow_projections import Items, Projection, ProjectionRunner, Projections, Tables, standard
from eventflow_projections.current import Current
from tests.projections.conftest import empty
from tests.projections.headers import HeaderLog, logs, rows


class Callers(Projection):
    """Counts, so that a header applied twice shows."""

    name = "callers"
    tables = ("callers",)

    def statements(self, dialect: Dialect) -> Mapping[str, str]:
        values = {
            "sqlite": "VALUES (?, ?)",
            "postgresql": "SELECT * FROM unnest(%s::text[], %s::bigint[])",
        }
        return {
            "create": "CREATE TABLE {callers} (actor text PRIMARY KEY, events bigint NOT NULL)",
            "create_index": "CREATE INDEX {callers}_events ON {callers} (events)",
            "add": f"INSERT INTO {{callers}} AS present {values[dialect]} ON CONFLICT (actor)"
            " DO UPDATE SET events = present.events + excluded.events",
        }

    def apply(self, batch: Sequence[Header], transaction: Transaction, tables: Tables) -> None:
        counts = Counter(header.actor or "" for header in batch)
        transaction.write(tables["add"], sorted(counts.items()))


class Stumbling(Callers):
    """Raises when told to, after its rows were written."""

    def __init__(self) -> None:
        self.stumbles = False

    def apply(self, batch: Sequence[Header], transaction: Transaction, tables: Tables) -> None:
        super().apply(batch, transaction, tables)
        if self.stumbles:
            raise ZeroDivisionError("the power is off")


def a_log(amount: int) -> HeaderLog:
    log = HeaderLog()
    log.many(amount, actor="anna")
    return log


def test_a_step_applies_one_batch_and_says_how_much_that_was(database: Database) -> None:
    runner = ProjectionRunner(database, a_log(7), Callers(), batch=3)
    runner.create()

    steps = [runner.step() for _ in range(4)]

    assert steps == [3, 3, 1, 0]
    assert runner.position == 7
    assert rows(database, ["callers"]) == {"callers": [("anna", 7)]}


def test_a_projection_that_was_never_created_stands_at_the_beginning(database: Database) -> None:
    runner = ProjectionRunner(database, a_log(1), Callers())
    Projections(database, a_log(1), [Current()]).create()

    assert runner.position == 0


def test_creating_twice_changes_nothing(database: Database) -> None:
    projections = Projections(database, a_log(4), [Callers()])
    projections.create()
    projections.catch_up()

    projections.create()

    assert [(one.position, one.lag) for one in projections.status()] == [(4, 0)]


def test_many_programs_may_create_the_same_projections_at_once(database: Database) -> None:
    log = a_log(3)

    with ThreadPoolExecutor(6) as pool:
        starting = [pool.submit(Projections(database, log, [*standard(), Callers()]).create) for _ in range(6)]

    assert [one.result() for one in starting] == [None] * 6
    assert Projections(database, log, [*standard(), Callers()]).catch_up() == 12


def test_several_runners_at_once_keep_the_same_rows_as_one(database: Database) -> None:
    log = a_log(400)
    Projections(database, log, [*standard(), Callers()]).create()

    with ThreadPoolExecutor(4) as pool:
        everybody = [Projections(database, log, [*standard(), Callers()], batch=9) for _ in range(4)]
        running = [pool.submit(one.catch_up) for one in everybody]

    assert sum(one.result() for one in running) == 4 * 400
    assert rows(database, ["callers"]) == {"callers": [("anna", 400)]}
    assert Projections(database, log, [*standard(), Callers()]).verify("metrics").equal


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(logs(), st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2), st.booleans()), max_size=30))
def test_rows_do_not_depend_on_batches_crashes_or_who_runs(
    database: Database, log: HeaderLog, steps: list[tuple[int, int, bool]]
) -> None:
    everybody = [Stumbling() for _ in range(3)]
    Projections(database, log, [*standard(), everybody[0]]).create()

    for batch, who, crash in steps:
        everybody[who].stumbles = crash
        Projections(database, log, [*standard(), everybody[who]], batch=batch).step_all()
    everybody[0].stumbles = False
    Projections(database, log, [*standard(), everybody[0]], batch=4).catch_up()
    live = rows(database, ["items", "history", "metrics", "callers"])

    empty(database)
    again = Projections(database, log, [*standard(), Callers()])
    again.create()
    again.catch_up()
    assert rows(database, ["items", "history", "metrics", "callers"]) == live
    empty(database)


def test_a_batch_that_fails_leaves_neither_rows_nor_a_checkpoint(database: Database) -> None:
    stumbling = Stumbling()
    runner = ProjectionRunner(database, a_log(5), stumbling, batch=2)
    runner.create()
    runner.step()

    stumbling.stumbles = True
    with pytest.raises(ZeroDivisionError):
        runner.step()

    assert runner.position == 2
    assert rows(database, ["callers"]) == {"callers": [("anna", 2)]}


def test_a_projection_that_fails_says_so_and_keeps_no_other_from_moving(database: Database) -> None:
    stumbling = Stumbling()
    projections = Projections(database, a_log(5), [stumbling, Current()], batch=3)
    projections.create()
    stumbling.stumbles = True

    steps = [projections.step_all() for _ in range(3)]

    assert steps == [3, 2, 0]
    assert [(one.name, one.position, one.lag, one.error) for one in projections.status()] == [
        ("callers", 0, 5, "ZeroDivisionError: the power is off"),
        ("current", 5, 0, None),
    ]


def test_a_projection_that_failed_goes_on_when_its_fault_is_gone(database: Database) -> None:
    stumbling = Stumbling()
    projections = Projections(database, a_log(5), [stumbling, Current()], batch=3)
    projections.create()
    stumbling.stumbles = True
    with pytest.raises(ZeroDivisionError):
        projections.catch_up()

    stumbling.stumbles = False
    projections.catch_up()

    assert [(one.position, one.error) for one in projections.status()] == [(5, None), (5, None)]
    assert rows(database, ["callers"]) == {"callers": [("anna", 5)]}


class CountedLog(HeaderLog):
    """A log that counts how often it was read; grows."""

    reads = 0

    def tail(self, after: int, limit: int = 500) -> list[Header]:
        self.reads += 1
        return super().tail(after, limit)


def test_projections_at_the_same_position_share_what_was_read(database: Database) -> None:
    log = CountedLog()
    log.many(10)
    projections = Projections(database, log, [*standard(), Callers()])
    projections.create()

    projections.step_all()

    assert log.reads == 1


def test_one_waits_until_what_one_wrote_can_be_read(database: Database) -> None:
    log = a_log(3)
    projections = Projections(database, log, standard())
    projections.create()
    somewhere_else = Projections(database, log, standard())
    thread = threading.Thread(target=somewhere_else.catch_up)
    thread.start()

    projections.wait_for(3, timeout=timedelta(seconds=20))

    assert Items(database).count() == 3
    thread.join()


def test_waiting_ends_and_says_who_is_behind_and_why(database: Database) -> None:
    stumbling = Stumbling()
    projections = Projections(database, a_log(3), [Current(), stumbling])
    projections.create()
    stumbling.stumbles = True
    projections.step_all()

    with pytest.raises(Unavailable, match=r"Position 3 of the projection callers .* stands at 0 .* the power is off"):
        projections.wait_for(3, timeout=timedelta(milliseconds=10))


def test_two_projections_of_one_name_or_table_are_refused_together(database: Database) -> None:
    class Other(Callers):
        name = "other"

    class Odd(Callers):
        name = "odd"
        tables = ("Drop Table",)

    with pytest.raises(Misconfigured) as caught:
        Projections(database, HeaderLog(), [Callers(), Callers(), Other(), Odd()])

    assert caught.value.problems == (
        'Two projections have the name "callers".',
        'Two projections have the table "callers".',
        'A table of a projection cannot be called "Drop Table": take at most 40 small letters, digits and _.',
    )


def test_a_projection_that_is_not_there_is_named_with_the_nearest(database: Database) -> None:
    projections = Projections(database, HeaderLog(), standard())

    with pytest.raises(NotFound, match='Did you mean "history"'):
        projections.rebuild("histori")
