"""Aggregates in and out of the log, with optimistic concurrency and snapshots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from eventflow.errors import StreamNotFound, Unreadable, VersionConflict
from eventflow.model import outcome
from eventflow.model.aggregate import Aggregate
from eventflow.model.masking import Masker
from eventflow.model.reaction import Reaction
from eventflow.model.recorded import Context, Head, Header, Recorded
from eventflow.model.snapshot import Snapshot
from eventflow.store.log import Append, Log

A = TypeVar("A", bound=Aggregate[Any])

NOBODY = Context()


class Repository:
    """Loads aggregates from their streams and appends what they decided.

    A stream is snapshotted each time it has grown by ``snapshot_every`` events; loading starts there.
    """

    def __init__(self, log: Log, *, snapshot_every: int = 100) -> None:
        self._log = log
        self._snapshot_every = snapshot_every

    def get(self, kind: type[A], stream: UUID, *, version: int | None = None) -> A:
        """The aggregate as the log has it now.

        A caller that knows the stream to be shorter than a snapshot's distance says so by ``version`` and
        saves the look for one. Raises ``StreamNotFound``, ``UnknownEvent``, ``DamagedBody``, ``Unavailable``.
        """
        worth_a_look = version is None or not self.is_short(version)
        snapshot = self._log.snapshots.get(stream) if worth_a_look else None
        if snapshot is not None and not kind.reads(snapshot):
            snapshot = None  # its fields are those of an older program: begin at the beginning
        recorded = self._log.read(stream, after=snapshot.version if snapshot else 0)
        return self._replayed(kind, stream, recorded, snapshot)

    def get_each(self, wanted: Sequence[tuple[type[Aggregate[Any]], UUID]]) -> list[Aggregate[Any]]:
        """Several aggregates whose streams are short, in one read. Raises what ``get`` raises."""
        found = self._log.read_each([stream for _, stream in wanted])
        return [self._replayed(kind, stream, recorded) for (kind, stream), recorded in zip(wanted, found, strict=True)]

    def _replayed(self, kind: type[A], stream: UUID, recorded: list[Recorded], snapshot: Snapshot | None = None) -> A:
        if (not recorded and snapshot is None) or (recorded and recorded[0].header.category != kind.category):
            raise StreamNotFound(stream, kind.category)
        return kind.replay(recorded, snapshot)

    def is_short(self, version: int) -> bool:
        """Whether a stream that stands at this version is read without a look for snapshots."""
        return version < self._snapshot_every

    def save(self, *aggregates: Aggregate[Any], context: Context = NOBODY) -> list[Header]:
        """Append what the aggregates have decided, all of it or nothing; they then stand behind it.

        Raises ``VersionConflict`` when one of them was changed by somebody else since it was loaded.
        """
        return self.save_each([(one, context) for one in aggregates])

    def save_each(self, aggregates: Iterable[tuple[Aggregate[Any], Context]]) -> list[Header]:
        """Like ``save``, with a context for each."""
        changed = [(one, context) for one, context in aggregates if one.pending]
        if not changed:
            return []
        headers = self._log.append(*(self._append(one, context) for one, context in changed))
        self._saved([one for one, _ in changed], headers)
        return headers

    def fail_unread(
        self, stream: UUID, version: int, reaction: Reaction[Any, Any], error: Unreadable, attempt: int, masker: Masker
    ) -> bool:
        """Record that a stream cannot be read, if the work on it still stands at this version; whether it did.

        Headers are enough for that: the item shows what is wrong with it, and nobody tries it again and again.
        """
        headers = self._log.headers(stream)
        standing = next((one.version for one in reversed(headers) if one.phase), 0)
        if standing != version:
            return False
        head = headers[-1]
        draft = outcome.unread(head, reaction, error, attempt, masker)
        context = Context(correlation=head.correlation, causation=head.position, tenant=head.tenant)
        try:
            self._log.append(Append(stream, head.category, Head(head.version, head.hash), (draft,), context))
        except VersionConflict:
            return False
        return True

    def change(
        self, kind: type[A], stream: UUID, decide: Callable[[A], object], *, context: Context = NOBODY
    ) -> list[Header]:
        """Load, decide and save, again whenever somebody else was faster; returns what was appended."""
        while True:
            aggregate = self.get(kind, stream)
            decide(aggregate)
            try:
                return self.save(aggregate, context=context)
            except VersionConflict:
                continue

    def _append(self, aggregate: Aggregate[Any], context: Context) -> Append:
        return Append(aggregate.id, aggregate.category, aggregate.head, aggregate.pending, context)

    def _saved(self, aggregates: list[Aggregate[Any]], headers: list[Header]) -> None:
        start = 0
        for aggregate in aggregates:
            before, end = aggregate.head.version, start + len(aggregate.pending)
            aggregate.saved(headers[start:end])
            start = end
            if before // self._snapshot_every != aggregate.head.version // self._snapshot_every:
                self._log.snapshots.put(aggregate.snapshot())
