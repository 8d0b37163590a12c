"""The log in a SQLite file, and in memory."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from eventflow.errors import Misconfigured, StorageFull, Unavailable
from eventflow.store.database import Database, open_database
from eventflow.store.log import open_log
from tests.store.conformance import LogConformance
from tests.store.words import a_stream, appended, end, some, vocabulary, written


class TestSQLiteFile(LogConformance):
    """A file."""

    @pytest.fixture
    def database(self, tmp_path: Path) -> Iterator[Database]:
        with open_database(f"sqlite:///{tmp_path}/log.db?synchronous=normal") as database:
            yield database


class TestSQLiteMemory(LogConformance):
    """The memory of this process."""

    @pytest.fixture
    def database(self) -> Iterator[Database]:
        with open_database("sqlite://") as database:
            yield database


def test_a_full_disk_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/log.db")
    log = open_log(database, vocabulary())
    headers = a_stream(log, 3)
    with database.transaction() as transaction:
        pages = transaction.execute("PRAGMA page_count")[0][0]
        transaction.execute(f"PRAGMA max_page_count = {pages + 2}")

    with pytest.raises(StorageFull):
        log.append(appended(headers[0].stream, [written(str(uuid4()) * 10) for _ in range(200)], end(headers)))

    assert log.headers(headers[0].stream) == headers
    with database.transaction() as transaction:
        transaction.execute("PRAGMA max_page_count = 1000000")
    log.append(appended(headers[0].stream, some(200), end(headers)))
    log.verify(headers[0].stream)
    database.close()


def test_by_default_a_commit_is_on_the_disk(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/log.db")

    with database.transaction() as transaction:
        assert transaction.execute("PRAGMA synchronous") == [(2,)]
        assert transaction.execute("PRAGMA journal_mode") == [("wal",)]
    database.close()


def test_a_log_is_found_again_by_the_next_process(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    with open_database(url) as database:
        headers = a_stream(open_log(database, vocabulary()), 2)

    with open_database(url) as database:
        assert open_log(database, vocabulary()).tail(0) == headers


def test_another_process_leads_until_it_ends(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    code = (
        "import sys; from eventflow.store.database import open_database;"
        f"print(open_database({url!r}).leadership('relay').acquire(), flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None and other.stdout.readline() == "True\n"

    with open_database(url) as database:
        ours = database.leadership("relay")
        assert not ours.acquire()
        other.kill()
        other.communicate()
        assert ours.acquire()


def test_a_folder_that_is_not_there_is_named() -> None:
    with pytest.raises(Unavailable, match=r"/nowhere/log\.db"):
        open_database("sqlite:////nowhere/log.db")


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_text("this is not a database, it is a letter" * 100)

    with pytest.raises(Unavailable, match="not a database"):
        open_database(f"sqlite:///{tmp_path}/log.db")


def test_an_option_that_nobody_knows_is_refused() -> None:
    with pytest.raises(Misconfigured, match="synchronous"):
        open_database("sqlite://?synchronous=sometimes")


def test_a_scheme_that_nobody_knows_is_refused() -> None:
    with pytest.raises(Misconfigured, match="mysql"):
        open_database("mysql://somewhere")


def test_readers_cannot_write(tmp_path: Path) -> None:
    with (
        open_database(f"sqlite:///{tmp_path}/log.db") as database,
        pytest.raises((sqlite3.OperationalError, Unavailable)),
    ):
        database.query("DELETE FROM events")
