"""The bell that is heard in other processes."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import closing
from selectors import EVENT_READ, DefaultSelector
from threading import Event, Lock, Thread

import psycopg
from psycopg import sql

from eventflow.errors import EventflowError
from eventflow.store.bell import Bell
from eventflow.store.postgres.connections import Connection, Connections


class PostgresBell(Bell):
    """Also rings in other processes, and when they ring.

    Each process has one notifier, which speaks outside of the appends and not more often than every few
    milliseconds: NOTIFY in an append would make all commits of the server wait for each other.
    """

    def __init__(self, connections: Connections, least: float = 0.02) -> None:
        super().__init__()
        self._connections, self._least = connections, least
        self._channel = sql.Identifier(f"{connections.schema}_bell")
        self._pending, self._closed = Event(), Event()
        self._ends, self._end = socket.socketpair()
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
        with self._starting:
            if self._closed.is_set():
                return
            self._closed.set()
            threads = list(self._threads.values())
        self._pending.set()
        self._end.send(b"x")
        for thread in threads:
            thread.join()
        self._end.close()
        self._ends.close()

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
                _hang_up(connection)
                connection = None
        _hang_up(connection)

    def _calm(self) -> Connection:
        connection = self._connections.fresh()
        # A hint need not survive a crash.
        connection.execute("SET synchronous_commit = off")
        return connection

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                self._hear(self._connections.fresh())
            except (psycopg.Error, EventflowError):
                self._closed.wait(1.0)

    def _hear(self, connection: Connection) -> None:
        with closing(connection), DefaultSelector() as either:
            connection.execute(sql.SQL("LISTEN {}").format(self._channel))
            either.register(connection, EVENT_READ)
            either.register(self._ends, EVENT_READ)
            while not self._closed.is_set():
                for _ in connection.notifies(timeout=0, stop_after=1):
                    super().ring()
                either.select()


def _hang_up(connection: Connection | None) -> None:
    if connection is not None:
        connection.close()
