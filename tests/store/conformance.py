"""What every log promises, whatever it lives in. Each adapter inherits this suite."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest

from eventflow.errors import BodyMissing, DamagedBody, Unavailable, UnknownEvent, Unwritable, VersionConflict
from eventflow.model.recorded import Context, Draft, Head, Kind, Phase
from eventflow.model.snapshot import Snapshot
from eventflow.model.standing import Standing
from eventflow.model.vocabulary import Vocabulary
from eventflow.store import schema
from eventflow.store.database import Database
from eventflow.store.log import Log, open_log
from tests.store.words import (
    NOON,
    Document,
    Invoice,
    Paid,
    Status,
    Written,
    a_stream,
    appended,
    end,
    row,
    some,
    vocabulary,
    written,
)


class LogConformance:
    """Inherit it and say where the log lives with a fixture ``database``."""

    @pytest.fixture
    def log(self, database: Database) -> Log:
        return open_log(database, vocabulary())

    def test_what_was_appended_is_read_again(self, log: Log) -> None:
        stream = uuid4()

        log.append(appended(stream, [written("one"), written("two")]))

        assert [one.event for one in log.read(stream)] == [Written(content="one"), Written(content="two")]
        assert [one.header.version for one in log.read(stream)] == [1, 2]

    def test_every_field_of_a_header_comes_back(self, database: Database) -> None:
        log = open_log(database, vocabulary(), clock=lambda: NOON)
        said: dict[str, Any] = {
            "previous": "queued", "phase": Phase.DEFERRED, "kind": Kind.EXCEPTION, "reaction": "write", "attempt": 3,
            "owner": uuid4(), "due": NOON + timedelta(microseconds=1), "error": "it broke: ünïcödé",
        }  # fmt: skip
        context = Context(correlation=uuid4(), causation=42, actor="ada", tenant="a")

        (header,) = log.append(appended(uuid4(), [written(**said)], context=context))

        assert log.head(header.stream) == header
        assert log.tail(header.position - 1) == [header]
        found = log.at(header.position)
        assert found is not None and found.header == header
        assert header.recorded_at == NOON
        assert (header.category, header.name, header.status) == ("document", "document:written", "written")
        assert {name: getattr(header, name) for name in said} == said
        assert (header.correlation, header.causation) == (context.correlation, 42)
        assert (header.actor, header.tenant) == ("ada", "a")

    def test_an_error_may_say_anything(self, log: Log) -> None:
        (header,) = log.append(appended(uuid4(), [written(error="nul \0 and half a pair \ud800")]))

        assert log.head(header.stream) == header
        log.verify(header.stream)

    def test_the_second_of_two_appends_conflicts(self, log: Log) -> None:
        headers = a_stream(log, 2)
        stream = headers[0].stream
        log.append(appended(stream, [written()], end(headers)))

        with pytest.raises(VersionConflict) as caught:
            log.append(appended(stream, [written()], end(headers)))

        assert (caught.value.expected, caught.value.actual) == (2, 3)
        assert len(log.headers(stream)) == 3

    def test_a_stream_cannot_begin_twice(self, log: Log) -> None:
        stream = a_stream(log)[0].stream

        with pytest.raises(VersionConflict):
            log.append(appended(stream, [written()]))

    def test_a_version_that_never_was_cannot_be_expected(self, log: Log) -> None:
        stream = a_stream(log)[0].stream

        with pytest.raises(VersionConflict) as caught:
            log.append(appended(stream, [written()], Head(7, b"")))

        assert caught.value.actual == 1
        assert len(log.headers(stream)) == 1

    def test_one_append_may_write_to_several_streams(self, log: Log) -> None:
        first, second = uuid4(), uuid4()

        headers = log.append(appended(first, some(2)), appended(second, [_paid(3)], category="invoice"))

        assert [(one.stream, one.version) for one in headers] == [(first, 1), (first, 2), (second, 1)]
        assert [one.position for one in headers] == sorted(one.position for one in headers)
        assert log.tail(headers[0].position - 1) == headers

    def test_an_append_to_several_streams_is_written_whole_or_not_at_all(self, log: Log) -> None:
        taken, other = a_stream(log)[0].stream, uuid4()

        with pytest.raises(VersionConflict) as caught:
            log.append(appended(other, some(2)), appended(taken, some(1)))

        assert caught.value.stream == taken
        assert log.headers(other) == []

    def test_an_append_that_comes_twice_recognises_itself(self, database: Database) -> None:
        recorder, stream, append = database.recorder(), uuid4(), uuid4()
        rows = [row(stream, 1, append=append), row(stream, 2, append=append)]
        positions = recorder.append(rows)

        again = recorder.append(rows)

        assert again == positions
        assert len(recorder.headers(stream)) == 2

    def test_an_append_that_comes_twice_late_recognises_itself(self, database: Database) -> None:
        recorder, stream, append = database.recorder(), uuid4(), uuid4()
        positions = recorder.append([row(stream, 1, append=append)])
        recorder.append([row(stream, 2)])

        assert recorder.append([row(stream, 1, append=append)]) == positions

    def test_another_append_is_not_taken_for_the_same(self, database: Database) -> None:
        recorder, stream, append = database.recorder(), uuid4(), uuid4()
        recorder.append([row(stream, 1, append=append)])

        with pytest.raises(VersionConflict):
            recorder.append([row(stream, 1), row(stream, 2, append=append)])

    def test_of_many_threads_that_append_to_one_version_one_wins(self, log: Log) -> None:
        headers, barrier = a_stream(log), Barrier(8)

        def attempt(_: int) -> bool:
            barrier.wait()
            try:
                log.append(appended(headers[0].stream, [written()], end(headers)))
            except VersionConflict:
                return False
            return True

        with ThreadPoolExecutor(8) as threads:
            won = list(threads.map(attempt, range(8)))

        assert won.count(True) == 1
        assert len(log.headers(headers[0].stream)) == 2

    def test_a_conflict_hurts_nobody_who_shares_the_commit(self, log: Log) -> None:
        taken, barrier = a_stream(log)[0].stream, Barrier(8)

        def attempt(number: int) -> bool:
            barrier.wait()
            outcomes = []
            for _ in range(20):
                try:
                    log.append(appended(taken if number == 0 else uuid4(), [written()]))
                    outcomes.append(True)
                except VersionConflict:
                    outcomes.append(False)
            return all(outcomes) if number else not any(outcomes)

        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(attempt, range(8)))
        assert len(log.tail(0)) == 1 + 7 * 20

    def test_the_tail_follows_the_order_of_the_log(self, log: Log) -> None:
        headers = [header for _ in range(5) for header in a_stream(log, 3)]

        first, rest = log.tail(0, limit=7), log.tail(headers[6].position, limit=500)

        assert first + rest == headers
        assert [one.header for one in log.recorded(headers[12].position)] == headers[13:]
        assert log.tail(headers[-1].position) == []

    def test_the_horizon_reaches_the_last_event_when_nobody_writes(self, log: Log) -> None:
        assert log.horizon() == log.last_position() == 0

        headers = a_stream(log, 3)

        assert log.horizon() == log.last_position() == headers[-1].position

    def test_the_head_is_the_last_header(self, log: Log) -> None:
        headers = a_stream(log, 3)

        assert log.head(headers[0].stream) == headers[-1]
        assert log.head(uuid4()) is None
        assert log.read(uuid4()) == []
        assert log.at(10**9) is None

    def test_a_stream_can_be_read_in_part(self, log: Log) -> None:
        headers = a_stream(log, 5)

        assert [one.header for one in log.read(headers[0].stream, after=1, upto=4)] == headers[1:4]

    def test_a_body_is_decoded_when_it_is_touched(self, database: Database, log: Log) -> None:
        headers = a_stream(log, 2)
        statement = "UPDATE bodies SET state = {state} WHERE position = {position}"
        _write(database, statement, state=b"x", position=headers[0].position)

        first, second = log.read(headers[0].stream)

        assert second.event == Written(content="whales 2")
        with pytest.raises(DamagedBody) as caught:
            _ = first.event
        assert caught.value.position == headers[0].position
        assert caught.value.name == "document:written"
        assert str(headers[0].position) in str(caught.value)

    def test_a_body_that_is_gone_is_named(self, database: Database, log: Log) -> None:
        (header,) = a_stream(log)
        _write(database, "DELETE FROM bodies WHERE position = {position}", position=header.position)

        (found,) = log.read(header.stream)

        assert found.header == header
        with pytest.raises(BodyMissing, match="neither in the database nor in any segment"):
            _ = found.event

    def test_an_event_that_nobody_knows_any_more_is_named(self, database: Database, log: Log) -> None:
        (header,) = a_stream(log)
        poorer = open_log(database, Vocabulary.of([Invoice]))

        (found,) = poorer.read(header.stream)

        assert found.header == header
        with pytest.raises(UnknownEvent, match="document:written"):
            _ = found.event

    def test_an_event_of_another_category_is_refused_before_anything_is_written(self, log: Log) -> None:
        stream = uuid4()

        with pytest.raises(UnknownEvent):
            log.append(appended(stream, [written(), _paid(1)]))

        assert log.headers(stream) == []

    def test_a_value_that_cannot_be_written_is_refused_before_anything_is_written(self, log: Log) -> None:
        stream = uuid4()

        with pytest.raises(Unwritable, match="64 bits"):
            log.append(appended(stream, [_paid(2**70)], category="invoice"))

        assert log.headers(stream) == []

    def test_an_append_of_nothing_is_nothing(self, log: Log) -> None:
        assert log.append() == []
        assert log.append(appended(uuid4(), [])) == []

    def test_the_chain_of_an_untouched_stream_holds(self, log: Log) -> None:
        headers = a_stream(log, 3)
        log.append(appended(headers[0].stream, some(2), end(headers)))

        log.verify(headers[0].stream)

    @pytest.mark.parametrize("field", ["status", "name", "actor", "recorded_at", "size"])
    def test_a_changed_header_is_found_and_named(self, database: Database, log: Log, field: str) -> None:
        headers = a_stream(log, 3)
        changed = {"recorded_at": NOON, "size": 7}.get(field, "somebody:else")
        statement = f"UPDATE events SET {field} = {{value}} WHERE position = {{position}}"
        _write(database, statement, value=changed, position=headers[1].position)

        with pytest.raises(DamagedBody) as caught:
            log.verify(headers[0].stream)

        assert caught.value.position == headers[1].position

    def test_a_changed_body_is_found_and_named(self, database: Database, log: Log) -> None:
        headers = a_stream(log, 3)
        statement = "UPDATE bodies SET state = {state} WHERE position = {position}"
        _write(database, statement, state=b"\x80", position=headers[2].position)

        with pytest.raises(DamagedBody) as caught:
            log.verify(headers[0].stream)

        assert caught.value.position == headers[2].position

    def test_a_removed_header_is_found_and_the_next_is_named(self, database: Database, log: Log) -> None:
        headers = a_stream(log, 3)
        _write(database, "DELETE FROM events WHERE position = {position}", position=headers[1].position)

        with pytest.raises(DamagedBody, match="version 2") as caught:
            log.verify(headers[0].stream)

        assert caught.value.position == headers[2].position

    def test_the_newest_snapshot_of_a_stream_is_kept(self, log: Log) -> None:
        stream = uuid4()
        log.snapshots.put(_snapshot(stream, 5))
        log.snapshots.put(_snapshot(stream, 9))
        log.snapshots.put(_snapshot(stream, 7))

        assert log.snapshots.get(stream) == _snapshot(stream, 9)
        assert log.snapshots.get(uuid4()) is None

    def test_a_snapshot_that_cannot_be_read_is_as_good_as_none(self, database: Database, log: Log) -> None:
        stream = uuid4()
        log.snapshots.put(_snapshot(stream, 5))
        statement = "UPDATE snapshots SET state = {state} WHERE stream = {stream}"
        _write(database, statement, state=b"mz:nonsense", stream=stream)

        assert log.snapshots.get(stream) is None

    def test_of_two_candidates_one_leads(self, database: Database) -> None:
        one, other = database.leadership("relay"), database.leadership("relay")

        assert (one.acquire(), other.acquire()) == (True, False)
        assert (one.held, other.held) == (True, False)
        assert one.acquire()
        one.release()
        assert other.acquire()
        other.release()

    def test_leaders_of_other_names_do_not_mind(self, database: Database) -> None:
        one, other = database.leadership("relay"), database.leadership("rescue")

        assert one.acquire() and other.acquire()

        one.release()
        other.release()

    def test_the_bell_rings_when_something_was_appended(self, log: Log) -> None:
        seen = log.bell.count

        a_stream(log)

        assert log.bell.wait(seen, timeout=5) > seen

    def test_a_transaction_that_fails_leaves_nothing(self, database: Database) -> None:
        with pytest.raises(ZeroDivisionError):
            _note_and_fail(database)

        assert database.query("SELECT count(*) FROM checkpoints") == [(0,)]

    def test_rows_are_written_at_once(self, database: Database) -> None:
        rows = [(uuid4(), "worker", NOON, 1.5), (uuid4(), "other", NOON, 2.5)]
        statement = {
            "sqlite": "INSERT INTO workers (id, name, beat_at, lease_seconds) VALUES (?, ?, ?, ?)",
            "postgresql": "INSERT INTO workers (id, name, beat_at, lease_seconds)"
            " SELECT * FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::float[])",
        }[database.dialect]

        with database.transaction() as transaction:
            transaction.write(statement, rows)
            transaction.write(statement, [])

        found = database.query("SELECT id, name, beat_at, lease_seconds FROM workers ORDER BY lease_seconds")
        assert found == rows

    def test_the_tables_are_what_they_should_be(self, database: Database) -> None:
        assert schema.status(database).is_current
        assert schema.verify(database) == []

    def test_what_is_missing_or_different_is_named(self, database: Database) -> None:
        _write(database, "DROP INDEX work_ready")
        _write(database, "ALTER TABLE work RENAME COLUMN sent_at TO posted_at")

        problems = schema.verify(database)

        assert any("index work_ready is missing" in problem for problem in problems)
        assert any("column work.sent_at is missing" in problem for problem in problems)

    def test_a_closed_database_says_that_it_is_out_of_reach(self, database: Database, log: Log) -> None:
        a_stream(log)
        database.close()

        with pytest.raises(Unavailable):
            a_stream(log)


def _paid(amount: int) -> Draft:
    return Draft(event=Paid(amount=amount), status=Status.QUEUED, phase=Phase.ANNOUNCED)


def _snapshot(stream: UUID, version: int) -> Snapshot:
    standing = Standing(version=version, phase=Phase.CLAIMED, status="written", owner=UUID(int=1), due=NOON)
    return Snapshot(
        stream=stream, category=Document.category, version=version, hash=b"h", status="written", standing=standing,
        fields={"content": "whales", "at": NOON, "id": UUID(int=7), "tags": {"a", "b"}},
    )  # fmt: skip


def _write(database: Database, statement: str, **params: Any) -> None:
    mark = ":{}" if database.dialect == "sqlite" else "%({})s"
    with database.transaction() as transaction:
        transaction.execute(statement.format(**{name: mark.format(name) for name in params}), params)


def _note_and_fail(database: Database) -> None:
    with database.transaction() as transaction:
        transaction.execute("INSERT INTO checkpoints (name, position) VALUES ('a', 1)")
        raise ZeroDivisionError
