"""What happened to the work on each item: a row per event that has a phase."""

from __future__ import annotations

from collections.abc import Sequence

from eventflow.model.recorded import Header
from eventflow.store.database import Transaction
from eventflow_projections.projection import Projection, Tables


class History(Projection):
    """The table ``history``: announced, claimed, deferred, one below the other; mere facts are left to the log."""

    name = "history"
    version = 1
    tables = ("history",)

    def apply(self, batch: Sequence[Header], transaction: Transaction, tables: Tables) -> None:
        """Write the headers that have a phase."""
        rows = [
            (
                header.stream,
                header.version,
                header.position,
                header.category,
                header.name,
                header.status,
                header.previous,
                header.phase,
                header.kind,
                header.reaction,
                header.attempt,
                header.owner,
                header.due,
                header.error,
                header.actor,
                header.correlation,
                header.causation,
                header.recorded_at,
            )
            for header in batch
            if header.phase is not None
        ]
        transaction.write(tables["insert"], rows)
