"""The tables of a log: made once, brought up to date, compared with what they should be.

``sql/<dialect>/schema.sql`` is the truth, numbered migrations are a way to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from typing import NamedTuple

from eventflow.errors import Misconfigured
from eventflow.store.port import Database, Record, Transaction
from eventflow.store.statements import Statements, text

_PACKAGE = "eventflow.store"


class Status(NamedTuple):
    """Which version of the schema is there, and which one this program works with; 0 is an empty database."""

    present: int
    wanted: int

    @property
    def is_current(self) -> bool:
        """Whether nothing has to be done."""
        return self.present == self.wanted


def status(database: Database) -> Status:
    """The versions of the schema."""
    return Status(_present(database, database.query), _newest(database))


def create(database: Database) -> None:
    """Make the schema in an empty database; many may try at once, one does it."""
    with database.transaction() as transaction:
        _begin(database, transaction)
        if _present(database, transaction.execute) == 0:
            database.script(transaction, text(_PACKAGE, database.dialect, "schema.sql"))
            _note(database, transaction, _newest(database))


def prepare(database: Database) -> None:
    """Make the schema if there is none; raises ``Misconfigured`` when there is another than the program needs."""
    found = status(database)
    if found.present == 0:
        create(database)
        found = status(database)
    if found.present < found.wanted:
        raise Misconfigured(
            f"The database has schema version {found.present}, this program needs {found.wanted}."
            " Run: eventflow schema upgrade"
        )
    if found.present > found.wanted:
        raise Misconfigured(
            f"The database has schema version {found.present}, this program knows {found.wanted} at most."
            " Install a newer eventflow."
        )


def upgrade(database: Database) -> list[str]:
    """Run the migrations that are missing, each in a transaction of its own, and name them."""
    done = []
    for number, name in _migrations(database):
        with database.transaction() as transaction:
            _begin(database, transaction)
            if _present(database, transaction.execute) == number - 1:
                database.script(transaction, text(_PACKAGE, database.dialect, f"migrations/{name}"))
                _note(database, transaction, number)
                done.append(name)
    return done


def verify(database: Database) -> list[str]:
    """How the tables differ from what they should be, one sentence each; what others keep beside them is theirs."""
    present: dict[str, str] = dict(database.query(_sql(database)["describe"]))
    wanted = _wanted(database)
    missing = [f"{name} is missing; it should be: {wanted[name]}" for name in wanted.keys() - present.keys()]
    other = [
        f"{name} is {present[name]}; it should be: {wanted[name]}"
        for name in wanted.keys() & present.keys()
        if present[name] != wanted[name]
    ]
    return sorted(missing + other)


def _wanted(database: Database) -> dict[str, str]:
    with database.blank() as transaction:
        database.script(transaction, text(_PACKAGE, database.dialect, "schema.sql"))
        return dict(transaction.execute(_sql(database)["describe"]))


def _present(database: Database, ask: Callable[[str], list[Record]]) -> int:
    sql = _sql(database)
    if not ask(sql["has_version"]):
        return 0
    return int(ask(sql["version"])[0][0])


def _note(database: Database, transaction: Transaction, version: int) -> None:
    sql = _sql(database)
    transaction.execute(sql["make_version"])
    transaction.execute(sql["set_version"], {"version": version})


def _begin(database: Database, transaction: Transaction) -> None:
    sql = _sql(database)
    transaction.execute(sql["alone"])
    transaction.execute(sql["place"])


def _newest(database: Database) -> int:
    return _migrations(database)[-1][0]


def _migrations(database: Database) -> list[tuple[int, str]]:
    folder = files(_PACKAGE).joinpath("sql", database.dialect, "migrations")
    names = sorted(entry.name for entry in folder.iterdir() if re.match(r"\d{4}_\w+\.sql$", entry.name))
    return [(int(name[:4]), name) for name in names]


def _sql(database: Database) -> Statements:
    return Statements(_PACKAGE, database.dialect, "catalog.sql")
