"""The log: events go in with their headers, and come out in the order of their stream or of everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from uuid import UUID, uuid4

from pydantic import ValidationError

from eventflow.errors import DamagedBody, Unwritable
from eventflow.model.event import Event
from eventflow.model.recorded import Context, Draft, Head, Header, Recorded
from eventflow.model.vocabulary import Vocabulary
from eventflow.store import chain
from eventflow.store.bell import Bell
from eventflow.store.codec import Codec
from eventflow.store.database import Database
from eventflow.store.recorder import Recorder, Row
from eventflow.store.snapshots import Snapshots

Clock = Callable[[], datetime]
Ids = Callable[[], UUID]


@dataclass(frozen=True, slots=True)
class Append:
    """Events for one stream, decided on when it ended at ``head``."""

    stream: UUID
    category: str
    head: Head
    drafts: Sequence[Draft]
    context: Context = Context()


def utc_now() -> datetime:
    """The present time."""
    return datetime.now(UTC)


def open_log(
    database: Database, vocabulary: Vocabulary, *, codec: Codec | None = None, clock: Clock = utc_now, ids: Ids = uuid4
) -> Log:
    """The log in ``database``, in the words of ``vocabulary``."""
    return Log(database, database.recorder(), codec or Codec(), vocabulary, clock, ids)


class Log:
    """What happened, in order. Nothing in it changes."""

    def __init__(
        self,
        database: Database,
        recorder: Recorder,
        codec: Codec,
        vocabulary: Vocabulary,
        clock: Clock = utc_now,
        ids: Ids = uuid4,
    ) -> None:
        self._recorder, self._codec, self._vocabulary = recorder, codec, vocabulary
        self._clock, self._ids = clock, ids
        self.bell: Bell = database.bell
        self.snapshots = Snapshots(database, codec)

    def append(self, *appends: Append) -> list[Header]:
        """The headers of the events, all of them written or none, across streams.

        Raises ``VersionConflict`` when a stream no longer ends where it was expected to, ``UnknownEvent`` and
        ``Unwritable`` before anything is written, ``StorageFull`` when there is no room, and ``Unavailable`` when the
        database does not answer; then it is unknown whether the events were written.
        """
        now, append_id = self._clock(), self._ids()
        rows: list[Row] = []
        for append in appends:
            self._compose(append, now, append_id, rows)
        positions = self._recorder.append(rows)
        return [Header._make((at, *row[0][1:])) for at, row in zip(positions, rows, strict=True)]

    def read(self, stream: UUID, after: int = 0, upto: int | None = None) -> list[Recorded]:
        """The events of a stream with versions above ``after``, up to and with ``upto``."""
        return [self._recorded(row) for row in self._recorder.read(stream, after, upto)]

    def read_each(self, streams: Sequence[UUID]) -> list[list[Recorded]]:
        """The events of several short streams."""
        return [[self._recorded(row) for row in rows] for rows in self._recorder.read_each(streams)]

    def head(self, stream: UUID) -> Header | None:
        """The last header of a stream."""
        return self._recorder.head(stream)

    def headers(self, stream: UUID) -> list[Header]:
        """The headers of a stream, in order."""
        return self._recorder.headers(stream)

    def tail(self, after: int, limit: int = 500) -> list[Header]:
        """The headers after a position, in an order that every reader sees alike and that never gets a gap filled."""
        return self._recorder.tail(after, limit)

    def recorded(self, after: int, limit: int = 500) -> list[Recorded]:
        """Like ``tail``, with the events."""
        return [self._recorded(row) for row in self._recorder.tail_bodies(after, limit)]

    def at(self, position: int) -> Recorded | None:
        """The event at a position."""
        row = self._recorder.at(position)
        return self._recorded(row) if row is not None else None

    def horizon(self) -> int:
        """The position up to which nothing can appear any more."""
        return self._recorder.horizon()

    def last_position(self) -> int:
        """The highest position there is; 0 when the log is empty."""
        return self._recorder.last_position()

    def verify(self, stream: UUID) -> None:
        """Recompute the hashes of a stream; raises ``DamagedBody`` and names the first record that was changed."""
        previous = b""
        for version, (header, body) in enumerate(self._recorder.read(stream), start=1):
            if header.version != version:
                raise DamagedBody(header.position, header.name, f"version {version} of its stream is missing before it")
            self._check(header, body)
            if chain.link(previous, header[:-1]) != header.hash:
                raise DamagedBody(header.position, header.name, "its header, or the order of its stream, was changed")
            previous = header.hash

    def _compose(self, append: Append, now: datetime, append_id: UUID, rows: list[Row]) -> None:
        stream, category, context = append.stream, append.category, append.context
        version, previous = append.head
        for draft in append.drafts:
            event = draft.event
            name = self._vocabulary.name(category, event)
            tag, body = self._codec.pack(name, event.event_body())
            version += 1
            fields = (
                0, stream, version, category, name, draft.status, draft.previous, draft.phase, draft.kind, now,
                draft.reaction, draft.attempt, draft.owner, draft.due, _writable(draft.error), context.correlation,
                context.causation, context.actor, context.tenant, None, event.event_version, append_id, tag, len(body),
                sha256(body).digest(),
            )  # fmt: skip
            try:
                previous = chain.link(previous, fields)
            except (UnicodeError, OverflowError, ValueError, TypeError) as error:
                raise Unwritable(name, f"its header holds something that is not text or number ({error})") from error
            rows.append((Header._make((*fields, previous)), body))

    def _recorded(self, row: Row) -> Recorded:
        header, body = row
        return Recorded(header, partial(self._event, header, body))

    def _event(self, header: Header, body: bytes) -> Event:
        kind = self._vocabulary.resolve(header.name)
        self._check(header, body)
        try:
            return kind.revive(self._codec.unpack(header.codec, body), header.schema)
        except (ValidationError, ValueError) as error:
            raise DamagedBody(header.position, header.name, str(error)) from error

    def _check(self, header: Header, body: bytes) -> None:
        if sha256(body).digest() != header.digest:
            reason = "the body is gone" if not body else "its bytes are not the ones that were appended"
            raise DamagedBody(header.position, header.name, reason)


def _writable(text: str | None) -> str | None:
    # The message of an exception may hold anything; a database keeps no NUL and no half of a surrogate pair.
    if text is None or (text.isascii() and "\0" not in text):
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
