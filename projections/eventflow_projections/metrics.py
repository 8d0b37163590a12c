"""How many items entered and left each status, by day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date

from eventflow.model.recorded import Header
from eventflow.store.database import Transaction
from eventflow_projections.projection import Projection, Tables

Cell = tuple[str, str, date]
"""A category, a status and a day (UTC)."""


class Metrics(Projection):
    """The table ``metrics``.

    A stream enters the status of its first event, and from then on enters and leaves when an event has another
    status than the one before; touching, claiming without a status of its own or a mere fact counts nothing. What
    is left was entered before, by the same stream, so what stands in a status (entered less left, over all days)
    is never negative.
    """

    name = "metrics"
    version = 1
    tables = ("metrics",)

    def apply(self, batch: Sequence[Header], transaction: Transaction, tables: Tables) -> None:
        """Count the batch, then add the sums."""
        entered, left = count(batch)
        # In order, so that whoever else locks these rows meets them in the same order.
        cells = sorted(entered.keys() | left.keys())
        transaction.write(tables["add"], [(*cell[:2], str(cell[2]), entered[cell], left[cell]) for cell in cells])


def count(batch: Sequence[Header]) -> tuple[Counter[Cell], Counter[Cell]]:
    """How often each status was entered, and how often it was left."""
    entered: Counter[Cell] = Counter()
    left: Counter[Cell] = Counter()
    for header in batch:
        changed = header.previous is not None and header.previous != header.status
        if changed or header.version == 1:
            day = header.recorded_at.astimezone(UTC).date()
            entered[header.category, header.status, day] += 1
            if header.previous is not None and header.version > 1:
                left[header.category, header.previous, day] += 1
    return entered, left
