"""Room that archived bodies leave is given back to the disk, while the log goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from threading import Event, Thread
from uuid import uuid4

import pytest

from eventflow.store.archive.hot import Hot
from eventflow.store.archive.space import give_back, is_tight, used
from eventflow.store.database import Database, open_database
from eventflow.store.log import Log, open_log
from tests.services import fresh_database
from tests.store.words import a_stream, appended, vocabulary, written


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        with open_database(f"sqlite:///{tmp_path}/log.db") as database:
            yield database
        return
    with fresh_database() as url, open_database(url) as database:
        yield database


@pytest.fixture
def log(database: Database) -> Log:
    return open_log(database, vocabulary())


def noise(number: int, length: int) -> str:
    return Random(number).randbytes(length).hex()


def fill(log: Log, count: int, length: int = 400) -> list[int]:
    headers = []
    for start in range(0, count, 100):
        headers += log.append(appended(uuid4(), [written(noise(start + at, length)) for at in range(100)]))
    return [header.position for header in headers]


def drop(database: Database, positions: list[int]) -> None:
    with database.transaction() as transaction:
        assert Hot(database).drop(transaction, positions) == len(positions)


@pytest.mark.parametrize("length", [400, 6000])
def test_what_is_left_behind_in_front_is_given_back(database: Database, log: Log, length: int) -> None:
    positions = fill(log, 3000, length)
    drop(database, positions[:2700])

    before, after = give_back(database)

    # The file of SQLite holds the headers as well.
    assert after < before * (0.2 if database.dialect == "postgresql" else 0.4 if length == 6000 else 0.8)
    assert used(database) == after
    left = [one.event for one in log.recorded(positions[2699], 500)]
    assert [getattr(one, "content", "")[:1] for one in left] != []
    assert len(left) == 300


def test_a_file_that_is_full_is_left_as_it_is(database: Database, log: Log) -> None:
    fill(log, 500)
    give_back(database)

    before, after = give_back(database)

    assert after == before


def test_nothing_is_given_back_of_nothing(database: Database) -> None:
    before, after = give_back(database)

    assert after <= before


def test_appends_and_reads_go_on_meanwhile(database: Database, log: Log) -> None:
    positions, stop, streams = fill(log, 3000), Event(), []

    def go_on() -> None:
        while not stop.is_set():
            streams.append(a_stream(log, 2)[0].stream)

    writer = Thread(target=go_on)
    writer.start()
    try:
        drop(database, positions[:2900])
        give_back(database)
    finally:
        stop.set()
        writer.join()

    assert streams
    for stream in streams:
        log.verify(stream)


def test_a_file_from_before_learns_to_shrink(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "old.db"
    with sqlite3.connect(path) as old:
        old.execute("PRAGMA auto_vacuum = NONE")
        old.execute("CREATE TABLE others (id integer)")
    old.close()
    with open_database(f"sqlite:///{path}") as database:
        log = open_log(database, vocabulary())
        drop(database, fill(log, 2000))

        before, after = give_back(database)

        assert after < before
        assert database.query("SELECT auto_vacuum FROM pragma_auto_vacuum()") == [(2,)]


def test_free_pages_are_given_back_many_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_database(f"sqlite:///{tmp_path}/log.db") as database:
        drop(database, fill(open_log(database, vocabulary()), 2000))
        usual, asked = database.maintain, []

        def counted(sql: str) -> None:
            asked.append(sql)
            usual(sql)

        monkeypatch.setattr(database, "maintain", counted)
        assert not is_tight(database)

        give_back(database)

        assert is_tight(database)
        assert len(asked) < 5


def test_room_that_somebody_still_looks_into_is_given_back_later() -> None:
    with fresh_database() as url, open_database(url) as database, open_database(url) as other:
        positions = fill(open_log(database, vocabulary()), 3000)
        with other.transaction() as reader:
            reader.execute("SELECT count(*) FROM bodies")
            drop(database, positions)
            give_back(database)
            assert not is_tight(database)

        before, after = give_back(database)

        assert is_tight(database)
        assert after < before / 5
