"""A file with one writing connection, or one connection in memory: where a log lives."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from threading import RLock
from time import monotonic, sleep
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

from eventflow.errors import Misconfigured, StorageFull, Unavailable
from eventflow.store.bell import Bell
from eventflow.store.pool import Pool
from eventflow.store.port import Database, Leadership, Params, Record, Transaction
from eventflow.store.recorder import Recorder
from eventflow.store.sqlite.leadership import FileLeadership, MemoryLeadership
from eventflow.store.sqlite.recorder import SQLiteRecorder

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
        self.path = self.file = unquote(parts.path.removeprefix("/"))
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

    def maintain(self, sql: str) -> None:
        with self._alone(), _translation(self.path):
            # As a script, which is run to its end: a pragma that frees a page with every step would end after one.
            self._writer.executescript(sql)

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
        self.closed = True
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
            # Of an empty file only: one that has tables is asked to shrink in another way.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
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
