"""The log in SQLite: the threads of a process share one writing connection and its commits."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from uuid import UUID

from eventsourcing.persistence import IntegrityError

from eventflow.model.recorded import Header
from eventflow.store.asking import AskingRecorder, dealt, row
from eventflow.store.coalescer import Coalescer
from eventflow.store.port import Database, Transaction
from eventflow.store.recorder import EVERYTHING, Row, firsts


class _Misfit(Exception):
    """Rows that could not be written as they are: a version is taken, or the one before it does not exist."""


class SQLiteRecorder(AskingRecorder):
    """Reads and writes the log; the threads of the process share one writing connection and its commits."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, marks=", ".join("?" for _ in Header._fields))
        self._coalescer: Coalescer[Sequence[Row], list[int]] = Coalescer(self._write, limit=1000)

    def append(self, rows: Sequence[Row]) -> list[int]:
        return self._coalescer.submit(rows, len(rows)) if rows else []

    def append_within(self, transaction: Transaction, rows: Sequence[Row]) -> list[int]:
        try:
            return self._insert(transaction, (rows,))
        except _Misfit as error:
            raise IntegrityError(str(error)) from error

    def read(self, stream: UUID, after: int = 0, upto: int | None = None) -> list[Row]:
        found = self._ask("read", stream=stream, after=after, upto=EVERYTHING if upto is None else upto)
        return [row(one) for one in found]

    def tail(self, after: int, limit: int, horizon: int | None = None) -> list[Header]:
        upto = EVERYTHING if horizon is None else horizon
        return [Header._make(one) for one in self._ask("tail_upto", after=after, limit=limit, horizon=upto)]

    def tail_bodies(self, after: int, limit: int, horizon: int | None = None) -> list[Row]:
        upto = EVERYTHING if horizon is None else horizon
        return [row(one) for one in self._ask("tail_bodies", after=after, limit=limit, horizon=upto)]

    def horizon(self) -> int:
        return self.last_position()

    def _list(self, names: Sequence[str]) -> str:
        return json.dumps(list(names))

    def _write(self, batch: Sequence[Sequence[Row]]) -> list[list[int]]:
        try:
            with self._database.transaction() as transaction:
                positions = self._insert(transaction, batch)
        except _Misfit:
            if len(batch) > 1:
                raise
            positions = self.settle_conflict(batch[0])
        self.bell.ring()
        return dealt(positions, [len(rows) for rows in batch])

    def _insert(self, transaction: Transaction, batch: Sequence[Sequence[Row]]) -> list[int]:
        self._check_expected(transaction, batch)
        last = transaction.execute(self._sql["last_number"])[0][0]
        rows = [row for rows in batch for row in rows]
        positions = list(range(last + 1, last + 1 + len(rows)))
        try:
            transaction.write(
                self._sql["insert_event"], [(at, *header[1:]) for at, (header, _) in zip(positions, rows, strict=True)]
            )
        except sqlite3.IntegrityError as error:
            raise _Misfit(str(error)) from error
        transaction.write(
            self._sql["insert_body"], [(at, state) for at, (_, state) in zip(positions, rows, strict=True)]
        )
        return positions

    def _check_expected(self, transaction: Transaction, batch: Sequence[Sequence[Row]]) -> None:
        for header in (header for rows in batch for header in firsts(rows)):
            # A stream may begin anywhere in the hands of the library.
            if header.version > 1 and header.category:
                wanted = {"stream": header.stream, "version": header.version - 1}
                if not transaction.execute(self._sql["expected"], wanted):
                    raise _Misfit(f"Version {header.version - 1} of stream {header.stream} does not exist.")
