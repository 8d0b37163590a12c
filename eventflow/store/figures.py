"""What a log comes to, counted by its database, and what else there is to ask a database about itself."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from eventflow.store.database import Database
from eventflow.store.statements import Statements


class Totals(NamedTuple):
    """Sums over all events; ``bytes`` are those of their bodies as they were appended."""

    events: int
    streams: int
    bytes: int
    last: int


class Share(NamedTuple):
    """The events of one name."""

    category: str
    name: str
    events: int
    bytes: int


def totals(database: Database) -> Totals:
    """The sums; the whole log is read for them, by the database."""
    [row] = database.query(_sql(database)["totals"])
    return Totals(*map(int, row))


def shares(database: Database) -> list[Share]:
    """How the sums are made up, the most frequent name first."""
    return [Share(*row) for row in database.query(_sql(database)["shares"])]


def clock(database: Database) -> datetime:
    """The time by the database's own clock, which is the one that leases go by."""
    [(now,)] = database.query(_sql(database)["clock"])
    assert isinstance(now, datetime)
    return now


def has_table(database: Database, name: str) -> bool:
    """Whether there is a table or a view of this name where the log is kept."""
    return bool(database.query(_sql(database)["has_table"], {"name": name}))


def _sql(database: Database) -> Statements:
    return Statements("eventflow.store", database.dialect, "figures.sql")
