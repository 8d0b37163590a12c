"""Appends that happen once: a key and the events it stands for are written in one transaction.

They have a queue of their own beside the one for appends without a key, which therefore cost what they always did
and never wait for somebody else's key.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from time import sleep
from typing import NamedTuple

from eventsourcing.persistence import IntegrityError

from eventflow.errors import KeyTaken, StorageFull, Unavailable
from eventflow.model.key import Key
from eventflow.model.recorded import Header
from eventflow.store.coalescer import Coalescer
from eventflow.store.port import Database, Transaction
from eventflow.store.recorder import COLUMNS, Row
from eventflow.store.statements import Statements

SOME = 500
"""As many as one transaction forgets without keeping others waiting."""

_PAUSES = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, None)
"""Seconds between the attempts of an append whose connection is lost."""


class _Keyed(NamedTuple):
    """Rows, and the key under which they are written."""

    rows: Sequence[Row]
    key: Key
    digest: bytes
    now: datetime

    def claim(self) -> dict[str, object]:
        """What the table of keys is to say."""
        last = self.rows[-1][0]
        return {
            "key": self.digest,
            "scope": self.key.scope,
            "stream": last.stream,
            "version": last.version,
            "expires_at": self.now + self.key.lasts,
            "now": self.now,
        }


class Keys:
    """The keys of one log; ``some`` of them are forgotten in one transaction."""

    def __init__(self, database: Database, *, some: int = SOME) -> None:
        self._some = some
        self._database, self._recorder = database, database.recorder()
        statements = Statements("eventflow.store", database.dialect, "keys.sql")
        self._sql = {name: text.replace("{columns}", COLUMNS) for name, text in statements.items()}
        self._coalescer: Coalescer[_Keyed, list[int] | None] = Coalescer(self._write, limit=1000)

    def append(self, rows: Sequence[Row], key: Key, now: datetime) -> list[int]:
        """The positions of the rows, written if this key is free.

        Raises ``KeyTaken`` if it is not, whatever the rows are, and what an append without a key raises. A lost answer
        is asked for again: rows that are there under their own append id are not taken for somebody else's.
        """
        work = _Keyed(rows, key, key.digest, now)
        while True:
            positions = self._insist(work)
            if positions is None:
                positions = self._recorder.recognised(rows)
            if positions is not None:
                return positions
            first = self.taken(key, now)
            if first is not None:
                raise KeyTaken(key.scope, first.stream, first.position)

    def taken(self, key: Key, now: datetime) -> Header | None:
        """The last event that was written under a key, or None while the key is free."""
        rows = self._database.query(self._sql["taken"], {"key": key.digest, "now": now})
        return Header._make(rows[0]) if rows else None

    def claim(self, transaction: Transaction, rows: Sequence[Row], key: Key, now: datetime) -> bool:
        """Whether a key was free and stands for these rows now, in a transaction of somebody else who appends them."""
        return bool(transaction.execute(self._sql["claim"], _Keyed(rows, key, key.digest, now).claim()))

    def prune(self, now: datetime) -> int:
        """Forget every key that no longer counts, and say how many; they are free already."""
        pruned = 0
        while True:
            with self._database.transaction() as transaction:
                gone = len(transaction.execute(self._sql["prune"], {"now": now, "limit": self._some}))
            pruned += gone
            if gone < self._some:
                return pruned

    def _insist(self, work: _Keyed) -> list[int] | None:
        for pause in _PAUSES:
            try:
                return self._coalescer.submit(work, len(work.rows))
            except StorageFull:
                raise
            except Unavailable:
                if pause is None or self._database.closed:
                    raise
                sleep(pause)
        return None

    def _write(self, batch: Sequence[_Keyed]) -> list[list[int] | None]:
        """The positions of each, None for those whose key is taken."""
        try:
            with self._database.transaction() as transaction:
                free = self._claim(transaction, batch)
                rows = [row for work in free.values() for row in work.rows]
                positions = iter(self._recorder.append_within(transaction, rows) if rows else ())
        except IntegrityError:
            if len(batch) > 1:
                raise
            return [self._recorder.settle_conflict(batch[0].rows)]
        self._database.bell.ring()
        written = {id(work): [next(positions) for _ in work.rows] for work in free.values()}
        return [written.get(id(work)) for work in batch]

    def _claim(self, transaction: Transaction, batch: Sequence[_Keyed]) -> dict[bytes, _Keyed]:
        first = {work.digest: work for work in reversed(batch)}
        # In one order in every process, so that two of them never wait for each other.
        return {
            digest: first[digest]
            for digest in sorted(first)
            if transaction.execute(self._sql["claim"], first[digest].claim())
        }
