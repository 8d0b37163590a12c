"""Building beside the live tables: rebuilds, new versions, checks."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventflow.errors import Conflict
from eventflow.model.recorded import Header
from eventflow.store.database import Database, Dialect, Transaction
from eventflow_projections import Items, ProjectionRunner, Projections, Tables, standard
from eventflow_projections.current import Current
from tests.projections.conftest import empty
from tests.projections.headers import HeaderLog, logs, rows, stream
from tests.projections.test_runner import Callers


class LouderCallers(Callers):
    """The next version: it counts the same events twice as much, and says so in a column more."""

    version = 2

    def statements(self, dialect: Dialect) -> Mapping[str, str]:
        values = {
            "sqlite": "VALUES (?, ?)",
            "postgresql": "SELECT * FROM unnest(%s::text[], %s::bigint[])",
        }
        return {
            "create": "CREATE TABLE {callers} (actor text PRIMARY KEY, events bigint NOT NULL, loud bigint DEFAULT 2)",
            "add": f"INSERT INTO {{callers}} AS present (actor, events) {values[dialect]} ON CONFLICT (actor)"
            " DO UPDATE SET events = present.events + excluded.events",
        }

    def apply(self, batch: Sequence[Header], transaction: Transaction, tables: Tables) -> None:
        super().apply(batch, transaction, tables)
        super().apply(batch, transaction, tables)


class Killed(BaseException):
    """Stands for a process that ends in the middle: nothing catches it."""


class KilledLog(HeaderLog):
    """A log whose reader is killed at the nth read; counts down."""

    lives = 10**6

    def tail(self, after: int, limit: int = 500) -> list[Header]:
        self.lives -= 1
        if not self.lives:
            raise Killed
        return super().tail(after, limit)


def tables_of(database: Database) -> list[str]:
    known = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%\\_\\_%' ESCAPE '\\'",
        "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        " AND strpos(tablename, '__') > 0",
    }
    return sorted(name.partition("__")[0] for (name,) in database.query(known[database.dialect]))


def test_a_rebuild_heals_rows_that_went_wrong_and_leaves_no_tables_behind(database: Database) -> None:
    log = HeaderLog()
    log.many(20, actor="anna")
    projections = Projections(database, log, [*standard(), Callers()], batch=6)
    projections.create()
    projections.catch_up()
    right = rows(database, ["items", "history", "metrics", "callers"])
    with database.transaction() as transaction:
        transaction.execute(f"UPDATE items__{_live(database, 'current')} SET status = 'lost'")

    applied = projections.rebuild("current")

    assert applied == 20
    assert rows(database, ["items", "history", "metrics", "callers"]) == right
    assert tables_of(database) == ["callers", "history", "items", "metrics", "stories"]


def _live(database: Database, name: str) -> int:
    found = database.query("SELECT number, name FROM projections WHERE state = 'live'")
    return next(int(number) for number, one in found if one == name)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(logs(), st.integers(1, 7), st.integers(1, 7))
def test_rebuilt_rows_equal_the_live_ones(database: Database, log: HeaderLog, live: int, again: int) -> None:
    projections = Projections(database, log, standard(), batch=live)
    projections.create()
    projections.catch_up()
    before = rows(database)

    reports = [ProjectionRunner(database, log, one, batch=again).verify() for one in standard()]
    for one in standard():
        ProjectionRunner(database, log, one, batch=again).rebuild()

    after = rows(database)
    empty(database)
    assert after == before
    assert all(report.equal for report in reports)
    items, history, stories, metrics = (len(before[table]) for table in ("items", "history", "stories", "metrics"))
    assert [report.rows for report in reports] == [items, history + stories, metrics]


def test_a_rebuild_that_was_killed_is_begun_anew_by_the_next(database: Database) -> None:
    log = KilledLog()
    log.many(30, actor="anna")
    runner = ProjectionRunner(database, log, Callers(), batch=4)
    runner.create()
    runner.catch_up()
    log.lives = 4
    with pytest.raises(Killed):
        runner.rebuild()
    assert rows(database, ["callers"]) == {"callers": [("anna", 30)]}
    assert tables_of(database) == ["callers", "callers"]

    assert runner.rebuild() == 30

    assert rows(database, ["callers"]) == {"callers": [("anna", 30)]}
    assert tables_of(database) == ["callers"]


def test_a_rebuild_that_was_killed_is_finished_by_whoever_runs_the_projection(database: Database) -> None:
    log = KilledLog()
    log.many(30, actor="anna")
    projections = Projections(database, log, [Callers()], batch=4)
    projections.create()
    projections.catch_up()
    log.lives = 4
    with pytest.raises(Killed):
        projections.rebuild("callers")
    assert [(one.position, one.building) for one in projections.status()] == [(30, 12)]

    projections.catch_up()

    assert [(one.position, one.building) for one in projections.status()] == [(30, None)]
    assert rows(database, ["callers"]) == {"callers": [("anna", 30)]}
    assert tables_of(database) == ["callers"]


def test_of_two_rebuilds_the_later_one_wins_and_the_other_says_so(database: Database) -> None:
    log = HeaderLog()
    log.many(10, actor="anna")
    later = ProjectionRunner(database, log, Callers(), batch=3)

    class Overtaken(HeaderLog):
        def tail(self, after: int, limit: int = 500) -> list[Header]:
            if after == 3:
                later.rebuild()
            return log.tail(after, limit)

    first = ProjectionRunner(database, Overtaken(), Callers(), batch=3)
    later.create()
    later.catch_up()

    with pytest.raises(Conflict, match="Another rebuild"):
        first.rebuild()

    assert rows(database, ["callers"]) == {"callers": [("anna", 10)]}
    assert tables_of(database) == ["callers"]


def test_queries_and_live_updates_go_on_while_rebuilding(database: Database) -> None:
    log = HeaderLog()
    log.many(300)
    projections = Projections(database, log, standard(), batch=20)
    projections.create()
    projections.catch_up()
    over = threading.Event()

    def ask_and_append() -> list[int]:
        counts: list[int] = []
        while not over.is_set() or not counts:
            counts.append(Items(database).count())
            if len(log.heads) < 400:
                log.many(1)
            Projections(database, log, standard(), batch=20).step_all()
        return counts

    with ThreadPoolExecutor() as pool:
        asking = pool.submit(ask_and_append)
        for one in 4 * standard():
            projections.rebuild(one.name)
        over.set()
        counts = asking.result()

    projections.catch_up()
    assert counts == sorted(counts)
    assert counts[0] >= 300
    assert [projections.verify(one.name).equal for one in standard()] == [True] * 3
    assert tables_of(database) == ["history", "items", "metrics", "stories"]


def test_a_new_version_is_built_beside_the_old_one_and_takes_its_place(database: Database) -> None:
    log = HeaderLog()
    log.many(10, actor="anna")
    old = Projections(database, log, [Callers()], batch=4)
    old.create()
    old.catch_up()
    new = Projections(database, log, [LouderCallers()], batch=4)
    new.create()

    new.step_all()
    log.many(1, actor="anna")
    old.catch_up()
    assert database.query("SELECT events FROM callers") == [(11,)]
    assert [(one.version, one.position, one.building) for one in new.status()] == [(1, 11, 4)]
    new.catch_up()

    assert database.query("SELECT events, loud FROM callers") == [(22, 2)]
    assert [(one.version, one.position, one.building) for one in new.status()] == [(2, 11, None)]
    assert tables_of(database) == ["callers"]


def test_a_program_with_an_older_version_stands_still(database: Database) -> None:
    log = HeaderLog()
    log.many(3, actor="anna")
    new, old = Projections(database, log, [LouderCallers()]), Projections(database, log, [Callers()])
    new.create()
    new.catch_up()
    log.many(1, actor="anna")

    old.create()

    assert old.catch_up() == 0
    [status] = old.status()
    assert (status.version, status.position, status.lag) == (2, 3, 1)
    assert status.error == "the live tables are of version 2, this program has version 1"
    with pytest.raises(Conflict, match="of version 2, this program has version 1"):
        old.verify("callers")


def test_going_back_to_an_older_version_is_a_rebuild(database: Database) -> None:
    log = HeaderLog()
    log.many(3, actor="anna")
    new, old = Projections(database, log, [LouderCallers()]), Projections(database, log, [Callers()])
    new.create()
    new.catch_up()

    old.rebuild("callers")

    assert rows(database, ["callers"]) == {"callers": [("anna", 3)]}


def test_a_check_names_the_first_rows_that_differ(database: Database) -> None:
    log = HeaderLog()
    log.many(12)
    log.say(3, "complete")
    projections = Projections(database, log, standard(), batch=5)
    projections.create()
    projections.catch_up()
    table = f"items__{_live(database, 'current')}"
    with database.transaction() as transaction:
        transaction.execute(f"UPDATE {table} SET status = 'lost' WHERE created_position = 4")
        transaction.execute(f"DELETE FROM {table} WHERE created_position = 6")

    report = projections.verify("current")

    assert not report.equal
    assert (report.position, report.rows, report.rebuilt_rows) == (13, 11, 12)
    assert [(one.only, one.row["status"]) for one in report.differences if one.row["created_position"] == 4] == [
        ("live", "lost"),
        ("rebuilt", "complete"),
    ]
    assert [(one.table, one.only) for one in report.differences if one.row["stream"] == stream(5)] == [
        ("items", "rebuilt")
    ]
    assert tables_of(database) == ["history", "items", "metrics", "stories"]


def test_a_check_goes_no_further_than_the_live_rows(database: Database) -> None:
    log = HeaderLog()
    log.many(10)
    runner = ProjectionRunner(database, log, Current(), batch=4)
    runner.create()
    runner.step()

    report = runner.verify()

    assert (report.equal, report.position, report.rows) == (True, 4, 4)
    assert runner.position == 4


def test_a_check_that_was_killed_is_begun_anew_by_the_next(database: Database) -> None:
    log = HeaderLog()
    log.many(10)
    projections = Projections(database, log, [Current()], batch=4)
    projections.create()
    projections.catch_up()
    with database.transaction() as transaction:
        transaction.execute(
            "INSERT INTO projections (name, version, state, tables) VALUES ('current', 1, 'checking', 'items')"
        )

    assert projections.verify("current").equal
    assert projections.catch_up() == 0


def test_rows_of_a_longer_log_than_this_one_are_found_out(database: Database) -> None:
    log = HeaderLog()
    log.many(10)
    runner = ProjectionRunner(database, log, Current())
    runner.create()
    runner.catch_up()
    del log.headers[7:]

    report = runner.verify()

    assert (report.equal, report.rows, report.rebuilt_rows) == (False, 10, 7)
