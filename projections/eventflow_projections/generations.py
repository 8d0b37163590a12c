"""Which tables each projection has, which of them are live, and how far each set has come.

A projection has one set of tables that is live, and at times another one that is being built or checked beside it::

    projections                                              tables         view
    number  name     version  state     position
    3       current  1        live      8190        ──▶      items__3  ◀──  items
    7       current  2        building  4500        ──▶      items__7

Queries read the view. Taking the place of the live set is one transaction: the view is made anew on the other tables
and the old ones are dropped. Tables are never renamed, as their indexes would keep the old names.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from eventflow.store.database import Database, Record, Transaction
from eventflow.store.statements import Statements
from eventflow_projections.projection import Projection, Tables, fill


class State(StrEnum):
    """What a set of tables is for."""

    LIVE = "live"
    BUILDING = "building"
    CHECKING = "checking"


class Generation(NamedTuple):
    """A set of tables of one projection, and the position up to which it is right."""

    number: int
    name: str
    version: int
    state: State
    tables: tuple[str, ...]
    position: int
    error: str | None

    @property
    def names(self) -> dict[str, str]:
        """What each table is called in this set."""
        return {table: f"{table}__{self.number}" for table in self.tables}


class Generations:
    """The table ``projections``; what changes more than one row of it does so alone."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = Statements("eventflow_projections", database.dialect, "generations.sql")

    def create(self, projections: Sequence[Projection]) -> None:
        """Make what is missing: a live set for a new projection, one beside it for a newer version."""
        with self._database.transaction() as transaction:
            transaction.execute(self._sql["alone"])
            transaction.execute(self._sql["table"])
            for projection in projections:
                self._create(transaction, projection)

    def all(self) -> list[Generation]:
        """Every set there is."""
        return [_generation(row) for row in self._database.query(self._sql["all"])]

    def of(self, name: str) -> dict[State, Generation]:
        """The sets of one projection."""
        return {one.state: one for one in self.all() if one.name == name}

    def find(self, number: int) -> Generation | None:
        """One set, as it is now; nothing when it was dropped."""
        return next((one for one in self.all() if one.number == number), None)

    def begin(self, projection: Projection, state: State) -> Generation:
        """A new, empty set beside the live one; one of the same kind that was left unfinished is dropped."""
        with self._database.transaction() as transaction:
            transaction.execute(self._sql["alone"])
            left = self._lock(transaction, projection.name).get(state)
            if left is not None:
                self._drop(transaction, left)
            return self._add(transaction, projection, state)

    def move(self, transaction: Transaction, generation: Generation, to: int) -> bool:
        """Move the checkpoint, and hold it until the transaction ends; False when somebody else moved it."""
        params = {"to": to, "number": generation.number, "position": generation.position}
        return bool(transaction.execute(self._sql["move"], params))

    def hold(self, transaction: Transaction, name: str) -> dict[State, Generation]:
        """The sets of one projection, held where they are until the transaction ends."""
        return self._lock(transaction, name)

    def stop(self, generation: Generation, error: str) -> None:
        """Note why the set does not move; moving it takes the note away."""
        with self._database.transaction() as transaction:
            transaction.execute(self._sql["stop"], {"number": generation.number, "error": error})

    def swap(self, name: str) -> bool:
        """Let the set that was built take the place of the live one, when it has come as far."""
        with self._database.transaction() as transaction:
            transaction.execute(self._sql["alone"])
            held = self._lock(transaction, name)
            live, built = held.get(State.LIVE), held.get(State.BUILDING)
            if built is None or (live is not None and built.position < live.position):
                return False
            self._replace(transaction, live, built)
            return True

    def drop(self, generation: Generation) -> None:
        """Remove a set and its tables, if it is still there."""
        with self._database.transaction() as transaction:
            transaction.execute(self._sql["alone"])
            if generation.number in {one.number for one in self._lock(transaction, generation.name).values()}:
                self._drop(transaction, generation)

    def columns(self, transaction: Transaction, table: str) -> list[str]:
        """The names of a table's columns."""
        return [name for (name,) in transaction.execute(self._sql["columns"], {"table": table})]

    def rows(self, transaction: Transaction, table: str) -> int:
        """How many rows a table has."""
        [(number,)] = transaction.execute(fill(self._sql["count"], {"table": table}))
        return int(number)

    def only_in(self, transaction: Transaction, table: str, other: str, limit: int) -> list[Record]:
        """Rows of a table that another table of the same shape has not."""
        sql = fill(self._sql["only_in"], {"table": table, "other": other})
        return transaction.execute(sql, {"limit": limit})

    def _create(self, transaction: Transaction, projection: Projection) -> None:
        # Looked at before it is locked: a program starts beside a runner that is held in the middle of a batch.
        if not _missing(projection, self._seen(transaction, projection.name)):
            return
        held = self._lock(transaction, projection.name)
        live, building = held.get(State.LIVE), held.get(State.BUILDING)
        if live is None:
            self._show(transaction, self._add(transaction, projection, State.LIVE))
        else:
            if building is not None:
                self._drop(transaction, building)
            self._add(transaction, projection, State.BUILDING)

    def _add(self, transaction: Transaction, projection: Projection, state: State) -> Generation:
        params = {
            "name": projection.name,
            "version": projection.version,
            "state": str(state),
            "tables": " ".join(projection.tables),
        }
        [(number,)] = transaction.execute(self._sql["add"], params)
        generation = Generation(number, projection.name, projection.version, state, projection.tables, 0, None)
        Tables.of(projection, self._database.dialect, generation.names).create(transaction)
        return generation

    def _replace(self, transaction: Transaction, live: Generation | None, built: Generation) -> None:
        if live is not None:
            # Views before tables, the order in which a query locks them.
            for view in live.tables:
                transaction.execute(fill(self._sql["hide"], {"view": view}))
            self._drop(transaction, live)
        transaction.execute(self._sql["promote"], {"number": built.number})
        self._show(transaction, built)

    def _show(self, transaction: Transaction, generation: Generation) -> None:
        for view, table in generation.names.items():
            transaction.execute(fill(self._sql["show"], {"view": view, "table": table}))

    def _drop(self, transaction: Transaction, generation: Generation) -> None:
        for table in generation.names.values():
            transaction.execute(fill(self._sql["discard"], {"table": table}))
        transaction.execute(self._sql["remove"], {"number": generation.number})

    def _seen(self, transaction: Transaction, name: str) -> dict[State, Generation]:
        found = map(_generation, transaction.execute(self._sql["all"]))
        return {one.state: one for one in found if one.name == name}

    def _lock(self, transaction: Transaction, name: str) -> dict[State, Generation]:
        found = map(_generation, transaction.execute(self._sql["lock"], {"name": name}))
        return {one.state: one for one in found}


def _missing(projection: Projection, held: dict[State, Generation]) -> bool:
    """Whether there is no set, live or building, of this version or a newer one."""
    live, building = held.get(State.LIVE), held.get(State.BUILDING)
    newest = max((one.version for one in (live, building) if one is not None), default=0)
    return live is None or newest < projection.version


def _generation(row: Record) -> Generation:
    number, name, version, state, tables, position, error = row
    return Generation(number, name, version, State(state), tuple(tables.split()), position, error)
