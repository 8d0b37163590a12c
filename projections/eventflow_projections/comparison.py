"""Whether two sets of tables say the same, and the first rows in which they do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from eventflow.store.database import Transaction
from eventflow_projections.generations import Generation, Generations

SHOWN = 5
"""How many differing rows a report shows of each table and side."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that one side has and the other has not. Any: columns are of several types."""

    table: str
    only: Literal["live", "rebuilt"]
    row: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """What a rebuild from the beginning to ``position`` found beside the live rows."""

    name: str
    position: int
    rows: int
    rebuilt_rows: int
    differences: tuple[Difference, ...]

    @property
    def equal(self) -> bool:
        """Whether every row of the one is a row of the other."""
        return not self.differences and self.rows == self.rebuilt_rows


def compare(transaction: Transaction, generations: Generations, live: Generation, rebuilt: Generation) -> Report:
    """Compare row by row; the caller holds both where they are."""
    return Report(
        name=live.name,
        position=live.position,
        rows=sum(generations.rows(transaction, table) for table in live.names.values()),
        rebuilt_rows=sum(generations.rows(transaction, table) for table in rebuilt.names.values()),
        differences=tuple(_differences(transaction, generations, live, rebuilt)),
    )


def _differences(
    transaction: Transaction, generations: Generations, live: Generation, rebuilt: Generation
) -> Iterator[Difference]:
    for table in live.tables:
        mine, other = live.names[table], rebuilt.names[table]
        columns = generations.columns(transaction, mine)
        for row in generations.only_in(transaction, mine, other, SHOWN):
            yield Difference(table, "live", dict(zip(columns, row, strict=True)))
        for row in generations.only_in(transaction, other, mine, SHOWN):
            yield Difference(table, "rebuilt", dict(zip(columns, row, strict=True)))
