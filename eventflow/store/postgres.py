"""The log in PostgreSQL: its connections, its recorder, its bell and who leads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from hashlib import sha256
from struct import Struct
from threading import Event, Lock, Thread
from time import sleep
from typing import Any, Literal, LiteralString, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import UUID

import psycopg
from eventsourcing.persistence import IntegrityError, Tracking
from psycopg import errors, sql
from psycopg.adapt import Dumper, Transformer
from psycopg.pq import ExecStatus, Format, TransactionStatus

from eventflow.errors import EventflowError, StorageFull, Unavailable
from eventflow.model.recorded import Header
from eventflow.store import packing
from eventflow.store.bell import Bell
from eventflow.store.coalescer import Coalescer
from eventflow.store.pool import Pool
from eventflow.store.port import Database, Leadership, Params, Record, Transaction
from eventflow.store.recorder import COLUMNS, EVERYTHING, Recorder, Row
from eventflow.store.statements import Statements

Connection = psycopg.Connection[tuple[Any, ...]]
T = TypeVar("T")

_HABITS = {"connect_timeout": "5", "keepalives_idle": "10", "keepalives_interval": "5", "tcp_user_timeout": "20000"}
"""How long a silent server is waited for, unless the URL says otherwise."""

_BEGIN: LiteralString = "BEGIN"
_BEGIN_DERIVED: LiteralString = "BEGIN; SET LOCAL synchronous_commit = off"
"""The commit of what was derived does not wait for the disk: a crash takes it back together with its checkpoint."""

LEADER_SILENCE = timedelta(seconds=10)
"""A leader that says nothing for so long leads no more: its process is held, or its machine is gone without a word."""

_BIGINT = Struct("!q").pack

_PAUSES = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds between the attempts of an append whose connection is lost."""


class PostgresDatabase(Database):
    """A schema in a PostgreSQL database. Holds the connections."""

    dialect: Literal["sqlite", "postgresql"] = "postgresql"

    def __init__(self, url: str) -> None:
        self._url, self.schema = _split(url)
        self.closed = False
        self._led: set[PostgresLeadership] = set()
        self._pool: Pool[Connection] = Pool(self.connect)
        self.bell: Bell = PostgresBell(self)
        self._recorder = PostgresRecorder(self)

    def connect(self) -> Connection:
        """A connection of one's own."""
        if self.closed:
            raise Unavailable("PostgreSQL", "this database was closed")
        try:
            connection = psycopg.connect(
                self._url, autocommit=True, options=_options(self.schema), **_habits(self._url)
            )
        except psycopg.Error as error:
            raise translated(error) from error
        connection.adapters.register_dumper(_Packed, _PackedDumper)
        return connection

    @contextmanager
    def transaction(self, *, derived: bool = False) -> Iterator[Transaction]:
        connection = self._begun(_BEGIN_DERIVED if derived else _BEGIN)
        try:
            with _translation():
                yield PostgresTransaction(connection)
                connection.execute("COMMIT")
        finally:
            self._back(connection)

    def query(self, sql: str, params: Params = ()) -> list[Record]:
        return self._read(lambda connection: connection.execute(sql, _given(params), binary=True).fetchall())

    @contextmanager
    def blank(self) -> Iterator[Transaction]:
        connection = self._begun()
        place = sql.Identifier(f"blank_{connection.info.backend_pid}")
        try:
            with _translation():
                connection.execute(sql.SQL("CREATE SCHEMA {}").format(place))
                connection.execute(sql.SQL("SET LOCAL search_path = {}").format(place))
                yield PostgresTransaction(connection)
        finally:
            self._back(connection)

    def script(self, transaction: Transaction, sql: str) -> None:
        transaction.execute(sql)

    def leadership(self, name: str) -> Leadership:
        return PostgresLeadership(self, name, self._led)

    def recorder(self) -> Recorder:
        return self._recorder

    def close(self) -> None:
        self.closed = True
        self.bell.close()
        self._recorder.close()
        for leadership in list(self._led):
            leadership.release()
        self._pool.close()

    def _read(self, ask: Callable[[Connection], T]) -> T:
        # A read may be asked again: idle connections die with their server, and one finds out by using them.
        connection = self._pool.take()
        try:
            with _translation():
                try:
                    return ask(connection)
                except psycopg.OperationalError:
                    if not connection.broken:
                        raise
                    connection.close()
                    connection = self._pool.fresh()
                    return ask(connection)
        finally:
            self._back(connection)

    def _begun(self, begin: LiteralString = _BEGIN) -> Connection:
        connection = self._pool.take()
        try:
            connection.execute(begin)
        except psycopg.Error:
            # Nothing was said in this transaction yet, so that it can begin anew.
            connection.close()
            connection = self._pool.fresh()
            with _translation():
                connection.execute(begin)
        return connection

    def _back(self, connection: Connection) -> None:
        if connection.pgconn.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            _quietly(lambda: connection.execute("ROLLBACK"))
        if connection.pgconn.transaction_status == TransactionStatus.IDLE:
            self._pool.give(connection)
        else:
            connection.close()


