"""The log in SQLite: a file, or the memory of one process."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from threading import Lock, RLock
from time import monotonic, sleep
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

from eventsourcing.persistence import IntegrityError, Tracking

from eventflow.errors import Misconfigured, StorageFull, Unavailable
from eventflow.model.recorded import Header
from eventflow.store.bell import Bell
from eventflow.store.coalescer import Coalescer
from eventflow.store.pool import Pool
from eventflow.store.port import Database, Leadership, Params, Record, Transaction
from eventflow.store.recorder import COLUMNS, EVERYTHING, Recorder, Row, firsts
from eventflow.store.statements import Statements

BUSY_SECONDS = 30.0
"""How long one waits for another writer, in this process or another."""

_OUT_OF_REACH = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
}


class SQLiteDatabase(Database):
    """A file with one writing connection, or one connection in memory. Holds the connections."""

    dialect: Literal["sqlite", "postgresql"] = "sqlite"

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.path = unquote(parts.path.removeprefix("/"))
        self._synchronous = _synchronous(parse_qs(parts.query))
        self._writing = RLock()
        self._leaders: set[str] = set()
        self._led: set[FileLeadership] = set()
        self._writer = self._connect()
        self._readers: Pool[sqlite3.Connection] = Pool(self._reader)
        self.bell = Bell()
        self._recorder = SQLiteRecorder(self)

    @contextmanager
    def transaction(self, *, derived: bool = False) -> Iterator[Transaction]:
        with self._alone(), _translation(self.path):
            connection = self._writer
            # Whoever was interrupted between two statements left this behind.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            connection.execute(f"PRAGMA synchronous = {'NORMAL' if derived else self._synchronous}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield SQLiteTransaction(connection)
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def query(self, sql: str, params: Params = ()) -> list[Record]:
        if not self.path:
            with self._alone(), _translation(self.path):
                return self._writer.execute(sql, _given(params)).fetchall()
        with _translation(self.path):
            reader = self._readers.take()
            try:
                return reader.execute(sql, _given(params)).fetchall()
            finally:
                self._readers.give(reader)

    @contextmanager
    def blank(self) -> Iterator[Transaction]:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        try:
            yield SQLiteTransaction(connection)
        finally:
            connection.close()

    def script(self, transaction: Transaction, sql: str) -> None:
        for statement in _statements(sql):
            transaction.execute(statement)

    def leadership(self, name: str) -> Leadership:
        if not self.path:
            return MemoryLeadership(self._leaders, name)
        return FileLeadership(Path(f"{self.path}.lock-{name}"), self._led)

    def recorder(self) -> Recorder:
        return self._recorder

    def close(self) -> None:
        for leadership in list(self._led):
            leadership.release()
        self._readers.close()
        with self._alone():
            self._writer.close()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._writing.acquire(timeout=BUSY_SECONDS):
            raise Unavailable(self.path or "SQLite", f"another thread has been writing for {BUSY_SECONDS:g} s")
        try:
            yield
        finally:
            self._writing.release()

    def _connect(self) -> sqlite3.Connection:
        _teach()
        with _translation(self.path):
            connection = sqlite3.connect(
                self.path or ":memory:",
                timeout=BUSY_SECONDS,
                detect_types=sqlite3.PARSE_DECLTYPES | sqlite3.PARSE_COLNAMES,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=256,
            )
            _write_ahead(connection)
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        return connection

    def _reader(self) -> sqlite3.Connection:
        connection = self._connect()
        connection.execute("PRAGMA query_only = ON")
        return connection


class SQLiteTransaction:
    """An open transaction on the writing connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, params: Params = ()) -> list[Record]:
        """The rows the statement returns, or none."""
        return self._connection.execute(sql, _given(params)).fetchall()

    def write(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """The statement once per row."""
        self._connection.executemany(sql, ([_plain(value) for value in row] for row in rows))


class _Misfit(Exception):
    """Rows that could not be written as they are: a version is taken, or the one before it does not exist."""


class SQLiteRecorder(Recorder):
    """Reads and writes the log; the threads of the process share one writing connection and its commits."""

    def __init__(self, database: SQLiteDatabase) -> None:
        self.bell = database.bell
        self._database = database
        self._coalescer: Coalescer[Sequence[Row], list[int]] = Coalescer(self._write, limit=1000)
        statements = Statements("eventflow.store", "sqlite", "log.sql")
        marks = ", ".join("?" for _ in Header._fields)
        self._sql = {
            name: text.replace("{columns}", COLUMNS).replace("{marks}", marks) for name, text in statements.items()
        }

    def append(self, rows: Sequence[Row]) -> list[int]:
        return self._coalescer.submit(rows, len(rows)) if rows else []

    def append_tracked(self, rows: Sequence[Row], tracking: Tracking) -> list[int]:
        with self._database.transaction() as transaction:
            try:
                positions = self._insert(transaction, (rows,)) if rows else []
            except _Misfit as error:
                raise IntegrityError(str(error)) from error
            if not transaction.execute(self._sql["track"], _tracked(tracking)):
                raise IntegrityError(
                    f"{tracking.application_name} was tracked up to {tracking.notification_id} or further."
                )
        self.bell.ring()
        return positions

    def insert_tracking(self, tracking: Tracking) -> None:
        """Move a tracking record forward."""
        self.append_tracked((), tracking)

    def max_tracking_id(self, application_name: str) -> int | None:
        """How far an application was tracked."""
        found = self._ask("tracked", name=application_name)
        return int(found[0][0]) if found else None

    def read(self, stream: UUID, after: int = 0, upto: int | None = None) -> list[Row]:
        found = self._ask("read", stream=stream, after=after, upto=EVERYTHING if upto is None else upto)
        return [_row(one) for one in found]

    def headers(self, stream: UUID, after: int = 0) -> list[Header]:
        return [Header._make(one) for one in self._ask("headers", stream=stream, after=after)]

    def head(self, stream: UUID) -> Header | None:
        found = self._ask("head", stream=stream)
        return Header._make(found[0]) if found else None

    def at(self, position: int) -> Row | None:
        found = self._ask("at", position=position)
        return _row(found[0]) if found else None

    def tail(self, after: int, limit: int, horizon: int | None = None) -> list[Header]:
        upto = EVERYTHING if horizon is None else horizon
        return [Header._make(one) for one in self._ask("tail_upto", after=after, limit=limit, horizon=upto)]

    def tail_bodies(self, after: int, limit: int, horizon: int | None = None) -> list[Row]:
        upto = EVERYTHING if horizon is None else horizon
        return [_row(one) for one in self._ask("tail_bodies", after=after, limit=limit, horizon=upto)]

    def horizon(self) -> int:
        return self.last_position()

    def last_position(self) -> int:
        return int(self._ask("last_position")[0][0])

    def select(self, stream: UUID, gt: int, lte: int, desc: bool, limit: int) -> Iterator[tuple[int, str, bytes]]:
        name = "select_backwards" if desc else "select"
        yield from self._ask(name, stream=stream, gt=gt, lte=lte, limit=limit)

    def notifications(
        self, start: int, stop: int, limit: int, names: Sequence[str]
    ) -> Iterator[tuple[int, UUID, int, str, bytes]]:
        wanted = json.dumps(list(names))
        yield from self._ask("notifications", start=start, stop=stop, limit=limit, names=wanted)

    def versions(self, stream: UUID, append: UUID) -> dict[int, int]:
        return dict(self._ask("versions", stream=stream, append=append))

    def _ask(self, statement: str, /, **params: Any) -> list[Record]:
        return self._database.query(self._sql[statement], params)

    def _write(self, batch: Sequence[Sequence[Row]]) -> list[list[int]]:
        try:
            with self._database.transaction() as transaction:
                positions = self._insert(transaction, batch)
        except _Misfit:
            if len(batch) > 1:
                raise
            positions = self.settle_conflict(batch[0])
        self.bell.ring()
        return _dealt(positions, batch)

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


class FileLeadership:
    """A lock on a file beside the database; the system lets go of it when the process ends."""

    def __init__(self, path: Path, led: set[FileLeadership]) -> None:
        self._path, self._led = path, led
        self._file: int | None = None

    def acquire(self) -> bool:
        """Whether one leads now; never waits."""
        if self._file is not None:
            return True
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        self._led.add(self)
        return True

    @property
    def held(self) -> bool:
        """Whether the lock is ours."""
        return self._file is not None

    def release(self) -> None:
        """Let somebody else lead."""
        self._led.discard(self)
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


class MemoryLeadership:
    """A name in the set of names that are led in this process."""

    def __init__(self, leaders: set[str], name: str) -> None:
        self._leaders, self._name = leaders, name
        self._mutex = Lock()
        self.held = False

    def acquire(self) -> bool:
        """Whether one leads now; never waits."""
        with self._mutex:
            if not self.held and self._name not in self._leaders:
                self._leaders.add(self._name)
                self.held = True
            return self.held

    def release(self) -> None:
        """Let somebody else lead."""
        with self._mutex:
            if self.held:
                self._leaders.discard(self._name)
                self.held = False


@contextmanager
def _translation(path: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.ProgrammingError as error:
        if "closed" not in str(error):
            raise
        raise Unavailable(path or "SQLite", "this database was closed") from error
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise StorageFull(path or "SQLite", error) from error
        if code in _OUT_OF_REACH:
            raise Unavailable(path or "SQLite", error) from error
        raise


def _write_ahead(connection: sqlite3.Connection) -> None:
    # The first connection of all changes the file; the driver does not wait for others that do the same just then.
    deadline = monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            sleep(0.01)
        else:
            return


def _teach() -> None:
    # Known to the driver as a whole, but under names that nobody else has.
    sqlite3.register_converter("uuidtext", lambda text: UUID(text.decode()))
    sqlite3.register_converter("utctext", lambda text: datetime.fromisoformat(text.decode()))


def _synchronous(options: Mapping[str, Sequence[str]]) -> str:
    unknown = sorted(set(options) - {"synchronous"})
    wanted = options.get("synchronous", ["full"])[-1].upper()
    if unknown or wanted not in ("FULL", "NORMAL"):
        raise Misconfigured("A sqlite URL knows one option: synchronous=full or synchronous=normal.")
    return wanted


def _given(params: Params) -> Params:
    if isinstance(params, Mapping):
        return {name: _plain(value) for name, value in params.items()}
    return [_plain(value) for value in params]


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is str or kind is int or value is None:
        return value
    if kind is UUID:
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, Enum):
        return value.value
    return value


def _statements(sql: str) -> Iterator[str]:
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _row(record: Record) -> Row:
    return Header._make(record[:-1]), record[-1]


def _dealt(positions: list[int], batch: Sequence[Sequence[Row]]) -> list[list[int]]:
    dealt, start = [], 0
    for rows in batch:
        dealt.append(positions[start : start + len(rows)])
        start += len(rows)
    return dealt


def _tracked(tracking: Tracking) -> Mapping[str, Any]:
    return {"name": tracking.application_name, "id": tracking.notification_id}
