"""An open transaction, whichever database it is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

# What a parameter or a column may hold is the database's business, not Python's.
Params = Mapping[str, Any] | Sequence[Any]
Record = tuple[Any, ...]


class Transaction(Protocol):
    """An open transaction; it commits when its block ends and rolls back when the block raises."""

    def execute(self, sql: str, params: Params = ()) -> list[Record]:
        """The rows the statement returns, or none."""

    def write(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Write many rows at once.

        PostgreSQL gets one array per column (``unnest(%s::uuid[], …)``), SQLite runs the statement per row.
        """
