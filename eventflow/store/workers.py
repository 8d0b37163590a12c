"""Who is alive: one row for each worker, with its last heartbeat by the database's own clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from eventflow.store.database import Database
from eventflow.store.statements import Statements


class Alive(NamedTuple):
    """A worker that has signed on and not off."""

    id: UUID
    name: str
    started_at: datetime
    beat_at: datetime
    fresh: bool


class Workers:
    """The heartbeats of one log's workers. A lease is as long as the worker said when it beat last."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = Statements("eventflow.store", database.dialect, "workers.sql")

    def beat(self, id: UUID, name: str, lease: timedelta) -> None:
        """Sign on, or stay."""
        with self._database.transaction() as transaction:
            transaction.execute(self._sql["beat"], {"id": id, "name": name, "lease": lease.total_seconds()})

    def retire(self, id: UUID) -> None:
        """Sign off: whatever this worker still holds is an orphan from now on."""
        with self._database.transaction() as transaction:
            transaction.execute(self._sql["retire"], {"id": id})

    def all(self) -> list[Alive]:
        """Every worker that has not signed off, the longest silent first."""
        found = self._database.query(self._sql["all"])
        return [Alive(id, name, started, beat, bool(fresh)) for id, name, started, beat, fresh in found]
