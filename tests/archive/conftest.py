"""Databases and folders whose bodies leave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eventflow.store.database import Database, open_database
from eventflow.store.objects import Folder, Objects
from tests.archive.words import Shop


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """Each kind of database."""
    with open_database(url) as database:
        yield database


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    """A folder for segments."""
    return Folder(tmp_path / "objects")


@pytest.fixture
def shop(database: Database, objects: Objects) -> Shop:
    """A log with nothing in it."""
    return Shop(database, objects)
