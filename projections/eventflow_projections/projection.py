"""What a projection is: tables that are a function of the log's headers, and of some bodies if need be."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from eventflow.model.event import Event
from eventflow.model.recorded import Header
from eventflow.store.database import Dialect, Transaction
from eventflow.store.statements import Statements


class Projection(ABC):
    """A name, a version, tables, and how a batch of headers changes them.

    Write one in three steps. Say which ``tables`` there are; say in SQL how they are made and written to; fold the
    batch in memory and write each table once. The runner calls ``apply`` inside the transaction that also moves the
    checkpoint, so every header counts exactly once, whatever crashes in between:

    >>> from collections import Counter
    >>> class Callers(Projection):
    ...     name = "callers"
    ...     tables = ("callers",)
    ...
    ...     def statements(self, dialect):
    ...         values = {
    ...             "sqlite": "VALUES (?, ?)",
    ...             "postgresql": "SELECT * FROM unnest(%s::text[], %s::bigint[])",
    ...         }
    ...         return {
    ...             "create": "CREATE TABLE {callers} (actor text PRIMARY KEY, events bigint NOT NULL)",
    ...             "add": f"INSERT INTO {{callers}} AS present {values[dialect]} ON CONFLICT (actor)"
    ...                    " DO UPDATE SET events = present.events + excluded.events",
    ...         }
    ...
    ...     def apply(self, batch, transaction, tables):
    ...         counts = Counter(header.actor or "" for header in batch)
    ...         transaction.write(tables["add"], sorted(counts.items()))

    ``Projections(database, log, [Callers()])`` then creates the tables and keeps them; queries read ``callers`` as if
    it were a table. It is a view on the tables of the present version, so that a new version is built beside the old
    one and takes its place in one transaction: always write ``{callers}``, also in names of indexes, and the runner
    puts the right name there. Statements whose names begin with ``create`` make the tables, in the order in which
    they stand.

    Rules that make a rebuild equal to the live rows: look at nothing but the headers (no clock, no chance, no other
    table), and let a batch of 500 come to the same as 500 batches of one. Raise ``version`` when the rows would
    look different.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    tables: ClassVar[tuple[str, ...]]

    def statements(self, dialect: Dialect) -> Mapping[str, str]:
        """The SQL by name; unless overridden, ``sql/<dialect>/<name>.sql`` beside the module of the class."""
        return Statements(type(self).__module__.rpartition(".")[0], dialect, f"{self.name}.sql")

    @abstractmethod
    def apply(self, batch: Sequence[Header], transaction: Transaction, tables: Tables) -> None:
        """Fold the batch in memory, then write each table once; the checkpoint moves in the same transaction."""

    def erase(self, erasures: Sequence[Header], transaction: Transaction, tables: Tables) -> None:  # noqa: B027
        """Let go of what these streams have told of a person: ``erasures`` say that they were erased, and end them.

        Called after ``apply`` of the batch that they are in. Leave the rows as a rebuild makes them, which no longer
        reads any body of these streams; then calls this as well. Nothing is to be done where headers hold all.
        """


class Reading(Projection):
    """A projection that reads bodies as well: those of the events that it ``wants``.

    A body that cannot be read (it was erased, or damaged) is not among the ``events``, which are called by their
    positions: say what is so without it, and leave it so in ``erase``. One in an archive that is out of reach is waited
    for.
    """

    @abstractmethod
    def wants(self, header: Header) -> bool:
        """Whether the body is needed; bodies are costly, and more so when they are archived."""

    @abstractmethod
    def read(
        self, batch: Sequence[Header], events: Mapping[int, Event], transaction: Transaction, tables: Tables
    ) -> None:
        """As ``apply``, with the events that were wanted."""

    def apply(self, batch: Sequence[Header], transaction: Transaction, tables: Tables) -> None:
        """The batch without any body."""
        self.read(batch, {}, transaction, tables)


@dataclass(frozen=True, slots=True)
class Tables:
    """The statements of a projection, made out for one set of its tables."""

    filled: Mapping[str, str]

    @classmethod
    def of(cls, projection: Projection, dialect: Dialect, names: Mapping[str, str]) -> Tables:
        """The statements with ``{table}`` replaced by the names that the tables have in this set."""
        written = projection.statements(dialect)
        return cls({name: fill(sql, names) for name, sql in written.items()})

    def __getitem__(self, statement: str) -> str:
        return self.filled[statement]

    def create(self, transaction: Transaction) -> None:
        """Make the tables."""
        for name, sql in self.filled.items():
            if name.startswith("create"):
                transaction.execute(sql)


def fill(sql: str, names: Mapping[str, str]) -> str:
    """The SQL with the braces around known names resolved; other braces stay.

    >>> fill("SELECT '{}' FROM {items}", {"items": "items__2"})
    "SELECT '{}' FROM items__2"
    """
    return re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], found[0]), sql)
