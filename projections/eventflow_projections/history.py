"""What happened to the work on each item: a row per event that has a phase; and which streams are of one story."""

from __future__ import annotations

from collections.abc import Sequence

from eventflow.model.recorded import Header
from eventflow.store.database import Transaction
from eventflow_projections.projection import Projection, Tables


class History(Projection):
    """The table ``history``: announced, claimed, deferred, one below the other; mere facts are left to the log.

    And the table ``stories``: which streams have events of a correlation. Streams whose story is their own have no row
    there, so that the usual item costs nothing. Of a stream that was erased neither actors nor errors are kept.
    """

    name = "history"
    version = 2
    tables = ("history", "stories")

    def apply(self, batch: Sequence[Header], transaction: Transaction, tables: Tables) -> None:
        """Write the headers that have a phase, and the streams that take part in another stream's story."""
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
        parts = {(one.correlation, one.stream) for one in batch if one.correlation not in (None, one.stream)}
        if parts:
            # In one order, so that two who write the same rows never wait for each other in a circle.
            transaction.write(tables["take_part"], sorted(parts, key=repr))

    def erase(self, erasures: Sequence[Header], transaction: Transaction, tables: Tables) -> None:
        """Forget who did what before, and what went wrong with it; who erased it stays."""
        transaction.write(tables["forget"], [(one.stream,) for one in sorted(erasures)])
