"""Giving back to the disk what bodies have left behind.

PostgreSQL cuts a file at its end only, and what was archived lay at its beginning. So the bodies that lie last are
written anew, which puts them into the free places in front; then the end is free. Nobody waits for that: rows are
locked for moments, and appends lock none of them.
"""

from __future__ import annotations

from typing import NamedTuple

from eventflow.store.database import Database
from eventflow.store.statements import Statements

FULL = 0.75
"""A file that is filled to this part is left as it is."""

SMALL = 4
"""Pages that are not worth the trouble."""

STEP = 0.1
"""The part of a file that is emptied before it is cut."""

LONGEST = 20_000
"""Pages that are emptied before the file is cut, at most."""

SOME = 500
"""Bodies that are moved in one transaction."""

AGAIN = 5 * SOME
"""As often as they are written anew before one gives up: there is no room in front, then."""


class Given(NamedTuple):
    """Bytes before and after: of the bodies on PostgreSQL, of the whole file on SQLite."""

    before: int
    after: int


def give_back(database: Database) -> Given:
    """Let the files be as long as what is in them needs, more or less, and say how long they were and are."""
    return _shrink(database) if database.dialect == "sqlite" else _compact(database)


def used(database: Database) -> int:
    """Bytes on the disk: of the bodies on PostgreSQL, of the whole file on SQLite."""
    return _measure(database)[0]


def is_tight(database: Database) -> bool:
    """Whether there is nothing worth giving back; somebody who still reads what was before may have kept it."""
    _, other = _measure(database)
    return other == 0 if database.dialect == "sqlite" else _is_full(database, other)


def _shrink(database: Database) -> Given:
    sql, (before, free) = _sql(database), _measure(database)
    if free and not database.query(sql["mode"])[0][0]:
        database.maintain(sql["convert"])
        database.maintain(sql["rewrite"])
    while free:
        database.maintain(sql["sweep"])
        left = _measure(database)[1]
        if left >= free:
            break
        free = left
    database.maintain(sql["shorten"])
    return Given(before, _measure(database)[0])


def _compact(database: Database) -> Given:
    sql, (before, _) = _sql(database), _measure(database)
    database.maintain(sql["sweep"])
    pages = _measure(database)[1]
    while not _is_full(database, pages):
        step = min(max(int(pages * STEP), 1), LONGEST)
        _move(database, pages - step)
        database.maintain(sql["sweep"])
        left = _measure(database)[1]
        if left > pages - step / 2:
            break
        pages = left
    return Given(before, _measure(database)[0])


def _is_full(database: Database, pages: int) -> bool:
    return pages <= SMALL or bool(database.query(_sql(database)["content"])[0][0] >= pages * FULL)


def _move(database: Database, page: int) -> None:
    """Write anew what lies from this page on, some at a time."""
    sql = _sql(database)
    tail = [position for (position,) in database.query(sql["tail"], {"page": page})]
    for start in range(0, len(tail), SOME):
        some, rest = tail[start : start + SOME], AGAIN
        with database.transaction() as transaction:
            # The last page may have room itself. What was written anew in it stays until the end of the transaction,
            # so that it is full before long.
            while some and rest > 0:
                found = transaction.execute(sql["move"], {"positions": some, "page": page})
                some, rest = [position for (position,) in found], rest - len(found)


def _measure(database: Database) -> tuple[int, int]:
    size, other = database.query(_sql(database)["measure"])[0]
    return int(size), int(other)


def _sql(database: Database) -> Statements:
    return Statements("eventflow.store", database.dialect, "space.sql")
