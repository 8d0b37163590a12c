"""Who is the only one of its name that works on a database."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from hashlib import sha256

import psycopg

from eventflow.store.postgres.connections import Connection, Connections
from eventflow.store.postgres.translation import translation

LEADER_SILENCE = timedelta(seconds=10)
"""A leader that says nothing for so long leads no more: its process is held, or its machine is gone without a word."""


class PostgresLeadership:
    """A lock of a session of its own: it is lost with the connection and nothing has to be cleaned up.

    Whoever leads has to ask ``held`` now and then: the server ends a session that is silent, which only a process
    that is held or out of reach lets happen. Without that, a paused leader would make everybody wait.
    """

    def __init__(self, connections: Connections, name: str, led: set[PostgresLeadership]) -> None:
        self._connections, self._led = connections, led
        self._key = int.from_bytes(sha256(f"{connections.schema}/{name}".encode()).digest()[:8], "big", signed=True)
        self._connection: Connection | None = None

    def acquire(self) -> bool:
        """Whether one leads now; never waits."""
        if self.held:
            return True
        connection = self._connections.fresh()
        with translation():
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
        if connection is None:
            return
        with suppress(psycopg.Error), connection:
            # The server notices a closed connection a moment later; whoever wants to lead next need not wait for that.
            connection.execute("SELECT pg_advisory_unlock(%s)", (self._key,))


def _end_when_silent(connection: Connection) -> None:
    # Older servers have no such setting: there a leader leads until its connection is lost.
    if connection.info.server_version >= 140000:
        connection.execute(f"SET idle_session_timeout = {int(LEADER_SILENCE.total_seconds() * 1000)}")
