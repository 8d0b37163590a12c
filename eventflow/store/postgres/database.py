"""A schema in a PostgreSQL database: where a log lives, beside whatever is kept in step with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, LiteralString

from psycopg import sql

from eventflow.store.bell import Bell
from eventflow.store.port import Database, Leadership, Params, Record, Transaction
from eventflow.store.postgres.bell import PostgresBell
from eventflow.store.postgres.connections import Connection, Connections
from eventflow.store.postgres.leadership import PostgresLeadership
from eventflow.store.postgres.recorder import PostgresRecorder
from eventflow.store.recorder import Recorder

_BEGIN: LiteralString = "BEGIN"
_BEGIN_DERIVED: LiteralString = "BEGIN; SET LOCAL synchronous_commit = off"
"""The commit of what was derived does not wait for the disk: a crash takes it back together with its checkpoint."""


class PostgresDatabase(Database):
    """A schema in a PostgreSQL database. Holds the connections."""

    dialect: Literal["sqlite", "postgresql"] = "postgresql"

    def __init__(self, url: str) -> None:
        self._connections = Connections(url)
        self._led: set[PostgresLeadership] = set()
        self.bell: Bell = PostgresBell(self._connections)
        self._recorder = PostgresRecorder(self, self._connections)

    @contextmanager
    def transaction(self, *, derived: bool = False) -> Iterator[Transaction]:
        with self._connections.begun(_BEGIN_DERIVED if derived else _BEGIN) as connection:
            yield PostgresTransaction(connection)
            connection.execute("COMMIT")

    def query(self, sql: str, params: Params = ()) -> list[Record]:
        return self._connections.ask(lambda one: one.execute(sql, _given(params), binary=True).fetchall())

    def maintain(self, sql: str) -> None:
        self._connections.ask(lambda one: one.execute(sql))

    @contextmanager
    def blank(self) -> Iterator[Transaction]:
        with self._connections.begun(_BEGIN) as connection:
            place = sql.Identifier(f"blank_{connection.info.backend_pid}")
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(place))
            connection.execute(sql.SQL("SET LOCAL search_path = {}").format(place))
            yield PostgresTransaction(connection)

    def script(self, transaction: Transaction, sql: str) -> None:
        transaction.execute(sql)

    def leadership(self, name: str) -> Leadership:
        return PostgresLeadership(self._connections, name, self._led)

    def recorder(self) -> Recorder:
        return self._recorder

    def close(self) -> None:
        self.closed = self._connections.closed = True
        self.bell.close()
        self._recorder.close()
        for leadership in list(self._led):
            leadership.release()
        self._connections.close()


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


def _given(params: Params) -> Params | None:
    # Without parameters a statement may hold several commands and plain percent signs.
    return params or None
