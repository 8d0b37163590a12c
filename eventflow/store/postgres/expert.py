"""Connections that know one statement by heart, for what is asked thousands of times a second."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import errors
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, Format

from eventflow.store import packing
from eventflow.store.asking import row
from eventflow.store.pool import Pool
from eventflow.store.postgres.connections import Connection
from eventflow.store.recorder import Row


class Expert:
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
        """Close the connection."""
        self.connection.close()

    def _check(self, result: Any, wanted: int) -> None:
        if result.status != wanted:
            # A server that goes may leave a last word to be read: then the connection still seems to be well.
            said_by_the_server = result.error_field(DiagnosticField.SQLSTATE) is not None
            if self._libpq.status != ConnStatus.OK or not said_by_the_server:
                raise psycopg.OperationalError(
                    result.error_message.decode(errors="replace").strip() or "connection lost"
                )
            raise errors.error_from_result(result)


class Writer(Expert):
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


class Reader(Expert):
    """Reads streams."""

    def __init__(self, connection: Connection, statement: str) -> None:
        super().__init__(connection, statement)
        self._transformer = Transformer(connection)

    def read(self, *params: bytes) -> list[Row]:
        """Headers and bodies."""
        result = self.ask(*params)
        self._transformer.set_pgresult(result)
        return [row(one) for one in self._transformer.load_rows(0, result.ntuples, tuple)]


def read_with(readers: Pool[Reader], reader: Reader, *params: bytes) -> list[Row]:
    """Rows from one reader, which goes back to the others unless something went wrong."""
    try:
        rows = reader.read(*params)
    except BaseException:
        # Cut short by an error or an interrupt, it may still be at work: nobody else must get it.
        reader.close()
        raise
    readers.give(reader)
    return rows