class PostgresTransaction:
    """An open transaction on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, params: Params = ()) -> list[Record]:
        """The rows the statement returns, or none."""
        cursor = self._connection.execute(sql, _given(params), binary=bool(params))
        return cursor.fetchall() if cursor.description is not None else []

    def write(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """One statement for all rows; it gets one array per column."""
        if rows:
            self._connection.execute(sql, [list(column) for column in zip(*rows, strict=True)])


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


class _Packed(bytes):
    """An array of rows in binary, for the statement to say of what type."""


class _PackedDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: bytes) -> bytes:
        return obj


class _Misfit(Exception):
    """A batch that could not be written as it is: somebody's expected version does not exist."""


class PostgresRecorder(Recorder):
    """Reads and writes the log. Holds the connection that the leader of the moment writes with."""

    def __init__(self, database: PostgresDatabase) -> None:
        self.bell = database.bell
        self._database = database
        self._writer: _Writer | None = None
        self._coalescer: Coalescer[_Work, list[int]] = Coalescer(self._write, limit=1000)
        self._one: Pool[_Reader] = Pool(partial(self._reader, "read"))
        self._each: Pool[_Reader] = Pool(partial(self._reader, "read_each"))
        statements = Statements("eventflow.store", "postgresql", "log.sql")
        self._sql = {name: text.replace("{columns}", COLUMNS) for name, text in statements.items()}

    def append(self, rows: Sequence[Row]) -> list[int]:
        if not rows:
            return []
        return self._coalescer.submit(_Work(rows), len(rows))

    def append_tracked(self, rows: Sequence[Row], tracking: Tracking) -> list[int]:
        with self._database.transaction() as transaction:
            positions = self._append_in(transaction, rows) if rows else []
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
        last = EVERYTHING if upto is None else upto
        return self._by_heart(self._one, stream.bytes, _BIGINT(after), _BIGINT(last))

    def read_each(self, streams: Sequence[UUID]) -> list[list[Row]]:
        found: dict[UUID, list[Row]] = {stream: [] for stream in streams}
        for row in self._by_heart(self._each, packing.uuids(streams)):
            found[row[0].stream].append(row)
        return [found[stream] for stream in streams]

    def _by_heart(self, readers: Pool[_Reader], *params: bytes) -> list[Row]:
        with _translation():
            try:
                return _read_with(readers, readers.take(), *params)
            except psycopg.OperationalError:
                # Idle connections die with their server, and one finds out by using them.
                return _read_with(readers, readers.fresh(), *params)

    def _reader(self, statement: str) -> _Reader:
        return _Reader(self._database.connect(), self._sql[statement])

    def headers(self, stream: UUID, after: int = 0) -> list[Header]:
        return [Header._make(one) for one in self._ask("headers", stream=stream, after=after)]

    def head(self, stream: UUID) -> Header | None:
        found = self._ask("head", stream=stream)
        return Header._make(found[0]) if found else None

    def at(self, position: int) -> Row | None:
        found = self._ask("at", position=position)
        return _row(found[0]) if found else None

    def tail(self, after: int, limit: int, horizon: int | None = None) -> list[Header]:
        if horizon is None:
            found = self._ask("tail", after=after, limit=limit)
        else:
            found = self._ask("tail_upto", after=after, limit=limit, horizon=horizon)
        return [Header._make(one) for one in found]

    def tail_bodies(self, after: int, limit: int, horizon: int | None = None) -> list[Row]:
        upto = self.horizon() if horizon is None else horizon
        return [_row(one) for one in self._ask("tail_bodies", after=after, limit=limit, horizon=upto)]

    def horizon(self) -> int:
        return int(self._ask("horizon")[0][0])

    def last_position(self) -> int:
        return int(self._ask("last_position")[0][0])

    def select(self, stream: UUID, gt: int, lte: int, desc: bool, limit: int) -> Iterator[tuple[int, str, bytes]]:
        name = "select_backwards" if desc else "select"
        for version, topic, state in self._ask(name, stream=stream, gt=gt, lte=lte, limit=limit):
            yield version, topic, bytes(state)

    def notifications(
        self, start: int, stop: int, limit: int, names: Sequence[str]
    ) -> Iterator[tuple[int, UUID, int, str, bytes]]:
        upto = min(stop, self.horizon())
        for *fields, state in self._ask("notifications", start=start, stop=upto, limit=limit, names=list(names)):
            yield *fields, bytes(state)

    def versions(self, stream: UUID, append: UUID) -> dict[int, int]:
        return dict(self._ask("versions", stream=stream, append=append))

    def close(self) -> None:
        """Close the connections of the writer and the readers."""
        self._forget()
        self._one.close()
        self._each.close()

    def _ask(self, statement: str, /, **params: Any) -> list[Record]:
        return self._database.query(self._sql[statement], params)

    def _append_in(self, transaction: Transaction, rows: Sequence[Row]) -> list[int]:
        statement = self._sql["append"].replace("$1", "%b")
        row_type = int(transaction.execute(self._sql["row_type"])[0][0])
        try:
            found = transaction.execute(statement, (_Packed(packing.array(_Work(rows).packed, row_type)),))
        except errors.UniqueViolation as error:
            raise IntegrityError(str(error)) from error
        return [position for (position,) in found]

    def _write(self, batch: Sequence[_Work]) -> list[list[int]]:
        packed = batch[0].packed if len(batch) == 1 else [row for work in batch for row in work.packed]
        try:
            positions = self._insert(packed)
        except (errors.UniqueViolation, _Misfit):
            if len(batch) > 1:
                raise
            positions = self.settle_conflict(batch[0].rows)
        self.bell.ring()
        return _dealt(positions, batch)

    def _insert(self, packed: list[bytes]) -> list[int]:
        # The append id makes another attempt safe: if a commit came through although its answer was lost, the next
        # attempt conflicts, and the rows are recognised.
        for pause in _PAUSES:
            try:
                return self._insert_once(packed)
            except StorageFull:
                raise
            except Unavailable:
                if self._database.closed:
                    raise
            sleep(pause)
        return self._insert_once(packed)

    def _insert_once(self, packed: list[bytes]) -> list[int]:
        try:
            writer = self._writer
            if writer is None:
                writer = self._writer = _Writer(self._database.connect(), self._sql["append"], self._sql["row_type"])
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


