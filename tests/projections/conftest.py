"""The databases that projections are tested on: every test that takes ``database`` runs on both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eventflow.store.database import Database, open_database


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with open_database(url) as opened:
        yield opened


def empty(database: Database) -> None:
    """Forget all projections, for the next example of a property."""
    with database.transaction() as transaction:
        sets = transaction.execute("SELECT number, tables, state FROM projections")
        for _, tables, state in sets:
            for table in tables.split() if state == "live" else ():
                transaction.execute(f"DROP VIEW {table}")
        for number, tables, _ in sets:
            for table in tables.split():
                transaction.execute(f"DROP TABLE {table}__{number}")
        transaction.execute("DELETE FROM projections")
