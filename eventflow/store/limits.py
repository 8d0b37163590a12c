"""What is counted for limits: places that are taken, hosts that failed, and how much there was in a period.

All of it may be lost. Then a limit is exceeded once, or a host is asked once more; no work is lost.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from eventflow.store.database import Database
from eventflow.store.statements import Statements
from eventflow.store.work import Work


class Circuit(NamedTuple):
    """A host that failed last: how often in a row, and until when it is left alone, if it is."""

    host: str
    failures: int
    open_until: datetime | None


class Place(NamedTuple):
    """A place that an attempt on this stream has taken."""

    name: str
    stream: UUID
    owner: UUID


class Places:
    """So many attempts at a time. A place belongs to a worker, and is free when that one's lease has run out."""

    def __init__(self, database: Database, work: Work) -> None:
        self._database, self._work = database, work
        self._sql = Statements("eventflow.store", database.dialect, "limits.sql")
        self._work_sql = Statements("eventflow.store", database.dialect, "work.sql")

    def take(self, name: str, stream: UUID, version: int, owner: UUID, *, most: int, due: datetime) -> bool | None:
        """Take one of ``most`` places: whether it was free; if not, the work waits for one, until ``due`` at most.

        Nothing comes back when there is no place and the work does not stand there to wait.
        """
        waiting = {"stream": stream, "version": version, "due": due, "held": _waiting_for(name)}
        with self._database.transaction(derived=True) as transaction:
            transaction.execute(self._sql["lock"], {"name": name})
            wanted = {"name": name, "stream": stream, "owner": owner, "most": most}
            if transaction.execute(self._sql["take"], wanted):
                return True
            # In the same transaction: whoever leaves a place after this finds who waits for it.
            return False if transaction.execute(self._work_sql["postpone"], waiting) else None

    def leave(self, name: str, stream: UUID, owner: UUID, now: datetime) -> None:
        """Give a place back, and let the one that has waited longest come again."""
        with self._database.transaction(derived=True) as transaction:
            transaction.execute(self._sql["leave"], {"name": name, "stream": stream, "owner": owner})
        self._wake(name, now)

    def free(self, now: datetime) -> int:
        """Take back the places of workers that are gone; returns how many."""
        with self._database.transaction(derived=True) as transaction:
            names = [str(row[0]) for row in transaction.execute(self._sql["abandoned"])]
        for name in names:
            self._wake(name, now)
        return len(names)

    def _wake(self, name: str, now: datetime) -> None:
        with self._database.transaction(derived=True) as transaction:
            transaction.execute(self._sql["lock"], {"name": name})
            woken = transaction.execute(self._work_sql["wake"], {"held": _waiting_for(name), "now": now})
        if woken:
            self._work.look_at(now)
            self._database.bell.ring()

    def all(self) -> list[Place]:
        """Every place that is taken."""
        return [Place._make(row) for row in self._database.query(self._sql["places"])]


class Circuits:
    """The hosts that failed last."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = Statements("eventflow.store", database.dialect, "limits.sql")

    def all(self) -> dict[str, Circuit]:
        """Those that failed, by their names; who is well is not among them."""
        rows = (Circuit._make(row) for row in self._database.query(self._sql["circuits"]))
        return {one.host: one for one in rows}

    def fail(self, host: str, now: datetime, *, most: int, within: timedelta, rest: timedelta) -> None:
        """Count a failure; the ``most``-th in a row opens the circuit for its ``rest``."""
        row = {"host": host, "now": now, "most": most, "since": now - within, "until": now + rest}
        self._do("fail", **row)

    def open(self, host: str, now: datetime, until: datetime) -> None:
        """Leave the host alone until then."""
        self._do("open", host=host, now=now, until=until)

    def probe(self, host: str, now: datetime, until: datetime) -> bool:
        """Whether the caller is the one that may ask whether the host is well; nobody else is, ``until`` then."""
        return self._do("probe", host=host, now=now, until=until)

    def close(self, host: str) -> None:
        """The host is well."""
        self._do("close", host=host)

    def _do(self, name: str, **row: object) -> bool:
        with self._database.transaction(derived=True) as transaction:
            return bool(transaction.execute(self._sql[name], row))


class Tallies:
    """Numbers that count up to a maximum, each for a while: what a rate limiter needs of a store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = Statements("eventflow.store", database.dialect, "limits.sql")

    def add(self, key: str, value: int, ttl: timedelta) -> bool:
        """Begin a tally; whether there was none."""
        return self._do("add", key=key, value=value, ttl=ttl.total_seconds())

    def increase(self, key: str, value: int, most: int, ttl: timedelta) -> bool:
        """Count on; whether that is not more than ``most``."""
        return self._do("increase", key=key, value=value, most=most, ttl=ttl.total_seconds())

    def prune(self) -> int:
        """Forget those whose time is over; returns how many."""
        with self._database.transaction(derived=True) as transaction:
            return len(transaction.execute(self._sql["prune"]))

    def _do(self, name: str, **row: object) -> bool:
        with self._database.transaction(derived=True) as transaction:
            return bool(transaction.execute(self._sql[name], row))


def _waiting_for(name: str) -> str:
    return f"place {name}"