class _Expert:
    """A connection that knows one statement by heart. Holds the connection.

    It speaks to libpq directly: the general machinery for parameters and cursors costs more than all the rest of the
    client side together, which counts where the statement is asked thousands of times a second.
    """

    def __init__(self, connection: Connection, statement: str) -> None:
        self.connection = connection
        self._libpq = connection.pgconn
        connection.execute("SET plan_cache_mode = force_generic_plan")
        # Planned while the log is empty and kept, a sequential scan would be dear later.
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET jit = off")
        self._check(self._libpq.prepare(b"by_heart", statement.encode(), None), ExecStatus.COMMAND_OK)

    def ask(self, *params: bytes) -> Any:
        """The result, for parameters in binary. Raises psycopg's errors."""
        binary = [Format.BINARY] * len(params)
        result = self._libpq.exec_prepared(b"by_heart", params, binary, Format.BINARY)
        self._check(result, ExecStatus.TUPLES_OK)
        return result

    def close(self) -> None:
        self.connection.close()

    def _check(self, result: Any, wanted: int) -> None:
        if result.status != wanted:
            if self._libpq.status != psycopg.pq.ConnStatus.OK:
                raise psycopg.OperationalError(
                    result.error_message.decode(errors="replace").strip() or "connection lost"
                )
            raise errors.error_from_result(result)


