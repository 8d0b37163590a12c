"""Archived bodies are read as if they had never left, with few requests, and what is wrong with one is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event as Signal
from uuid import UUID, uuid4

import pytest

from eventflow.errors import BodyMissing, DamagedBody, Unavailable
from eventflow.store.archive.catalogue import Catalogue
from eventflow.store.archive.reader import Reader
from eventflow.store.archive.restored import Restored
from eventflow.store.archive.segment import read_member
from eventflow.store.codec import Codec
from eventflow.store.database import Database
from eventflow.store.log import Log, open_log
from eventflow.store.objects import Objects, open_objects
from tests.store.archived import Counted, archive
from tests.store.words import a_stream, appended, end, some, vocabulary

LATER = datetime(2126, 1, 1, tzinfo=UTC)


@pytest.fixture
def objects(tmp_path: Path) -> Counted:
    return Counted(open_objects((tmp_path / "objects").as_uri()))


@pytest.fixture
def reader(database: Database, objects: Counted) -> Iterator[Reader]:
    reader = Reader(Catalogue(database), Restored(database, Codec()), lambda: objects)
    yield reader
    reader.close()


@pytest.fixture
def log(database: Database, reader: Reader) -> Log:
    return open_log(database, vocabulary(), archive=reader)


def contents(log: Log, stream: UUID) -> list[str]:
    return [one.event.event_body()["content"] for one in log.read(stream)]


def told(count: int, content: str = "whales") -> list[str]:
    return [f"{content} {number}" for number in range(1, count + 1)]


def the_object(objects: Objects) -> str:
    (key,) = objects.list()
    return key


def replace(objects: Objects, change: Callable[[bytes], bytes]) -> None:
    key = the_object(objects)
    objects.put(key, change(objects.get(key)))


class TestOneByOne:
    """Bodies that are touched."""

    def test_an_archived_body_is_read_as_if_it_had_never_left(
        self, database: Database, log: Log, objects: Counted
    ) -> None:
        stream = a_stream(log, 3)[0].stream
        archive(database, objects, [stream])

        assert contents(log, stream) == told(3)
        log.verify(stream)

    def test_a_stream_needs_one_ranged_request_for_each_of_its_pieces(
        self, database: Database, log: Log, objects: Counted
    ) -> None:
        streams = [a_stream(log, 20)[0].stream for _ in range(3)]
        archive(database, objects, streams)

        for stream in streams:
            assert contents(log, stream) == told(20)

        assert objects.asked == {"get_range": 3}

    def test_what_was_fetched_a_moment_ago_is_not_fetched_again(
        self, database: Database, log: Log, objects: Counted
    ) -> None:
        stream = a_stream(log, 20)[0].stream
        archive(database, objects, [stream])

        for _ in range(5):
            contents(log, stream)

        assert objects.asked == {"get_range": 1}

    def test_headers_open_no_archive(self, database: Database, log: Log, objects: Counted) -> None:
        stream = a_stream(log, 5)[0].stream
        archive(database, objects, [stream])

        assert len(log.headers(stream)) == len(log.read(stream)) == 5
        assert log.head(stream) == log.tail(0)[-1]
        assert objects.asked == {}

    def test_what_came_after_is_still_in_the_database(self, database: Database, log: Log, objects: Counted) -> None:
        headers = a_stream(log, 2)
        stream = headers[0].stream
        archive(database, objects, [stream])
        log.append(appended(stream, some(2, "newer"), end(headers)))

        assert contents(log, stream) == [*told(2), *told(2, "newer")]

    def test_a_burst_of_readers_makes_one_request(self, database: Database, log: Log, objects: Counted) -> None:
        stream = a_stream(log, 5)[0].stream
        archive(database, objects, [stream])
        asked, answer = Signal(), Signal()

        class Held(Counted):
            """Objects that answer when they are let."""

            def get_range(self, key: str, start: int, length: int) -> bytes:
                asked.set()
                answer.wait(30)
                return super().get_range(key, start, length)

        held = Held(objects)
        busy = open_log(
            database, vocabulary(), archive=Reader(Catalogue(database), Restored(database, Codec()), lambda: held)
        )
        with ThreadPoolExecutor(8) as threads:
            reading = [threads.submit(contents, busy, stream) for _ in range(8)]
            asked.wait(30)
            answer.set()

            assert [one.result(30) for one in reading] == [told(5)] * 8

        assert held.asked == {"get_range": 1}

    def test_a_reader_keeps_no_more_than_it_may(self, database: Database, log: Log, objects: Counted) -> None:
        streams = [a_stream(log, 4, "x" * 500)[0].stream for _ in range(10)]
        archive(database, objects, streams)
        small = Reader(Catalogue(database), Restored(database, Codec()), lambda: objects, near=5_000)
        narrow = open_log(database, vocabulary(), archive=small)

        for stream in streams:
            contents(narrow, stream)
        assert objects.asked == {"get_range": 10}

        contents(narrow, streams[-1])
        assert objects.asked == {"get_range": 10}
        contents(narrow, streams[0])
        assert objects.asked == {"get_range": 11}


class TestTogether:
    """Bodies that are wanted together."""

    def test_the_pieces_of_a_stream_come_in_one_request(self, database: Database, log: Log, objects: Counted) -> None:
        stream = a_stream(log, 30, "x" * 300)[0].stream
        archive(database, objects, [stream], split=2_000)
        assert len(Catalogue(database).places(stream, 1, 30)) > 5

        found = log.read_whole(stream)

        assert [one.event.event_body()["content"] for one in found] == told(30, "x" * 300)
        assert objects.asked == {"get_range": 1}
        _log_on(database, objects).verify(stream)
        assert objects.asked == {"get_range": 2}

    def test_a_full_replay_fetches_each_segment_once(self, database: Database, log: Log, objects: Counted) -> None:
        lives = [[a_stream(log, 3, f"{part} {uuid4().hex * 900}") for _ in range(30)] for part in range(3)]
        for streams in lives:
            archive(database, objects, [headers[0].stream for headers in streams], split=40_000)
        hot = a_stream(log, 2)

        replayed = list(log.replay())

        assert [one.header for one in replayed] == [*(h for part in lives for headers in part for h in headers), *hot]
        assert all(one.event.event_body()["content"] for one in replayed)
        assert sum(objects.asked.values()) <= 3

    def test_hot_restored_and_archived_bodies_come_mixed(self, database: Database, log: Log, objects: Counted) -> None:
        old, near, _ = (a_stream(log, 3)[0].stream for _ in range(3))
        archive(database, objects, [old, near])
        put(database, _bare(database, objects, near), LATER)
        objects.asked.clear()

        found = log.recorded(0)

        assert [one.event.event_body()["content"] for one in found] == told(3) * 3
        assert objects.asked == {"get_range": 1}

    def test_one_damaged_piece_leaves_the_others_readable(self, database: Database, log: Log, objects: Counted) -> None:
        good, bad, other = sorted(a_stream(log, 2)[0].stream for _ in range(3))
        archive(database, objects, [good, bad, other])
        (place,) = Catalogue(database).places(bad, 1, 2)
        replace(objects, lambda old: old[: place.start] + b"\0" + old[place.start + 1 :])

        found = {one.header: one for one in log.recorded(0)}

        for header, one in found.items():
            if header.stream != bad:
                assert one.event.event_body()["content"]
                continue
            with pytest.raises(DamagedBody) as caught:
                _ = one.event
            assert (caught.value.position, caught.value.name) == (header.position, "document:written")


class TestTrouble:
    """What is wrong with an archived body, and what to do."""

    def test_an_object_that_was_deleted_is_named(self, database: Database, log: Log, objects: Counted) -> None:
        headers = a_stream(log, 2)
        segment = archive(database, objects, [headers[0].stream])
        objects.delete(segment.key)

        for found in (log.read(headers[0].stream), log.read_whole(headers[0].stream), log.recorded(0)):
            with pytest.raises(BodyMissing, match="Put the object back") as caught:
                _ = found[1].event
            assert (caught.value.position, caught.value.segment) == (headers[1].position, segment.key)

    def test_an_object_that_was_put_back_is_read_again(self, database: Database, log: Log, objects: Counted) -> None:
        stream = a_stream(log, 2)[0].stream
        segment = archive(database, objects, [stream])
        content = objects.get(segment.key)
        objects.delete(segment.key)
        with pytest.raises(BodyMissing):
            contents(log, stream)

        objects.put(segment.key, content)

        assert contents(log, stream) == told(2)

    @pytest.mark.parametrize("left", [0, 10, 700])
    def test_an_object_that_was_cut_off_is_damaged(
        self, database: Database, log: Log, objects: Counted, left: int
    ) -> None:
        stream = a_stream(log, 2)[0].stream
        archive(database, objects, [stream])
        replace(objects, lambda old: old[: min(left, Catalogue(database).places(stream, 1, 2)[0].start + 5)])

        for found in (log.read(stream), log.read_whole(stream)):
            with pytest.raises(DamagedBody, match="which ends after"):
                _ = found[0].event

    def test_other_bytes_are_damage_and_both_digests_are_told(
        self, database: Database, log: Log, objects: Counted
    ) -> None:
        stream = a_stream(log, 2)[0].stream
        archive(database, objects, [stream])
        (place,) = Catalogue(database).places(stream, 1, 2)
        replace(objects, lambda old: old[: place.start + 9] + b"!!" + old[place.start + 11 :])

        with pytest.raises(DamagedBody, match=rf"[0-9a-f]{{64}} and should have {place.sha256.hex()}"):
            contents(log, stream)

    def test_a_connection_that_breaks_once_is_not_noticed(self, database: Database, log: Log, objects: Counted) -> None:
        stream = a_stream(log, 2)[0].stream
        archive(database, objects, [stream])
        failing = Failing(objects, times=1)

        assert contents(_log_on(database, failing), stream) == told(2)

    def test_a_storage_out_of_reach_is_unavailable_and_hot_bodies_are_read_and_written(
        self, database: Database, log: Log, objects: Counted
    ) -> None:
        stream = a_stream(log, 2)[0].stream
        archive(database, objects, [stream])
        failing = Failing(objects, times=10**9)
        cut = _log_on(database, failing)

        with pytest.raises(Unavailable, match="the bucket"):
            contents(cut, stream)
        with pytest.raises(Unavailable, match="the bucket"):
            _ = cut.read_whole(stream)[0].event
        hot = a_stream(cut, 3)[0].stream
        assert contents(cut, hot) == told(3)
        assert len(cut.headers(stream)) == 2

        failing.times = 0
        assert contents(cut, stream) == told(2)

    def test_a_body_that_is_nowhere_is_missing(self, database: Database, log: Log, objects: Counted) -> None:
        (header,) = a_stream(log)
        with database.transaction() as transaction:
            transaction.execute(f"DELETE FROM bodies WHERE position = {header.position}")

        for found in (log.read(header.stream), log.read_whole(header.stream)):
            with pytest.raises(BodyMissing, match="neither in the database nor in any segment"):
                _ = found[0].event


class Failing(Counted):
    """Objects whose connection breaks. Counts down."""

    def __init__(self, objects: Objects, *, times: int) -> None:
        super().__init__(objects)
        self.times = times

    def get_range(self, key: str, start: int, length: int) -> bytes:
        if self.times:
            self.times -= 1
            raise Unavailable("the bucket", "the connection was reset")
        return super().get_range(key, start, length)


def _log_on(database: Database, objects: Objects) -> Log:
    reader = Reader(Catalogue(database), Restored(database, Codec()), lambda: objects)
    return open_log(database, vocabulary(), archive=reader)


def put(database: Database, bodies: dict[int, bytes], until: datetime) -> None:
    with database.transaction() as transaction:
        Restored(database, Codec()).put(transaction, bodies, until)


def drop(database: Database, now: datetime | None = None) -> int:
    with database.transaction() as transaction:
        return Restored(database, Codec()).drop(transaction, now=now).events


def _bare(database: Database, objects: Objects, stream: UUID) -> dict[int, bytes]:
    places = Catalogue(database).places(stream, 1, 10**6)
    rows = [row for one in places for row in read_member(objects.get_range(one.key, one.start, one.length), one)]
    return {row.header.position: row.bare for row in rows}


class TestRestored:
    """Copies that are near for a while."""

    @pytest.fixture
    def restored(self, database: Database) -> Restored:
        return Restored(database, Codec())

    def test_a_copy_is_read_without_the_archive(
        self, database: Database, log: Log, objects: Counted, restored: Restored
    ) -> None:
        stream = a_stream(log, 3, "x" * 1000)[0].stream
        segment = archive(database, objects, [stream])
        put(database, _bare(database, objects, stream), LATER)
        objects.delete(segment.key)

        assert contents(log, stream) == told(3, "x" * 1000)
        log.verify(stream)

    def test_copies_are_dropped_when_their_time_is_over(
        self, database: Database, log: Log, objects: Counted, restored: Restored
    ) -> None:
        one, other = (a_stream(log, 3)[0].stream for _ in range(2))
        archive(database, objects, [one, other])
        put(database, _bare(database, objects, one), LATER)
        put(database, _bare(database, objects, other), LATER + timedelta(days=1))

        assert drop(database, now=LATER - timedelta(seconds=1)) == 0
        assert drop(database, now=LATER) == 3
        assert (restored.of(one, 1, 3), set(restored.of(other, 1, 3))) == ({}, {1, 2, 3})
        assert contents(log, one) == contents(log, other) == told(3)

    def test_a_copy_stays_for_the_longest_time_that_was_asked_for(
        self, database: Database, log: Log, objects: Counted, restored: Restored
    ) -> None:
        stream = a_stream(log)[0].stream
        archive(database, objects, [stream])
        put(database, _bare(database, objects, stream), LATER + timedelta(days=1))
        put(database, _bare(database, objects, stream), LATER)

        assert drop(database, now=LATER) == 0

    def test_a_copy_that_no_segment_holds_stays(
        self, database: Database, log: Log, objects: Counted, restored: Restored
    ) -> None:
        stream = a_stream(log)[0].stream
        archive(database, objects, [stream])
        put(database, _bare(database, objects, stream), LATER)
        with database.transaction() as transaction:
            transaction.execute("DELETE FROM archive_members")

        assert drop(database) == 0
        assert set(restored.of(stream, 1, 1)) == {1}
