"""The log: events go in with their headers, and come out in the order of their stream or of everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from uuid import UUID, uuid4

from pydantic import ValidationError

from eventflow.errors import BodyMissing, DamagedBody, Erased, EventflowError, Unwritable
from eventflow.model.event import Event
from eventflow.model.key import Key
from eventflow.model.lock import Fence
from eventflow.model.recorded import Context, Draft, Head, Header, Phase, Recorded
from eventflow.model.vocabulary import Vocabulary
from eventflow.store import chain, ciphers
from eventflow.store.archive.reader import Brought, Reader
from eventflow.store.bell import Bell
from eventflow.store.codec import OWN_KEY, Codec, Packed
from eventflow.store.database import Database, Transaction
from eventflow.store.fences import Fences
from eventflow.store.keyring import Gone, Keyring
from eventflow.store.keys import Keys
from eventflow.store.marks import is_veiled
from eventflow.store.recorder import Recorder, Row
from eventflow.store.snapshots import Snapshots
from eventflow.store.veils import unveiled

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
    database: Database,
    vocabulary: Vocabulary,
    *,
    codec: Codec | None = None,
    clock: Clock = utc_now,
    ids: Ids = uuid4,
    archive: Reader | None = None,
    keyring: Keyring | None = None,
) -> Log:
    """The log in ``database``, in the words of ``vocabulary``.

    Bodies that left it are in the ``archive``; those that may be erased are enciphered with the keys of ``keyring``.
    """
    return Log(database, database.recorder(), codec or Codec(), vocabulary, clock, ids, archive, keyring)


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
        archive: Reader | None = None,
        keyring: Keyring | None = None,
    ) -> None:
        self.keyring = keyring or Keyring(database)
        self._recorder, self._codec, self._vocabulary = recorder, codec, vocabulary
        self._clock, self._ids, self._archive = clock, ids, archive
        self.bell: Bell = database.bell
        self.snapshots = Snapshots(database, codec, self.keyring)
        self.keys = Keys(database)
        self._fences = Fences(database, self.keys)

    def append(self, *appends: Append, key: Key | None = None, fence: Fence | None = None) -> list[Header]:
        """The headers of the events, all of them written or none, across streams; with a ``key`` once only.

        With a ``fence`` they are written only while that lock is held under its token. Raises ``LockLost`` when it is
        not, ``KeyTaken`` when the key was used before, ``VersionConflict`` when a stream no longer ends where it was
        expected to, ``Erased`` when it was erased, ``UnknownEvent`` and ``Unwritable`` before anything is written,
        ``StorageFull`` when there is no room, and ``Unavailable`` when the database does not answer; then it is unknown
        whether the events were written.
        """
        now = self._clock()
        rows = self._rows(appends, now)
        positions = self._positions(rows, key, fence, now)
        return [Header._make((at, *row[0][1:])) for at, row in zip(positions, rows, strict=True)]

    def _positions(self, rows: Sequence[Row], key: Key | None, fence: Fence | None, now: datetime) -> list[int]:
        if fence is not None:
            return self._fences.append(rows, fence, key, now)
        return self._recorder.append(rows) if key is None else self.keys.append(rows, key, now)

    def append_within(self, transaction: Transaction, *appends: Append) -> list[Header]:
        """Like ``append``, in a transaction of somebody else, who rings the bell when it is committed.

        Raises ``IntegrityError`` of the library when a stream does not end where it was expected to.
        """
        rows = self._rows(appends, self._clock(), transaction)
        positions = self._recorder.append_within(transaction, rows)
        return [Header._make((at, *row[0][1:])) for at, row in zip(positions, rows, strict=True)]

    def taken(self, key: Key) -> Header | None:
        """The last event of what was appended under a key, or None while it is free."""
        return self.keys.taken(key, self._clock())

    def read(self, stream: UUID, after: int = 0, upto: int | None = None) -> list[Recorded]:
        """The events of a stream with versions above ``after``, up to and with ``upto``."""
        return self._told(self._recorder.read(stream, after, upto))

    def read_whole(self, stream: UUID, after: int = 0, upto: int | None = None) -> list[Recorded]:
        """Like ``read``, with the bodies at hand: those in the archive come in as few requests as their places allow.

        What is wrong with a body is told when it is touched.
        """
        return self._together(self._recorder.read(stream, after, upto))

    def read_each(self, streams: Sequence[UUID]) -> list[list[Recorded]]:
        """The events of several short streams."""
        return [self._told(rows) for rows in self._recorder.read_each(streams)]

    def head(self, stream: UUID) -> Header | None:
        """The last header of a stream."""
        return self._recorder.head(stream)

    def heads(self, streams: Sequence[UUID]) -> list[Header | None]:
        """The last header of each of several streams, or nothing where there is none."""
        return self._recorder.heads(streams)

    def headers(self, stream: UUID, after: int = 0) -> list[Header]:
        """The headers of a stream with versions above ``after``, in order."""
        return self._recorder.headers(stream, after)

    def tail(self, after: int, limit: int = 500) -> list[Header]:
        """The headers after a position, in an order that every reader sees alike and that never gets a gap filled."""
        return self._recorder.tail(after, limit)

    def recorded(self, after: int, limit: int = 500) -> list[Recorded]:
        """Like ``tail``, with the events and their bodies at hand, wherever they are."""
        return self._together(self._recorder.tail_bodies(after, limit))

    def replay(self, after: int = 0) -> Iterator[Recorded]:
        """All events after a position, up to the end of the log; archived ones a segment at a time."""
        while page := self.recorded(after):
            yield from page
            after = page[-1].header.position

    def at(self, position: int) -> Recorded | None:
        """The event at a position."""
        row = self._recorder.at(position)
        return self._told([row])[0] if row is not None else None

    def gone(self, stream: UUID) -> Erased:
        """What there is to say of a stream that was erased."""
        erasure = self._recorder.head(stream)
        assert erasure is not None, "a stream without events cannot be erased"
        told = self.at(erasure.position)
        reason = getattr(told.event, "reason", None) if told is not None else None
        return Erased(stream, erasure.recorded_at, erasure.actor, reason)

    def at_each(self, positions: Sequence[int]) -> list[Recorded]:
        """The events at several positions, with the bodies at hand, wherever they are."""
        return self._together(self._recorder.at_each(positions))

    def horizon(self) -> int:
        """The position up to which nothing can appear any more."""
        return self._recorder.horizon()

    def last_position(self) -> int:
        """The highest position there is; 0 when the log is empty."""
        return self._recorder.last_position()

    def verify(self, stream: UUID) -> bool:
        """Recompute the hashes of a stream; whether it was erased: then its bodies are not looked for.

        Raises ``DamagedBody`` and names the first record that was changed.
        """
        rows, previous = self._recorder.read(stream), b""
        erased = bool(rows) and rows[-1][0].phase == Phase.ERASED
        brought = {} if erased else self._brought([header for header, body in rows if not body])
        for version, (header, body) in enumerate(rows, start=1):
            if header.version != version:
                raise DamagedBody(header.position, header.name, f"version {version} of its stream is missing before it")
            if body or not erased:
                self._check(header, body, brought.get(header.position))
            if chain.link(previous, header[:-1]) != header.hash:
                raise DamagedBody(header.position, header.name, "its header, or the order of its stream, was changed")
            previous = header.hash
        return erased

    def prove(self, header: Header, brought: bytes) -> None:
        """Raises ``DamagedBody`` when what an archive has of a body is not what was appended, ``Erased``."""
        self._check(header, b"", brought)

    def _rows(self, appends: Sequence[Append], now: datetime, transaction: Transaction | None = None) -> list[Row]:
        rows: list[Row] = []
        append_id, keys = self._ids(), self._keys_for(appends, transaction)
        for append in appends:
            self._compose(append, now, append_id, rows, keys.get(append.stream))
        return rows

    def _keys_for(self, appends: Sequence[Append], transaction: Transaction | None) -> dict[UUID, bytes]:
        secret = [one for one in appends if one.category in self.keyring.categories and not _is_erasure(one)]
        if not secret:
            return {}
        begun = [one.stream for one in secret if not one.head.version]
        try:
            return self.keyring.provide({one.stream: one.category for one in secret}, begun, transaction)
        except Gone as gone:
            raise self.gone(gone.stream) from None

    def _compose(
        self, append: Append, now: datetime, append_id: UUID, rows: list[Row], key: bytes | None = None
    ) -> None:
        stream, category, context = append.stream, append.category, append.context
        version, previous = append.head
        for draft in append.drafts:
            event = draft.event
            name = self._vocabulary.name(category, event)
            packed, error = self._codec.seal(name, event.event_body()), draft.error
            version += 1
            if key is not None:
                packed, error = _enciphered(packed, key, stream, version), _kind_of(error)
            tag, body, digest = packed
            due = draft.due if draft.after is None else now + draft.after
            fields = (
                0, stream, version, category, name, draft.status, draft.previous, draft.phase, draft.kind, now,
                draft.reaction, draft.attempt, draft.owner, due, _writable(error), context.correlation,
                context.causation, context.actor, context.tenant, draft.flow, event.event_version, append_id, tag,
                len(body), digest,
            )  # fmt: skip
            try:
                previous = chain.link(previous, fields)
            except (UnicodeError, OverflowError, ValueError, TypeError) as error:
                raise Unwritable(name, f"its header holds something that is not text or number ({error})") from error
            rows.append((Header._make((*fields, previous)), body))

    def _together(self, rows: Sequence[Row]) -> list[Recorded]:
        erased = self._erased(rows)
        absent = [header for header, body in rows if not body and header.stream not in erased]
        # As the database has them now: what comes from elsewhere may outlive its key.
        self.keyring.fetch(sorted({header.stream for header in absent if header.codec.endswith(OWN_KEY)}))
        brought = self._brought(absent)
        self.keyring.fetch(sorted({one.stream for one in absent if _is_under_a_veil(brought.get(one.position))}))
        return [self._recorded(row, erased, brought.get(row[0].position)) for row in rows]

    def _brought(self, absent: Sequence[Header]) -> Mapping[int, Brought]:
        return self._archive.bodies(absent) if absent and self._archive is not None else {}

    def _told(self, rows: Sequence[Row]) -> list[Recorded]:
        erased = self._erased(rows)
        return [self._recorded(row, erased) for row in rows]

    def _erased(self, rows: Sequence[Row]) -> dict[UUID, Header]:
        """The header that says so of each stream that was erased; only those can be whose bodies are not here."""
        known = {header.stream: header for header, _ in rows if header.phase == Phase.ERASED}
        unsure = {header.stream for header, body in rows if not body and self._is_erasable(header)} - known.keys()
        return known | self.keyring.erasures(sorted(unsure)) if unsure else known

    def _is_erasable(self, header: Header) -> bool:
        return header.codec.endswith(OWN_KEY) or header.category in self.keyring.categories

    def _recorded(self, row: Row, erased: dict[UUID, Header], brought: Brought | None = None) -> Recorded:
        header, body = row
        erasure = erased.get(header.stream) if not body else None
        if erasure is not None:
            return Recorded(header, partial(self._refuse, header.stream), erased=erasure)
        return Recorded(header, partial(self._event, header, body, brought), is_archived=not body)

    def _refuse(self, stream: UUID) -> Event:
        raise self.gone(stream)

    def _event(self, header: Header, body: bytes, brought: Brought | None = None) -> Event:
        kind = self._vocabulary.resolve(header.name)
        key = self._key(header, at_hand=bool(body or brought))
        bare = self._check(header, body, brought)
        try:
            return kind.revive(self._codec.unpack(*_opened(header, bare, key)), header.schema)
        except (ValidationError, ValueError) as error:
            raise DamagedBody(header.position, header.name, str(error)) from error

    def _key(self, header: Header, *, at_hand: bool) -> bytes | None:
        if not header.codec.endswith(OWN_KEY):
            return None
        try:
            return self.keyring.key(header.stream) if at_hand else self.keyring.fresh(header.stream)
        except Gone:
            raise self.gone(header.stream) from None

    def _check(self, header: Header, body: bytes, brought: Brought | None = None) -> bytes:
        kept = body or self._archived(header, brought)
        if is_veiled(kept):
            kept = body = self._unveiled(header, kept, at_hand=bool(body or brought))
        bare = self._bare(header, body) if body else kept
        if sha256(bare).digest() != header.digest:
            raise DamagedBody(header.position, header.name, "its bytes are not the ones that were appended")
        return bare

    def _unveiled(self, header: Header, kept: bytes, *, at_hand: bool) -> bytes:
        try:
            key = self.keyring.key(header.stream) if at_hand else self.keyring.fresh(header.stream)
            return unveiled(header, kept, key)
        except Gone:
            raise self.gone(header.stream) from None
        except ValueError as error:
            raise DamagedBody(header.position, header.name, str(error)) from error

    def _bare(self, header: Header, body: bytes) -> bytes:
        try:
            return self._codec.bare(header.codec, body)
        except ValueError as error:
            raise DamagedBody(header.position, header.name, str(error)) from error

    def _archived(self, header: Header, brought: Brought | None) -> bytes:
        if isinstance(brought, EventflowError):
            raise brought
        if brought is not None:
            return brought
        if self._archive is None:
            raise BodyMissing(header.position, header.name)
        return self._archive.body(header)


def _is_erasure(append: Append) -> bool:
    """What says that a stream was erased is no secret, and there is no key for it."""
    return any(draft.phase == Phase.ERASED for draft in append.drafts)


def _enciphered(packed: Packed, key: bytes, stream: UUID, version: int) -> Packed:
    secret = ciphers.enciphered(key, packed.body, ciphers.body_of(stream, version))
    return Packed(packed.tag + OWN_KEY, secret, sha256(secret).digest())


def _opened(header: Header, bare: bytes, key: bytes | None) -> tuple[str, bytes]:
    """The tag and the bytes that the codec reads. Raises ``ValueError``."""
    tag = header.codec
    if not tag.endswith(OWN_KEY):
        return "m" if tag == "mz" else tag, bare
    if key is None:
        raise ValueError("the key of its stream is not in the database")
    return tag.removesuffix(OWN_KEY), ciphers.deciphered(key, bare, ciphers.body_of(header.stream, header.version))


def _is_under_a_veil(brought: Brought | None) -> bool:
    return isinstance(brought, bytes) and is_veiled(brought)


def _kind_of(error: str | None) -> str | None:
    """As much of an error as may stand in a header that stays: its message is in the body."""
    return None if error is None else error.partition(":")[0]


def _writable(text: str | None) -> str | None:
    # The message of an exception may hold anything; a database keeps no NUL and no half of a surrogate pair.
    if text is None or (text.isascii() and "\0" not in text):
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
