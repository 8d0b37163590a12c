"""The standing work: of each stream that waits for something to be done, one row that says what.

A small projection of the log, moved in one transaction with the relay's checkpoint. It is the backlog, the timers
and the list of open claims; losing it costs a walk over the headers, never work.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Self, cast
from uuid import UUID

from eventflow.errors import Conflict
from eventflow.model.recorded import Header
from eventflow.store.database import Database, Transaction
from eventflow.store.statements import Statements

LONG_AGO = datetime.min.replace(tzinfo=UTC)
FAR_AHEAD = datetime.max.replace(tzinfo=UTC)


class Due(NamedTuple):
    """Work that may be begun; ``turn`` counts how often it was put off or given back before."""

    stream: UUID
    version: int
    reaction: str
    attempt: int
    position: int
    turn: int = 0


class Claimed(NamedTuple):
    """An attempt that somebody began."""

    stream: UUID
    version: int
    reaction: str
    attempt: int
    position: int
    owner: UUID | None


class Backlog(NamedTuple):
    """What is to be done of one reaction: ``waiting`` is due and not sent, ``sent`` is with the broker.

    ``running`` is claimed; ``later`` is due at a time to come, the first of it at ``next_due``.
    """

    reaction: str
    waiting: int
    sent: int
    running: int
    later: int
    next_due: datetime | None


class Held(NamedTuple):
    """What keeps work from being begun: ``place …``, ``rate …`` or ``circuit …``."""

    due: datetime
    what: str


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
    """Reads and writes the standing work of one log. Changes: it remembers what was postponed here."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = Statements("eventflow.store", database.dialect, "work.sql")
        self._mutex = threading.Lock()
        self._postponed: datetime | None = None

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

    def next_due(self, reactions: Iterable[str] | None = None) -> datetime | None:
        """When the next unsent work is due, of all or of these reactions.

        Long ago if it waits for room only, never if there is none.
        """
        if reactions is None:
            rows = self._database.query(self._sql["next_due"])
        else:
            rows = [
                row for name in reactions for row in self._database.query(self._sql["next_due_of"], {"reaction": name})
            ]
        return min((cast("datetime | None", due) or LONG_AGO for (due,) in rows), default=None)

    def sent(self, tasks: Sequence[Due], now: datetime) -> None:
        """Remember that the broker has these."""
        with self._database.transaction(derived=True) as transaction:
            transaction.write(self._sql["sent"], [(task.stream, task.version, task.turn, now) for task in tasks])

    def in_flight(self) -> dict[str, int]:
        """How many messages of each reaction were sent and not claimed yet."""
        return {str(name): int(count) for name, count in self._database.query(self._sql["in_flight"])}

    def unsend(self, reaction: str | None = None, before: datetime | None = None) -> int:
        """Make sent and unclaimed work due again: of one reaction and sent before a time, or all of it."""
        with self._database.transaction(derived=True) as transaction:
            if reaction is None:
                return len(transaction.execute(self._sql["unsend_all"]))
            return len(transaction.execute(self._sql["unsend"], {"reaction": reaction, "before": before}))

    def postpone(self, stream: UUID, version: int, due: datetime, held: str) -> bool:
        """Have it wait until then, and say what for; whether it still stands there to wait.

        No attempt has begun, and none is counted. A relay of this process learns of it by ``take_postponed``.
        """
        row = {"stream": stream, "version": version, "due": due, "held": held}
        with self._database.transaction(derived=True) as transaction:
            waits = bool(transaction.execute(self._sql["postpone"], row))
        if waits:
            self.look_at(due)
        return waits

    def wake_all(self, held: str, now: datetime) -> int:
        """Let all come again that wait for this; returns how many."""
        with self._database.transaction(derived=True) as transaction:
            woken = len(transaction.execute(self._sql["wake_all"], {"held": held, "now": now}))
        if woken:
            self.look_at(now)
            self._database.bell.ring()
        return woken

    def held(self, stream: UUID) -> Held | None:
        """What a stream waits for that is not its turn yet, and until when at most."""
        rows = self._database.query(self._sql["held"], {"stream": stream})
        return Held._make(rows[0]) if rows else None

    def look_at(self, due: datetime) -> None:
        """Let the relay of this process know that something is due then."""
        with self._mutex:
            self._postponed = due if self._postponed is None else min(due, self._postponed)

    def take_postponed(self) -> datetime | None:
        """The earliest time to which this process has postponed something since this was asked last."""
        with self._mutex:
            earliest, self._postponed = self._postponed, None
        return earliest

    def release(self, stream: UUID, version: int) -> None:
        """Give back what was sent and shall not be claimed now: it is sent again when its queue is fed."""
        with self._database.transaction(derived=True) as transaction:
            transaction.execute(self._sql["release"], {"stream": stream, "version": version})

    def backlog(self, now: datetime) -> list[Backlog]:
        """How much there is to be done of each reaction, and where it is."""
        rows = self._database.query(self._sql["backlog"], {"now": now})
        return [Backlog._make(row) for row in rows]

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
