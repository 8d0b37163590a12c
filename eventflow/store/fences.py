"""Appends that are tied to a lock: written only while it is held under the token of whoever appends.

Rows and lock are looked at in one transaction, which keeps the lock from being taken over until it has ended. Who was
paused between its last look and its append is refused here, whatever it believes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from time import sleep

from eventsourcing.persistence import IntegrityError

from eventflow.errors import KeyTaken, LockLost, StorageFull, Unavailable
from eventflow.model.key import Key
from eventflow.model.lock import Fence, lock_id
from eventflow.store.keys import Keys
from eventflow.store.locks import Leases
from eventflow.store.port import Database
from eventflow.store.recorder import Row

GONE = "it was taken over, cleared or given back"

_PAUSES = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds between the attempts of an append whose connection is lost."""


class Fences:
    """Appends behind the locks of one log."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self._database, self._recorder, self._keys = database, database.recorder(), keys
        self._leases = Leases(database)

    def append(self, rows: Sequence[Row], fence: Fence, key: Key | None, now: datetime) -> list[int]:
        """The positions of the rows, written while the lock is held under this token.

        Raises ``LockLost`` when it is not, and what an append with or without a ``key`` raises.
        """
        if not rows:
            return []
        for pause in _PAUSES:
            try:
                return self._append(rows, fence, key, now)
            except StorageFull:
                raise
            except Unavailable:
                if self._database.closed:
                    raise
            sleep(pause)
        return self._append(rows, fence, key, now)

    def _append(self, rows: Sequence[Row], fence: Fence, key: Key | None, now: datetime) -> list[int]:
        try:
            with self._database.transaction() as transaction:
                if not self._leases.stands(transaction, lock_id(fence.key), fence.token):
                    return self._settled(rows, LockLost(fence.key, fence.token, GONE))
                if key is not None and not self._keys.claim(transaction, rows, key, now):
                    return self._settled(rows, self._taken(key, now))
                positions = self._recorder.append_within(transaction, rows)
        except IntegrityError:
            return self._recorder.settle_conflict(rows)
        self._database.bell.ring()
        return positions

    def _settled(self, rows: Sequence[Row], refusal: Exception) -> list[int]:
        """The positions of rows that an earlier attempt wrote, whose answer was lost; raises the refusal else."""
        positions = self._recorder.recognised(rows)
        if positions is None:
            raise refusal
        return positions

    def _taken(self, key: Key, now: datetime) -> Exception:
        first = self._keys.taken(key, now)
        if first is None:
            return Unavailable("The log", "a key has just become free; try again")
        return KeyTaken(key.scope, first.stream, first.position)
