"""The tables: made once, however many begin at the same time; migrated and new ones are alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eventflow.errors import Misconfigured
from eventflow.store import schema
from eventflow.store.archive.catalogue import Catalogue
from eventflow.store.archive.frames import trained
from eventflow.store.archive.lines import written
from eventflow.store.database import connect, open_database
from eventflow.store.log import open_log
from eventflow.store.objects import Folder
from eventflow.store.port import Database
from eventflow.store.statements import Statements
from tests.processes import forked
from tests.store.archived import archive
from tests.store.words import a_stream, vocabulary


@pytest.fixture
def empty(url: str) -> Iterator[Database]:
    with connect(url) as database:
        yield database


def test_an_empty_database_has_version_0(empty: Database) -> None:
    assert schema.status(empty).present == 0
    assert not schema.status(empty).is_current


def test_migrations_arrive_where_a_new_schema_is(empty: Database) -> None:
    done = schema.upgrade(empty)

    assert done == [
        "0001_log.sql",
        "0002_work.sql",
        "0003_ticks.sql",
        "0004_keys.sql",
        "0005_limits.sql",
        "0006_archives.sql",
        "0007_locks.sql",
        "0008_stream_keys.sql",
        "0009_veils.sql",
    ]
    assert schema.verify(empty) == []
    assert schema.status(empty).is_current
    assert schema.upgrade(empty) == []
    a_stream(open_log(empty, vocabulary()))


def test_nothing_is_left_behind_by_looking(empty: Database) -> None:
    schema.create(empty)

    schema.verify(empty)

    assert schema.status(empty).is_current
    assert empty.query("SELECT count(*) FROM events") == [(0,)]


def test_an_older_schema_is_refused_with_the_command_to_run(url: str) -> None:
    _set_version(url, -1)

    with pytest.raises(Misconfigured, match="eventflow schema upgrade"):
        open_database(url)


def test_a_newer_schema_is_refused(url: str) -> None:
    _set_version(url, +1)

    with pytest.raises(Misconfigured, match="newer eventflow"):
        open_database(url)


def test_many_processes_may_open_an_empty_database_at_once(url: str) -> None:
    start = forked.Barrier(4)
    processes = [forked.Process(target=_open_and_append, args=(url, start)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)

    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    with open_database(url) as database:
        assert len(open_log(database, vocabulary()).tail(0)) == 12
        assert schema.verify(database) == []


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_every_statement_has_a_name(dialect: str) -> None:
    statements = Statements("eventflow.store", dialect, "log.sql")

    assert "read" in statements
    assert all(statement and not statement.endswith(";") for statement in statements.values())


def test_whose_words_stand_in_a_dictionary_is_known_of_older_segments(url: str, tmp_path: Path) -> None:
    with open_database(url) as database:
        log = open_log(database, vocabulary())
        streams = [a_stream(log, 40)[0].stream for _ in range(40)]
        lines = [b"".join(written(database.recorder().read(one))) for one in streams]
        known = trained(lines * 8)
        assert known is not None
        archive(database, Folder(tmp_path / "objects"), streams, dictionary=known)
        [category] = {log.headers(one)[0].category for one in streams}
        with database.transaction() as transaction:
            transaction.execute("DROP TABLE dictionary_sources")
            transaction.execute("ALTER TABLE archives DROP COLUMN replaces")
            transaction.execute("ALTER TABLE archive_members DROP COLUMN secret")
    _set_version(url, -1)

    with connect(url) as database:
        assert schema.upgrade(database) == ["0009_veils.sql"]
        assert schema.verify(database) == []

        catalogue = Catalogue(database)
        assert catalogue.sources(known.sha256) == {category}
        [segment] = catalogue.bare([category])
        assert segment.dictionary == known.sha256
        assert list(catalogue.bare(["another"])) == []
        assert not any(one.secret for one in catalogue.places_of(segment.id))


def _set_version(url: str, change: int) -> None:
    with open_database(url) as database, database.transaction() as transaction:
        transaction.execute(f"UPDATE schema_version SET version = version + {change}")


def _open_and_append(url: str, start: object) -> None:
    start.wait(timeout=60)  # type: ignore[attr-defined]  # a barrier of another process
    with open_database(url) as database:
        a_stream(open_log(database, vocabulary()), 3)
