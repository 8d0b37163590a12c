"""Aggregates in and out of the log, with optimistic concurrency and snapshots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar
from uuid import UUID

from eventflow.errors import StreamNotFound, VersionConflict
from eventflow.model import outcome
from eventflow.model.aggregate import Aggregate, cause_of
from eventflow.model.event import Event
from eventflow.model.key import Key
from eventflow.model.lock import Fence
from eventflow.model.masking import Masker
from eventflow.model.reaction import Reaction
from eventflow.model.recorded import Context, Draft, Head, Header, Phase, Recorded
from eventflow.model.snapshot import Snapshot
from eventflow.runtime.telemetry import Telemetry
from eventflow.store.database import Transaction
from eventflow.store.log import Append, Log

A = TypeVar("A", bound=Aggregate[Any])

NOBODY = Context()

Changed = tuple[Aggregate[Any], Context]
"""What has something to append, and why."""


class Together(NamedTuple):
    """What is appended beside something else: what others have decided, and what goes behind streams as they are."""

    changed: Sequence[Changed] = ()
    appends: Sequence[Append] = ()


class Company(Protocol):
    """Knows what an append to one stream means for others."""

    def __call__(self, changed: Sequence[Changed], /) -> Together:
        """What is appended together with what has changed, because of it."""

    def of_unread(self, headers: Sequence[Header], reason: str) -> Together:
        """What is appended together with the word that a stream of these headers cannot be read."""


class Alone:
    """Nothing means anything for others."""

    def __call__(self, changed: Sequence[Changed], /) -> Together:  # noqa: ARG002  # whatever it is
        """Nothing."""
        return Together()

    def of_unread(self, headers: Sequence[Header], reason: str) -> Together:  # noqa: ARG002  # whatever it is
        """Nothing."""
        return Together()


class Flowing(Protocol):
    """What a repository has to know of flows."""

    def bind(self, document: Aggregate[Any]) -> None:
        """Give what is about to begin its flow."""

    def show(self, document: Aggregate[Any]) -> None:
        """Let what was loaded know the bounds of its flow."""

    def keep(self, document: Aggregate[Any]) -> None:
        """Raises ``NotInFlow`` when it is about to leave them."""


class Repository:
    """Loads aggregates from their streams and appends what they decided.

    A stream is snapshotted each time it has grown by ``snapshot_every`` events; loading starts there. ``flows`` binds
    what is about to begin, and keeps what is bound within its flow.
    """

    def __init__(
        self,
        log: Log,
        *,
        snapshot_every: int = 100,
        flows: Flowing | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._telemetry = telemetry or Telemetry()
        self._log, self._flows = log, flows
        self._snapshot_every = snapshot_every
        self.company: Company = Alone()
        """What is appended beside what has changed; whoever knows says it."""

    def get(self, kind: type[A], stream: UUID, *, version: int | None = None) -> A:
        """The aggregate as the log has it now.

        A caller that knows the stream to be shorter than a snapshot's distance says so by ``version`` and
        saves the look for one. Raises ``StreamNotFound``, ``Erased``, ``UnknownEvent``, ``DamagedBody`` and
        ``Unavailable``.
        """
        worth_a_look = version is None or not self.is_short(version)
        snapshot = self._snapshot(kind, stream) if worth_a_look else None
        recorded = self._log.read(stream, after=snapshot.version if snapshot else 0)
        return self._replayed(kind, stream, recorded, snapshot)

    def get_each(self, wanted: Sequence[tuple[type[Aggregate[Any]], UUID]]) -> list[Aggregate[Any]]:
        """Several aggregates whose streams are short, in one read. Raises what ``get`` raises."""
        found = self._log.read_each([stream for _, stream in wanted])
        return [self._replayed(kind, stream, recorded) for (kind, stream), recorded in zip(wanted, found, strict=True)]

    def _replayed(self, kind: type[A], stream: UUID, recorded: list[Recorded], snapshot: Snapshot | None = None) -> A:
        if snapshot is None and any(one.is_archived for one in recorded):
            # A stream whose bodies left was snapshotted before, however short it is.
            snapshot = self._snapshot(kind, stream)
            # Of one whose fields have changed since all bodies are wanted, in as few requests as there can be.
            recorded = self._log.read_whole(stream) if snapshot is None else recorded[snapshot.version :]
        if (not recorded and snapshot is None) or (recorded and recorded[0].header.category != kind.category):
            raise StreamNotFound(stream, kind.category)
        if recorded and recorded[-1].header.phase == Phase.ERASED:
            raise self._log.gone(stream)
        document = kind.replay(recorded, snapshot)
        if self._flows is not None and document.bound_flow is not None:
            self._flows.show(document)
        return document

    def _snapshot(self, kind: type[Aggregate[Any]], stream: UUID) -> Snapshot | None:
        snapshot = self._log.snapshots.get(stream)
        # Its fields may be those of an older program: begin at the beginning, then.
        return snapshot if snapshot is not None and kind.reads(snapshot) else None

    def is_short(self, version: int) -> bool:
        """Whether a stream that stands at this version is read without a look for snapshots."""
        return version < self._snapshot_every

    def save(
        self,
        *aggregates: Aggregate[Any],
        context: Context = NOBODY,
        key: Key | None = None,
        fence: Fence | None = None,
    ) -> list[Header]:
        """Append what the aggregates have decided, all of it or nothing; they then stand behind it.

        Raises ``VersionConflict`` when one of them was changed by somebody else since it was loaded, ``KeyTaken`` when
        something was saved under this key before, ``LockLost`` when the lock behind the fence is held no more,
        ``NotInFlow`` when one leaves the flow that it is bound to; the aggregates then still hold what they have
        decided.
        """
        return self.save_each([(one, context) for one in aggregates], key=key, fence=fence)

    def save_each(
        self,
        aggregates: Iterable[Changed],
        *,
        key: Key | None = None,
        fence: Fence | None = None,
    ) -> list[Header]:
        """Like ``save``, with a context for each."""
        changed = [(one, context) for one, context in aggregates if one.pending]
        if not changed:
            return []
        company = self.company(changed)
        together = [*changed, *company.changed]
        for one, _ in together:
            self._prepare(one)
        own, began = sum(len(one.pending) for one, _ in changed), self._telemetry.now()
        appends = [*(self._append(one, context) for one, context in together), *company.appends]
        headers = self._log.append(*appends, key=key, fence=fence)
        self._telemetry.appended(headers, began)
        self._saved([one for one, _ in together], headers)
        return headers[:own]

    def save_within(
        self, transaction: Transaction, aggregate: Aggregate[Any], *, context: Context = NOBODY
    ) -> list[Header]:
        """Append what an aggregate has decided in a transaction of somebody else, who rings the bell afterwards."""
        self._prepare(aggregate)
        headers = self._log.append_within(transaction, self._append(aggregate, context))
        aggregate.saved(headers)
        return headers

    def save_all_within(
        self, transaction: Transaction, aggregates: Sequence[Aggregate[Any]], *, context: Context = NOBODY
    ) -> list[Header]:
        """Like ``save_within``, of several in one append; when all is committed the caller says so by ``settled``."""
        return self._log.append_within(transaction, *(self._append(one, context) for one in aggregates))

    def settled(self, aggregates: Sequence[Aggregate[Any]], headers: Sequence[Header]) -> None:
        """What was appended within somebody else's transaction is committed: the aggregates stand behind it now."""
        self._saved(aggregates, headers)

    def fail_unread(
        self, stream: UUID, version: int, reaction: Reaction[Any, Any], error: Exception, attempt: int, masker: Masker
    ) -> bool:
        """Record that a stream cannot be read, if the work on it still stands at this version; whether it did.

        Headers are enough for that: the item shows what is wrong with it, and nobody tries it again and again. Whoever
        waits for it hears of it in the same append.
        """
        while True:
            headers = self._log.headers(stream)
            if next((one.version for one in reversed(headers) if one.phase), 0) != version:
                return False
            draft = outcome.unread(headers[-1], reaction, error, attempt, masker)
            company = self.company.of_unread(headers, draft.error or "")
            beside = [*(self._append(one, context) for one, context in company.changed), *company.appends]
            try:
                written = self._log.append(behind(headers[-1], draft), *beside)
            except VersionConflict:
                continue  # of this stream or of another one; the next look tells
            self._saved([one for one, _ in company.changed], written[1:])
            return True

    def phased(self, stream: UUID) -> Header | None:
        """The last header of a stream that says where the work on it stands; what it holds may be unreadable."""
        head = self._log.head(stream)
        if head is None or head.phase is not None:
            return head
        return next((one for one in reversed(self._log.headers(stream)) if one.phase), None)

    def headers(self, stream: UUID) -> list[Header]:
        """The headers of a stream, oldest first; none of one that is not there."""
        return self._log.headers(stream)

    def first(self, stream: UUID) -> Event:
        """The event with which a stream begins; what stands behind it is not looked at. Raises what ``get`` raises."""
        return self._log.read(stream, upto=1)[0].event

    def stream_at(self, position: int) -> UUID | None:
        """The stream of the event at a position of the log."""
        found = self._log.at(position)
        return None if found is None else found.header.stream

    def change(
        self,
        kind: type[A],
        stream: UUID,
        decide: Callable[[A], object],
        *,
        context: Context = NOBODY,
        key: Key | None = None,
    ) -> list[Header]:
        """Load, decide and save, again whenever somebody else was faster; returns what was appended."""
        while True:
            aggregate = self.get(kind, stream)
            decide(aggregate)
            try:
                return self.save(aggregate, context=context, key=key)
            except VersionConflict:
                continue

    def _prepare(self, aggregate: Aggregate[Any]) -> None:
        if self._flows is None:
            return
        if type(aggregate).flow_rule is not None:
            self._flows.bind(aggregate)
        if aggregate.bound_flow is not None:
            self._flows.keep(aggregate)

    def _append(self, aggregate: Aggregate[Any], context: Context) -> Append:
        if context.correlation is None or context.causation is None:
            context = _continued(aggregate, context)
        return Append(aggregate.id, aggregate.category, aggregate.head, aggregate.pending, context)

    def _saved(self, aggregates: Sequence[Aggregate[Any]], headers: Sequence[Header]) -> None:
        start = 0
        for aggregate in aggregates:
            before, end = aggregate.head.version, start + len(aggregate.pending)
            aggregate.saved(headers[start:end])
            start = end
            if before // self._snapshot_every != aggregate.head.version // self._snapshot_every:
                self._log.snapshots.put(aggregate.snapshot())


def behind(head: Header, draft: Draft) -> Append:
    """An append behind the last header of a stream that need not be read for it."""
    context = Context(correlation=head.correlation or head.stream, causation=head.position, tenant=head.tenant)
    return Append(head.stream, head.category, Head(head.version, head.hash), (draft,), context)


def _continued(aggregate: Aggregate[Any], context: Context) -> Context:
    """The context, where it says nothing, as the stream went on until now; a new stream is a story of its own."""
    correlation, position = cause_of(aggregate)
    return Context(
        correlation=context.correlation or correlation or aggregate.id,
        causation=position if context.causation is None else context.causation,
        actor=context.actor,
        tenant=context.tenant,
    )
