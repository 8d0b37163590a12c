"""The standing work: of each stream that waits for something to be done, one row that says what.

A small projection of the log, moved in one transaction with the relay's checkpoint. It is the backlog, the timers
and the list of open claims; losing it costs a walk over the headers, never work.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Self, cast
from uuid import UUID

from eventflow.errors import Conflict
from eventflow.model.recorded import Header
from eventflow.store.database import Database, Transaction
from eventflow.store.statements import Statements

LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Due(NamedTuple):
    """Work that may be begun."""

    stream: UUID
    version: int
    reaction: str
    attempt: int
    position: int


class Claimed(NamedTuple):
    """An attempt that somebody began."""

    stream: UUID
    version: int
    reaction: str
    attempt: int
    position: int
    owner: UUID | None


class Task(NamedTuple):
    """What is to be done with a stream, as its last header with a phase says."""

    stream: UUID
    category: str
    status: str
    version: int
    phase: str | None
    reaction: str
    attempt: int
    due: datetime | None
    owner: UUID | None
    position: int

    @classmethod
    def of(cls, header: Header, *, reaction: str | None = None, attempt: int | None = None) -> Self:
        """The task that a header stands for; an announcement names neither reaction nor attempt itself."""
        return cls(
            header.stream,
            header.category,
            header.status,
            header.version,
            header.phase,
            reaction or header.reaction or "",
            attempt or header.attempt or 1,
            header.due,
            header.owner,
            header.position,
        )

    def ready(self) -> Due:
        """The task as work that may be begun."""
        return Due(self.stream, self.version, self.reaction, self.attempt, self.position)


class Overtaken(Conflict):
    """Somebody else moved this checkpoint: there are two leaders, and this one has to step back."""

    code = "overtaken"


class Work:
    """Reads and writes the standing work of one log."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = Statements("eventflow.store", database.dialect, "work.sql")

    def position(self, checkpoint: str) -> int:
        """How far the follower of this name has come; 0 before its first step."""
        rows = self._database.query(self._sql["position"], {"name": checkpoint})
        return int(rows[0][0]) if rows else 0

    def move(
        self,
        checkpoint: str,
        before: int,
        after: int,
        tasks: Sequence[Task],
        ended: Sequence[UUID],
        sent: Sequence[Due],
        now: datetime,
    ) -> None:
        """Take over what a batch of headers says and move the checkpoint, in one transaction. Raises ``Overtaken``."""
        at = {task.stream: now for task in sent}
        with self._database.transaction(derived=True) as transaction:
            self._advance(transaction, checkpoint, before, after)
            if ended:
                transaction.write(self._sql["end"], [(stream,) for stream in ended])
            if tasks:
                transaction.write(self._sql["put"], [(*task, at.get(task.stream)) for task in tasks])

    def _advance(self, transaction: Transaction, checkpoint: str, before: int, after: int) -> None:
        moved = transaction.execute(self._sql["advance"], {"name": checkpoint, "before": before, "after": after})
        if not moved:
            raise Overtaken(f"The checkpoint {checkpoint} is no longer at {before}: another process leads.")

    def due(self, reactions: Iterable[str], now: datetime, limit: int) -> list[Due]:
        """What is due and not sent, longest due first."""
        return [
            Due(*row)
            for name in reactions
            for row in self._database.query(self._sql["due"], {"reaction": name, "now": now, "limit": limit})
        ]

    def next_due(self) -> datetime | None:
        """When the next unsent work is due: long ago if it waits for room only, never if there is none."""
        rows = self._database.query(self._sql["next_due"])
        if not rows:
            return None
        return cast("datetime | None", rows[0][0]) or LONG_AGO

    def sent(self, tasks: Sequence[Due], now: datetime) -> None:
        """Remember that the broker has these."""
        with self._database.transaction(derived=True) as transaction:
            transaction.write(self._sql["sent"], [(task.stream, task.version, now) for task in tasks])

    def in_flight(self) -> dict[str, int]:
        """How many messages of each reaction were sent and not claimed yet."""
        return {str(name): int(count) for name, count in self._database.query(self._sql["in_flight"])}

    def unsend(self, reaction: str | None = None, before: datetime | None = None) -> int:
        """Make sent and unclaimed work due again: of one reaction and sent before a time, or all of it."""
        with self._database.transaction(derived=True) as transaction:
            if reaction is None:
                return len(transaction.execute(self._sql["unsend_all"]))
            return len(transaction.execute(self._sql["unsend"], {"reaction": reaction, "before": before}))

    def outstanding(self, now: datetime) -> bool:
        """Whether anything is claimed or due now."""
        return bool(self._database.query(self._sql["outstanding"], {"now": now}))

    def orphans(self, limit: int, *, sole: UUID | None = None) -> list[Claimed]:
        """Claims whose owner let its lease run out; with ``sole``, all claims that are not its own."""
        if sole is not None:
            rows = self._database.query(self._sql["foreign"], {"owner": sole, "limit": limit})
        else:
            rows = self._database.query(self._sql["orphans"], {"limit": limit})
        return [Claimed(*row) for row in rows]
