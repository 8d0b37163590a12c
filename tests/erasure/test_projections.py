"""The read side is told of an erasure: it lets go of what it had, and a rebuild comes to the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventflow import Eventflow, Probe, Settings
from eventflow.model.event import Event
from eventflow.model.library import Created
from eventflow.model.recorded import Header, Phase
from eventflow.store.database import Dialect, Transaction
from eventflow_projections import standard
from eventflow_projections.projection import Reading, Tables
from eventflow_projections.queries import History
from tests.erasure.conftest import Make
from tests.erasure.words import MASTER, NAME, Moved, Parcel, Person, Standing, everything, is_mentioned, somebody
from tests.services import fresh_schema


class Names(Reading):
    """What people are called, and on how many streets they have lived."""

    name = "names"
    tables = ("names",)

    def statements(self, dialect: Dialect) -> Mapping[str, str]:
        is_lite = dialect == "sqlite"
        values = "VALUES (?, ?, ?)" if is_lite else "SELECT * FROM unnest(%s::uuid[], %s::text[], %s::bigint[])"
        wanted = "stream = ?" if is_lite else "stream = ANY(%s::uuid[])"
        return {
            "create": "CREATE TABLE {names} (stream "
            + ("uuidtext" if is_lite else "uuid")
            + " PRIMARY KEY, name text, moves bigint NOT NULL)",
            "put": f"INSERT INTO {{names}} AS present (stream, name, moves) {values} ON CONFLICT (stream) DO UPDATE"
            " SET name = coalesce(excluded.name, present.name), moves = present.moves + excluded.moves",
            "forget": f"UPDATE {{names}} SET name = NULL WHERE {wanted}",
        }

    def wants(self, header: Header) -> bool:
        return header.name == "person:created"

    def read(
        self, batch: Sequence[Header], events: Mapping[int, Event], transaction: Transaction, tables: Tables
    ) -> None:
        rows: dict[UUID, list[Any]] = {}
        for header in batch:
            if header.category == "person":
                row = rows.setdefault(header.stream, [header.stream, None, 0])
                event = events.get(header.position)
                row[1] = event.fields["name"] if isinstance(event, Created) else row[1]
                row[2] += header.name == "person:moved"
        transaction.write(tables["put"], list(rows.values()))

    def erase(self, erasures: Sequence[Header], transaction: Transaction, tables: Tables) -> None:
        transaction.write(tables["forget"], [(one.stream,) for one in erasures])


KEPT = ("items", "history", "stories", "metrics", "names")


def rows(app: Eventflow) -> dict[str, list[tuple[object, ...]]]:
    return {table: sorted(app.database.query(f"SELECT * FROM {table}"), key=repr) for table in KEPT}


def test_a_projection_that_reads_bodies_lets_go_of_them(make: Make) -> None:
    app = make(projections=[*standard(), Names()])
    id = somebody(app)
    app.projections.catch_up()
    assert is_mentioned(NAME, everything(app))

    app.erase(id)
    app.projections.catch_up()

    assert app.database.query("SELECT name, moves FROM names") == [(None, 2)]
    assert not is_mentioned(NAME, everything(app))


def test_lists_and_pages_of_history_say_that_it_was_erased_and_by_whom(app: Eventflow) -> None:
    person = Person.create(name=NAME)
    person.record(Moved(street=""), phase=Phase.ANNOUNCED, error="ValueError: no street")
    app.save(person, actor="Wilhelmina herself")
    app.projections.catch_up()

    app.erase(person.id, actor="ada")
    app.projections.catch_up()

    item = app.items.get(person.id)
    assert (item.status, item.phase, item.error, item.fingerprint) == ("new", "erased", None, None)
    told = [(one.name, one.error, one.actor) for one in History(app.database).of(person.id).rows]
    assert told == [("person:created", None, None), ("person:moved", None, None), ("person:erased", None, "ada")]
    assert app.items.count("phase:erased") == 1


def test_what_was_erased_is_not_probed(make: Make) -> None:
    probe = Probe(Person, statuses=[Standing.NEW], grace=timedelta(hours=1))
    app = make(probes=[probe])
    clock: Any = app.clock
    one, other = somebody(app), somebody(app)
    app.erase(one)
    clock.forward(hours=2)

    # Whether the read side has heard of it or not.
    [first] = app.probe()
    assert one not in first.probed
    app.projections.catch_up()
    [probing] = app.probe()
    assert (probing.probed, probing.failed) == ((other,), ())
    assert app.database.query("SELECT stream FROM lingering") == [(other,)]


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["begin", "move", "erase", "archive", "project"]), st.integers(0, 3)), max_size=14
)


@pytest.mark.parametrize(("dialect", "examples"), [("sqlite", 10), ("postgresql", 3)])
def test_rebuilt_rows_equal_the_live_ones_whatever_was_erased_meanwhile(dialect: str, examples: int) -> None:
    @settings(deadline=None, max_examples=examples)
    @given(ACTIONS, st.integers(1, 5))
    def check(actions: list[tuple[str, int]], batch: int) -> None:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory()))
            url = f"sqlite:///{folder}/log.db?synchronous=normal"
            if dialect == "postgresql":
                url = stack.enter_context(fresh_schema())
            said = Settings(database=url, objects=(folder / "objects").as_uri(), master_key=MASTER)
            app = stack.enter_context(Eventflow(said, aggregates=[Person, Parcel], projections=[*standard(), Names()]))
            ids: list[UUID] = []
            for what, number in actions:
                _act(app, ids, what, number)
            app.projections.catch_up()

            live = rows(app)
            for name, runner in app.projections.runners.items():
                runner._batch = batch
                assert app.projections.verify(name).equal
                app.projections.rebuild(name)
            assert rows(app) == live

    check()


def _act(app: Eventflow, ids: list[UUID], what: str, number: int) -> None:
    """One thing that happens."""
    erased = {id for id in ids if app.log.headers(id)[-1].phase == Phase.ERASED}
    chosen = ids[number % len(ids)] if ids else None
    if what == "begin":
        ids.append(somebody(app, moves=number))
    elif what == "project":
        app.projections.step_all()
    elif what == "archive":
        app.archive(older_than=timedelta(days=-1))
    elif chosen is not None and what == "erase":
        app.erase(chosen, actor="ada")
    elif chosen is not None and chosen not in erased:
        person = app.get(Person, chosen)
        person.record(Moved(street="elsewhere"), phase=Phase.DEFERRED, error="Timeout: elsewhere")
        app.save(person, actor="bob")
