"""Runs in the read side: what a row says, and that it says what the run itself would."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventflow.errors import BadFilter, Refused, StreamNotFound
from eventflow.model.process.long import put_aside
from eventflow.model.process.run import Run
from eventflow.model.process.status import RunStatus
from eventflow.model.recorded import Context
from eventflow.model.vocabulary import Vocabulary
from eventflow.runtime.repository import Repository
from eventflow.store.database import Database
from eventflow.store.log import Log, open_log
from eventflow.store.statements import Statements
from eventflow_projections import Projections, Running, RunRow, Runs
from eventflow_projections.projection import fill
from eventflow_projections.where import RUNS, clause, parse
from tests.projections.conftest import empty
from tests.projections.headers import rows

STEPS = ("fetch", "check", "file")
TABLES = ("runs", "run_counts", "run_days")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OWNER = UUID(int=7)


class World:
    """A log with runs in it, and what the read side makes of them. Its clock is turned by hand."""

    def __init__(self, database: Database, *, batch: int = 500) -> None:
        self.database, self.now = database, NOW
        self.log: Log = open_log(database, Vocabulary.of([Run], []), clock=lambda: self.now)
        self.repository = Repository(self.log)
        self.projections = Projections(database, self.log, [Running()], batch=batch)
        self.projections.create()
        self.runs = Runs(database, clock=lambda: self.now)

    def begun(self, process: str = "import", channel: str = "shop", **fields: Any) -> Run:
        """A run that nobody has worked on, in the log."""
        said = {"definition": 1, "fingerprint": "f", "steps": STEPS, "state": {}, "channel": channel}
        run = Run.begin(id=uuid4(), process=process, **{**said, **fields})
        return self.does(run, actor="ann")

    def does(self, run: Run, actor: str | None = None) -> Run:
        """What the run has decided is in the log."""
        self.repository.save(run, context=Context(actor=actor))
        return run

    def row(self, run: Run) -> RunRow:
        """What the read side says of it, up to now."""
        self.projections.catch_up()
        return self.runs.get(run.id)


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def failed(world: World, *, due: datetime | None = None, **fields: Any) -> Run:
    run = world.begun(**fields)
    run.claim(OWNER)
    run.fail({"type": "ValueError", "message": "no paper", "traceback": None}, due=due)
    return world.does(run)


def test_a_row_says_what_a_new_run_is_about(world: World) -> None:
    order = UUID(int=3)
    run = world.begun(subject=("order", str(order)), key="today", deadline=NOW + timedelta(days=1))

    row = world.row(run)

    assert (row.process, row.definition, row.channel, row.status) == ("import", 1, "shop", "pending")
    assert (row.subject, row.key, row.deadline) == (f"order:{order}", "today", NOW + timedelta(days=1))
    assert (row.step, row.steps, row.done, row.attempts) == ("fetch", STEPS, (), 0)
    assert (row.started_by, row.created_at, row.started_at, row.ended_at) == ("ann", NOW, None, None)


def test_a_row_follows_its_run_from_step_to_step(world: World) -> None:
    run = world.begun()
    world.now += timedelta(minutes=1)
    run.claim(OWNER)
    run.succeed("fetch", message="3 files")
    row = world.row(world.does(run))
    assert (row.status, row.step, row.done, row.message) == ("in_progress", "check", ("fetch",), None)
    assert (row.started_at, row.ended_at) == (NOW + timedelta(minutes=1), None)

    world.now += timedelta(minutes=1)
    run.succeed("check")
    run.succeed("file")
    row = world.row(world.does(run))

    assert (row.status, row.step, row.done) == ("success", None, STEPS)
    assert row.is_over
    assert row.ended_at == NOW + timedelta(minutes=2)


def test_an_error_stands_in_the_row_until_somebody_restarts_the_run(world: World) -> None:
    run = failed(world)
    row = world.row(run)
    assert (row.status, row.step, row.attempts, row.error) == ("error", "fetch", 1, "ValueError: no paper")

    run.restart(reason="there is paper")
    row = world.row(world.does(run, actor="bob"))

    assert (row.status, row.attempts, row.error, row.message) == ("retry", 0, None, "there is paper")
    assert (row.started_by, row.actor) == ("ann", "bob")


def test_a_retry_says_when_it_is_due(world: World) -> None:
    due = NOW + timedelta(minutes=5)

    row = world.row(failed(world, due=due))

    assert (row.status, row.due, row.phase) == ("retry", due, "deferred")


@pytest.mark.parametrize(
    ("where", "amount"),
    [
        ("", 3),
        ("process:import", 2),
        ("name:export", 1),
        ("channel:shop -status:error", 1),
        ("status:error step:fetch attempts>=1", 1),
        ("subject:order:*", 1),
        ("error:PAPER", 2),
        ("due:2026-11-20", 1),
        ("due>2026-11-21", 0),
        ("age<1m by:ann", 3),
        ("started:2026-11-20", 2),
        ("-started>1999-01-01", 1),
    ],
)
def test_runs_are_found_by_what_is_known_of_them(world: World, where: str, amount: int) -> None:
    failed(world)
    failed(world, channel="night", due=NOW + timedelta(minutes=5))
    world.begun("export", subject=("order", "7"))
    world.projections.catch_up()

    assert world.runs.count(where) == amount
    assert len(list(world.runs.ids(where))) == len(world.runs.page(where).rows) == amount


def test_a_filter_for_items_is_none_for_runs(world: World) -> None:
    with pytest.raises(BadFilter, match="wanted one of the fields id, process"):
        world.runs.page("category:order")
    with pytest.raises(StreamNotFound):
        world.runs.get(UUID(int=1))


def test_pages_follow_each_other_while_runs_change(world: World) -> None:
    runs = [world.begun() for _ in range(5)]
    world.projections.catch_up()
    first = world.runs.page(limit=2)

    runs[2].abandon("needless")
    world.does(runs[2])
    world.projections.catch_up()
    second = world.runs.page(after=first.after, limit=2)
    third = world.runs.page(after=second.after, limit=2)

    assert [one.id for page in (first, second, third) for one in page.rows] == [one.id for one in reversed(runs)]
    assert third.after is None


def test_a_badge_counts_what_is_not_over_and_has_the_colour_of_the_gravest(world: World) -> None:
    assert (world.runs.badge().amount, world.runs.badge().colour) == (0, "info")
    world.begun()
    over = world.begun()
    over.abandon()
    world.does(over)
    working = world.begun(channel="night")
    working.claim(OWNER)
    world.does(working)
    failed(world, channel="night", due=NOW)
    failed(world, channel="day")
    world.projections.catch_up()

    assert {one: (world.runs.badge(one).amount, world.runs.badge(one).colour) for one in ("shop", "night", "day")} == {
        "shop": (1, "info"),
        "night": (2, "warning"),
        "day": (1, "danger"),
    }
    assert (world.runs.badge().amount, world.runs.badge().colour) == (4, "danger")
    for step in STEPS:
        working.succeed(step)
    world.does(working)
    world.projections.catch_up()
    assert {(one.channel, one.status, one.amount) for one in world.runs.counts()} == {
        ("shop", "pending", 1),
        ("shop", "aborted", 1),
        ("night", "success", 1),
        ("night", "retry", 1),
        ("day", "error", 1),
    }


def test_days_say_how_many_runs_began_and_how_often_a_step_was_tried(world: World) -> None:
    run = failed(world, due=NOW)
    world.begun()
    for _ in range(2):
        run.claim(OWNER)
        run.fail({"type": "ValueError", "message": "no", "traceback": None}, due=NOW)
        world.does(run)
    world.now += timedelta(days=1)
    world.begun()
    world.projections.catch_up()

    days = world.runs.per_day(NOW.date())

    assert [(one.day.day, one.begun, one.attempts) for one in days] == [(21, 1, 0), (20, 2, 3)]
    assert world.runs.per_day((NOW + timedelta(days=2)).date()) == []


def test_totals_have_every_day_of_a_stretch_over_all_processes_and_channels(world: World) -> None:
    failed(world, due=NOW)
    world.begun(process="export", channel="night")
    world.now += timedelta(days=2)
    world.begun()
    world.projections.catch_up()

    totals = world.runs.totals(4)

    assert [(one.day.day, one.begun, one.attempts) for one in totals] == [
        (19, 0, 0),
        (20, 2, 1),
        (21, 0, 0),
        (22, 1, 0),
    ]
    assert [one.begun for one in world.runs.totals(2)] == [0, 1]


def test_the_fatal_errors_of_a_channel_are_told_the_oldest_first(world: World) -> None:
    first, other = failed(world), failed(world, process="export")
    failed(world, channel="night")
    world.begun()
    world.projections.catch_up()

    assert [one.id for one in world.runs.fatal("shop")] == [first.id, other.id]


def test_a_run_that_waits_and_one_that_takes_back_say_so(world: World) -> None:
    run = world.begun(undoable=("fetch",))
    run.claim(OWNER)
    run.succeed("fetch")
    put_aside(run, "check", "signal approved", NOW + timedelta(days=1), seen=0)
    row = world.row(world.does(run))
    assert (row.status, row.message, row.due) == ("waiting", "waits for signal approved", NOW + timedelta(days=1))

    run.abandon("never mind")
    row = world.row(world.does(run))

    assert (row.status, row.steps, row.step, row.done) == ("retry", ("undo:fetch",), "undo:fetch", ())
    assert row.message == "never mind"


def test_a_run_that_migrates_while_a_worker_is_at_it_is_of_its_new_version_at_once(world: World) -> None:
    run = world.begun()
    run.claim(OWNER)
    live(run, "migrate")

    row = world.row(world.does(run))

    assert (row.definition, row.steps, row.step) == (2, ("fetch", "look", "file"), "look")


def test_a_body_that_cannot_be_read_leaves_what_the_headers_say(world: World) -> None:
    run = failed(world, subject=("order", "7"))
    with world.database.transaction() as transaction:
        transaction.execute("DELETE FROM bodies")

    row = world.row(run)

    assert (row.process, row.channel, row.status, row.error) == ("import", "shop", "error", "ValueError: no paper")
    assert (row.subject, row.steps) == (None, ())


DEEDS = (
    "claim succeed succeed wait fail retry put_off skip restart again goto skip_steps abandon interrupt migrate halt"
    " give_up"
)
UNDONE: dict[str, Any] = {"undoable": ("fetch", "check"), "undoes_failures": True}
deeds = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(DEEDS.split())), max_size=40)


def live(run: Run, deed: str) -> None:
    """Do this to a run, if it lets that be done."""
    facts = {"type": "ValueError", "message": "no", "traceback": None}
    acts: dict[str, Any] = {
        "claim": lambda: run.claim(OWNER),
        "succeed": lambda: run.succeed(run.step or "", learned={"n": 1}),
        "fail": lambda: run.fail(facts, due=None),
        "retry": lambda: run.fail(facts, due=NOW),
        "put_off": lambda: run.put_off(NOW, "later", {}, ()),
        "skip": lambda: run.skip_step(run.step or ""),
        "restart": lambda: run.restart("check", force=True),
        "again": run.restart,
        "goto": lambda: run.goto("file"),
        "skip_steps": lambda: run.skip_steps("check"),
        "abandon": lambda: run.abandon("enough"),
        "interrupt": lambda: run.interrupt("stopped", NOW),
        "wait": lambda: put_aside(run, run.step or "", "signal approved", None, seen=0),
        "halt": lambda: run.halt("another version"),
        "give_up": lambda: run.give_up(RunStatus.ERROR, "no", {}, ()),
        "migrate": lambda: run.migrate(
            definition=2, fingerprint="g", steps=("fetch", "look", "file"), done=(), step="look", state={}
        ),
    }
    is_at_work = run.status is RunStatus.IN_PROGRESS and run.step is not None
    needs_work = deed in ("succeed", "wait", "fail", "retry", "put_off", "skip", "interrupt", "halt", "give_up")
    if needs_work and not is_at_work:
        return
    try:
        acts[deed]()
    except Refused:
        return


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds, st.integers(2, 9))
def test_a_row_says_what_the_run_says_and_a_rebuild_changes_nothing(
    database: Database, story: list[tuple[int, str]], batch: int
) -> None:
    world = World(database, batch=batch)
    begun = [world.begun(), world.begun("export"), world.begun(channel="night", **UNDONE)]
    for number, deed in story:
        live(begun[number], deed)
        world.does(begun[number])
        if deed == "claim":
            world.projections.step_all()
    world.projections.catch_up()

    for run in begun:
        row = world.runs.get(run.id)
        assert (row.status, row.step, row.attempts) == (run.status, run.step, run.attempts)
        assert (row.steps, row.done, row.definition) == (run.steps, run.done, run.definition)
        assert row.version == run.version
    kept = rows(database, TABLES)
    world.projections.rebuild("runs")
    assert rows(database, TABLES) == kept
    empty(database)
    with database.transaction() as transaction:
        transaction.execute("DELETE FROM bodies")
        transaction.execute("DELETE FROM events")


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("newest", ""),
        ("newest", "channel:shop"),
        ("newest", "process:import status:error"),
        ("ids", "status:error"),
        ("count", "channel:shop"),
        ("one", ""),
        ("fatal", ""),
        ("days", ""),
        ("totals", ""),
    ],
)
def test_no_question_that_pages_ask_about_runs_reads_a_whole_table(world: World, statement: str, where: str) -> None:
    for _ in range(20):
        failed(world)
    world.projections.catch_up()
    database = world.database
    condition = clause(parse(where, RUNS), database.dialect, NOW, RUNS)
    sql = fill(
        Statements("eventflow_projections", database.dialect, "run_queries.sql")[statement], {"where": condition.sql}
    )
    given = {"stream": UUID(int=1), "after": 10**6, "limit": 5, "channel": "shop", "since": "2026-11-01"}

    with database.transaction() as transaction:
        if database.dialect == "postgresql":
            # Twenty rows are not worth an index; that one could be used is what is asked here.
            transaction.execute("SET LOCAL enable_seqscan = off")
        explain = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}[database.dialect]
        plan = [str(line[-1]) for line in transaction.execute(f"{explain} {sql}", {**given, **condition.params})]

    tables = [line for line in plan if "runs__" in line or "run_days__" in line]
    assert tables
    assert not [line for line in tables if "Seq Scan" in line or ("SCAN" in line and "INDEX" not in line)]
