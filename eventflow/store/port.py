"""What the rest of the program may ask of a database, whichever it is.

Statements are written per dialect (``statements.py``): named parameters are ``%(x)s`` for PostgreSQL and
``:x`` for SQLite. UUIDs and datetimes go in as they are on both. They come out as they are from PostgreSQL, and
from SQLite out of columns declared ``uuidtext`` and ``utctext`` (or an expression named ``AS "x [utctext]"``).
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager
from typing import Literal, Protocol

from eventflow.store.bell import Bell
from eventflow.store.closing import Closing
from eventflow.store.recorder import Recorder
from eventflow.store.transaction import Params, Record, Transaction

__all__ = ["Database", "Dialect", "Leadership", "Params", "Record", "Transaction"]

Dialect = Literal["sqlite", "postgresql"]


class Leadership(Protocol):
    """The right to be the only one of its name that works on this database."""

    def acquire(self) -> bool:
        """Whether one leads now; never waits."""

    @property
    def held(self) -> bool:
        """Whether one still leads; looks, because a connection may have been lost meanwhile."""

    def release(self) -> None:
        """Let somebody else lead."""


class Database(Closing):
    """A place where a log lives, beside whatever is kept in step with it."""

    dialect: Dialect
    bell: Bell
    closed: bool = False
    file: str | None = None
    """The file it lives in, with no name in memory; nothing on a server."""

    @abstractmethod
    def transaction(self, *, derived: bool = False) -> AbstractContextManager[Transaction]:
        """A transaction that reads and writes.

        What is ``derived`` from the log may be lost with the server, all of it back to some commit, and is made again
        from there; so it is not waited for until it is on the disk.
        """

    @abstractmethod
    def query(self, sql: str, params: Params = ()) -> list[Record]:
        """The rows of one read outside of any transaction."""

    @abstractmethod
    def maintain(self, sql: str) -> None:
        """Run one statement about the upkeep of the database, outside of any transaction."""

    @abstractmethod
    def blank(self) -> AbstractContextManager[Transaction]:
        """A transaction in an empty place of the same kind; whatever is done in it is undone at its end."""

    @abstractmethod
    def script(self, transaction: Transaction, sql: str) -> None:
        """Run several statements without parameters inside ``transaction``."""

    @abstractmethod
    def leadership(self, name: str) -> Leadership:
        """A candidate for the leadership called ``name``."""

    @abstractmethod
    def recorder(self) -> Recorder:
        """The recorder that writes and reads the log in this database; the same one each time."""

    @abstractmethod
    def close(self) -> None:
        """Give back every connection."""
