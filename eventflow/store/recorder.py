"""The port through which rows enter and leave a log; a recorder in the sense of ``eventsourcing`` as well.

What both databases do alike lives here: recognising an append that came twice, and the library's interface, which
sees an event as topic and state only.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    Notification,
    ProcessRecorder,
    StoredEvent,
    Subscription,
    Tracking,
)

from eventflow.errors import Erased, VersionConflict
from eventflow.model.recorded import Header, Phase
from eventflow.store.bell import Bell
from eventflow.store.subscription import PolledSubscription
from eventflow.store.transaction import Transaction

Row = tuple[Header, bytes]
"""A header (its position does not count when appending) and the bytes of its body."""

COLUMNS = ", ".join(Header._fields)
"""The columns of ``events`` in the order of ``Header``."""

EVERYTHING = 2**62


class Recorder(ProcessRecorder):
    """Appends rows, reads them by stream and in the order of the log."""

    bell: Bell

    @abstractmethod
    def append(self, rows: Sequence[Row]) -> list[int]:
        """The positions of the rows; all of them are written or none.

        Raises ``VersionConflict`` when a version is taken or would leave a gap, ``Erased`` when the stream was erased.
        Rows that are already there under the same append id are not written again: their positions come back.
        """

    @abstractmethod
    def read(self, stream: UUID, after: int = 0, upto: int | None = None) -> list[Row]:
        """The events of a stream with versions above ``after``, up to and with ``upto``."""

    def read_each(self, streams: Sequence[UUID]) -> list[list[Row]]:
        """The events of several streams, each in order; for short ones that are wanted at the same moment."""
        return [self.read(stream) for stream in streams]

    @abstractmethod
    def headers(self, stream: UUID, after: int = 0) -> list[Header]:
        """The headers of a stream with versions above ``after``."""

    @abstractmethod
    def head(self, stream: UUID) -> Header | None:
        """The last header of a stream."""

    def heads(self, streams: Sequence[UUID]) -> list[Header | None]:
        """The last header of each of several streams."""
        return [self.head(stream) for stream in streams]

    @abstractmethod
    def at(self, position: int) -> Row | None:
        """The event at one position."""

    def at_each(self, positions: Sequence[int]) -> list[Row]:
        """The events at several positions; those that there are."""
        return [row for one in positions if (row := self.at(one)) is not None]

    @abstractmethod
    def tail(self, after: int, limit: int, horizon: int | None = None) -> list[Header]:
        """The headers that follow ``after`` in the log; none of them can be preceded by another later."""

    @abstractmethod
    def tail_bodies(self, after: int, limit: int, horizon: int | None = None) -> list[Row]:
        """Like ``tail``, with the bodies."""

    @abstractmethod
    def horizon(self) -> int:
        """The position up to which nothing can appear any more.

        A checkpoint is the position of an event that was read, never a horizon: only positions that
        somebody saw are sure to survive a crash of the server.
        """

    @abstractmethod
    def last_position(self) -> int:
        """The highest position in the log, or 0."""

    @abstractmethod
    def append_tracked(self, rows: Sequence[Row], tracking: Tracking) -> list[int]:
        """Append rows and move a tracking record in one transaction."""

    @abstractmethod
    def append_within(self, transaction: Transaction, rows: Sequence[Row]) -> list[int]:
        """Append rows in a transaction of somebody else, who rings the bell when it is committed.

        Raises ``IntegrityError`` when a version is taken or would leave a gap; the transaction is spoilt then.
        """

    @abstractmethod
    def select(self, stream: UUID, gt: int, lte: int, desc: bool, limit: int) -> Iterator[tuple[int, str, bytes]]:
        """Version, name and body of events of a stream."""

    @abstractmethod
    def notifications(
        self, start: int, stop: int, limit: int, names: Sequence[str]
    ) -> Iterator[tuple[int, UUID, int, str, bytes]]:
        """Position, stream, version, name and body of events in the order of the log."""

    @abstractmethod
    def versions(self, stream: UUID, append: UUID) -> dict[int, int]:
        """The versions of a stream that were written by one append, with their positions."""

    # What follows is the same for every database.

    def recognised(self, rows: Sequence[Row]) -> list[int] | None:
        """The positions of rows that were written before, or None when they were not."""
        positions = []
        for header, _ in rows:
            position = self.versions(header.stream, header.append).get(header.version)
            if position is None:
                return None
            positions.append(position)
        return positions

    def settle_conflict(self, rows: Sequence[Row]) -> list[int]:
        """The positions of rows that did not fit because they are there already.

        Raises ``Erased`` or ``VersionConflict`` else.
        """
        positions = self.recognised(rows)
        if positions is None:
            raise self._conflict(rows)
        return positions

    def _conflict(self, rows: Sequence[Row]) -> VersionConflict:
        conflict = None
        for header in firsts(rows):
            last = self.head(header.stream)
            if last is not None and last.phase == Phase.ERASED:
                raise Erased(last.stream, last.recorded_at, last.actor)
            actual = last.version if last is not None else 0
            conflict = VersionConflict(header.stream, header.version - 1, actual)
            if actual != header.version - 1:
                break
        assert conflict is not None, "an append without rows cannot conflict"
        return conflict

    # The interface of the library.

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Write the library's events; their headers say little more than name and version."""
        tracking: Tracking | None = kwargs.get("tracking")
        rows = _plain_rows(stored_events)
        try:
            if tracking is not None:
                return self.append_tracked(rows, tracking)
            return self.append(rows) if rows else None
        except VersionConflict as error:
            raise IntegrityError(str(error)) from error

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The library's view of the events of one stream."""
        stream = _uuid(originator_id)
        found = self.select(
            stream,
            -1 if gt is None else gt,
            EVERYTHING if lte is None else lte,
            desc,
            EVERYTHING if limit is None else limit,
        )
        return [StoredEvent(stream, version, name, state) for version, name, state in found]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """The library's view of the log; nothing beyond the horizon is shown."""
        first = (start or 0) + (0 if inclusive_of_start else 1)
        found = self.notifications(first, EVERYTHING if stop is None else stop, limit, topics)
        return [
            Notification(stream, version, name, state, position) for position, stream, version, name, state in found
        ]

    def max_notification_id(self) -> int | None:
        """The highest position, or None when the log is empty."""
        return self.last_position() or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """An iterator over the log that waits at its end for more."""
        return PolledSubscription(self, gt, topics, self.bell)


def firsts(rows: Sequence[Row]) -> list[Header]:
    """The first header of each stream in an append."""
    seen: dict[UUID, Header] = {}
    for header, _ in rows:
        seen.setdefault(header.stream, header)
    return list(seen.values())


def _plain_rows(events: Sequence[StoredEvent]) -> list[Row]:
    append, now = uuid4(), datetime.now(UTC)
    return [(_plain_header(event, append, now), event.state) for event in events]


def _plain_header(event: StoredEvent, append: UUID, now: datetime) -> Header:
    return Header(
        position=0,
        stream=_uuid(event.originator_id),
        version=event.originator_version,
        category="",
        name=event.topic,
        status="",
        previous=None,
        phase=None,
        kind=None,
        recorded_at=now,
        reaction=None,
        attempt=None,
        owner=None,
        due=None,
        error=None,
        correlation=None,
        causation=None,
        actor=None,
        tenant=None,
        flow=None,
        schema=1,
        append=append,
        codec="",
        size=len(event.state),
        digest=sha256(event.state).digest(),
        hash=b"",
    )


def _uuid(originator: UUID | str) -> UUID:
    return originator if isinstance(originator, UUID) else UUID(originator)
