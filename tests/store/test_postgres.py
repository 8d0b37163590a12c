"""The log in PostgreSQL, and what may happen to its connections."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from threading import Event, Thread
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from eventflow.errors import StorageFull, Unavailable, VersionConflict
from eventflow.store.database import Database, open_database
from eventflow.store.log import Log, open_log
from eventflow.store.postgres import connections
from eventflow.store.postgres.expert import Expert
from eventflow.store.postgres.translation import translated
from tests.proxy import Proxy
from tests.services import a_free_port, fresh_schema
from tests.store.conformance import LogConformance
from tests.store.words import a_stream, appended, end, row, some, vocabulary, written


class TestPostgres(LogConformance):
    """A schema of a PostgreSQL database."""

    @pytest.fixture
    def database(self, server: str) -> Iterator[Database]:
        with fresh_schema(server) as url, open_database(url) as database:
            yield database


@pytest.fixture
def url(server: str) -> Iterator[str]:
    with fresh_schema(server) as url:
        yield url


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with open_database(url) as database:
        yield database


@pytest.fixture
def log(database: Database) -> Log:
    return open_log(database, vocabulary())


def test_an_append_survives_the_loss_of_every_connection(server: str, log: Log) -> None:
    headers = a_stream(log, 2)

    _terminate_all(server)
    log.append(appended(headers[0].stream, some(2), end(headers)))

    _terminate_all(server)
    assert len(log.read(headers[0].stream)) == 4
    log.verify(headers[0].stream)


def test_who_is_held_in_the_middle_of_a_transaction_holds_up_nobody_for_long(
    url: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = "SELECT pg_advisory_xact_lock(1)"
    monkeypatch.setattr(connections, "HELD", timedelta(milliseconds=200))
    with open_database(url) as hurried:
        held = ExitStack()
        held.enter_context(hurried.transaction()).execute(table)

        with hurried.transaction() as other:
            other.execute(table)

        with pytest.raises(Unavailable, match="idle-in-transaction"):
            held.close()
        with hurried.transaction() as again:
            again.execute(table)


def test_the_url_says_for_how_long_a_transaction_may_be_held(url: str) -> None:
    patient = f"{url}&options=-c%20idle_in_transaction_session_timeout%3D90s"

    with open_database(patient) as database:
        assert database.query("SHOW idle_in_transaction_session_timeout") == [("90s",)]
    with open_database(url) as database:
        assert database.query("SHOW idle_in_transaction_session_timeout") == [("30s",)]


def test_appends_and_questions_survive_a_server_that_goes_with_a_last_word(url: str) -> None:
    fields = (b"SWARNING", b"VWARNING", b"C57P02", b"Mterminating connection because of crash", b"")
    said = b"".join(field + b"\0" for field in fields)
    with Proxy(url) as proxy, open_database(proxy.url) as database:
        log = open_log(database, vocabulary())
        headers = a_stream(log, 2)

        for count in (4, 6, 8, 10):
            proxy.cut(b"N" + (len(said) + 4).to_bytes(4, "big") + said)
            proxy.heal()
            headers = log.append(appended(headers[0].stream, some(2), end(headers)))
            proxy.cut(b"N" + (len(said) + 4).to_bytes(4, "big") + said)
            proxy.heal()
            assert database.query("SELECT count(*) FROM events") == [(count,)]


def test_threads_that_append_while_connections_are_killed_lose_nothing(server: str, log: Log) -> None:
    stop = Event()

    def kill() -> None:
        while not stop.wait(0.02):
            _terminate_all(server)

    killer = Thread(target=kill)
    killer.start()
    try:
        with ThreadPoolExecutor(6) as threads:
            chains = list(threads.map(lambda _: _a_chain(log, 40), range(6)))
    finally:
        stop.set()
        killer.join()

    assert all([one.version for one in log.headers(stream)] == list(range(1, 41)) for stream in chains)
    for stream in chains:
        log.verify(stream)


def test_a_commit_whose_answer_was_lost_is_recognised(database: Database) -> None:
    recorder, stream, append = database.recorder(), uuid4(), uuid4()
    (first,) = recorder.append([row(stream, 1, append=append)])

    # The same rows in one batch with others: it fails as a whole and is written one by one.
    with ThreadPoolExecutor(4) as threads:
        others = [threads.submit(recorder.append, [row(uuid4(), 1)]) for _ in range(8)]
        again = threads.submit(recorder.append, [row(stream, 1, append=append)])

    assert again.result() == [first]
    assert all(one.result() for one in others)


def test_the_horizon_waits_for_an_append_that_is_not_committed(url: str, database: Database, log: Log) -> None:
    before = a_stream(log)
    with psycopg.connect(url.partition("?")[0]) as slow:
        schema = url.rpartition("=")[2]
        slow.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(schema)))
        slow.execute(
            "SELECT pg_advisory_xact_lock_shared('events_position_seq'::regclass::oid::int,"
            " (pg_sequence_last_value('events_position_seq') & 2147483647)::int)"
        )
        slow.execute("SELECT nextval('events_position_seq')")
        after = a_stream(log)

        assert log.horizon() == before[0].position
        assert log.tail(0) == before
        slow.rollback()

    assert log.horizon() == after[0].position
    assert log.tail(0) == before + after


@pytest.mark.parametrize("start", [2**31 - 3, 2**32 + 2**31 - 2])
def test_the_horizon_holds_where_the_key_wraps_around(url: str, database: Database, log: Log, start: int) -> None:
    with database.transaction() as transaction:
        transaction.execute(f"SELECT setval('events_position_seq', {start})")
    schema = url.rpartition("=")[2]
    before = a_stream(log, 2)
    with psycopg.connect(url.partition("?")[0]) as slow:
        slow.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(schema)))
        slow.execute(
            "SELECT pg_advisory_xact_lock_shared('events_position_seq'::regclass::oid::int,"
            " (pg_sequence_last_value('events_position_seq') & 2147483647)::int)"
        )
        slow.execute("SELECT nextval('events_position_seq')")
        after = [header for _ in range(4) for header in a_stream(log, 2)]

        assert log.tail(start) == before

    assert log.tail(start) == before + after


def test_a_long_transaction_of_somebody_else_does_not_hold_the_horizon(url: str, log: Log) -> None:
    with psycopg.connect(url.partition("?")[0]) as report:
        report.execute("SELECT pg_current_xact_id()")
        headers = a_stream(log)

        assert log.tail(0) == headers


def test_logs_in_two_schemas_of_one_database_are_apart(server: str) -> None:
    with (
        fresh_schema(server) as one,
        fresh_schema(server) as other,
        open_database(one) as first,
        open_database(other) as second,
    ):
        a_stream(open_log(first, vocabulary()), 3)

        assert open_log(second, vocabulary()).tail(0) == []
        assert first.leadership("relay").acquire()
        assert second.leadership("relay").acquire()


def test_a_ring_is_heard_in_another_process(url: str, log: Log) -> None:
    with open_database(url) as other:
        seen = other.bell.count
        other.bell.wait(seen, timeout=0.05)

        heard = False
        for _ in range(50):
            # The listener may not have been there yet when it rang first.
            a_stream(log)
            heard = other.bell.wait(seen, timeout=0.2) > seen
            if heard:
                break

        assert heard


def test_who_leads_learns_that_the_connection_is_lost(server: str, database: Database) -> None:
    leader, other = database.leadership("relay"), database.leadership("relay")
    assert leader.acquire()

    _terminate_all(server)

    assert not leader.held
    assert other.acquire()
    assert not leader.acquire()


def test_who_lets_go_of_the_lead_can_take_it_again_at_once(database: Database) -> None:
    for _ in range(50):
        leader = database.leadership("relay")
        assert leader.acquire()
        leader.release()


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(Unavailable, match="PostgreSQL"):
        open_database(f"postgresql://postgres@127.0.0.1:{a_free_port()}/postgres")


def test_a_full_disk_of_the_server_is_named() -> None:
    assert isinstance(translated(psycopg.errors.DiskFull("no space left on device")), StorageFull)


def test_a_statement_with_the_parameters_of_another_is_a_mistake_and_no_outage(server: str) -> None:
    expert = Expert(psycopg.connect(server, autocommit=True), "SELECT $1::int8")

    with pytest.raises(psycopg.errors.ProtocolViolation) as refused:
        expert.ask(b"\0" * 8, b"\0" * 8)

    assert translated(refused.value) is refused.value
    expert.close()


def test_two_processes_that_append_to_the_same_streams_both_finish(url: str, database: Database) -> None:
    streams = [uuid4() for _ in range(20)]

    def append(order: int) -> int:
        with open_database(url) as own:
            try:
                own.recorder().append([row(stream, 1) for stream in streams[::order]])
            except VersionConflict:
                return 0
            return 1

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(append, [1, -1, 1, -1])) == 1


def test_positions_follow_the_order_of_the_append_not_of_the_streams(log: Log) -> None:
    streams = sorted((uuid4() for _ in range(6)), reverse=True)

    headers = log.append(*(appended(stream, [written()]) for stream in streams))

    assert [header.stream for header in log.tail(0)] == streams
    assert [header.position for header in headers] == sorted(header.position for header in headers)


def _a_chain(log: Log, length: int) -> UUID:
    headers = a_stream(log)
    while headers[-1].version < length:
        try:
            headers = log.append(appended(headers[0].stream, [written()], end(headers)))
        except Unavailable:
            last = log.head(headers[0].stream)
            assert last is not None
            headers = [last]
    return headers[0].stream


def _terminate_all(server: str) -> None:
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
