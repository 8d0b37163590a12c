"""Since when each stream stands in its status, and when a probe last looked at it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from eventflow.model.probe import entered
from eventflow.model.recorded import Header, Kind
from eventflow.model.system import is_reserved
from eventflow.store.database import Transaction
from eventflow_projections.projection import Projection, Tables


class Lingering(Projection):
    """The tables ``lingering`` and ``probed``: what probes choose from. Kept where there are probes only."""

    name = "lingering"
    version = 1
    tables = ("lingering", "probed")

    def apply(self, batch: Sequence[Header], transaction: Transaction, tables: Tables) -> None:
        """Fold the batch to the last entry into a status, and the last probe of each name."""
        since: dict[UUID, Header] = {}
        probed: dict[tuple[UUID, str], datetime] = {}
        for header in batch:
            if entered(header) and not is_reserved(header.category):
                since[header.stream] = header
            if header.kind == Kind.PROBE:
                probed[header.stream, header.reaction or ""] = header.recorded_at
        if since:
            rows = [(one.stream, one.category, one.status, one.recorded_at) for one in since.values()]
            transaction.write(tables["enter"], rows)
        if probed:
            transaction.write(tables["probe"], [(*key, at) for key, at in probed.items()])

    def erase(self, erasures: Sequence[Header], transaction: Transaction, tables: Tables) -> None:
        """What was erased is not probed any more."""
        gone = [(one.stream,) for one in sorted(erasures)]
        transaction.write(tables["forget"], gone)
        transaction.write(tables["forget_probed"], gone)
