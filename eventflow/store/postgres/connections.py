"""Connections to a schema: how they are made, kept, and found to be dead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, LiteralString, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format, TransactionStatus

from eventflow.errors import Unavailable
from eventflow.store.pool import Pool
from eventflow.store.postgres.translation import translated, translation

Connection = psycopg.Connection[tuple[Any, ...]]
T = TypeVar("T")

_HABITS = {"connect_timeout": "5", "keepalives_idle": "10", "keepalives_interval": "5", "tcp_user_timeout": "20000"}
"""How long a silent server is waited for, unless the URL says otherwise."""

HELD = timedelta(seconds=30)
"""How long the server waits for the next statement of a transaction before it rolls it back.

A process that is held (paused, swapped out, on a machine that froze) keeps the locks of its open transaction, and
everybody who needs one of them waits for it. The URL may say otherwise:
``?options=-c%20idle_in_transaction_session_timeout%3D120s``.
"""


class Packed(bytes):
    """A parameter that is in binary already, for the statement to say of what type."""


class _PackedDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: bytes) -> bytes:
        return obj


class Connections:
    """Makes connections and keeps those that are idle."""

    def __init__(self, url: str) -> None:
        self._url, self.schema = _split(url)
        self.closed = False
        self._idle: Pool[Connection] = Pool(self.fresh)

    def fresh(self) -> Connection:
        """A connection of one's own. Raises ``Unavailable``."""
        if self.closed:
            raise Unavailable("PostgreSQL", "this database was closed")
        try:
            connection = psycopg.connect(
                self._url, autocommit=True, options=_options(self.schema, self._url), **_habits(self._url)
            )
        except psycopg.Error as error:
            raise translated(error) from error
        connection.adapters.register_dumper(Packed, _PackedDumper)
        return connection

    def ask(self, ask: Callable[[Connection], T]) -> T:
        """What ``ask`` finds out; it is asked once more when the connection turns out to be dead.

        Idle connections die with their server, and one finds out by using them.
        """
        connection = self._idle.take()
        try:
            with translation():
                try:
                    return ask(connection)
                except psycopg.OperationalError:
                    if not connection.broken:
                        raise
                    connection.close()
                    connection = self._idle.fresh()
                    return ask(connection)
        finally:
            self._back(connection)

    @contextmanager
    def begun(self, begin: LiteralString) -> Iterator[Connection]:
        """A connection on which a transaction was begun; what is not committed at the end is rolled back."""
        connection = self._begun(begin)
        try:
            with translation():
                yield connection
        finally:
            self._back(connection)

    def close(self) -> None:
        """Close what is idle, and whatever comes back later."""
        self.closed = True
        self._idle.close()

    def _begun(self, begin: LiteralString) -> Connection:
        connection = self._idle.take()
        try:
            connection.execute(begin)
        except psycopg.Error:
            # Nothing was said in this transaction yet, so that it can begin anew.
            connection.close()
            connection = self._idle.fresh()
            with translation():
                connection.execute(begin)
        return connection

    def _back(self, connection: Connection) -> None:
        if connection.pgconn.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            _quietly(lambda: connection.execute("ROLLBACK"))
        if connection.pgconn.transaction_status == TransactionStatus.IDLE:
            self._idle.give(connection)
        else:
            connection.close()


def _split(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    schema = options.pop("schema", "eventflow")
    return urlunsplit(parts._replace(query=urlencode(options, quote_via=quote))), schema


def _options(schema: str, url: str) -> str:
    escaped = f'"{schema}"'.replace("\\", "\\\\").replace(" ", "\\ ")
    held = f"{int(HELD.total_seconds() * 1000)}ms"
    ours = f"-c search_path={escaped} -c timezone=UTC -c idle_in_transaction_session_timeout={held}"
    # What the URL says comes last, and the last one counts.
    return f"{ours} {dict(parse_qsl(urlsplit(url).query)).get('options', '')}".rstrip()


def _habits(url: str) -> dict[str, Any]:
    said = dict(parse_qsl(urlsplit(url).query))
    return {name: value for name, value in _HABITS.items() if name not in said}


def _quietly(act: Callable[[], object]) -> None:
    try:
        act()
    except psycopg.Error:
        # The connection is looked at afterwards; if this failed, it is closed.
        return