class _Writer(_Expert):
    """Appends rows."""

    def __init__(self, connection: Connection, statement: str, row_type: str) -> None:
        super().__init__(connection, statement)
        found = connection.execute(row_type).fetchone()
        assert found is not None
        self._row_type = int(found[0])

    def insert(self, packed: list[bytes]) -> list[int]:
        """The positions of the rows, none when an expected version is missing."""
        result = self.ask(packing.array(packed, self._row_type))
        return [int.from_bytes(result.get_value(row, 0) or b"", "big") for row in range(result.ntuples)]


class _Reader(_Expert):
    """Reads streams."""

    def __init__(self, connection: Connection, statement: str) -> None:
        super().__init__(connection, statement)
        self._transformer = Transformer(connection)

    def read(self, *params: bytes) -> list[Row]:
        """Headers and bodies."""
        result = self.ask(*params)
        self._transformer.set_pgresult(result)
        return [_row(one) for one in self._transformer.load_rows(0, result.ntuples, tuple)]


def _read_with(readers: Pool[_Reader], reader: _Reader, *params: bytes) -> list[Row]:
    try:
        rows = reader.read(*params)
    except BaseException:
        # Cut short by an error or an interrupt, it may still be at work: nobody else must get it.
        reader.close()
        raise
    readers.give(reader)
    return rows


class PostgresBell(Bell):
    """Also rings in other processes, and when they ring.

    Each process has one notifier, which speaks outside of the appends and not more often than every few
    milliseconds: NOTIFY in an append would make all commits of the server wait for each other.
    """

    def __init__(self, database: PostgresDatabase, least: float = 0.02) -> None:
        super().__init__()
        self._database, self._least = database, least
        self._channel = sql.Identifier(f"{database.schema}_bell")
        self._pending, self._closed = Event(), Event()
        self._starting = Lock()
        # Started when they are needed first; read without the lock, made with it.
        self._threads: dict[str, Thread] = {}

    def ring(self) -> None:
        super().ring()
        self._pending.set()
        self._start("eventflow-notifier", self._notify)

    def wait(self, seen: int, timeout: float) -> int:
        self._start("eventflow-listener", self._listen)
        return super().wait(seen, timeout)

    def close(self) -> None:
        self._closed.set()
        self._pending.set()
        with self._starting:
            threads = list(self._threads.values())
        for thread in threads:
            thread.join()

    def _start(self, name: str, target: Callable[[], None]) -> None:
        if name in self._threads:
            return
        with self._starting:
            if name not in self._threads and not self._closed.is_set():
                thread = self._threads[name] = Thread(target=target, name=name, daemon=True)
                thread.start()

    def _notify(self) -> None:
        connection: Connection | None = None
        statement = sql.SQL("NOTIFY {}").format(self._channel)
        while not self._closed.wait(self._least):
            self._pending.wait()
            self._pending.clear()
            try:
                connection = connection or self._calm()
                connection.execute(statement)
            except (psycopg.Error, EventflowError):
                # A lost hint costs one poll; the connection is made anew with the next ring.
                _close(connection)
                connection = None
        _close(connection)

    def _calm(self) -> Connection:
        connection = self._database.connect()
        # A hint need not survive a crash.
        connection.execute("SET synchronous_commit = off")
        return connection

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                self._hear(self._database.connect())
            except (psycopg.Error, EventflowError):
                self._closed.wait(1.0)

    def _hear(self, connection: Connection) -> None:
        try:
            connection.execute(sql.SQL("LISTEN {}").format(self._channel))
            while not self._closed.is_set():
                for _ in connection.notifies(timeout=0.25, stop_after=1):
                    super().ring()
        finally:
            connection.close()


