"""Snapshots of streams: the newest one of each, beside the log."""

from __future__ import annotations

from uuid import UUID

from pydantic import ValidationError

from eventflow.model.snapshot import Snapshot
from eventflow.store.codec import Codec
from eventflow.store.database import Database
from eventflow.store.statements import Statements


class Snapshots:
    """Keeps the newest snapshot of each stream."""

    def __init__(self, database: Database, codec: Codec) -> None:
        self._database, self._codec = database, codec
        self._sql = Statements("eventflow.store", database.dialect, "log.sql")

    def put(self, *snapshots: Snapshot) -> None:
        """Keep ``snapshots`` unless newer ones are kept. Raises ``Unwritable`` when their fields are not plain data."""
        rows = [self._row(one) for one in snapshots]
        if rows:
            with self._database.transaction() as transaction:
                for row in rows:
                    transaction.execute(self._sql["put_snapshot"], row)

    def get(self, stream: UUID) -> Snapshot | None:
        """The snapshot of a stream; one that cannot be read is as good as none, because the events are the truth."""
        found = self._database.query(self._sql["get_snapshot"], {"stream": stream})
        return self._read(bytes(found[0][0])) if found else None

    def _row(self, snapshot: Snapshot) -> dict[str, object]:
        tag, body = self._codec.pack(f"a snapshot of {snapshot.category}", snapshot.model_dump())
        return {
            "stream": snapshot.stream,
            "version": snapshot.version,
            "category": snapshot.category,
            "state": b":".join((tag.encode(), body)),
        }

    def _read(self, state: bytes) -> Snapshot | None:
        tag, _, body = state.partition(b":")
        try:
            return Snapshot.model_validate(self._codec.unpack(tag.decode(), body))
        except (ValueError, ValidationError):
            return None
