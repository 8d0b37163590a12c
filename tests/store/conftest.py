"""The places that logs are tested in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eventflow.store.database import Database, open_database
from tests.services import fresh_database, fresh_schema


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a database that the tests of one module share, each with a schema of its own."""
    with fresh_database() as url:
        yield url


@pytest.fixture(params=["sqlite", "memory", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of each kind, with its schema."""
    if request.param == "postgresql":
        with fresh_schema(request.getfixturevalue("postgres")) as url, open_database(url) as database:
            yield database
        return
    with open_database(f"sqlite:///{tmp_path}/log.db" if request.param == "sqlite" else "sqlite://") as database:
        yield database