class PostgresLeadership:
    """A lock of a session of its own: it is lost with the connection and nothing has to be cleaned up.

    Whoever leads has to ask ``held`` now and then: the server ends a session that is silent, which only a process
    that is held or out of reach lets happen. Without that, a paused leader would make everybody wait.
    """

    def __init__(self, database: PostgresDatabase, name: str, led: set[PostgresLeadership]) -> None:
        self._database, self._led = database, led
        self._key = int.from_bytes(sha256(f"{database.schema}/{name}".encode()).digest()[:8], "big", signed=True)
        self._connection: Connection | None = None

    def acquire(self) -> bool:
        """Whether one leads now; never waits."""
        if self.held:
            return True
        connection = self._database.connect()
        with _translation():
            _end_when_silent(connection)
            found = connection.execute("SELECT pg_try_advisory_lock(%s)", (self._key,)).fetchone()
        if found is not None and found[0]:
            self._connection = connection
            self._led.add(self)
            return True
        connection.close()
        return False

    @property
    def held(self) -> bool:
        """Whether the connection that holds the lock still lives."""
        if self._connection is None:
            return False
        try:
            self._connection.execute("SELECT 1")
        except psycopg.Error:
            self.release()
        return self._connection is not None

    def release(self) -> None:
        """Let somebody else lead."""
        self._led.discard(self)
        connection, self._connection = self._connection, None
        _close(connection)


def _end_when_silent(connection: Connection) -> None:
    # Older servers have no such setting: there a leader leads until its connection is lost.
    if connection.info.server_version >= 140000:
        connection.execute(f"SET idle_session_timeout = {int(LEADER_SILENCE.total_seconds() * 1000)}")


def translated(error: psycopg.Error) -> EventflowError | psycopg.Error:
    """What a driver error means to a caller, or the error itself when it is a mistake in a statement."""
    if isinstance(error, errors.DiskFull):
        return StorageFull("PostgreSQL", error)
    if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
        return Unavailable("PostgreSQL", error)
    return error


@contextmanager
def _translation() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        meant = translated(error)
        if meant is error:
            raise
        raise meant from error


def _split(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    schema = options.pop("schema", "eventflow")
    return urlunsplit(parts._replace(query=urlencode(options))), schema


def _options(schema: str) -> str:
    escaped = f'"{schema}"'.replace("\\", "\\\\").replace(" ", "\\ ")
    return f"-c search_path={escaped} -c timezone=UTC"


def _habits(url: str) -> dict[str, Any]:
    said = dict(parse_qsl(urlsplit(url).query))
    return {name: value for name, value in _HABITS.items() if name not in said}


def _given(params: Params) -> Params | None:
    # Without parameters a statement may hold several commands and plain percent signs.
    return params or None


def _row(record: Record) -> Row:
    return Header._make(record[:-1]), bytes(record[-1])


def _dealt(positions: list[int], batch: Sequence[_Work]) -> list[list[int]]:
    if len(batch) == 1:
        return [positions]
    dealt, start = [], 0
    for work in batch:
        dealt.append(positions[start : start + len(work.packed)])
        start += len(work.packed)
    return dealt


def _tracked(tracking: Tracking) -> Mapping[str, Any]:
    return {"name": tracking.application_name, "id": tracking.notification_id}


def _close(connection: Connection | None) -> None:
    if connection is not None:
        connection.close()


def _quietly(act: Callable[[], object]) -> None:
    try:
        act()
    except psycopg.Error:
        # The connection is looked at afterwards; if this failed, it is closed.
        return
