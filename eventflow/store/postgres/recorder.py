"""The log in PostgreSQL: appends that share a transaction, and reads that are known by heart."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from struct import Struct
from time import sleep
from uuid import UUID

import psycopg
from eventsourcing.persistence import IntegrityError
from psycopg import errors

from eventflow.errors import StorageFull, Unavailable
from eventflow.model.recorded import Header
from eventflow.store import packing
from eventflow.store.asking import AskingRecorder, dealt, row
from eventflow.store.coalescer import Coalescer
from eventflow.store.pool import Pool
from eventflow.store.port import Database, Transaction
from eventflow.store.postgres.connections import Connections, Packed
from eventflow.store.postgres.expert import Reader, Writer, read_with
from eventflow.store.postgres.translation import translated, translation
from eventflow.store.recorder import EVERYTHING, Row

_BIGINT = Struct("!q").pack

_PAUSES = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds between the attempts of an append whose connection is lost."""


class PostgresRecorder(AskingRecorder):
    """Reads and writes the log. Holds the connection that the leader of the moment writes with."""

    def __init__(self, database: Database, connections: Connections) -> None:
        super().__init__(database)
        self._connections = connections
        self._writer: Writer | None = None
        self._row_type: int | None = None
        self._coalescer: Coalescer[_Work, list[int]] = Coalescer(self._write, limit=1000)
        self._one: Pool[Reader] = Pool(partial(self._reader, "read"))
        self._each: Pool[Reader] = Pool(partial(self._reader, "read_each"))

    def append(self, rows: Sequence[Row]) -> list[int]:
        if not rows:
            return []
        return self._coalescer.submit(_Work(rows), len(rows))

    def append_within(self, transaction: Transaction, rows: Sequence[Row]) -> list[int]:
        packed = packing.array(_Work(rows).packed, self._named_row_type(transaction))
        try:
            found = transaction.execute(self._sql["append"].replace("$1", "%b"), (Packed(packed),))
        except errors.UniqueViolation as error:
            raise IntegrityError(str(error)) from error
        if len(found) != len(rows):
            raise IntegrityError("An expected version does not exist.")
        return [position for (position,) in found]

    def _named_row_type(self, transaction: Transaction) -> int:
        if self._row_type is None:
            self._row_type = int(transaction.execute(self._sql["row_type"])[0][0])
        return self._row_type

    def read(self, stream: UUID, after: int = 0, upto: int | None = None) -> list[Row]:
        last = EVERYTHING if upto is None else upto
        return self._by_heart(self._one, stream.bytes, _BIGINT(after), _BIGINT(last))

    def read_each(self, streams: Sequence[UUID]) -> list[list[Row]]:
        found: dict[UUID, list[Row]] = {stream: [] for stream in streams}
        for one in self._by_heart(self._each, packing.uuids(streams)):
            found[one[0].stream].append(one)
        return [found[stream] for stream in streams]

    def _by_heart(self, readers: Pool[Reader], *params: bytes) -> list[Row]:
        with translation():
            try:
                return read_with(readers, readers.take(), *params)
            except psycopg.OperationalError:
                # Idle connections die with their server, and one finds out by using them.
                return read_with(readers, readers.fresh(), *params)

    def _list(self, names: Sequence[str]) -> list[str]:
        return list(names)

    def _reader(self, statement: str) -> Reader:
        return Reader(self._connections.fresh(), self._sql[statement])

    def heads(self, streams: Sequence[UUID]) -> list[Header | None]:
        found = {header.stream: header for header in map(Header._make, self._ask("heads", streams=list(streams)))}
        return [found.get(stream) for stream in streams]

    def at_each(self, positions: Sequence[int]) -> list[Row]:
        return [row(one) for one in self._ask("at_each", positions=list(positions))]

    def tail(self, after: int, limit: int, horizon: int | None = None) -> list[Header]:
        if horizon is None:
            found = self._ask("tail", after=after, limit=limit)
        else:
            found = self._ask("tail_upto", after=after, limit=limit, horizon=horizon)
        return [Header._make(one) for one in found]

    def tail_bodies(self, after: int, limit: int, horizon: int | None = None) -> list[Row]:
        upto = self.horizon() if horizon is None else horizon
        return [row(one) for one in self._ask("tail_bodies", after=after, limit=limit, horizon=upto)]

    def horizon(self) -> int:
        return int(self._ask("horizon")[0][0])

    def close(self) -> None:
        """Close the connections of the writer and the readers."""
        self._forget()
        self._one.close()
        self._each.close()

    def _write(self, batch: Sequence[_Work]) -> list[list[int]]:
        packed = batch[0].packed if len(batch) == 1 else [row for work in batch for row in work.packed]
        try:
            positions = self._insert(packed)
        except (errors.UniqueViolation, _Misfit):
            if len(batch) > 1:
                raise
            positions = self.settle_conflict(batch[0].rows)
        self.bell.ring()
        return dealt(positions, [len(work.packed) for work in batch])

    def _insert(self, packed: list[bytes]) -> list[int]:
        # The append id makes another attempt safe: if a commit came through although its answer was lost, the next
        # attempt conflicts, and the rows are recognised.
        for pause in _PAUSES:
            try:
                return self._insert_once(packed)
            except StorageFull:
                raise
            except Unavailable:
                if self._connections.closed:
                    raise
            sleep(pause)
        return self._insert_once(packed)

    def _insert_once(self, packed: list[bytes]) -> list[int]:
        try:
            writer = self._writer
            if writer is None:
                writer = self._writer = Writer(self._connections.fresh(), self._sql["append"], self._sql["row_type"])
            positions = writer.insert(packed)
        except psycopg.OperationalError as error:
            self._forget()
            raise translated(error) from error
        except psycopg.Error:
            raise
        except BaseException:
            # Thrown into the thread in the middle of it: the connection may still be at work.
            self._forget()
            raise
        if len(positions) != len(packed):
            raise _Misfit
        return positions

    def _forget(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()


class _Work:
    """Rows, and how they travel."""

    __slots__ = ("packed", "rows")

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        begun: set[UUID] = set()
        self.packed = []
        for header, state in rows:
            expected = None if header.stream in begun else _expected(header)
            begun.add(header.stream)
            self.packed.append(packing.pack(header, state, expected))


def _expected(header: Header) -> int | None:
    # A stream may begin with 0 in the hands of the library; only what follows a beginning needs it.
    return header.version - 1 if header.version > 1 and header.category else None


class _Misfit(Exception):
    """A batch that could not be written as it is: somebody's expected version does not exist."""
