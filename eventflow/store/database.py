"""The door to a database: which one a URL means, opened with its schema in place."""

from __future__ import annotations

from urllib.parse import urlsplit

from eventflow.errors import Misconfigured
from eventflow.store import schema
from eventflow.store.bell import Bell
from eventflow.store.port import Database, Dialect, Leadership, Params, Record, Transaction
from eventflow.store.sqlite.database import SQLiteDatabase

__all__ = ["Bell", "Database", "Dialect", "Leadership", "Params", "Record", "Transaction", "connect", "open_database"]


def open_database(url: str) -> Database:
    """The database behind ``url``, ready to use: an empty one gets its schema.

    ``sqlite:///file.db`` (four slashes for an absolute path, ``?synchronous=normal`` for speed), ``sqlite://`` for the
    memory of this process, ``postgresql://user@host/database?schema=eventflow``. Raises ``Misconfigured`` when the URL
    or the schema is not for this program, ``Unavailable`` when nobody answers.
    """
    database = connect(url)
    try:
        schema.prepare(database)
    except BaseException:
        database.close()
        raise
    return database


def connect(url: str) -> Database:
    """The database behind ``url`` as it is, whatever its schema."""
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        return SQLiteDatabase(url)
    if scheme in ("postgresql", "postgres"):
        return _postgres(url)
    raise Misconfigured(f"A database is sqlite:///… or postgresql://…, not {scheme or 'nothing'}://…")


def _postgres(url: str) -> Database:
    try:
        # The driver is an extra; who works with SQLite need not have it.
        from eventflow.store.postgres.database import PostgresDatabase
    except ImportError as error:
        raise Misconfigured("PostgreSQL needs a driver: pip install 'eventflow[postgres]'") from error
    return PostgresDatabase(url)
