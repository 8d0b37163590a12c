"""Database, broker or peer out of reach, at the start and in the middle: work waits, and nothing is done twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventflow.app import Eventflow
from eventflow.errors import Unavailable
from eventflow.model.recorded import Phase
from eventflow.settings import Settings
from tests.crash.conftest import Start
from tests.crash.histories import Histories
from tests.crash.program import Order
from tests.peer import Answer, Peer
from tests.proxy import Proxy
from tests.services import a_free_port
from tests.waiting import until
from tests.walks.library import Document, Status

OUTAGE = 1.2
"""How long something stays away, in seconds: longer than a lease."""


@pytest.fixture
def database(order: Order) -> Iterator[Proxy]:
    """The way to the database."""
    with Proxy(order.database) as proxy:
        yield proxy


@pytest.fixture
def broker(order: Order) -> Iterator[Proxy]:
    """The way to the broker."""
    with Proxy(order.broker) as proxy:
        yield proxy


def away(proxy: Proxy) -> None:
    proxy.cut()
    threading.Event().wait(OUTAGE)
    proxy.heal()


def save(histories: Histories, count: int) -> None:
    histories.app.save(*(Document.create(title=f"easy {number}") for number in range(count)))


def test_a_database_that_goes_away_and_comes_back_costs_time_only(
    database: Proxy, histories: Histories, start: Start, peer: Peer
) -> None:
    worker = start(database=database.url)
    save(histories, 300)

    for share in (50, 150):
        until(lambda share=share: histories.ended() >= share, "work is going on")  # type: ignore[misc]
        away(database)

    until(lambda: histories.ended() == 300, "every document has ended")
    assert worker.runs
    assert histories.statuses() == {Status.COMPLETE: 300}
    histories.check(peer)


def test_an_outage_longer_than_a_lease_interrupts_nobody_who_still_works(
    database: Proxy, histories: Histories, start: Start, peer: Peer
) -> None:
    start(database=database.url, threads=1).begun()
    start(database=database.url, threads=1).begun()
    documents = [Document.create(title=f"steady {number}") for number in range(2)]
    histories.app.save(*documents)
    until(lambda: all(histories.phase(one) == Phase.CLAIMED for one in documents), "both are at work")

    database.cut()
    threading.Event().wait(2 * OUTAGE)
    database.heal()

    until(lambda: histories.ended() == 2, "every document has ended")
    assert histories.count("document:interrupted") == 0
    histories.check(peer)


@pytest.mark.parametrize("engines", ["rabbitmq", "redis"])
def test_a_broker_that_goes_away_and_comes_back_costs_time_only(
    broker: Proxy, histories: Histories, start: Start, peer: Peer
) -> None:
    worker = start(broker=broker.url)
    save(histories, 300)

    for share in (50, 150):
        until(lambda share=share: histories.ended() >= share, "work is going on")  # type: ignore[misc]
        away(broker)

    until(lambda: histories.ended() == 300, "every document has ended")
    assert worker.runs
    assert histories.statuses() == {Status.COMPLETE: 300}
    histories.check(peer)


@pytest.mark.parametrize("engines", ["rabbitmq", "redis"])
def test_a_worker_waits_for_a_broker_that_is_not_there_yet(
    broker: Proxy, histories: Histories, start: Start, order: Order, peer: Peer
) -> None:
    broker.cut()
    worker = start(broker=broker.url).begun()
    save(histories, 20)
    until(lambda: "The broker is out of reach" in order.diary.read_text(), "the worker says what is missing")
    assert histories.statuses() == {Status.QUEUED: 20}

    broker.heal()

    until(lambda: histories.ended() == 20, "every document has ended")
    assert worker.runs
    histories.check(peer)


def test_a_worker_that_is_stopped_while_the_database_is_away_ends_and_leaves_its_work_to_others(
    database: Proxy, histories: Histories, start: Start, peer: Peer
) -> None:
    worker = start(database=database.url, grace=1.0).begun()
    histories.app.save(Document.create(title="long"), *(Document.create(title=f"brief {one}") for one in range(20)))
    until(lambda: histories.count("document:written") >= 4, "work is going on")

    database.cut()
    worker.ask_to_stop()

    assert worker.ended() == 0
    assert histories.ended() < 21
    start()
    until(lambda: histories.ended() == 21, "another worker does the rest")
    histories.check(peer)


def test_what_only_waits_for_the_database_does_not_use_up_the_grace(
    database: Proxy, histories: Histories, start: Start, order: Order, peer: Peer, tmp_path: Path
) -> None:
    worker = start(database=database.url, grace=600.0).begun()
    go, documents = tmp_path / "go", [Document.create(title=f"told {tmp_path / 'go'}") for _ in range(20)]
    histories.app.save(*documents)
    until(lambda: sum(histories.phase(one) == Phase.CLAIMED for one in documents) >= 4, "they are at work")

    database.cut()
    go.touch()
    until(lambda: "Trying again" in order.diary.read_text(), "the worker waits for the database")
    worker.ask_to_stop()
    until(lambda: "was not begun, as the worker stops" in order.diary.read_text(), "it begins nothing more")
    database.heal()

    assert worker.ended() == 0
    start()
    until(lambda: histories.ended() == 20, "another worker does the rest")
    histories.check(peer)


def test_a_worker_says_so_when_there_is_no_database(database: Proxy, start: Start, order: Order) -> None:
    database.cut()

    worker = start(database=database.url)

    assert worker.ended() == 1
    assert "Unavailable: PostgreSQL is out of reach" in order.diary.read_text()


def test_an_application_says_so_when_there_is_no_database() -> None:
    nowhere = f"postgresql://postgres@127.0.0.1:{a_free_port()}/postgres"

    with pytest.raises(Unavailable, match=r"PostgreSQL is out of reach: .*(?i:refused)"):
        Eventflow(Settings(database=nowhere), aggregates=[Document])


def test_an_outage_that_no_append_survives_by_itself_costs_no_attempt(
    database: Proxy, histories: Histories, start: Start, peer: Peer
) -> None:
    start(database=database.url, threads=2)
    peer.answer = lambda asked: (threading.Event().wait(0.1), Answer(body={"url": asked.key}))[1]
    save(histories, 30)
    until(lambda: histories.ended() >= 5, "work is going on")

    database.cut()
    threading.Event().wait(5)
    database.heal()

    until(lambda: histories.ended() == 30, "every document has ended")
    assert histories.statuses() == {Status.COMPLETE: 30}
    assert histories.count("document:retry_scheduled") == 0
    histories.check(peer)


@pytest.mark.parametrize("engines", ["sqlite", "rabbitmq"])
def test_a_peer_that_goes_away_and_comes_back_is_asked_again(histories: Histories, start: Start, peer: Peer) -> None:
    with Proxy(peer.url) as way:
        start(peer=way.url)
        save(histories, 100)
        until(lambda: histories.ended() >= 20, "work is going on")

        way.cut()
        until(lambda: histories.count("document:retry_scheduled") >= 5, "the peer is missed")
        way.heal()

        until(lambda: histories.ended() == 100, "every document has ended")
    assert histories.statuses()[Status.COMPLETE] >= 95
    histories.check(peer)
