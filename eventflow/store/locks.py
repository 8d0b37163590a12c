"""Who holds which lock, by the database's own clock: leases that are moved together with the streams of the locks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from eventsourcing.persistence import IntegrityError

from eventflow.errors import VersionConflict
from eventflow.store.port import Database, Transaction
from eventflow.store.statements import Statements

FREE, HELD, STALE = "free", "held", "stale"
"""How a lease stands: ``stale`` is a held one whose holder was found silent, which was told of."""


class Lease(NamedTuple):
    """The lease of a lock: whose it is, since when, until when; ``fresh`` while that time is not over."""

    stream: UUID
    key: str
    token: int
    holder: str
    state: str
    taken_at: datetime
    beat_at: datetime
    until: datetime
    fresh: bool

    @property
    def is_held(self) -> bool:
        """Whether somebody has it, alive or not."""
        return self.state != FREE


class Leases:
    """The leases of one log's locks. Time is the database's: no two holders need to agree on theirs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = Statements("eventflow.store", database.dialect, "locks.sql")

    @contextmanager
    def moving(self, stream: UUID, expected: int) -> Iterator[Transaction]:
        """A transaction in which a lease and the stream of its lock move together.

        Raises ``VersionConflict`` when the stream does not end any more where it was ``expected`` to.
        """
        try:
            with self._database.transaction() as transaction:
                yield transaction
        except IntegrityError as error:
            raise VersionConflict(stream, expected) from error
        self._database.bell.ring()

    def take(
        self, transaction: Transaction, stream: UUID, key: str, *, token: int, holder: str, lease: timedelta
    ) -> bool:
        """Whether it was free, or its holder silent for longer than its lease, and is taken now."""
        row = {"stream": stream, "key": key, "token": token, "holder": holder, "lease": lease.total_seconds()}
        return bool(transaction.execute(self._sql["take"], row))

    def free(self, transaction: Transaction, stream: UUID, token: int) -> bool:
        """Whether it was held under this token, and is free now."""
        return self._moved(transaction, "free", stream, token)

    def notice(self, transaction: Transaction, stream: UUID, token: int) -> bool:
        """Whether its holder is silent for too long and nobody has told of it until now."""
        return self._moved(transaction, "notice", stream, token)

    def stands(self, transaction: Transaction, stream: UUID, token: int) -> bool:
        """Whether it is held under this token, and stays so until the transaction ends."""
        return self._moved(transaction, "stands", stream, token)

    def beat(self, stream: UUID, token: int) -> bool:
        """Give a sign of life; whether it is still held under this token."""
        with self._database.transaction(derived=True) as transaction:
            return self._moved(transaction, "beat", stream, token)

    def get(self, stream: UUID) -> Lease | None:
        """The lease of a lock that was taken at least once."""
        rows = self._database.query(self._sql["one"], {"stream": stream})
        return _lease(rows[0]) if rows else None

    def each(self, *, after: str = "", limit: int = 200) -> list[Lease]:
        """Every key there ever was, in order."""
        return self._list("each", after=after, limit=limit)

    def held(self, *, after: str = "", limit: int = 200) -> list[Lease]:
        """Those that somebody has, in the order of their keys."""
        return self._list("held", after=after, limit=limit)

    def silent(self, *, limit: int = 100) -> list[Lease]:
        """Those of whose holder nothing was heard for longer than its lease, unless that was told of."""
        return self._list("silent", limit=limit)

    def _moved(self, transaction: Transaction, name: str, stream: UUID, token: int) -> bool:
        return bool(transaction.execute(self._sql[name], {"stream": stream, "token": token}))

    def _list(self, name: str, **params: object) -> list[Lease]:
        return [_lease(row) for row in self._database.query(self._sql[name], params)]


# Any: a row has columns of several types.
def _lease(row: tuple[object, ...]) -> Lease:
    *columns, fresh = row
    return Lease._make((*columns, bool(fresh)))
