"""Keys: what is appended under one is appended once, whoever comes again, whenever, and how many at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from uuid import UUID, uuid4

import pytest

from eventflow.errors import KeyTaken, Refused, VersionConflict
from eventflow.model.key import Key
from eventflow.model.recorded import NOWHERE, Head, Header
from eventflow.store.database import Database, open_database
from eventflow.store.keys import Keys
from eventflow.store.log import Log, open_log
from eventflow.testing import Clock
from tests.proxy import Proxy
from tests.services import fresh_schema
from tests.store.words import a_stream, appended, end, row, some, vocabulary, written

KEY = Key("order-17")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(database: Database, clock: Clock) -> Log:
    return open_log(database, vocabulary(), clock=clock)


def count(log: Log) -> int:
    return len(log.tail(0))


def keep(log: Log, key: Key = KEY, stream: UUID | None = None, head: Head = NOWHERE) -> list[Header]:
    return log.append(appended(stream or uuid4(), some(2), head), key=key)


def refusal(log: Log, key: Key = KEY) -> KeyTaken:
    with pytest.raises(KeyTaken) as caught:
        keep(log, key)
    return caught.value


def test_the_first_append_under_a_key_is_written(log: Log) -> None:
    headers = keep(log)

    assert [one.position for one in log.tail(0)] == [one.position for one in headers]
    assert log.taken(KEY) == headers[-1]


def test_the_second_is_not_and_is_told_where_the_first_is(log: Log) -> None:
    first = keep(log)[-1]

    taken = refusal(log)

    assert (taken.position, taken.stream) == (first.position, first.stream)
    assert count(log) == 2


def test_a_free_key_leads_nowhere(log: Log) -> None:
    assert log.taken(KEY) is None


def test_a_taken_key_comes_before_a_conflict(log: Log) -> None:
    stream = uuid4()
    first = keep(log, stream=stream)

    with pytest.raises(KeyTaken) as caught:
        keep(log, stream=stream, head=NOWHERE)

    assert caught.value.position == first[-1].position


def test_another_key_and_another_scope_are_something_else(log: Log) -> None:
    keep(log)

    keep(log, Key("order-18"))
    keep(log, Key("order-17", scope="payments"))

    assert count(log) == 6


def test_a_key_stays_free_when_its_append_conflicts(log: Log) -> None:
    stream = a_stream(log)[0].stream

    with pytest.raises(VersionConflict):
        keep(log, stream=stream, head=NOWHERE)

    assert log.taken(KEY) is None
    assert keep(log)


def test_a_key_stays_free_when_its_append_would_leave_a_gap(log: Log) -> None:
    with pytest.raises(VersionConflict):
        keep(log, head=Head(7, b""))

    assert log.taken(KEY) is None


def test_an_expired_key_is_free_at_once(log: Log, clock: Clock) -> None:
    first = keep(log, Key("order-17", lasts=timedelta(hours=1)))[-1]
    clock.forward(hours=1)

    assert log.taken(KEY) is None
    second = keep(log)[-1]

    assert second.position > first.position
    assert refusal(log).position == second.position


def test_a_key_counts_until_the_last_moment(log: Log, clock: Clock) -> None:
    keep(log, Key("order-17", lasts=timedelta(hours=1)))

    clock.forward(minutes=59, seconds=59)

    refusal(log)


def test_pruning_forgets_what_has_expired_and_nothing_else(log: Log, database: Database, clock: Clock) -> None:
    keep(log, Key("short", lasts=timedelta(hours=1)))
    keep(log, Key("long", lasts=timedelta(hours=3)))
    clock.forward(hours=2)

    assert log.keys.prune(clock()) == 1

    assert database.query("SELECT count(*) FROM keys") == [(1,)]
    assert log.keys.prune(clock()) == 0
    refusal(log, Key("long"))


def test_pruning_goes_on_until_nothing_is_left(database: Database, log: Log, clock: Clock) -> None:
    for number in range(5):
        keep(log, Key(str(number), lasts=timedelta(hours=1)))
    clock.forward(hours=1)

    assert Keys(database, some=2).prune(clock()) == 5


def test_an_append_whose_answer_was_lost_is_recognised(log: Log, clock: Clock) -> None:
    rows = [row(uuid4(), 1, append=uuid4())]

    positions = log.keys.append(rows, KEY, clock())

    assert log.keys.append(rows, KEY, clock()) == positions
    assert count(log) == 1


def test_of_many_at_once_one_is_written(log: Log) -> None:
    together = Barrier(16)

    def try_it(_: int) -> int:
        together.wait()
        try:
            return keep(log)[-1].position
        except KeyTaken as taken:
            return taken.position

    with ThreadPoolExecutor(16) as pool:
        positions = set(pool.map(try_it, range(16)))

    assert len(positions) == 1
    assert count(log) == 2


def test_of_many_with_the_same_keys_each_gets_its_own_answer(log: Log) -> None:
    keys = [Key(str(number % 10)) for number in range(80)]

    with ThreadPoolExecutor(16) as pool:
        answers = set(pool.map(lambda key: answer(log, key), keys))

    assert len(answers) == 10
    assert count(log) == 20


def test_of_many_in_several_connections_one_is_written(tmp_path: Path, clock: Clock) -> None:
    with fresh_schema() as url, ExitStack() as opened:
        logs = [open_log(opened.enter_context(open_database(url)), vocabulary(), clock=clock) for _ in range(4)]
        together = Barrier(16)

        def try_them(number: int) -> set[tuple[str, int]]:
            together.wait()
            # In another order in each, so that whoever waits for one key holds another.
            order = sorted(range(10), key=lambda one: (one * (number + 1)) % 11)
            return {answer(logs[number % 4], Key(str(one))) for one in order}

        with ThreadPoolExecutor(16) as pool:
            answers = set().union(*pool.map(try_them, range(16)))

        assert len(answers) == 10
        assert count(logs[0]) == 20


def answer(log: Log, key: Key) -> tuple[str, int]:
    try:
        return key.name, keep(log, key)[-1].position
    except KeyTaken as taken:
        return key.name, taken.position


def test_keyed_appends_outlive_their_connections(tmp_path: Path, clock: Clock) -> None:
    with fresh_schema() as url, Proxy(url) as proxy, open_database(proxy.url) as database:
        log = open_log(database, vocabulary(), clock=clock)
        first = keep(log)[-1].position

        proxy.cut()
        proxy.heal()

        assert refusal(log).position == first
        proxy.cut()
        proxy.heal()
        assert keep(log, Key("another"))
        assert count(log) == 4


def test_a_taken_key_and_a_conflict_in_one_batch_harm_nobody_else(database: Database, log: Log, clock: Clock) -> None:
    taken = keep(log)[-1]
    stream = a_stream(log)[0].stream
    together = Barrier(24)

    def act(number: int) -> str:
        together.wait()
        try:
            if number % 3 == 0:
                keep(log)
            elif number % 3 == 1:
                keep(log, Key(f"conflict {number}"), stream=stream)
            else:
                keep(log, Key(f"fine {number}"))
        except (KeyTaken, VersionConflict) as error:
            return error.code
        return "written"

    with ThreadPoolExecutor(24) as pool:
        outcomes = list(pool.map(act, range(24)))

    assert outcomes == ["key_taken", "version_conflict", "written"] * 8
    assert count(log) == 2 + 1 + 16
    assert log.taken(KEY) == taken


def test_appends_with_and_without_keys_keep_the_order_of_their_stream(log: Log) -> None:
    first = keep(log)
    second = log.append(appended(first[0].stream, [written("three")], end(first)))

    third = log.append(appended(first[0].stream, [written("four")], end(second)), key=Key("another"))

    assert [one.version for one in log.headers(first[0].stream)] == [1, 2, 3, 4]
    log.verify(third[0].stream)


def test_the_name_of_a_key_is_not_kept(log: Log, database: Database) -> None:
    keep(log, Key("s3cr3t-t0ken"))

    assert "s3cr3t" not in str(database.query("SELECT * FROM keys"))
    assert "s3cr3t" not in f"{KEY!r}{refusal(log, Key('s3cr3t-t0ken'))}{Key('s3cr3t-t0ken')!r}"


@pytest.mark.parametrize("name", ["x" * 100_000, "ünïcödé \0 \ud800", " "])
def test_any_text_is_a_key(log: Log, name: str) -> None:
    keep(log, Key(name))

    refusal(log, Key(name))


def test_an_empty_key_and_one_that_never_counts_are_refused() -> None:
    with pytest.raises(Refused):
        Key("")
    with pytest.raises(Refused):
        Key("x", lasts=timedelta(0))
